"""The same requests made on the server: past its proxy, and through it with the public names.

The first vantage at which a request breaks is the faulty hop. They wait for the facts, which say
where the services listen.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks import server_places as places
from eloquence_ops.checks.server_places import Place
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family, Vantage
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes.http import HttpClient, HttpRequest
from eloquence_ops.probes.road import Road
from eloquence_ops.run.facts import API_KEY, LINK, PROXY_GAVE_UP, SERVER_FACTS
from eloquence_ops.run.session_visit import SessionVisit
from eloquence_ops.server.errors import LinkError
from eloquence_ops.server.link import Link

if TYPE_CHECKING:
    from eloquence_ops.endpoints import Role
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

_ASKED: Final[dict[Role, str]] = {"api": sessions.PATH, "livekit": "/rtc/validate"}
_SCHEMES: Final[dict[Role, str]] = {"api": "http", "livekit": "ws"}
# How long a session may take to open where a proxy had given up on it. nginx waits twice as long,
# unless it is told otherwise.
_PATIENCE_S: Final = 30.0


class ServerRequests:
    """The probes of one plan that ask the services from the server."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def all(self) -> list[Probe]:
        needs = (LINK, SERVER_FACTS)
        found = [
            self._plan.probe("server.api", partial(self._direct, "api"), 2, needs=needs),
            self._plan.probe("server.livekit", partial(self._direct, "livekit"), 2, needs=needs),
            self._plan.probe("server.proxied", self._proxied, 2, needs=needs),
        ]
        if not self._plan.read_only:
            found.append(self._session())
        return found

    async def _direct(self, role: Role, board: Board) -> None:
        await self._ask(self._own(role, board), f"server-{role}", role, board)

    async def _proxied(self, board: Board) -> None:
        """With the public names, at the proxy's own address."""
        target, facts = self._plan.target, board.get(SERVER_FACTS)
        roles: tuple[Role, ...] = ("api", "livekit")
        roads = [
            (role, self._road(endpoint, places.of_proxy(endpoint, facts), board))
            for role in roles
            if (endpoint := target.endpoint(role)) and places.passes_proxy(role, target, facts)
        ]
        await asyncio.gather(
            *(self._ask(road, f"server-proxied-{role}", role, board) for role, road in roads)
        )

    async def _ask(self, road: Road, purpose: str, role: Role, board: Board) -> None:
        async with self._client(road, board, self._plan.timeout_s) as client:
            answer = await client.send(HttpRequest(purpose, "GET", _ASKED[role]))
        board.note(answer.observation)

    def _session(self) -> Probe:
        """A session opened past the proxy that gave up on one; it is closed again."""
        from eloquence_ops.run.board import Probe

        clients: list[HttpClient] = []  # the one that opens is the one that closes

        def client(board: Board) -> HttpClient:
            if not clients:
                clients.append(self._client(self._own("api", board), board, _PATIENCE_S))
            return clients[0]

        visit = SessionVisit(self._plan, "server-session", sessions.request_body(), client)

        async def close(board: Board) -> None:
            await visit.close(board)
            for used in clients:
                await used.__aexit__(None, None, None)

        return Probe(
            "server.session",
            visit.open,
            _PATIENCE_S + 1.0,
            needs=(LINK, SERVER_FACTS, API_KEY, PROXY_GAVE_UP),
            finish=close,
        )

    def _own(self, role: Role, board: Board) -> Road:
        facts = board.get(SERVER_FACTS)
        place = places.of_service(role, self._plan.target, facts)
        return self._road(Endpoint(_SCHEMES[role], place.address, place.port), place, board)

    def _road(self, endpoint: Endpoint, place: Place, board: Board) -> Road:
        family = Family.IPV6 if ":" in place.address else Family.IPV4
        dial = partial(_dial, board.get(LINK), self._plan.timeout_s)
        return Road(endpoint, family, place.address, place.port, dial)

    def _client(self, road: Road, board: Board, timeout_s: float) -> HttpClient:
        return HttpClient(
            road,
            tls=self._plan.tls_context if road.endpoint.secure else None,
            redactor=self._plan.redactor,
            timeout_s=timeout_s,
            started=board.started,
            vantage=Vantage.SERVER,
        )


async def _dial(link: Link, timeout_s: float, host: str, port: int) -> socket.socket:
    try:
        return await link.open_stream(host, port, timeout_s=timeout_s)
    except LinkError as refused:
        raise OSError(refused.sentence("en")) from refused
