"""Asking for a key's passphrase: on a terminal, without echo, and Ctrl-C ends it at once."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.cli.command import COMMAND, environment, run
from tests.server.client import Client
from tests.server.machines import Machine, machine

PASSPHRASE: Final = "open sesame"
PROMPT: Final = b"Passphrase of "
LONGEST_S: Final = 40.0
# Its own session, and what it stands on as the terminal that Ctrl-C comes from.
_ON_A_TERMINAL: Final = """\
import fcntl, os, sys, termios
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_WITH_A_DEADLINE: Final = """\
import asyncio, sys
from pathlib import Path
from eloquence_ops.cli.passphrase import asking

async def soon():
    try:
        async with asyncio.timeout(2):
            await asking("en")(Path("id_ed25519"))
    except TimeoutError:
        sys.exit(42)

asyncio.run(soon())
"""


@dataclass(frozen=True)
class Terminal:
    """What a person sits at: `far` is the side of the program."""

    near: int
    far: int
    program: subprocess.Popen[bytes]

    def read_until(self, wanted: bytes) -> bytes:
        shown, limit = b"", time.monotonic() + LONGEST_S
        while wanted not in shown:
            ready, _, _ = select.select([self.near], [], [], limit - time.monotonic())
            assert ready, shown
            shown += os.read(self.near, 4096)
        return shown

    def type(self, keys: bytes) -> None:
        os.write(self.near, keys)

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.far)[3] & termios.ECHO)

    def wait_for_echo(self, wanted: bool) -> None:
        limit = time.monotonic() + LONGEST_S
        while self.echoes is not wanted:
            assert time.monotonic() < limit
            time.sleep(0.01)

    def ended(self) -> int:
        """Its exit code, read along so that it never waits for us."""
        limit = time.monotonic() + LONGEST_S
        while self.program.poll() is None:
            assert time.monotonic() < limit, "it did not end"
            if select.select([self.near], [], [], 0.05)[0]:
                os.read(self.near, 4096)
        return self.program.returncode


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Client, Machine]]:
    """A person whose key is encrypted, and a machine that knows the key."""
    client = Client.new(tmp_path / "person")
    public = client.key(passphrase=PASSPHRASE)
    with machine(tmp_path / "machine", public) as made:
        client.trust(made)
        yield client, made


def words(made: Machine, *more: str) -> tuple[str, ...]:
    return ("check-server", "--server", f"root@127.0.0.1:{made.port}", *more)


@contextlib.contextmanager
def at_a_terminal(client: Client, *asked: str, program: str = "") -> Iterator[Terminal]:
    """The command at a terminal of its own, or this Python."""
    near, far = os.openpty()
    command = (sys.executable, "-c", program) if program else (*COMMAND, *asked)
    with subprocess.Popen(
        [sys.executable, "-c", _ON_A_TERMINAL, *command],
        cwd=client.home,
        env=environment(client.home),
        stdin=far,
        stdout=subprocess.DEVNULL,
        stderr=far,
        start_new_session=True,
    ) as started:
        try:
            yield Terminal(near, far, started)
        finally:
            started.kill()
            os.close(near)
            os.close(far)


def test_it_is_asked_for_without_echo_and_opens_the_key(locked: tuple[Client, Machine]) -> None:
    client, made = locked
    with at_a_terminal(client, *words(made)) as terminal:
        terminal.read_until(PROMPT)
        terminal.wait_for_echo(False)
        terminal.type(PASSPHRASE.encode() + b"\n")
        assert terminal.ended() in (0, 1, 3)
        assert terminal.echoes
    assert "Accepted publickey" in made.log()


def test_ctrl_c_at_the_prompt_ends_it_and_gives_the_echo_back(
    locked: tuple[Client, Machine],
) -> None:
    client, made = locked
    with at_a_terminal(client, *words(made, "--timeout", "60")) as terminal:
        terminal.read_until(PROMPT)
        terminal.wait_for_echo(False)
        begun = time.monotonic()
        terminal.type(b"half\x03")
        assert terminal.ended() == 130
        assert time.monotonic() - begun < LONGEST_S / 2
        assert terminal.echoes


def test_the_deadline_ends_the_waiting_and_gives_the_echo_back(tmp_path: Path) -> None:
    with at_a_terminal(Client.new(tmp_path / "person"), program=_WITH_A_DEADLINE) as terminal:
        terminal.read_until(PROMPT)
        terminal.wait_for_echo(False)
        assert terminal.ended() == 42
        assert terminal.echoes


def test_without_a_terminal_nobody_is_asked(locked: tuple[Client, Machine]) -> None:
    client, made = locked
    found = run(*words(made), cwd=client.home)
    assert PROMPT not in found.err
    assert "ssh-add" in found.text + found.complaint
