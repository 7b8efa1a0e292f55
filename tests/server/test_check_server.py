"""`eloquence check-server` against real sshds: one way there, and whatever a server may answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.command import Ended, ended, run, start
from tests.probes.peers import peer
from tests.server.client import Client
from tests.server.machines import Machine, machine
from tests.server.relay import relay
from tests.server.test_broken_links import BANNER, sends

# All of a run's own deadlines together, and a busy machine's time.
SOON_S: Final = 75.0
MOST_MEMORY: Final = 400 * 2**20

_ATTACKING: Final = """\
#!/usr/bin/python3
import json, os, re, sys, time
command = os.environ.get("SSH_ORIGINAL_COMMAND", "")
if "python3" not in command:
    os.execv("/bin/sh", ["sh", "-c", command])
nonce = re.search(r'nonce[^0-9a-f]+([0-9a-f]{16})', sys.stdin.read())[1]

def answer(body):
    sys.stdout.write("\\neloquence-facts-begin " + nonce + "\\n" + body)
    sys.stdout.write("\\neloquence-facts-end " + nonce + "\\n")

"""
EVIL: Final = "\\u001b]0;owned\\u0007\\u001b[2J\\u202e\\n\\u009b31m"
ATTACKS: Final[dict[str, tuple[str, str]]] = {
    # What the account's shell does instead of our program, and how reading the facts then ends.
    "output without end": (
        "while True: sys.stdout.write('y' * 65536)", "garbage"),
    "errors without end": (
        "while True: sys.stderr.write('y' * 65536)", "garbage"),
    "an answer without end": (
        "sys.stdout.write('\\neloquence-facts-begin ' + nonce + '\\n')\n"
        "while True: sys.stdout.write('[' * 65536)", "cut"),
    "no word at all": ("time.sleep(600)", "silent"),
    "half an answer, and no end": (
        "sys.stdout.write('\\neloquence-facts-begin ' + nonce + '\\n{'); sys.stdout.flush()\n"
        "time.sleep(600)", "silent"),
    "no JSON": ("answer('no JSON')", "garbage"),
    "JSON of another kind": ("answer('[1, 2]')", "garbage"),
    "JSON as deep as it can be": ("answer('[' * 1000000)", "garbage"),
    "numbers as large as they can be": (
        "answer('{\"version\": 1, \"subjects\": {\"clock\": {\"value\": {\"now\": '"
        " + '9' * 4000 + '}, \"unknown\": [], \"seconds\": 1e999}}}')", ""),
    "escape sequences": (
        f"evil = '{EVIL}'\n"
        "answer(json.dumps({'version': 1, 'finished': True, 'user': evil, 'python': evil,\n"
        "  'subjects': {name: {'value': {evil: evil}, 'seconds': evil,\n"
        "    'unknown': [{'fact': evil, 'reason': evil, 'detail': evil}]}\n"
        "    for name in ('machine', 'clock', 'traffic', 'units', 'changes')}}))", ""),
    "a wrong end": ("sys.stderr.write('\\x1b[2Jno such thing\\n'); sys.exit(1)", "failed"),
}  # fmt: skip


@dataclass(frozen=True)
class Examined:
    ended: Ended

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ended.text)
        return found

    def finding(self, check: str) -> dict[str, Any]:
        (found,) = (entry for entry in self.report["findings"] if entry["check"] == check)
        return dict(found)


def check_server(
    client: Client, port: int, *more: str, user: str = "root", key: str = ""
) -> Examined:
    """The real command in a process of its own. `key`: the fingerprint that is to be taken."""
    accepted = ("--server-key", key) if key else ()
    own = {"ELOQUENCE_SSH_KEY": str(client.home / ".ssh" / "id_ed25519")}
    words = ("check-server", "--server", f"{user}@127.0.0.1:{port}", *accepted, *more)
    peak = client.home / "peak"
    found = ended(start(*words, cwd=client.home, environ=own, peak_in=peak), SOON_S)
    assert found.code in (0, 1, 3), found
    assert "Traceback" not in found.complaint
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", found.text)
    assert 10 * 2**20 < int(peak.read_text()) < MOST_MEMORY
    return Examined(found)


JSON: Final = ("--output", "json")


# One way there


def test_one_connection_and_one_command_for_all_the_facts(
    server: Machine, authorized: Client
) -> None:
    before = server.log()
    found = check_server(authorized, server.port, *JSON, key=server.fingerprint("ed25519"))
    log = server.log()[len(before) :]
    assert found.finding("server.facts")["status"] == "pass"
    assert log.count("Accepted publickey") == 1
    assert log.count("Starting session: command") == 1
    assert "Starting session: shell" not in log


def test_what_of_ssh_s_configuration_is_not_followed_is_said(
    server: Machine, authorized: Client
) -> None:
    """On stderr, where a person sees it without asking for more, and with the finding."""
    authorized.configure("RevokedHostKeys ~/.ssh/revoked\nMatch exec true\n  User never\n")
    found = check_server(authorized, server.port, *JSON, key=server.fingerprint("ed25519"))
    finding = found.finding("server.reached")
    assert (finding["id"], finding["status"]) == ("server.reached.otherwise", "pass")
    file = authorized.home / ".ssh" / "config"
    for sentence in (
        f"{file}:1: revokedhostkeys is not followed here",
        f"{file}:2: Match exec is not followed here",
    ):
        assert sentence in found.ended.complaint
        assert sentence in finding["summary"]


def test_a_certificate_that_was_not_shown_is_named_where_no_key_was_taken(
    server: Machine, newcomer: Client
) -> None:
    newcomer.key()
    newcomer.configure("CertificateFile ~/.ssh/id-cert.pub\n")
    found = check_server(newcomer, server.port, *JSON, key=server.fingerprint("ed25519"))
    finding = found.finding("server.reached")
    assert finding["id"] == "server.reached.login"
    assert "config:1: certificatefile is not followed here" in finding["summary"]


# Whatever a server may answer


@contextlib.contextmanager
def forced(client: Client, folder: Path, program: str) -> Iterator[Machine]:
    """A machine that runs this Python instead of what it is asked to."""
    script = folder / "forced"
    folder.mkdir()
    script.write_text(_ATTACKING + program + "\n")
    script.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP)
    public = (client.home / ".ssh" / "id_ed25519.pub").read_text().strip()
    with machine(folder / "machine", public, extra=f"ForceCommand {script}") as made:
        yield made


# A third of a minute each, which is the deadline of the facts: one is enough for every day.
_LATE = frozenset({"no word at all"})


@pytest.mark.parametrize(
    "attack",
    [pytest.param(name, marks=pytest.mark.soak if name in _LATE else ()) for name in ATTACKS],
)
def test_a_server_that_answers(authorized: Client, tmp_path: Path, attack: str) -> None:
    program, outcome = ATTACKS[attack]
    with forced(authorized, tmp_path / "hostile", program) as hostile:
        found = check_server(authorized, hostile.port, *JSON, key=hostile.fingerprint("ed25519"))
    facts = found.finding("server.facts")
    if outcome:
        assert (facts["id"], facts["evidence"]["outcome"]) == ("server.facts.not-read", outcome)
    # Nothing made up: whatever rests on the facts is unknown.
    assert found.finding("server.disk")["status"] == "unknown"
    assert found.finding("server.reached")["status"] == "pass"


def test_on_a_screen_too_its_words_are_only_words(authorized: Client, tmp_path: Path) -> None:
    program, _ = ATTACKS["escape sequences"]
    with forced(authorized, tmp_path / "hostile", program) as hostile:
        found = check_server(authorized, hostile.port, "-v", key=hostile.fingerprint("ed25519"))
    assert "owned" in found.ended.text


# Who it is, and whether it answers


def test_a_changed_host_key_stops_before_anything_is_sent(
    server: Machine, authorized: Client, newcomer: Client
) -> None:
    newcomer.key()
    other = authorized.home / ".ssh" / "id_ed25519.pub"
    newcomer.know(f"[127.0.0.1]:{server.port} {' '.join(other.read_text().split()[:2])}")
    before = server.log()
    found = check_server(newcomer, server.port, *JSON)
    assert found.ended.code == 3
    reached = found.finding("server.reached")
    assert reached["id"] == "server.reached.host-key"
    assert server.fingerprint("ed25519") in reached["summary"]
    assert "Accepted" not in server.log()[len(before) :]


def test_a_login_that_hangs(newcomer: Client) -> None:
    newcomer.key()

    async def story() -> Examined:
        async with peer(sends(BANNER)) as port:
            return await asyncio.to_thread(check_server, newcomer, port, *JSON)

    found = asyncio.run(story())
    assert found.ended.code == 3
    assert found.finding("server.reached")["id"] == "server.reached.failed"


@pytest.mark.parametrize(
    ("after", "how"),
    [
        (1500, "cut"),
        pytest.param(1500, "silent", marks=pytest.mark.soak),  # until the handshake's deadline
        *((after, how) for after in (4500, 7000) for how in ("cut", "silent")),
    ],
)
def test_a_link_that_ends_in_the_middle(
    server: Machine, authorized: Client, how: str, after: int
) -> None:
    """Before the login, before the facts or among them: what came is told, the rest is unknown."""

    async def story() -> Examined:
        broken = {"cut_after": after} if how == "cut" else {"freeze_after": after}
        async with relay(server.port, **broken) as way:
            key = server.fingerprint("ed25519")
            return await asyncio.to_thread(
                lambda: check_server(authorized, way.port, *JSON, key=key)
            )

    found = asyncio.run(story())
    assert found.ended.code == 3 or found.finding("server.disk")["status"] == "unknown"
    defects = [entry for entry in found.report["findings"] if entry["status"] == "error"]
    assert not defects


def test_the_sentence_is_the_first_thing_on_the_screen(newcomer: Client) -> None:
    found = check_server(newcomer, 9, "--lang", "fr")
    assert found.ended.code == 3
    assert found.ended.text.startswith("INDÉTERMINÉ")


# On this very machine


def test_on_the_server_itself_nothing_has_to_be_set(tmp_path: Path) -> None:
    """Whatever this machine is, it is looked at, and no address is asked for."""
    found = run("check-server", "--on-server", *JSON, cwd=tmp_path)
    assert found.code in (0, 1), found
    report = json.loads(found.text)
    states = {entry["check"]: entry["status"] for entry in report["findings"]}
    assert (states["server.reached"], states["server.facts"]) == ("pass", "pass")
