"""What ~/.ssh/config says, beside the real `ssh -G`, which reads the same files in a mount
namespace where our folder is its home."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from eloquence_ops.server.ssh_options import Options, Source, matches, options_for
from tests.real import require
from tests.server.machines import PRIVATE_MOUNTS

USER = pwd.getpwuid(os.getuid()).pw_name
HOME = Path(pwd.getpwuid(os.getuid()).pw_dir)
COMPARED = (
    "hostname",
    "port",
    "user",
    "hostkeyalias",
    "identityfile",
    "identityagent",
    "identitiesonly",
    "proxyjump",
    "proxycommand",
    "userknownhostsfile",
    "globalknownhostsfile",
)

# Files below ~/.ssh, and the hosts to ask for (`user@host:port`).
CONFIGURATIONS: dict[str, tuple[dict[str, str], list[str]]] = {
    "nothing": ({}, ["server", "me@server:2222", "10.0.0.1"]),
    "a host": (
        {"config": "Host server\n  HostName 10.0.0.1\n  User ubuntu\n  Port 2222\n"},
        ["server", "me@server", "server:22", "other"],
    ),
    "the first value holds": (
        {"config": "Host s*\nUser one\nHost server\nUser two\nPort 2\nHost *\nPort 3\nUser four\n"},
        ["server", "other", "s"],
    ),
    "patterns": (
        {"config": 'Host a b?c *.d "e f"\nPort 2\nHost * !x !y*\nPort 3\nHost [ab]\nPort 4\n'},
        ["a", "bxc", "bc", "z.d", "e", "x", "yes", "b"],
    ),
    "ways of writing": (
        {
            "config": "port=2222\nUSER = ubuntu\n\thostname\t10.0.0.1  # a comment\n"
            '#Port 1\n\nIdentityFile "~/.ssh/a b"\nIdentityFile ~/.ssh/c\\ d\nUserKnownHostsFile '
            "~/.ssh/one '~/.ssh/two 2'\nHost\tserver\n  HostKeyAlias=named\n"
        },
        ["server", "other"],
    ),
    "HostName made of the name": (
        {"config": "Host a b\n HostName %h.example\nHost c\n HostName %%%h\n"},
        ["a", "b", "other"],
    ),
    "identities add up": (
        {
            "config": "Host server\n IdentityFile ~/.ssh/one\n IdentitiesOnly yes\nHost *\n"
            " IdentityFile ~/.ssh/two\n IdentityFile ~/.ssh/one\n IdentityAgent none\n"
        },
        ["server", "other"],
    ),
    "an agent by name": (
        {"config": "Host a\nIdentityAgent $AGENT\nHost b\nIdentityAgent ~/agent\n"},
        ["a", "b"],
    ),
    "jumps": (
        {
            "config": "Host a\n ProxyJump b,me@c:2222\nHost d\n ProxyJump none\n"
            "Host e\n ProxyCommand nc -x \"a b\" %h %p # no comment\nHost f\n ProxyCommand none\n"
            "Host *\n ProxyJump z\n"
        },
        ["a", "d", "e", "f", "y"],
    ),
    "a proxy command rules out a later jump": (
        {"config": "Host *\n ProxyCommand one\n ProxyJump two\n"},
        ["a"],
    ),
    "Include": (
        {
            "config": "Include first other/*.conf missing ~/.ssh/absolute\nHost *\n User last\n",
            "first": "Host a\n User first\n",
            "other/1.conf": "Host b\n User one\n",
            "other/2.conf": "Host b c\n User two\n Port 2\n",
            "other/ignored": "Host *\n User ignored\n",
            "absolute": "Host d\n User absolute\n",
        },
        ["a", "b", "c", "d", "e"],
    ),
    "Include within a block": (
        {
            "config": "Host a\n Include inner\n Port 4\nHost b\n Port 5\n",
            "inner": "User inner\nHost b\n User never\nHost a\n HostName included\n"
            " Include deeper\n",
            "deeper": "IdentityFile ~/.ssh/deep\n",
        },
        ["a", "b"],
    ),
    "Match": (
        {
            "config": "Host a\n HostName 10.0.0.1\nMatch host 10.0.0.*\n User matched\n"
            "Match originalhost a,c\n Port 2\nMatch !originalhost a user root,me\n Port 3\n"
            "Match all\n HostKeyAlias everybody\n"
        },
        ["a", "c", "me@b", "you@b", "10.0.0.9"],
    ),
    "Match the local user": (
        {"config": f"Match localuser {USER}\n Port 2\nMatch localuser nobody-else\n User x\n"},
        ["a"],
    ),
    "Match final": (
        {
            "config": "Match final host 10.0.0.1\n User last\nHost a\n HostName 10.0.0.1\n"
            "Match final\n Port 4\n"
        },
        ["a", "b"],
    ),
    "Match canonical": (
        {"config": "Match canonical\n Port 4\nMatch canonical all\n Port 5\n"},
        ["a"],
    ),
    "several known hosts files": (
        {
            "config": "GlobalKnownHostsFile /etc/a /etc/b\nHost a\n UserKnownHostsFile none\n"
            "Host *\n UserKnownHostsFile ~/.ssh/k\n"
        },
        ["a", "b"],
    ),
}  # fmt: skip


def written(folder: Path, files: dict[str, str]) -> Path:
    """A home folder with these files below .ssh."""
    for name, text in files.items():
        path = folder / ".ssh" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / ".ssh").mkdir(exist_ok=True)
    return folder


def told_by_ssh(home: Path, asked: str) -> dict[str, list[str]]:
    host, _, port = asked.partition(":")
    command = ["ssh", "-G", *(["-p", port] if port else []), host]
    script = 'mount --bind "$1" "$2" && mount -t tmpfs tmpfs /etc/ssh && shift 2 && exec "$@"'
    told = subprocess.run(
        [*PRIVATE_MOUNTS, "sh", "-c", script, "sh", str(home), str(HOME), *command],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "AGENT": "/run/agent"},
    )
    options: dict[str, list[str]] = {}
    for line in told.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        options.setdefault(keyword, []).append(value)
    return options


def told_by_us(home: Path, asked: str) -> Options:
    user, at, rest = asked.rpartition("@")
    host, _, port = rest.partition(":")
    given = ({"user": user} if at else {}) | ({"port": port} if port else {})
    ssh = home / ".ssh"
    sources = [Source(ssh / "config", ssh)]
    return options_for(host, sources, given=given, local_user=USER, home=home)


@pytest.fixture(scope="module")
def by_default(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What ssh says where nothing is configured."""
    require("ssh")
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare")
    return told_by_ssh(written(tmp_path_factory.mktemp("empty"), {}), "x")


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_it_says_what_ssh_says(case: str, by_default: dict[str, list[str]], tmp_path: Path) -> None:
    files, hosts = CONFIGURATIONS[case]
    home = written(tmp_path, files)
    for asked in hosts:
        host = asked.rpartition("@")[2].partition(":")[0]
        ours, theirs = told_by_us(home, asked), told_by_ssh(home, asked)
        assert ours.notes == []
        for keyword in COMPARED:
            values = ours.values.get(keyword, by_default.get(keyword, ["none"]))
            if keyword == "hostname":
                values = [(ours.one(keyword) or host).replace("%h", host).replace("%%", "%")]
            # ssh prints some lists on one line, of what is not set nothing, and some homes.
            expected = " ".join(theirs.get(keyword, ["none"]))
            said = " ".join(values)
            assert said.replace("~", str(HOME)) == expected.replace("~", str(HOME)), (
                asked,
                keyword,
            )


