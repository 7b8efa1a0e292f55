"""A server that keeps to no window, and refuses what nobody asked for, gets nothing but its end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import paramiko
import pytest
from paramiko.common import (
    AUTH_SUCCESSFUL,
    OPEN_SUCCEEDED,
    cMSG_CHANNEL_DATA,
    cMSG_CHANNEL_EXTENDED_DATA,
    cMSG_CHANNEL_OPEN_FAILURE,
)

from eloquence_ops.server.session import ChannelRefused, Session
from eloquence_ops.server.wire import Wire

SOON_S = 20.0
PIECE = b"x" * 32 * 1024


class Open(paramiko.ServerInterface):
    """Lets everybody in; refuses what is to be led on, as sshd does without forwarding."""

    def check_auth_none(self, username: str) -> int:
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "none"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED


@contextlib.contextmanager
def logged_in() -> Iterator[tuple[Session, paramiko.Transport]]:
    near, far = socket.socketpair()
    server = paramiko.Transport(far)
    server.add_server_key(paramiko.ECDSAKey.generate())
    wire = Wire(near)
    session = Session(wire)
    try:
        server.start_server(server=Open(), event=threading.Event())
        session.start_client(timeout=SOON_S)
        session.auth_none("somebody")
        wire.logged_in()
        yield session, server
    finally:
        session.end()
        server.close()


def data(channel: paramiko.Channel, kind: bytes) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(kind)
    message.add_int(channel.remote_chanid)
    if kind == cMSG_CHANNEL_EXTENDED_DATA:
        message.add_int(1)
    message.add_string(PIECE)
    return message


def refusal(number: int) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_OPEN_FAILURE)
    message.add_int(number)
    message.add_int(2)
    message.add_string(PIECE)
    message.add_string("")
    return message


def flooded(server: paramiko.Transport, made: Callable[[int], paramiko.Message]) -> None:
    """Some ten megabytes; less where the other end has gone."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        for number in range(320):
            server._send_user_message(made(number))  # type: ignore[attr-defined]


def heard_all(session: Session, server: paramiko.Transport) -> bool:
    """Whether the session still answers, behind everything that was sent before."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        server.global_request("keepalive@openssh.com", wait=True)
    return session.is_active()


def kept(channel: paramiko.Channel) -> int:
    return len(channel.in_buffer) + len(channel.in_stderr_buffer)


@pytest.mark.parametrize("kind", [cMSG_CHANNEL_DATA, cMSG_CHANNEL_EXTENDED_DATA])
def test_more_than_the_window_ends_the_session(kind: bytes) -> None:
    with logged_in() as (session, server):
        channel = session.open("session", None, SOON_S)
        far = server.accept(SOON_S)
        assert far is not None
        flooded(server, lambda _: data(far, kind))
        begun = time.monotonic()
        while session.is_active() and time.monotonic() - begun < SOON_S:
            time.sleep(0.02)
        assert not session.is_active()
        assert kept(channel) <= channel.in_window_size + len(PIECE)


def test_a_channel_that_was_hung_up_keeps_nothing_more() -> None:
    with logged_in() as (session, server):
        channel = session.open("session", None, SOON_S)
        far = server.accept(SOON_S)
        assert far is not None
        # It does not answer our end of the channel with its own, as an honest one would.
        server._channel_handler_table = {}  # type: ignore[attr-defined]
        session.hang_up(channel)
        flooded(server, lambda _: data(far, cMSG_CHANNEL_DATA))
        assert heard_all(session, server)
        assert kept(channel) == 0


def test_refusals_of_channels_that_nobody_opens_are_not_kept() -> None:
    with logged_in() as (session, server):
        flooded(server, lambda number: refusal(1000 + number))
        assert heard_all(session, server)
        assert session._refusals == {}


def test_the_refusal_of_a_channel_that_is_being_opened_is_told() -> None:
    with logged_in() as (session, _), pytest.raises(ChannelRefused):
        session.open("direct-tcpip", ("127.0.0.1", 1), SOON_S)
