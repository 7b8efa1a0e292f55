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
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks.seen import Asked, address_role
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.ice_urls import Login
from eloquence_ops.observations import AddressLookup
from eloquence_ops.probes import machine, names, tcp, tls
from eloquence_ops.probes.http import Answer, HttpClient, HttpRequest
from eloquence_ops.probes.road import Road
from eloquence_ops.run.api_probes import ApiProbes
from eloquence_ops.run.board import Board, Probe
from eloquence_ops.run.facts import (
    API_CANDIDATES,
    API_KEY,
    LOOK_BESIDE,
    Role,
    client_of,
    clients_of,
    endpoint_of,
    lookup_of,
    tried_of,
)
from eloquence_ops.run.ice_probes import IceProbes
from eloquence_ops.run.livekit_probes import LivekitProbes
from eloquence_ops.run.name_probes import NameProbes
from eloquence_ops.run.port_probes import PortProbes
from eloquence_ops.run.tls_probes import TlsProbes
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.settings import Target
from eloquence_ops.untrusted import one_line

if TYPE_CHECKING:
    from eloquence_ops.server.identities import Ask

# How much longer a probe may take than the network waits inside it.
_SLACK_S: Final = 1.0
_LONGEST_NAME: Final = 253
_LONGEST_KEY_NAME: Final = 80


