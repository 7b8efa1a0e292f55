"""What is asked of a public LiveKit that should not be public: its own port, its debug pages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks.livekit_exposure import is_named, own_port
from eloquence_ops.observations import TcpConnect, TlsHandshake
from eloquence_ops.probes import tcp
from eloquence_ops.probes.http import HttpRequest
from eloquence_ops.probes.session import widest_scope
from eloquence_ops.run.facts import Role, client_of, endpoint_of, lookup_of

if TYPE_CHECKING:
    from eloquence_ops.probes.road import Road
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

# A filter rightly swallows what goes to a closed port, and a healthy run does not wait for that:
# several times what a connection or a handshake took at the port that is open.
_TIMES: Final = 5
_LEAST_S: Final = 0.4
_PAGE_BYTES: Final = 8 * 1024
_PAGES: Final = (("livekit-debug", "/debug/pprof/"), ("livekit-metrics", "/metrics"))


class ExposureProbes:
    """The probes of one plan that look for what of a LiveKit is open to everybody."""

    def __init__(self, plan: Plan, role: Role) -> None:
        self._plan, self._role = plan, role

    def all(self) -> list[Probe]:
        """Asking for debug pages may count as an attack: a read-only run does not."""
        needs = (client_of(self._role), lookup_of(self._role))
        found = [self._plan.probe(f"{self._role}.port", self._port, 2, needs=needs)]
        if not self._plan.read_only:
            found.append(self._plan.probe(f"{self._role}.pages", self._pages, needs=needs))
        return found

    async def _port(self, board: Board) -> None:
        """A greeting in plain HTTP, over each address family."""
        own, lookup = board.get(endpoint_of(self._role)), board.get(lookup_of(self._role))
        plain = own_port(own, widest_scope(lookup), self._plan.target)
        if plain is None:
            return
        patience_s = self._patience_s(board)
        roads = self._plan.roads(plain, lookup)
        await asyncio.gather(*(self._knock(road, patience_s, board) for road in roads))

    def _patience_s(self, board: Board) -> float:
        name = str(board.get(endpoint_of(self._role)))
        took = [
            seen.duration_s
            for seen in board.observations
            if isinstance(seen, TcpConnect | TlsHandshake) and seen.endpoint == name
        ]
        return min(max(_TIMES * max(took, default=0.0), _LEAST_S), self._plan.timeout_s)

    async def _knock(self, road: Road, patience_s: float, board: Board) -> None:
        attempt = await tcp.connect(
            str(road.endpoint),
            road.family,
            road.address,
            road.port,
            timeout_s=patience_s,
            started=board.started,
        )
        board.note(attempt)
        if attempt.outcome != "connected":
            return
        async with self._plan.client(road, board) as client:
            answer = await client.send(HttpRequest("livekit-port", "GET", "/"))
            board.note(answer.observation)

    async def _pages(self, board: Board) -> None:
        """Only what tells that they are there; who is in which room is nobody's business."""
        own = board.get(endpoint_of(self._role))
        is_public = widest_scope(board.get(lookup_of(self._role))) == "public"
        if not (is_public and is_named(own, self._plan.target)):
            return
        client = board.get(client_of(self._role))
        answers = await asyncio.gather(
            *(
                client.send(HttpRequest(purpose, "GET", path), body_limit=_PAGE_BYTES)
                for purpose, path in _PAGES
            )
        )
        for answer in answers:
            board.note(answer.observation)
