"""Which probes a run has, what each needs and what it hands on.

Every address has a role: `api` and `livekit` come from the settings, `handed-out` is the LiveKit
address that the API gave with a session. Each role has the same steps: name, connection, HTTP.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

from eloquence_ops.checks.api import may_have_sessions
from eloquence_ops.checks.seen import Asked
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.observations import AddressLookup, ApiRoutes
from eloquence_ops.probes import machine, names, tcp, tls
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes.http import Answer, HttpClient, HttpRequest
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.routes import LARGEST_DOCUMENT_BYTES, read_routes
from eloquence_ops.run.board import Board, Probe
from eloquence_ops.run.facts import (
    API_KEY,
    SESSION,
    SESSIONS_ROUTE,
    Role,
    client_of,
    endpoint_of,
    lookup_of,
)
from eloquence_ops.run.session_visit import SessionVisit
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.settings import Target

# How much longer a probe may take than the network waits inside it.
_SLACK_S: Final = 0.5


@dataclass(frozen=True)
class Plan:
    """What a run is made of. `timeout_s` bounds every single wait on the network."""

    target: Target
    areas: frozenset[str]
    environ: Mapping[str, str]
    redactor: Redactor
    api_key: Secret | None = None
    read_only: bool = False
    timeout_s: float = 5.0
    named: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()

    @property
    def asked(self) -> Asked:
        return Asked(
            areas=self.areas,
            read_only=self.read_only,
            has_api_key=self.api_key is not None,
            named=self.named,
            left_out=self.left_out,
        )

    @cached_property
    def tls_context(self) -> ssl.SSLContext:
        return tls.client_context(self.target.ca)

    def board(self) -> Board:
        """A board with everything that is known before the first probe."""
        board = Board()
        for role in self.asked.roles(self.target):
            if endpoint := self.target.endpoint(role):
                board.put(endpoint_of(role), endpoint)
        if self.api_key is not None and not self.read_only:
            board.put(API_KEY, self.api_key)
        return board

    def probes(self) -> list[Probe]:
        """Every probe of this run; those whose needs never come about end as starved."""
        roles, services = self.asked.roles(self.target), self.asked.services(self.target)
        found = [self._probe("machine.network", self._network), *self._proxy()]
        if "api" in roles and self.target.api:
            found += self._road_to("api")
        if "livekit" in roles and self.target.livekit:
            found += self._road_to("livekit")
        if "api" in services and self.target.api:
            found += self._api()
        if "livekit" in services and self.target.livekit:
            found += self._livekit("livekit")
        if services == {"api", "livekit"}:
            found += [*self._road_to("handed-out"), *self._livekit("handed-out")]
        return found

    def _probe(self, probe_id: str, measure: object, waits: int = 1, **rest: object) -> Probe:
        """A probe that waits on the network `waits` times, one after the other."""
        deadline_s = waits * self.timeout_s + _SLACK_S
        return Probe(probe_id, measure, deadline_s, **rest)  # type: ignore[arg-type]

    # This machine

    async def _network(self, board: Board) -> None:
        board.note(machine.network(environ=self.environ, started=board.started))

    def _proxy(self) -> list[Probe]:
        """Tries the proxy of the environment for each endpoint that it applies to."""
        endpoints = [end for end in (self.target.api, self.target.livekit) if end is not None]
        ways = {end: machine.proxy_for(end, self.environ) for end in endpoints}
        tried = {end: way for end, way in ways.items() if way is not None}
        return [self._probe("machine.proxy", partial(self._try_proxies, tried))] if tried else []

    async def _try_proxies(self, ways: Mapping[Endpoint, tuple[str, str]], board: Board) -> None:
        async def one(endpoint: Endpoint, variable: str, proxy_url: str) -> None:
            board.note(
                await machine.trial(
                    endpoint,
                    variable,
                    proxy_url,
                    context=self.tls_context,
                    timeout_s=self.timeout_s,
                    started=board.started,
                    redactor=self.redactor,
                )
            )

        await asyncio.gather(*(one(endpoint, *way) for endpoint, way in ways.items()))

    # The way to an endpoint

    def _road_to(self, role: Role) -> list[Probe]:
        return [
            self._probe(
                f"{role}.names",
                partial(self._look_up, role),
                needs=(endpoint_of(role),),
                provides=(lookup_of(role),),
            ),
            self._probe(
                f"{role}.reach",
                partial(self._reach, role),
                waits=3,
                needs=(lookup_of(role),),
                provides=(client_of(role),),
                finish=partial(self._hang_up, role),
            ),
        ]

    async def _look_up(self, role: Role, board: Board) -> None:
        lookup = await self.resolve(board.get(endpoint_of(role)).host, board)
        board.note(lookup)
        board.put(lookup_of(role), lookup)

    def resolve(self, host: str, board: Board) -> Awaitable[AddressLookup]:
        return names.look_up(
            host, resolver=self.target.resolver, timeout_s=self.timeout_s, started=board.started
        )

    def _roads(self, endpoint: Endpoint, lookup: AddressLookup) -> list[Road]:
        """One road a family, IPv4 first as Dart tries them; a redirection replaces them."""
        if redirection := self.target.redirection(endpoint):
            family = Family.IPV6 if ":" in redirection.address else Family.IPV4
            return [Road(endpoint, family, redirection.address, redirection.to_port)]
        first: dict[Family, Road] = {}
        for entry in lookup.addresses:
            first.setdefault(
                entry.family, Road(endpoint, entry.family, entry.address, endpoint.port)
            )
        return [first[family] for family in (Family.IPV4, Family.IPV6) if family in first]

    async def _reach(self, role: Role, board: Board) -> None:
        endpoint, lookup = board.get(endpoint_of(role)), board.get(lookup_of(role))
        if lookup.outcome != "found":
            return  # a redirection replaces an address, it does not make a name exist
        roads = self._roads(endpoint, lookup)
        usable = await asyncio.gather(*(self._try_road(road, board) for road in roads))
        for road, works in zip(roads, usable, strict=True):
            if works:
                client = HttpClient(
                    road,
                    tls=self.tls_context if endpoint.secure else None,
                    redactor=self.redactor,
                    timeout_s=self.timeout_s,
                    started=board.started,
                )
                board.put(client_of(role), await client.__aenter__())
                return

    async def _try_road(self, road: Road, board: Board) -> bool:
        attempt = await tcp.connect(
            str(road.endpoint),
            road.family,
            road.address,
            road.port,
            timeout_s=self.timeout_s,
            started=board.started,
        )
        board.note(attempt)
        if attempt.outcome != "connected" or not road.endpoint.secure:
            return attempt.outcome == "connected"
        handshake = await tls.handshake(
            road,
            context=self.tls_context,
            timeout_s=self.timeout_s,
            started=board.started,
            redactor=self.redactor,
        )
        board.note(handshake)
        return handshake.outcome == "ok"

    async def _hang_up(self, role: Role, board: Board) -> None:
        if board.has(client_of(role)):
            await board.get(client_of(role)).__aexit__(None, None, None)

    async def _get(self, role: Role, board: Board, purpose: str, path: str) -> Answer:
        answer = await board.get(client_of(role)).send(HttpRequest(purpose, "GET", path))
        board.note(answer.observation)
        return answer

    # The API

    def _api(self) -> list[Probe]:
        client = (client_of("api"),)
        session = SessionVisit(self)
        return [
            self._probe("api.root", self._root, needs=client),
            self._probe("api.routes", self._routes, needs=client, provides=(SESSIONS_ROUTE,)),
            self._probe(
                "api.session",
                session.open,
                waits=2,
                needs=(*client, API_KEY, SESSIONS_ROUTE),
                provides=(SESSION, endpoint_of("handed-out")),
                finish=session.close,
            ),
        ]

    async def _root(self, board: Board) -> None:
        await self._get("api", board, "root", "/")

    async def _routes(self, board: Board) -> None:
        """GET on POST routes opens nothing: 405 where they exist, 404 where they do not."""
        routes, probed, _ = await asyncio.gather(
            self._openapi(board),
            self._get("api", board, "sessions-get", sessions.PATH),
            self._get("api", board, "old-start-get", sessions.OLD_START_PATH),
        )
        if may_have_sessions(probed.observation, routes):
            board.put(SESSIONS_ROUTE, True)

    async def _openapi(self, board: Board) -> ApiRoutes | None:
        client = board.get(client_of("api"))
        answer = await client.send(
            HttpRequest("openapi", "GET", "/openapi.json"), body_limit=LARGEST_DOCUMENT_BYTES
        )
        board.note(answer.observation)
        seen = answer.observation
        routes = read_routes(
            answer.body, endpoint=seen.endpoint, at_s=seen.at_s, redactor=self.redactor
        )
        if routes is not None:
            board.note(routes)
        return routes

    # LiveKit

    def _livekit(self, role: Role) -> list[Probe]:
        client = (client_of(role),)
        return [
            self._probe(f"{role}.health", partial(self._health, role), needs=client),
            self._probe(f"{role}.token", partial(self._token, role), needs=(*client, SESSION)),
        ]

    async def _health(self, role: Role, board: Board) -> None:
        await asyncio.gather(
            self._get(role, board, "livekit-health", "/"),
            # Without a token: LiveKit says so in words of its own, and creates nothing.
            self._get(role, board, "livekit-rtc", "/rtc/validate"),
        )

    async def _token(self, role: Role, board: Board) -> None:
        """The token goes to LiveKit's own address, in a header: a query would end up in logs."""
        bearer = Secret(f"Bearer {board.get(SESSION).token.reveal()}")
        answer = await board.get(client_of(role)).send(
            HttpRequest("livekit-validate", "GET", "/rtc/validate", (("Authorization", bearer),))
        )
        board.note(answer.observation)
