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
from typing import Final, Literal

from eloquence_ops.checks.seen import Asked
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.observations import AddressLookup
from eloquence_ops.probes import machine, names, tcp, tls
from eloquence_ops.probes.http import Answer, HttpClient, HttpRequest
from eloquence_ops.probes.road import Road
from eloquence_ops.run.api_probes import ApiProbes
from eloquence_ops.run.board import Board, Probe
from eloquence_ops.run.facts import (
    API_KEY,
    SESSION,
    Role,
    client_of,
    dead_of,
    endpoint_of,
    lookup_of,
    others_of,
)
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
        found = [self.probe("machine.network", self._network), *self._proxy()]
        if "api" in roles and self.target.api:
            found += self._road_to("api")
        if "livekit" in roles and self.target.livekit:
            found += self._road_to("livekit")
        if "api" in services and self.target.api:
            found += ApiProbes(self).all()
        if "livekit" in services and self.target.livekit:
            found += self._livekit("livekit")
        if services == {"api", "livekit"}:
            found += [*self._road_to("handed-out"), *self._livekit("handed-out")]
        return found

    def probe(self, probe_id: str, measure: object, waits: int = 1, **rest: object) -> Probe:
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
        return [self.probe("machine.proxy", partial(self._try_proxies, tried))] if tried else []

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
            self.probe(
                f"{role}.names",
                partial(self._look_up, role),
                needs=(endpoint_of(role),),
                provides=(lookup_of(role),),
            ),
            self.probe(
                f"{role}.reach",
                partial(self._reach, role),
                waits=3,
                needs=(lookup_of(role),),
                provides=(client_of(role), others_of(role), dead_of(role)),
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

    def roads(self, endpoint: Endpoint, lookup: AddressLookup) -> list[Road]:
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
        roads = self.roads(endpoint, lookup)
        tried = await asyncio.gather(*(self._try_road(road, board) for road in roads))
        clients = [
            self.client(road, board)
            for road, came_to in zip(roads, tried, strict=True)
            if came_to == "works"
        ]
        if set(tried) == {"dead"}:
            board.put(dead_of(role), lookup)
        if not clients:
            return
        board.put(client_of(role), clients[0])
        board.put(others_of(role), clients[1:])

    def client(self, road: Road, board: Board) -> HttpClient:
        return HttpClient(
            road,
            tls=self.tls_context if road.endpoint.secure else None,
            redactor=self.redactor,
            timeout_s=self.timeout_s,
            started=board.started,
        )

    async def _try_road(self, road: Road, board: Board) -> Literal["works", "dead", "not-trusted"]:
        attempt = await tcp.connect(
            str(road.endpoint),
            road.family,
            road.address,
            road.port,
            timeout_s=self.timeout_s,
            started=board.started,
        )
        board.note(attempt)
        if attempt.outcome != "connected":
            return "dead"
        if not road.endpoint.secure:
            return "works"
        handshake = await tls.handshake(
            road,
            context=self.tls_context,
            timeout_s=self.timeout_s,
            started=board.started,
            redactor=self.redactor,
        )
        board.note(handshake)
        return "works" if handshake.outcome == "ok" else "not-trusted"

    async def _hang_up(self, role: Role, board: Board) -> None:
        if board.has(client_of(role)):
            for client in (board.get(client_of(role)), *board.get(others_of(role))):
                await client.__aexit__(None, None, None)

    async def get(self, role: Role, board: Board, purpose: str, path: str) -> Answer:
        answer = await board.get(client_of(role)).send(HttpRequest(purpose, "GET", path))
        board.note(answer.observation)
        return answer

    # LiveKit

    def _livekit(self, role: Role) -> list[Probe]:
        client = (client_of(role),)
        return [
            self.probe(f"{role}.health", partial(self._health, role), needs=client),
            self.probe(f"{role}.token", partial(self._token, role), needs=(*client, SESSION)),
        ]

    async def _health(self, role: Role, board: Board) -> None:
        await asyncio.gather(
            self.get(role, board, "livekit-health", "/"),
            # Without a token: LiveKit says so in words of its own, and creates nothing.
            self.get(role, board, "livekit-rtc", "/rtc/validate"),
        )

    async def _token(self, role: Role, board: Board) -> None:
        """The token goes to LiveKit's own address, in a header: a query would end up in logs."""
        bearer = Secret(f"Bearer {board.get(SESSION).token.reveal()}")
        answer = await board.get(client_of(role)).send(
            HttpRequest("livekit-validate", "GET", "/rtc/validate", (("Authorization", bearer),))
        )
        board.note(answer.observation)
