"""known_hosts, line by line, as ssh and ssh-keygen read it."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from eloquence_ops.server import known_hosts
from eloquence_ops.server.known_hosts import HostKey, Verdict
from tests.real import require


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Public keys, as `type base64`, by a name of ours."""
    require("ssh")
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name, kind in (
        ("ours", "ed25519"),
        ("other", "ed25519"),
        ("ecdsa", "ecdsa"),
        ("rsa", "rsa"),
    ):
        path = folder / name
        command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)]
        subprocess.run(command, check=True)
        made[name] = " ".join(Path(f"{path}.pub").read_text().split()[:2])
    return made


def key(line: str) -> HostKey:
    type_, encoded = line.split()
    return HostKey(type_, base64.b64decode(encoded))


HOST, PORT = "server.example", 22


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ([], Verdict.UNKNOWN),
        (["server.example {ours}"], Verdict.KNOWN),
        (["other.example,server.example,10.0.0.1 {ours} a comment"], Verdict.KNOWN),
        (["*.example {ours}"], Verdict.KNOWN),
        (["serve?.example {ours}"], Verdict.KNOWN),
        (["*.example,!server.example {ours}"], Verdict.UNKNOWN),
        (["SERVER.Example {ours}"], Verdict.KNOWN),
        (["# server.example {ours}"], Verdict.UNKNOWN),
        (["other.example {ours}"], Verdict.UNKNOWN),
        (["[server.example]:2222 {ours}"], Verdict.UNKNOWN),
        (["server.example {other}"], Verdict.CHANGED),
        (["server.example {other}", "server.example {ours}"], Verdict.KNOWN),
        # Only keys of other types are known: it was asked for those first, and has them no more.
        (["server.example {ecdsa}"], Verdict.CHANGED),
        (["server.example ssh-dss AAAAB3NzaC1kc3MAAAA="], Verdict.UNKNOWN),
        (["@revoked * {ours}"], Verdict.REVOKED),
        (["server.example {ours}", "@revoked server.example {ours}"], Verdict.REVOKED),
        (["@revoked * {other}", "server.example {ours}"], Verdict.KNOWN),
        (["@revoked other.example {ours}"], Verdict.UNKNOWN),
        (["@cert-authority *.example {ours}"], Verdict.UNKNOWN),
        (["@cert-authority *.example {other}", "server.example {ours}"], Verdict.KNOWN),
        (["@unheard-of *.example {ours}"], Verdict.UNKNOWN),
        # Lines that are broken, before one that is not.
        (["server.example ssh-ed25519 AAAA", "server.example {ours}"], Verdict.KNOWN),
        (["server.example ssh-ed25519 %%%", "x", "|1|", "server.example {ours}"], Verdict.KNOWN),
        (["|1|half {other}", "|9|YQ==|YQ== {other}", "server.example {ours}"], Verdict.KNOWN),
        (["server.example ssh-rsa {ours_alone}"], Verdict.UNKNOWN),  # its halves disagree
        (["\tserver.example\t{ours_tabs}"], Verdict.KNOWN),
        (["\x00\xff", "server.example {ours}"], Verdict.KNOWN),
    ],
)  # fmt: skip
def test_what_the_lines_say_of_our_key(
    lines: list[str], verdict: Verdict, public: dict[str, str], tmp_path: Path
) -> None:
    words = {
        **public,
        "ours_alone": public["ours"].split()[1],
        "ours_tabs": public["ours"].replace(" ", "\t"),
    }
    file = tmp_path / "known_hosts"
    text = "\n".join(line.format(**words) for line in lines)
    file.write_bytes(text.encode("latin-1"))
    entries = known_hosts.read([tmp_path / "missing", file])
    assert known_hosts.judge(entries, HOST, PORT, key(public["ours"])).verdict is verdict


@pytest.mark.parametrize(
    ("line", "port", "verdict"),
    [
        ("[server.example]:2222 {ours}", 2222, Verdict.KNOWN),
        ("[server.example]:2222 {other}", 2222, Verdict.CHANGED),
        ("[server.example]:2223 {ours}", 2222, Verdict.UNKNOWN),
        # The same key without the port is good enough, another one says nothing of this port.
        ("server.example {ours}", 2222, Verdict.KNOWN),
        ("server.example {other}", 2222, Verdict.UNKNOWN),
        ("@revoked server.example {ours}", 2222, Verdict.REVOKED),
    ],
)
def test_a_port_that_is_not_22(
    line: str, port: int, verdict: Verdict, public: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line.format(**public))
    entries = known_hosts.read([file])
    assert known_hosts.judge(entries, HOST, port, key(public["ours"])).verdict is verdict


@pytest.mark.parametrize(
    "name", ["server.example", "[server.example]:2222", "10.0.0.1", "2001:db8::1"]
)
def test_names_that_ssh_keygen_has_hashed(
    name: str, public: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"another.example {public['other']}\n{name} {public['ours']}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert name not in file.read_text()
    host, _, port = name.strip("[").partition("]:")
    entries = known_hosts.read([file])
    judgement = known_hosts.judge(entries, host, int(port or 22), key(public["ours"]))
    assert judgement.verdict is Verdict.KNOWN
    assert [entry.line for entry in judgement.entries] == [2]
    changed = known_hosts.judge(entries, host, int(port or 22), key(public["other"]))
    assert changed.verdict is Verdict.CHANGED


def test_several_files_and_the_place_of_a_line(public: dict[str, str], tmp_path: Path) -> None:
    own, everybodys = tmp_path / "known_hosts", tmp_path / "ssh_known_hosts"
    own.write_text(f"# mine\nelsewhere {public['rsa']}\n")
    everybodys.write_text(f"\n\nserver.example {public['other']}\n")
    entries = known_hosts.read([own, everybodys])
    changed = known_hosts.judge(entries, HOST, PORT, key(public["ours"]))
    assert changed.verdict is Verdict.CHANGED
    assert [entry.place for entry in changed.entries] == [f"{everybodys}:3"]


def test_the_fingerprint_is_that_of_ssh_keygen(public: dict[str, str], tmp_path: Path) -> None:
    for line in public.values():
        (tmp_path / "key.pub").write_text(line)
        told = subprocess.run(
            ["ssh-keygen", "-l", "-f", tmp_path / "key.pub"],
            check=True,
            capture_output=True,
            text=True,
        )
        assert key(line).fingerprint == told.stdout.split()[1]


def test_known_types_come_in_the_order_in_which_we_prefer_them(
    public: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(
        f"server.example {public['rsa']}\n@revoked server.example {public['ours']}\n"
        f"[server.example]:2222 {public['ecdsa']}\n"
    )
    entries = known_hosts.read([file])
    assert known_hosts.known_types(entries, HOST, 22) == ("ssh-rsa",)
    assert known_hosts.known_types(entries, HOST, 2222) == ("ecdsa-sha2-nistp256", "ssh-rsa")


LISTS = (
    *("server.example", "*", "?erver.example", "serv*", "a,b,server.example"),
    *("*.example,!server.example", "!server.example,*", "server.exampl", "server.example."),
    "[server].example",
)


@pytest.mark.parametrize("patterns", LISTS)
def test_a_line_is_found_where_ssh_keygen_finds_it(
    patterns: str, public: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{patterns} {public['ours']}\n")
    theirs = subprocess.run(
        ["ssh-keygen", "-F", HOST, "-f", file], capture_output=True, check=False
    ).returncode
    judged = known_hosts.judge(known_hosts.read([file]), HOST, PORT, key(public["ours"]))
    assert (judged.verdict is Verdict.KNOWN) == (theirs == 0)
