"""The way to the server and what is there; `server_requests` asks the services from there."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eloquence_ops.errors import EloquenceError
from eloquence_ops.observations import ServerFact, ServerReach
from eloquence_ops.observations.server_reach import ReachOutcome
from eloquence_ops.probes import machine, server_facts
from eloquence_ops.run.facts import LINK, SERVER_FACTS
from eloquence_ops.run.server_requests import ServerRequests
from eloquence_ops.server import destination, sudo
from eloquence_ops.server.errors import (
    CommandTooSlow,
    HostKeyRefused,
    LinkError,
    LoginRefused,
    SshConfigError,
)
from eloquence_ops.server.link import Completed, Link
from eloquence_ops.server.local import LocalLink

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

# How long connecting may take altogether: over several hops, with a passphrase to be typed.
_CONNECTING_S: Final = 120.0
_FACTS_S: Final = 20.0


class ServerProbes:
    """The probes of one plan that look at the server from inside."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._host = plan.target.server or socket.gethostname()
        self._connecting = _Span()

    def all(self) -> list[Probe]:
        return [
            *self.facts(),
            self._plan.probe("server.own-clock", self._own_clock),
            *ServerRequests(self._plan).all(),
        ]

    def facts(self) -> list[Probe]:
        """The way there and what is on it, without a request to a service."""
        from eloquence_ops.run.board import Probe

        return [
            Probe(
                "server.reach",
                self._reach,
                _CONNECTING_S,
                provides=(LINK,),
                finish=self._leave,
            ),
            Probe(
                "server.facts",
                self._facts,
                _FACTS_S + 1.0,
                needs=(LINK,),
                provides=(SERVER_FACTS,),
            ),
        ]

    # The way there

    async def _reach(self, board: Board) -> None:
        """What came of it is noted with the facts: only their command tells the way to root."""
        begun = time.monotonic()
        try:
            link = await self._connected()
        except (LinkError, SshConfigError) as refused:
            self._connecting = _Span(begun, time.monotonic())
            self._note(board, _outcome(refused), refused)
            return
        self._connecting = _Span(begun, time.monotonic())
        board.put(LINK, link)

    def _note(
        self, board: Board, outcome: ReachOutcome, refused: EloquenceError | None, way: str = ""
    ) -> None:
        plan, span = self._plan, self._connecting
        board.note(
            ServerReach(
                outcome=outcome,
                way="here" if plan.on_server else "ssh",
                host=self._host,
                said=_both(refused, plan) if refused else None,
                privilege=way,
                at_s=round(span.begun - board.started, 6),
                duration_s=round(span.ended - span.begun, 6),
            )
        )

    async def _connected(self) -> Link:
        """Raises `LinkError` and `SshConfigError`."""
        plan = self._plan
        if plan.on_server:
            return LocalLink(plan.environ, Path.home())
        from eloquence_ops.server import ssh  # paramiko takes a quarter of a second
        from eloquence_ops.server.ssh_config import Account

        return await ssh.connect(
            destination.parse(plan.target.server or ""),
            Account.of_this_process(plan.environ),
            accepted_key=plan.target.server_key,
            key_file=_key_file(plan.environ),
            ask=plan.ask,
        )

    async def _leave(self, board: Board) -> None:
        if board.has(LINK):
            await board.get(LINK).close()

    # What is there

    async def _facts(self, board: Board) -> None:
        plan = self._plan
        link = _AsRoot(board.get(LINK), plan)
        facts: tuple[ServerFact, ...] = ()
        try:
            facts = await server_facts.gather(
                link, plan.target, plan.redactor, started=board.started, timeout_s=_FACTS_S
            )
        except LinkError:
            pass  # the link broke: nothing was seen
        finally:
            refused = sudo.refusal(link.went.said, self._host) if link.refused else None
            way = link.went.privilege or ""
            self._note(board, "sudo" if refused else "reached", refused, way)
            # Also where nothing could be read: the services are asked all the same.
            board.put(SERVER_FACTS, facts)
        for fact in facts:
            board.note(fact)

    async def _own_clock(self, board: Board) -> None:
        """The other half of a comparison."""
        board.note(machine.clock(started=board.started))


@dataclass(frozen=True)
class _Span:
    """`time.monotonic()` at both ends."""

    begun: float = 0.0
    ended: float = 0.0


class _AsRoot:
    """A link whose commands run with what privileges there are; `went` tells which."""

    def __init__(self, link: Link, plan: Plan) -> None:
        self._link, self._plan = link, plan
        self.went = sudo.Went(None, "", b"")

    @property
    def refused(self) -> bool:
        return self.went.privilege is sudo.Privilege.REFUSED

    async def run(
        self, command: Sequence[str], *, stdin: bytes, timeout_s: float, limit_bytes: int
    ) -> Completed:
        """As `Link.run`; raises `TimeoutError` where the deadline came first."""
        prepared = sudo.as_root(command, self._plan.sudo_password, stdin)
        try:
            completed = await self._link.run(
                prepared.command,
                stdin=prepared.stdin,
                timeout_s=timeout_s,
                limit_bytes=limit_bytes,
            )
        except CommandTooSlow as slow:
            self.went = sudo.went(slow.partial.stderr)
            raise TimeoutError from slow
        self.went = sudo.went(completed.stderr)
        return replace(completed, stderr=self.went.stderr)


def _key_file(environ: Mapping[str, str]) -> Path | None:
    named = environ.get("ELOQUENCE_SSH_KEY")
    return Path(named).expanduser() if named else None


def _outcome(refused: EloquenceError) -> ReachOutcome:
    match refused:
        case HostKeyRefused():
            return "host-key"
        case LoginRefused():
            return "login"
        case SshConfigError():
            return "settings"
        case _:
            return "failed"


def _both(refused: EloquenceError, plan: Plan) -> tuple[str, str]:
    return (
        plan.redactor.text(refused.sentence("en")),
        plan.redactor.text(refused.sentence("fr")),
    )
