"""Where an API that does not answer at its address may be instead.

The hosts that were named, at the usual ports, over each address family: GET only, and no key, for
nobody has named these addresses.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks.fingerprints import gateway_outcome
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import AddressLookup, HttpExchange
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes.http import HttpRequest
from eloquence_ops.probes.road import Road
from eloquence_ops.run.facts import LOOK_BESIDE, endpoint_of, lookup_of

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

# Where else an API is found: behind a TLS proxy, or on the guide's port without one.
_PLACES: Final = (("https", 443), ("http", 8083), ("http", 80), ("https", 8443))


def is_not_there(probed: HttpExchange) -> bool:
    """Whether the answer to GET on a session route leaves it open that the API is elsewhere:
    silence, a proxy's apology, a page, a 404. A redirect and a refusal say where it is."""
    if probed.outcome != "answered" or gateway_outcome(probed):
        return True
    return probed.status in (200, 404)


class Neighbours:
    """`api.neighbours` of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def probe(self) -> Probe:
        return self._plan.probe(
            "api.neighbours", self._ask_all, 2, needs=(endpoint_of("api"), LOOK_BESIDE)
        )

    async def _ask_all(self, board: Board) -> None:
        own, livekit = board.get(endpoint_of("api")), self._plan.target.livekit
        hosts = dict.fromkeys((own.host, *((livekit.host,) if livekit else ())))
        await asyncio.gather(*(self._ask_host(host, own, board) for host in hosts))

    async def _ask_host(self, host: str, own: Endpoint, board: Board) -> None:
        lookup = await self._lookup(host, own, board)
        if lookup.outcome != "found":
            return
        addresses = (
            Endpoint(scheme, host, port, own.path)
            for scheme, port in _PLACES
            if (scheme, host, port) != (own.scheme, own.host, own.port)
        )
        roads = [road for other in addresses for road in self._plan.roads(other, lookup)]
        await asyncio.gather(*(self._ask(road, board) for road in roads))

    async def _lookup(self, host: str, own: Endpoint, board: Board) -> AddressLookup:
        if host == own.host and board.has(lookup_of("api")):
            return board.get(lookup_of("api"))
        return await self._plan.resolve(host, board)

    async def _ask(self, road: Road, board: Board) -> None:
        async with self._plan.client(road, board) as client:
            answer = await client.send(HttpRequest("neighbour-get", "GET", sessions.PATH))
            board.note(answer.observation)
