"""What stands between paramiko and the network."""

from __future__ import annotations

import pytest

from eloquence_ops.server.wire import BEFORE_LOGIN_LIMIT, Wire


class Endless:
    """A stream that gives whatever is asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.closed = False

    def recv(self, at_most: int, /) -> bytes:
        self.asked.append(at_most)
        return b"x" * at_most

    def send(self, data: bytes, /) -> int:
        return len(data)

    def settimeout(self, seconds: float | None, /) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def test_before_the_login_a_flood_comes_to_an_end() -> None:
    wire = Wire(Endless())
    for _ in range(BEFORE_LOGIN_LIMIT // 1024 - 1):
        wire.recv(1024)
    assert not wire.flooded
    with pytest.raises(EOFError):
        wire.recv(1024)
    assert wire.flooded


def test_after_the_login_it_does_not() -> None:
    wire = Wire(Endless())
    wire.logged_in()
    for _ in range(3 * BEFORE_LOGIN_LIMIT // 65536):
        wire.recv(65536)
    assert not wire.flooded


def test_a_length_that_the_peer_announced_is_not_allocated() -> None:
    stream = Endless()
    wire = Wire(stream)
    wire.recv(0xFFFFFFF0)
    assert max(stream.asked) <= 65536


class HungUp(Endless):
    """It said something and is gone."""

    def recv(self, at_most: int, /) -> bytes:
        return b"hello\n"

    def send(self, data: bytes, /) -> int:
        raise BrokenPipeError


def test_what_a_peer_said_before_it_hung_up_is_still_read() -> None:
    wire = Wire(HungUp())
    assert wire.send(b"SSH-2.0-x\r\n") == 11
    assert wire.recv(64) == b"hello\n"
    with pytest.raises(BrokenPipeError):
        wire.send(b"more")


def test_it_remembers_the_first_bytes_and_when_the_last_came() -> None:
    wire = Wire(Endless())
    before = wire.heard_at
    assert wire.first == b""
    wire.recv(10)
    wire.recv(1000)
    assert wire.first == b"x" * 64
    assert wire.heard_at >= before
