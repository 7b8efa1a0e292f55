"""A server over SSH: one connection, over hops where the configuration says so.

paramiko is threaded and blocks; each of its blocking calls runs in a thread of its own
(`threads.in_thread`), under a deadline of ours, and is ended by closing what it waits on.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shlex
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

import paramiko

from eloquence_ops.server import pulse, tunnel
from eloquence_ops.server.destination import Destination
from eloquence_ops.server.errors import CommandTooSlow, ForwardingRefused, LinkError, LinkLost
from eloquence_ops.server.identities import Ask
from eloquence_ops.server.link import (
    ERRORS_KEPT,
    OUTPUT_LIMIT,
    Command,
    Completed,
    Output,
    Running,
    StreamName,
    shown,
    words,
)
from eloquence_ops.server.session import ChannelRefused, Session
from eloquence_ops.server.ssh_config import Account, route
from eloquence_ops.server.threads import in_background, in_thread
from eloquence_ops.server.way import DEADLINES, Deadlines, Way

_AT_ONCE: Final = 64 * 1024
_MUCH: Final = 256 * 1024
_NO_STATUS: Final = -1
_ADMINISTRATIVELY_PROHIBITED: Final = 1  # RFC 4254, 5.1
# What sshd says of a connection it could not make, in the words of its C library. Where the kernel
# refused at once (there is no route at all) it gives no reason.
_REASONS: Final = {
    "Connection refused": errno.ECONNREFUSED,
    "No route to host": errno.EHOSTUNREACH,
    "Network is unreachable": errno.ENETUNREACH,
    "Connection timed out": errno.ETIMEDOUT,
}
_NAME_UNKNOWN: Final = ("Name or service not known", "Temporary failure in name resolution")


async def connect(
    to: Destination,
    account: Account,
    *,
    accepted_keys: Sequence[str] = (),
    key_file: Path | None = None,
    ask: Ask | None = None,
    deadlines: Deadlines = DEADLINES,
) -> SshLink:
    """A link to the server, its key verified and logged in.

    `accepted_keys` are fingerprints (see `host_key.verify`), `key_file` the private key to try
    first, `ask` asks a person for a passphrase (without it none is asked for). Raises `LinkError`
    and `SshConfigError`.
    """
    way = Way(accepted_keys)
    try:
        hosts = route(to, account)
        for host in hosts:
            await way.go_on(host, account, deadlines)
            way.verify(is_last=host is hosts[-1])
            await way.log_in(key_file, ask, deadlines)
    except BaseException:
        way.end()
        raise
    return SshLink(way, deadlines)


class SshLink:
    """See `link.Link`. Made by `connect`."""

    def __init__(self, way: Way, deadlines: Deadlines) -> None:
        self._way, self._deadlines = way, deadlines
        self.host, self._session = way.host, way.session
        self._lost: LinkLost | None = None
        self._watching = asyncio.create_task(self._watch())

    async def run(
        self,
        command: Command,
        *,
        stdin: bytes = b"",
        timeout_s: float,
        limit_bytes: int = OUTPUT_LIMIT,
    ) -> Completed:
        begun = time.monotonic()
        output = Output(limit_bytes)
        try:
            async with asyncio.timeout(timeout_s), self._channel() as channel:
                status = await self._exchange(channel, _line(command), stdin, output)
        except TimeoutError:
            raise CommandTooSlow(
                "link.command-slow",
                output.completed(None, time.monotonic() - begun),
                command=shown(command),
                host=self.host,
                seconds=f"{timeout_s:g}",
            ) from None
        except (paramiko.SSHException, EOFError, OSError):
            raise self._why_lost() from None
        return output.completed(status, time.monotonic() - begun)

    async def start(self, command: Command, *, stdin: bytes = b"") -> Running:
        channel = await self._session_channel()
        try:
            await in_thread(lambda: channel.exec_command(_line(command)))
        except (paramiko.SSHException, EOFError, OSError):
            in_background(lambda: self._session.hang_up(channel))
            if self._lost is None and self._session.is_active():
                raise LinkError("link.no-command", host=self.host) from None
            raise self._why_lost() from None
        running = _Running(channel, self._session, self._why_lost)
        await running.write(stdin)
        return running

    async def open_stream(self, host: str, port: int, *, timeout_s: float) -> socket.socket:
        async with asyncio.timeout(timeout_s):
            try:
                return tunnel.socket_to(await self._open("direct-tcpip", (host, port), timeout_s))
            except ChannelRefused as refusal:
                raise self._unconnected(refusal, host) from None

    async def close(self) -> None:
        self._watching.cancel()
        await asyncio.wait({self._watching})
        self._lost = self._lost or LinkLost("link.closed", host=self.host)
        self._way.end()

    async def _open(
        self, kind: str, to: tuple[str, int] | None, timeout_s: float
    ) -> paramiko.Channel:
        if self._lost is not None:
            raise self._lost
        try:
            return await in_thread(
                lambda: self._session.open(kind, to, timeout_s), unwanted=paramiko.Channel.close
            )
        except (paramiko.SSHException, EOFError, OSError):
            raise self._why_lost() from None

    async def _session_channel(self) -> paramiko.Channel:
        wait_s = self._deadlines.channel
        try:
            async with asyncio.timeout(wait_s):
                return await self._open("session", None, wait_s)
        except ChannelRefused as refusal:
            raise LinkError("link.no-channel", host=self.host, reason=refusal.text) from None
        except TimeoutError:
            raise LinkError("link.no-channel", host=self.host, reason=f"{wait_s:g} s") from None

    @contextlib.asynccontextmanager
    async def _channel(self) -> AsyncIterator[paramiko.Channel]:
        """A channel for the length of the block. What still runs behind it then is ended."""
        channel = await self._session_channel()
        try:
            yield channel
        finally:
            if not channel.closed:
                in_background(lambda: self._session.hang_up(channel))

    async def _exchange(
        self, channel: paramiko.Channel, line: str, stdin: bytes, output: Output
    ) -> int | None:
        """Both streams are read and stdin is written at the same time: in any other order one of
        them fills up, and both sides wait for each other."""

        def read(stream: StreamName, receive: Callable[[int], bytes]) -> None:
            while data := receive(_AT_ONCE):
                if not output.take(stream, data):
                    self._session.hang_up(channel)
                    return

        try:
            await in_thread(lambda: channel.exec_command(line))
        except paramiko.SSHException:
            if self._session.is_active():
                raise LinkError("link.no-command", host=self.host) from None
            raise
        await asyncio.gather(
            in_thread(lambda: _write(channel, stdin)),
            in_thread(lambda: read("stdout", channel.recv)),
            in_thread(lambda: read("stderr", channel.recv_stderr)),
        )
        if output.truncated:
            return None
        status = await in_thread(channel.recv_exit_status)
        if status != _NO_STATUS:
            return status
        if not self._session.is_active():
            raise self._why_lost()
        return None  # ended by a signal, which paramiko does not pass on

    async def _watch(self) -> None:
        """Ends a link whose far end is gone, so that nothing waits for it any more."""
        silence_s = self._deadlines.silence
        if await pulse.fell_silent(
            self._session, ask_every_s=self._deadlines.ask_every, silence_s=silence_s
        ):
            self._lost = LinkLost("link.silent", host=self.host, seconds=f"{silence_s:g}")
            self._way.end()

    def _why_lost(self) -> LinkLost:
        return self._lost or LinkLost("link.broken", host=self.host)

    def _unconnected(self, refusal: ChannelRefused, host: str) -> OSError | ForwardingRefused:
        if refusal.code == _ADMINISTRATIVELY_PROHIBITED:
            return ForwardingRefused("link.no-forwarding", host=self.host)
        if refusal.text in _NAME_UNKNOWN:
            return socket.gaierror(socket.EAI_NONAME, f"{host}: {refusal.text}")
        if code := _REASONS.get(refusal.text):
            return OSError(code, refusal.text)
        return ConnectionError(refusal.text)


class _Running:
    """See `link.Running`."""

    def __init__(
        self, channel: paramiko.Channel, session: Session, why_lost: Callable[[], LinkLost]
    ) -> None:
        self._channel, self._session, self._why_lost = channel, session, why_lost
        self._errors = Output(ERRORS_KEPT)
        in_background(self._drain)

    def _drain(self) -> None:
        """Kept up to a limit, read to the end: left unread it would hold up the command."""
        while data := self._channel.recv_stderr(_AT_ONCE):
            self._errors.take("stderr", data)

    async def read(self) -> bytes:
        data = await in_thread(lambda: self._channel.recv(_MUCH))
        if not data and not self._session.is_active():
            raise self._why_lost()
        return data

    async def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            await in_thread(lambda: self._channel.sendall(data))

    def said(self) -> bytes:
        return self._errors.completed(None, 0.0).stderr

    async def close(self) -> None:
        in_background(lambda: self._session.hang_up(self._channel))


def _write(channel: paramiko.Channel, data: bytes) -> None:
    """A command may end without having read all that it was given."""
    view = memoryview(data)
    with contextlib.suppress(OSError):
        for start in range(0, len(view), _AT_ONCE):
            channel.sendall(bytes(view[start : start + _AT_ONCE]))
        channel.shutdown_write()


def _line(command: Command) -> str:
    """For the user's own shell, csh too as long as no word has a line end or `!x` in it. It does
    not stay: it would hide signals."""
    return f"exec {shlex.join(words(command))}"