@dataclass(frozen=True)
class Plan:
    """What a run is made of. `timeout_s` bounds every single wait on the network.

    A `read_only` run proves the key with a body that can open nothing, unless it is one of many
    (`proves_key` false): a wrong key again and again would look like an attack. `on_server`: this
    very machine is the server. `ask` asks a person for the passphrase of a key. `names`: what is to
    be examined instead of the target's own names, as it was typed; `addresses` likewise.
    `livekit_key` is the name of LiveKit's key, where it is known, `livekit_secret` its secret;
    `turn_login` is for the TURN servers of the settings. `exhaustive`: every port of the media
    range is tried over TCP, and not a sample of them.
    """

    target: Target
    areas: frozenset[str]
    environ: Mapping[str, str]
    redactor: Redactor
    api_key: Secret | None = None
    read_only: bool = False
    proves_key: bool = True
    timeout_s: float = 5.0
    named: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    on_server: bool = False
    addresses: tuple[Endpoint, ...] = ()
    sudo_password: Secret | None = None
    ask: Ask | None = None
    names: tuple[str, ...] = ()
    livekit_key: str | None = None
    exhaustive: bool = False
    livekit_secret: Secret | None = None
    turn_login: Login | None = None

    @property
    def asked(self) -> Asked:
        return Asked(
            areas=self.areas,
            read_only=self.read_only,
            proves_key=self.proves_key,
            has_api_key=self.api_key is not None,
            named=self.named,
            left_out=self.left_out,
            on_server=self.on_server,
            names=tuple(one_line(name, limit=_LONGEST_NAME) for name in self.names),
            addresses=self.addresses,
            livekit_key=one_line(self.livekit_key, limit=_LONGEST_KEY_NAME)
            if self.livekit_key
            else None,
        )

    @cached_property
    def tls_context(self) -> ssl.SSLContext:
        return tls.client_context(self.target.ca)

    @cached_property
    def given_roots(self) -> frozenset[str]:
        return tls.given_roots(self.target.ca)

    def board(self) -> Board:
        """A board with everything that is known before the first probe."""
        board = Board()
        for role in self.asked.roles(self.target):
            if endpoint := self.target.endpoint(role):
                board.put(endpoint_of(role), endpoint)
        for name, endpoint in self._name_probes.asked_endpoints().items():
            board.put(endpoint_of(name), endpoint)
        for number, endpoint in enumerate(self.addresses):
            board.put(endpoint_of(address_role(number)), endpoint)
        if self.api_key is not None and (self.proves_key or not self.read_only):
            board.put(API_KEY, self.api_key)
        return board

    def probes(self) -> list[Probe]:
        """Every probe of this run; those whose needs never come about end as starved."""
        roles, services = self.asked.roles(self.target), self.asked.services(self.target)
        found = [self.probe("machine.network", self._network), *self._proxy()]
        for number in range(len(self.addresses)):
            found += [*self.road_to(address_role(number)), *self._tls(address_role(number))]
        if "api" in roles and self.target.api:
            found += [*self.road_to("api"), *self._tls("api")]
        if "livekit" in roles and self.target.livekit:
            found += [*self.road_to("livekit"), *self._tls("livekit")]
        if "api" in services and self.target.api:
            found += ApiProbes(self).all()
        if "livekit" in services and self.target.livekit:
            found += LivekitProbes(self, "livekit").all()
            found += self._media("livekit")
        if "livekit" in services:
            found += IceProbes(self).of_settings()
        looks_inside = self.asked.looks_inside(self.target)
        proves_ports = self.asked.proves_ports(self.target)
        if looks_inside or self.asked.compares_disk(self.target) or proves_ports:
            from eloquence_ops.run.server_probes import ServerProbes

            inside = ServerProbes(self)
            found += inside.all() if looks_inside else inside.facts()
        if services == {"api", "livekit"}:
            found += [*self.road_to("handed-out"), *self._tls("handed-out")]
            found += LivekitProbes(self, "handed-out").all()
            found += self._media("handed-out")
        if "dns" in self.areas:
            found += self._name_probes.all()
        if "ports" in self.areas and not (self.addresses or self.names):
            found += PortProbes(self).all()
        return found

    @cached_property
    def _name_probes(self) -> NameProbes:
        return NameProbes(self)

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

    def road_to(self, role: Role) -> list[Probe]:
        beside = (LOOK_BESIDE,) if role == "api" else ()
        chosen_from = (API_CANDIDATES,) if role == "api" else ()
        return [
            self.probe(
                f"{role}.names",
                partial(self.look_up, role),
                needs=(endpoint_of(role),),
                provides=(lookup_of(role), *beside),
            ),
            self.probe(
                f"{role}.reach",
                partial(self._reach, role),
                waits=3,
                needs=(lookup_of(role),),
                provides=(client_of(role), clients_of(role), tried_of(role), *chosen_from, *beside),
                finish=partial(self._hang_up, role),
            ),
        ]

    def _tls(self, role: Role) -> list[Probe]:
        return TlsProbes(self, role).all() if "tls" in self.areas else []

    def _media(self, role: Role) -> list[Probe]:
        if "media" not in self.areas:
            return []
        from eloquence_ops.run.media_probes import MediaProbes

        return MediaProbes(self, role).all()

    async def look_up(self, role: str, board: Board) -> None:
        lookup = await self.resolve(board.get(endpoint_of(role)).host, board)
        board.note(lookup)
        board.put(lookup_of(role), lookup)
        if role == "api" and lookup.outcome != "found":
            board.put(LOOK_BESIDE, True)

    def resolve(self, host: str, board: Board) -> Awaitable[AddressLookup]:
        resolver = next(iter(self.target.resolver), None)
        return names.look_up(
            host, resolver=resolver, timeout_s=self.timeout_s, started=board.started
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

    def more_roads(self, endpoint: Endpoint, lookup: AddressLookup) -> list[Road]:
        """To a name's addresses beyond the first of each family; none where it was replaced."""
        if self.target.redirection(endpoint):
            return []
        taken = {road.address for road in self.roads(endpoint, lookup)}
        more = dict.fromkeys(
            (entry.family, entry.address)
            for entry in lookup.addresses
            if entry.address not in taken
        )
        return [Road(endpoint, family, address, endpoint.port) for family, address in more]

    async def _reach(self, role: Role, board: Board) -> None:
        endpoint, lookup = board.get(endpoint_of(role)), board.get(lookup_of(role))
        if lookup.outcome != "found":
            return  # a redirection replaces an address, it does not make a name exist
        roads = self.roads(endpoint, lookup)
        tried = await asyncio.gather(*(self._try_road(road, board) for road in roads))
        clients = [
            self.client(road, board) for road, works in zip(roads, tried, strict=True) if works
        ]
        board.put(tried_of(role), True)
        if not clients:
            if role == "api":
                board.put(LOOK_BESIDE, True)
            return
        board.put(clients_of(role), clients)
        if role == "api" and len(clients) > 1 and "api" in self.asked.services(self.target):
            board.put(API_CANDIDATES, clients)
        else:
            board.put(client_of(role), clients[0])

    def client(self, road: Road, board: Board) -> HttpClient:
        return HttpClient(
            road,
            tls=self.tls_context if road.endpoint.secure else None,
            redactor=self.redactor,
            timeout_s=self.timeout_s,
            started=board.started,
        )

    async def _try_road(self, road: Road, board: Board) -> bool:
        """Whether requests can be made on it."""
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
            return False
        if not road.endpoint.secure:
            return True
        handshake, chain = await tls.handshake(
            road,
            context=self.tls_context,
            timeout_s=self.timeout_s,
            started=board.started,
            redactor=self.redactor,
            given=self.given_roots,
        )
        board.note(handshake)
        if chain is not None and "tls" in self.areas:
            board.note(chain)
        return handshake.outcome == "ok"

    async def _hang_up(self, role: Role, board: Board) -> None:
        if board.has(clients_of(role)):
            for client in board.get(clients_of(role)):
                await client.__aexit__(None, None, None)

    async def get(
        self,
        role: Role,
        board: Board,
        purpose: str,
        path: str,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        answer = await board.get(client_of(role)).send(HttpRequest(purpose, "GET", path, headers))
        board.note(answer.observation)
        return answer
