"""The way to a server: one SSH session after the other, each through the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import paramiko

from eloquence_ops.server import authentication, host_key, known_hosts
from eloquence_ops.server.dial import dial
from eloquence_ops.server.errors import LinkError
from eloquence_ops.server.identities import Ask
from eloquence_ops.server.session import ChannelRefused, Session, shown_key, start
from eloquence_ops.server.ssh_config import Account, Host
from eloquence_ops.server.threads import in_thread
from eloquence_ops.server.wire import ByteStream, Wire


@dataclass(frozen=True)
class Deadlines:
    """Seconds. `connect`, `handshake` and `login` hold for each host, `login` for each key.

    A link is lost after `silence` without a byte, though the server is asked every `ask_every`.
    """

    connect: float = 10.0
    handshake: float = 15.0
    login: float = 30.0
    channel: float = 10.0
    silence: float = 6.0
    ask_every: float = 2.0


DEADLINES: Final = Deadlines()


class Way:
    """Grows host by host: `go_on`, `verify`, `log_in`. Nothing of ours is sent before `verify`.

    Each of `accepted_keys`, fingerprints, is one host's.
    """

    def __init__(self, accepted_keys: Sequence[str] = ()) -> None:
        self._accepted = [fingerprint.rstrip("=") for fingerprint in accepted_keys]
        self._sessions: list[Session] = []
        self._hang_up: Callable[[], None] = lambda: None
        self._known: tuple[known_hosts.Entry, ...] = ()
        self._host: Host | None = None

    @property
    def host(self) -> Host:
        """The farthest so far."""
        if self._host is None:
            raise RuntimeError("nothing is connected yet")
        return self._host

    @property
    def session(self) -> Session:
        """With `host`."""
        return self._sessions[-1]

    def end(self) -> None:
        """Ends everything at once. May be called again."""
        # The first session first: the others have nothing to wait for then.
        for session in self._sessions:
            session.end()
        self._hang_up()

    async def go_on(self, host: Host, account: Account, deadlines: Deadlines) -> None:
        """Connects to `host`, up to the key that it shows."""
        self._known = known_hosts.read(host.known_hosts)
        types = known_hosts.known_types(self._known, host.known_as, host.port)
        if self._sessions:
            stream = await self._through(host, deadlines)
        else:
            dialled = await dial(host, account.environ, deadlines.connect)
            self._hang_up = dialled.hang_up
            stream = dialled.socket
        self._sessions.append(await start(host, Wire(stream), types, deadlines.handshake))
        self._host = host

    def verify(self, *, is_last: bool) -> None:
        """Raises `HostKeyRefused`, and `LinkError` where the link has ended meanwhile."""
        host = self.host
        try:
            key = shown_key(self.session)
        except paramiko.SSHException:
            raise LinkError("link.handshake-cut", host=host.name, port=host.port) from None
        judgement = known_hosts.judge(self._known, host.known_as, host.port, key)
        host_key.verify(host, key, judgement, accepted=self._accepted, is_last=is_last)
        if key.fingerprint in self._accepted:
            self._accepted.remove(key.fingerprint)

    async def log_in(self, key_file: Path | None, ask: Ask | None, deadlines: Deadlines) -> None:
        """Raises `LoginRefused`."""
        await authentication.log_in(
            self.session, self.host, named=key_file, ask=ask, timeout_s=deadlines.login
        )

    async def _through(self, host: Host, deadlines: Deadlines) -> ByteStream:
        """A connection to `host` that the host before it makes."""
        session, wait_s = self.session, deadlines.connect
        where = {"host": host.name, "port": host.port, "hop": self.host}
        try:
            async with asyncio.timeout(wait_s):
                channel = await in_thread(
                    lambda: session.open("direct-tcpip", (host.name, host.port), wait_s),
                    unwanted=paramiko.Channel.close,
                )
        except ChannelRefused as refusal:
            raise LinkError("link.hop-refused", reason=refusal.text, **where) from None
        except TimeoutError:
            raise LinkError("link.hop-silent", seconds=f"{wait_s:g}", **where) from None
        except (paramiko.SSHException, EOFError, OSError):
            raise LinkError("link.broken", host=self.host) from None
        return cast("ByteStream", channel)
