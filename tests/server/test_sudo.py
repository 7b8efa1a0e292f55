"""sudo on a real machine: with a password, without one, refused; and where no password ever is."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from eloquence_ops.secrets import Secret
from eloquence_ops.server import ssh, sudo
from eloquence_ops.server.link import Command, Completed
from eloquence_ops.server.program import COMMAND
from eloquence_ops.server.sudo import Privilege, Went
from tests.real import require
from tests.server.client import Client
from tests.server.machines import PASSWORD, Machine

TO_ROOT = (Privilege.ROOT, Privilege.WITHOUT_PASSWORD, Privilege.WITH_PASSWORD)
RIGHT, WRONG = Secret(PASSWORD), Secret("not the password")


@pytest.mark.parametrize("shell", ["sh", "bash", "tcsh"])
@pytest.mark.parametrize("password", [RIGHT, None])
def test_every_shell_that_a_user_may_have_reads_the_same_words(
    password: Secret | None, shell: str, tmp_path: Path
) -> None:
    """What each word becomes, said by a program that stands where the first one was."""
    words = sudo.as_root(COMMAND, password).command[1:]
    program = tmp_path / "said"
    program.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    program.chmod(0o755)
    line = ssh._line((str(program), *words))
    done = subprocess.run([require(shell), "-c", line], capture_output=True, timeout=20, check=True)
    assert done.stdout.decode().split("\0")[:-1] == list(words)


def run(
    server: Machine,
    client: Client,
    user: str,
    command: Command,
    stdin: bytes = b"",
    *,
    password: Secret | None = RIGHT,
    harmless: bool = False,
) -> tuple[Completed, Went]:
    prepared = sudo.as_root(command, password, stdin, harmless_alone=harmless)

    async def story() -> Completed:
        async with client.link(server.port, user=user) as link:
            return await link.run(prepared.command, stdin=prepared.stdin, timeout_s=30)

    completed = asyncio.run(story())
    return completed, sudo.went(completed.stderr)


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("root", None, Privilege.ROOT),
        ("root", WRONG, Privilege.ROOT),
        ("free", None, Privilege.WITHOUT_PASSWORD),
        ("free", WRONG, Privilege.WITHOUT_PASSWORD),
        ("withpassword", None, Privilege.PASSWORD_MISSING),
        ("withpassword", RIGHT, Privilege.WITH_PASSWORD),
        ("withpassword", WRONG, Privilege.REFUSED),
        ("nobodyspecial", None, Privilege.PASSWORD_MISSING),
        ("nobodyspecial", RIGHT, Privilege.REFUSED),
    ],
)
def test_the_way_to_root_is_found_and_gone_in_one_command(
    server: Machine, authorized: Client, user: str, password: Secret | None, expected: Privilege
) -> None:
    """Where none leads there the command runs all the same, as the user."""
    completed, went = run(
        server, authorized, user, "id -u; cat; echo err >&2; exit 7", b"input", password=password
    )
    assert went.privilege is expected
    uid, _, rest = completed.stdout.partition(b"\n")
    assert (uid == b"0") is (expected in TO_ROOT)
    assert (rest, went.stderr, completed.exit_status) == (b"input", b"err\n", 7)


PROGRAM = b"import os, sys; print(os.getuid(), end=''); sys.exit(7)"


@pytest.mark.parametrize("password", [None, RIGHT, WRONG])
def test_a_rule_for_this_one_command_is_found_and_used(
    server: Machine, authorized: Client, password: Secret | None
) -> None:
    """`sudo -n true` would be refused."""
    completed, went = run(
        server, authorized, "onlypython", COMMAND, PROGRAM, password=password, harmless=True
    )
    assert (went.privilege, completed.stdout) == (Privilege.WITHOUT_PASSWORD, b"0")
    assert (completed.exit_status, went.stderr) == (7, b"")


def test_what_is_not_harmless_is_not_run_to_find_out(server: Machine, authorized: Client) -> None:
    _, went = run(server, authorized, "onlypython", COMMAND, PROGRAM, password=None)
    assert went.privilege is Privilege.PASSWORD_MISSING


def test_a_rule_that_asks_for_a_password_is_no_way_without_one(
    server: Machine, authorized: Client
) -> None:
    """sudo lists the command as allowed all the same."""
    completed, went = run(
        server, authorized, "withpassword", COMMAND, PROGRAM, password=None, harmless=True
    )
    assert went.privilege is Privilege.PASSWORD_MISSING
    assert completed.stdout == b"61001"


def test_a_wrong_password_is_tried_once(server: Machine, authorized: Client) -> None:
    completed, went = run(server, authorized, "withpassword", "true", password=WRONG)
    assert "1 incorrect password attempt" in went.said
    assert sudo.refusal(went.said, "here").phrase_id == "sudo.wrong-password"
    assert WRONG.reveal().encode() not in completed.stdout + completed.stderr


def test_a_user_whom_sudo_does_not_know(server: Machine, authorized: Client) -> None:
    _, went = run(server, authorized, "nobodyspecial", "true")
    refused = sudo.refusal(went.said, "here")
    assert refused.phrase_id == "sudo.refused"
    assert "not in the sudoers file" in refused.sentence("fr")


def as_root(
    server: Machine, client: Client, user: str, command: Command, stdin: bytes = b""
) -> Completed:
    completed, went = run(server, client, user, command, stdin)
    assert went.privilege in TO_ROOT
    return replace(completed, stderr=went.stderr)


USERS = ("root", "free", "withpassword")


@pytest.mark.parametrize("user", USERS)
def test_a_command_runs_as_root_with_its_own_input(
    server: Machine, authorized: Client, user: str
) -> None:
    data = b"first line\n" + bytes(range(256)) * 1000
    completed = as_root(server, authorized, user, "id -u; cat; echo err >&2; exit 7", data)
    assert completed.stdout == b"0\n" + data
    assert (completed.exit_status, completed.stderr) == (7, b"err\n")


@pytest.mark.parametrize("user", USERS)
def test_words_reach_the_command_as_they_are(
    server: Machine, authorized: Client, user: str
) -> None:
    words = ["printf", "%s|", "a b", "$HOME", "it's", "-k", "x=y"]
    assert as_root(server, authorized, user, words).stdout == b"a b|$HOME|it's|-k|x=y|"


def test_a_command_that_needs_no_password_does_not_get_it_either(
    server: Machine, authorized: Client
) -> None:
    """Its rule says NOPASSWD, so that sudo leaves the password unread."""
    completed = as_root(server, authorized, "withpassword", ["/usr/bin/tee"], b"the input\n")
    assert completed.stdout == b"the input\n"


def test_the_password_is_in_no_command_line_and_no_environment(
    server: Machine, authorized: Client
) -> None:
    look = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ /proc/self/environ 2>/dev/null; true"
    completed = as_root(server, authorized, "withpassword", look)
    assert b"SUDO_USER" in completed.stdout
    assert PASSWORD.encode() not in completed.stdout.replace(b"\0", b" ")
    assert PASSWORD not in server.log()


def test_a_password_is_not_shown_by_accident() -> None:
    prepared = sudo.as_root("true", RIGHT)
    assert PASSWORD not in repr(prepared)
    assert PASSWORD not in " ".join(prepared.command)


def test_no_login_shell_is_given_a_newline_in_quotes() -> None:
    assert "\n" not in " ".join(sudo.as_root("true", RIGHT).command)


@pytest.mark.parametrize(
    "stderr",
    [b"", b"sh: \x1b[31mnot found", b"eloquence: as root by way of magic\nmore"],
)
def test_what_tells_no_way_is_the_commands_own(stderr: bytes) -> None:
    assert sudo.went(stderr) == Went(None, "", stderr)


def test_what_a_hostile_sudo_says_is_one_clean_line() -> None:
    went = sudo.went(b"motd\neloquence: as root by way of refused \x1b[2Jno\x07\nown\n")
    assert (went.privilege, went.stderr) == (Privilege.REFUSED, b"motd\nown\n")
    assert went.said.isprintable()
    assert sudo.refusal(went.said, "here").sentence("en").isprintable()
