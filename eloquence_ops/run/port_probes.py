"""Which ports are tried: over TCP from here, over UDP with a responder on the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks.service_ports import API_PORT, ICE_TCP_PORT, LIVEKIT_PORT
from eloquence_ops.endpoints import Endpoint, scope_of
from eloquence_ops.findings import Family
from eloquence_ops.observations import LiveKitConfig, PortScan, ServerFact
from eloquence_ops.observations.ports import TcpSpan
from eloquence_ops.port_spans import each, sample, spans
from eloquence_ops.run.facts import LINK, SERVER_FACTS, endpoint_of, lookup_of, proven_of

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

# With TURN's two, over TCP: 3478 and 5349 are the documented ones, none is LiveKit's default.
_KNOWN: Final = (80, 443, API_PORT, LIVEKIT_PORT, ICE_TCP_PORT, 3478, 5349)
_SAMPLE: Final = 200
# How long the range may be silent over TCP in doctor: that is no fault, and a healthy run does not
# wait for it.
_QUICK_S: Final = 0.6
_WHOLE_SCAN_S: Final = 120.0
_PROOF_S: Final = 60.0

Place = tuple[Family, str]


class PortProbes:
    """The probes of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._asked_by_name = "ports" in plan.named

    def all(self) -> list[Probe]:
        roles = [role for role in ("api", "livekit") if self._plan.target.endpoint(role)]
        if not roles or self._plan.on_server:
            return []
        found = [self._probe("ports.tcp", partial(self._scan, roles), roles, _WHOLE_SCAN_S)]
        if "livekit" in roles:
            found += self._proofs("livekit")
        elif self._plan.asked.services(self._plan.target) == {"api", "livekit"}:
            scan = partial(self._scan, ["handed-out"])
            found.append(self._probe("ports.handed-out", scan, ["handed-out"], _WHOLE_SCAN_S))
            found += self._proofs("handed-out")
        return found

    def _probe(self, name: str, measure: object, roles: list[str], deadline_s: float) -> Probe:
        from eloquence_ops.run.board import Probe

        needs = tuple(lookup_of(role) for role in roles)
        return Probe(name, measure, deadline_s, needs=needs)  # type: ignore[arg-type]

    def _proofs(self, role: str) -> list[Probe]:
        from eloquence_ops.run.board import Probe

        if not self._plan.asked.proves_ports(self._plan.target):
            return []
        needs = (LINK, lookup_of(role))
        return [
            Probe(
                "ports.udp",
                partial(self._prove_settings, role),
                _PROOF_S,
                needs=needs,
                provides=(proven_of(role),),
            ),
            Probe(
                "ports.udp-rest",
                partial(self._prove_rest, role),
                _PROOF_S,
                needs=(*needs, SERVER_FACTS, proven_of(role)),
            ),
        ]

    # TCP

    async def _scan(self, roles: list[str], board: Board) -> None:
        """Each address once, whichever endpoints are reached there."""
        known: dict[Place, set[str]] = {}
        ports: dict[Place, set[int]] = {}
        media: set[Place] = set()
        for role in roles:
            endpoint = board.get(endpoint_of(role))
            for place in self._places(role, board):
                known.setdefault(place, set()).update((str(endpoint), endpoint.display_host))
                wanted = ports.setdefault(place, set())
                wanted |= self._ports_of(role, endpoint)
                if role != "api":
                    media.add(place)
        jobs = [
            self._scan_one(place, names, "known", sorted(ports[place]), board)
            for place, names in known.items()
            if ports[place]
        ]
        first, last = self._plan.target.media_ports
        most = last - first + 1 if self._plan.exhaustive else _SAMPLE
        jobs += [
            self._scan_one(place, known[place], "range", sample(first, last, most), board)
            for place in media
        ]
        await asyncio.gather(*jobs)

    def _ports_of(self, role: str, endpoint: Endpoint) -> set[int]:
        """Where somebody wants to know, all of them; in doctor what no other probe asks."""
        if self._asked_by_name:
            return {*_KNOWN, endpoint.port}
        return set() if role == "api" else {ICE_TCP_PORT}

    def _places(self, role: str, board: Board) -> Iterable[Place]:
        """One address a family; none where another machine stands in for the real one, and on
        this machine itself only if asked for by name: nothing lies in between."""
        endpoint, lookup = board.get(endpoint_of(role)), board.get(lookup_of(role))
        if self._plan.target.redirection(endpoint) or lookup.outcome != "found":
            return
        for road in self._plan.roads(endpoint, lookup):
            if self._asked_by_name or scope_of(road.address) != "loopback":
                yield road.family, road.address

    async def _scan_one(
        self, place: Place, names: set[str], about: str, ports: Iterable[int], board: Board
    ) -> None:
        from eloquence_ops.probes.ports.scan import Scan
        from eloquence_ops.probes.ports.states import FILTERED_AFTER_S
        from eloquence_ops.probes.tcp import has_route
        from eloquence_ops.server.threads import in_thread

        family, address = place
        wanted = tuple(ports)
        is_quick = about == "range" and not self._asked_by_name
        patience_s = _QUICK_S if is_quick else FILTERED_AFTER_S
        begun = time.monotonic()
        route = has_route(family, address)
        scan = Scan(family, address, wanted, patience_s)
        if route:
            try:
                await in_thread(scan.run)
            finally:
                scan.stop()
        outcomes = {port: (one.state, one.detail) for port, one in scan.found.items()}
        board.note(
            PortScan(
                about=about,  # type: ignore[arg-type]  # one of its two
                names=tuple(sorted(names)),
                family=family,
                address=address,
                asked=len(wanted),
                patience_s=patience_s,
                route=route,
                spans=tuple(
                    TcpSpan(
                        first=one.first,
                        last=one.last,
                        count=one.count,
                        state=one.state[0],
                        detail=one.state[1],
                    )
                    for one in (spans(outcomes) if about == "range" else each(outcomes))
                ),
                at_s=round(begun - board.started, 6),
                duration_s=round(time.monotonic() - begun, 6),
            )
        )

    # UDP

    async def _prove_settings(self, role: str, board: Board) -> None:
        """The range of the settings, at once: nobody has read livekit.yaml yet."""
        first, last = self._plan.target.media_ports
        try:
            await self._prove(role, range(first, last + 1), board)
        finally:
            board.put(proven_of(role), True)

    async def _prove_rest(self, role: str, board: Board) -> None:
        """What livekit.yaml has besides, over TCP too."""
        first, last = self._plan.target.media_ports
        tcp, udp = _of_config(board.get(SERVER_FACTS))
        endpoint = board.get(endpoint_of(role))
        names = {str(endpoint), endpoint.display_host}
        if more := sorted(tcp - set(self._ports_of(role, endpoint))):
            for place in self._places(role, board):
                await self._scan_one(place, names, "known", more, board)
        if rest := sorted(udp - set(range(first, last + 1))):
            await self._prove(role, rest, board)

    async def _prove(self, role: str, ports: Iterable[int], board: Board) -> None:
        from eloquence_ops.probes.ports.proof import prove

        endpoint = board.get(endpoint_of(role))
        for family, address in self._places(role, board):
            if scope_of(address) == "loopback":
                continue
            board.note(
                await prove(
                    board.get(LINK),
                    family,
                    address,
                    tuple(ports),
                    names=(str(endpoint), endpoint.display_host),
                    password=self._plan.sudo_password,
                    started=board.started,
                )
            )


def _of_config(facts: tuple[ServerFact, ...]) -> tuple[set[int], set[int]]:
    """The ports that LiveKit's configuration names: over TCP, then over UDP."""
    config = next((fact for fact in facts if isinstance(fact, LiveKitConfig)), None)

    def ports(*names: str) -> list[int]:
        values = (config.setting(name) for name in names) if config else ()
        return [value for value in values if isinstance(value, int) and 0 < value < 65536]

    udp = set(ports("rtc.udp_port", "turn.udp_port"))
    ends = ports("rtc.port_range_start", "rtc.port_range_end")
    if len(ends) == 2 and not ports("rtc.udp_port"):
        udp |= set(range(ends[0], ends[1] + 1))
    return set(ports("rtc.tcp_port", "turn.tls_port")), udp