@pytest.mark.parametrize(
    ("line", "phrase_id"),
    [
        ("Match exec true", "sshconfig.not-followed"),
        ("Match host a exec true", "sshconfig.not-followed"),
        ("Match tagged x", "sshconfig.not-followed"),
        ("CanonicalizeHostname yes", "sshconfig.not-followed"),
        ("CertificateFile ~/.ssh/id-cert.pub", "sshconfig.not-followed"),
        ("Include config", "sshconfig.too-deep"),
        ("Include .", "sshconfig.unreadable"),
    ],
)
def test_what_is_not_followed_is_noted_and_the_rest_is(
    line: str, phrase_id: str, tmp_path: Path
) -> None:
    home = written(tmp_path, {"config": f"{line}\n  User never\nHost *\n  Port 2\n"})
    options = told_by_us(home, "a")
    assert [note.phrase_id for note in options.notes] == [phrase_id]
    assert options.one("port") == "2"
    if line.startswith("Match"):
        assert options.one("user") is None


@pytest.mark.parametrize(
    "text",
    [
        "Host",
        "Match",
        "Match host",
        "Port",
        'Host "unclosed\nPort 3',
        "User a b c",
        "What Is This",
        "====",
        "\x00\xff\x1b[2J",
        "Host *\n" * 5000,
        "Match all all !all",
        "Include /proc/self/mem",
        "Include **/**/**",
    ],
)
def test_no_line_breaks_it(text: str, tmp_path: Path) -> None:
    home = written(tmp_path, {})
    (home / ".ssh" / "config").write_bytes(text.encode("latin-1") + b"\nHost *\nHostKeyAlias end\n")
    assert told_by_us(home, "a").one("hostkeyalias") == "end"


@pytest.mark.parametrize(
    ("text", "patterns", "expected"),
    [("a", "a", True), ("a.b", "a?b", True), ("axb", "a.b", False), ("ab", "!a*,*", False),
     ("ab", "!c,a*", True), ("ab", "", False), ("", "*", True), ("a\nb", "a*", True)],
)  # fmt: skip
def test_patterns(text: str, patterns: str, expected: bool) -> None:
    assert matches(text, patterns) is expected
