"""One SSH session with one host: the handshake, its key, channels. paramiko, kept within bounds."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

import paramiko
from paramiko.common import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    cMSG_CHANNEL_REQUEST,
)
from paramiko.packet import Packetizer

from eloquence_ops.server.errors import LinkError
from eloquence_ops.server.known_hosts import HostKey
from eloquence_ops.server.ssh_config import Host
from eloquence_ops.server.threads import in_thread
from eloquence_ops.server.wire import Wire

if TYPE_CHECKING:
    import socket

# OpenSSH sends no larger packet either (PACKET_MAX_SIZE); we ask for 32 KiB.
_LARGEST_PACKET: Final = 256 * 1024
# A key of one type signs by one algorithm of the same name, except RSA (RFC 8332).
_ALGORITHMS: Final = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
PARAMIKO_LATER_S: Final = 5.0
"""paramiko's own deadlines come this much after ours, which alone say what happened."""

# Its errors become ours; what it logs besides would land on stderr, with tracebacks.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


class ChannelRefused(Exception):
    """`code` as in RFC 4254, 5.1; `text` is the server's."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(text)


class _BoundedPacketizer(Packetizer):
    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if n > _LARGEST_PACKET:
            raise paramiko.SSHException(f"a packet of {n} bytes was announced")
        return super().read_all(n, check_rekey)


def _bounded(
    feed: Callable[[paramiko.Channel, paramiko.Message], None],
) -> Callable[[paramiko.Channel, paramiko.Message], None]:
    """paramiko grants a window and then takes whatever comes, of closed channels too."""

    def take(channel: paramiko.Channel, message: paramiko.Message) -> None:
        if channel.closed:
            return
        feed(channel, message)
        # Only what was read is granted again: whoever keeps to the window cannot have this much.
        if len(channel.in_buffer) + len(channel.in_stderr_buffer) > channel.in_window_size:
            raise paramiko.SSHException("more was sent than the window allows")

    return take


class Session(paramiko.Transport):
    """A transport that keeps why a channel was refused, and whose thread dies silently.

    What a server may make it keep is bounded: the window of each open channel, and a refusal for
    each channel that is being opened.
    """

    _channel_handler_table: ClassVar = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_DATA: _bounded(paramiko.Channel._feed),  # type: ignore[attr-defined]
        MSG_CHANNEL_EXTENDED_DATA: _bounded(paramiko.Channel._feed_extended),  # type: ignore[attr-defined]
    }

    def __init__(self, wire: Wire) -> None:
        # Typed as a socket; `Wire` has all that is used of one.
        super().__init__(cast("socket.socket", wire), packetizer_class=_BoundedPacketizer)
        self.wire = wire
        self._opening = threading.local()
        self._refusals: dict[int, tuple[int, str]] = {}

    def run(self) -> None:
        # paramiko raises in its own `except` where an error has an unusual form.
        try:
            super().run()
        except Exception:
            self.close()

    def end(self) -> None:
        """Ends everything at once, without a farewell, and never blocks."""
        self.close()
        self.wire.close()
        # The timer of a handshake that did not come to its end would hold up the process's end.
        self.packetizer.complete_handshake()

    def open(self, kind: str, to: tuple[str, int] | None, timeout_s: float) -> paramiko.Channel:
        """Blocks; the caller has a deadline of `timeout_s` itself.

        Raises `ChannelRefused`, and `paramiko.SSHException` where the link is gone.
        """
        source = ("127.0.0.1", 0) if to else None
        try:
            return self.open_channel(kind, to, source, timeout=timeout_s + PARAMIKO_LATER_S)
        except paramiko.SSHException:
            refusal = self._refusals.pop(getattr(self._opening, "number", -1), None)
            if refusal is None:
                raise
            raise ChannelRefused(*refusal) from None

    def hang_up(self, channel: paramiko.Channel) -> None:
        """Ends a channel, and asks for what runs behind it to be ended; may block.

        sshd sends the signal to the command's process group (RFC 4254, 6.9); not for root, and
        not to what the user may not signal, such as sudo: that goes on until it writes.
        """
        request = paramiko.Message()
        request.add_byte(cMSG_CHANNEL_REQUEST)
        request.add_int(channel.remote_chanid)
        request.add_string("signal")
        request.add_boolean(False)
        request.add_string("TERM")
        try:
            # The lock keeps our own end of the channel back: sshd disconnects whoever speaks of a
            # channel after that.
            with channel.lock:
                if not (channel.closed or channel.exit_status_ready()):
                    self._send_user_message(request)  # type: ignore[attr-defined]  # not in the stubs
        finally:
            channel.close()

    def _next_channel(self) -> int:
        self._opening.number = super()._next_channel()  # type: ignore[misc]  # missing in the stubs
        return cast("int", self._opening.number)

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        number, code, text = message.get_int(), message.get_int(), message.get_text()
        if number in self.channel_events:
            self._refusals[number] = code, text
        message.rewind()
        super()._parse_channel_open_failure(message)  # type: ignore[misc]


async def start(host: Host, wire: Wire, known_types: Sequence[str], timeout_s: float) -> Session:
    """The handshake; afterwards `shown_key` can be asked for. Raises `LinkError`.

    `known_types` are asked for first, as OpenSSH does, so that a server with several keys shows
    the one that can be compared.
    """
    session = Session(wire)
    session.banner_timeout = session.handshake_timeout = timeout_s + PARAMIKO_LATER_S
    options = session.get_security_options()
    first = [name for type_ in known_types for name in _ALGORITHMS.get(type_, (type_,))]
    options.key_types = tuple(dict.fromkeys((*first, *options.key_types)))
    try:
        async with asyncio.timeout(timeout_s):
            await in_thread(session.start_client)
    except TimeoutError:
        session.end()
        raise _hung(host, session, timeout_s) from None
    except Exception as error:
        session.end()
        raise _broken(host, session, error) from None
    except BaseException:  # cancelled
        session.end()
        raise
    return session


def shown_key(session: Session) -> HostKey:
    """Raises `paramiko.SSHException` where the link has ended since the handshake."""
    key = session.get_remote_server_key()
    return HostKey(key.get_name(), key.asbytes())


def _hung(host: Host, session: Session, timeout_s: float) -> LinkError:
    if said := _not_ssh(host, session):
        return said
    phrase_id = "link.handshake-slow" if session.wire.first else "link.mute"
    return LinkError(phrase_id, host=host.name, port=host.port, seconds=f"{timeout_s:g}")


def _broken(host: Host, session: Session, error: Exception) -> LinkError:
    where = {"host": host.name, "port": host.port}
    if said := _not_ssh(host, session):
        return said
    if not session.wire.first:
        return LinkError("link.hung-up", **where)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return LinkError("link.incompatible", reason=error, **where)
    if isinstance(error, EOFError | ConnectionError):
        return LinkError("link.handshake-cut", **where)
    if isinstance(error, paramiko.SSHException):
        return LinkError("link.handshake-broken", reason=error, **where)
    return LinkError("link.handshake-garbled", **where)


def _not_ssh(host: Host, session: Session) -> LinkError | None:
    """What is certainly no healthy SSH server, however it ended."""
    where, first = {"host": host.name, "port": host.port}, session.wire.first
    # Lines may come before the version (RFC 4253, 4.2), and some servers send them.
    if first and not session.remote_version and not b"SSH-".startswith(first[:4]):
        begins = first.partition(b"\n")[0].decode("utf-8", errors="backslashreplace")
        return LinkError("link.not-ssh", begins=begins, **where)
    return LinkError("link.flood", **where) if session.wire.flooded else None
