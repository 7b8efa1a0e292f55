"""What is asked of a TLS end beyond its handshake."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks import tls_http, tls_renewal
from eloquence_ops.checks.fingerprints import is_livekit
from eloquence_ops.checks.tls_vouching import demands_staple
from eloquence_ops.endpoints import scope_of
from eloquence_ops.observations import TcpConnect, TlsChain
from eloquence_ops.probes import tls, tls_versions, websocket_offer
from eloquence_ops.probes.http import HttpClient, HttpRequest
from eloquence_ops.probes.road import Road
from eloquence_ops.run.facts import (
    Role,
    answers_as_livekit,
    client_of,
    clients_of,
    endpoint_of,
    lookup_of,
    tried_of,
)

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

# Beyond the first of each family. A name with more is a network's, which renews all at once.
_MOST_ADDRESSES: Final = 8


class TlsProbes:
    """The probes of one plan that ask at the address of one role."""

    def __init__(self, plan: Plan, role: Role) -> None:
        self._plan, self._role = plan, role

    def all(self) -> list[Probe]:
        plan, role, needs = self._plan, self._role, (client_of(self._role),)
        lookup = (endpoint_of(role), lookup_of(role))
        found = [
            plan.probe(f"{role}.nameless", self._nameless, needs=needs),
            plan.probe(f"{role}.addresses", self._addresses, waits=3, needs=lookup),
            plan.probe(f"{role}.staple", self._staple, needs=needs),
            plan.probe(
                f"{role}.versions", self._versions, waits=2, needs=(*lookup, tried_of(role))
            ),
            plan.probe(f"{role}.renewal", self._renewal, needs=(*lookup, tried_of(role))),
        ]
        if self._is_examined():
            return [*found, plan.probe(f"{role}.offers", self._offers, needs=needs)]
        livekit = (answers_as_livekit(role),)
        return [
            *found,
            plan.probe(f"{role}.http", self._http, needs=needs, provides=livekit),
            plan.probe(f"{role}.offers", self._offers, needs=(*needs, *livekit)),
        ]

    def _is_examined(self) -> bool:
        """Whether the service itself is spoken to; `Seen.is_examined` of the same."""
        services = self._plan.asked.services(self._plan.target)
        return ("livekit" if self._role == "handed-out" else self._role) in services

    def _clients(self, board: Board) -> list[HttpClient]:
        """One for each address family that works."""
        return board.get(clients_of(self._role))

    async def _nameless(self, board: Board) -> None:
        plan, endpoint = self._plan, board.get(endpoint_of(self._role))
        if not endpoint.secure or endpoint.is_address:
            return
        board.note(
            await tls.without_name(
                board.get(client_of(self._role)).road,
                timeout_s=plan.timeout_s,
                started=board.started,
                redactor=plan.redactor,
            )
        )

    async def _staple(self, board: Board) -> None:
        """Only where a certificate demands a stapled answer; `reach` noted the chains before."""
        plan = self._plan
        demanding = {chain.address for chain in self._chains(board) if demands_staple(chain)}
        clients = [one for one in self._clients(board) if one.road.address in demanding]
        if not clients:
            return
        from eloquence_ops.probes import staple

        asked = (
            staple.ask(
                client.road,
                timeout_s=plan.timeout_s,
                started=board.started,
                redactor=plan.redactor,
            )
            for client in clients
        )
        for answer in await asyncio.gather(*asked):
            board.note(answer)

    async def _versions(self, board: Board) -> None:
        """At the first address of each family that takes connections; a handshake that failed may
        have failed for want of a version."""
        plan, endpoint = self._plan, board.get(endpoint_of(self._role))
        name = str(endpoint)
        connected = {
            entry.address
            for entry in board.observations
            if isinstance(entry, TcpConnect)
            and entry.endpoint == name
            and entry.outcome == "connected"
        }
        roads = plan.roads(endpoint, board.get(lookup_of(self._role))) if endpoint.secure else []
        asked = (
            tls_versions.ask(road, timeout_s=plan.timeout_s, started=board.started)
            for road in roads
            if road.address in connected
        )
        for answer in await asyncio.gather(*asked):
            board.note(answer)

    async def _renewal(self, board: Board) -> None:
        """The request of an authority that renews, for a file that nobody has."""
        plan, endpoint = self._plan, board.get(endpoint_of(self._role))
        now = datetime.now(UTC)
        asks = any(tls_renewal.may_need_port_80(chain, now) for chain in self._chains(board))
        lookup, challenged = board.get(lookup_of(self._role)), tls_renewal.challenged(endpoint)
        is_public = any(scope_of(entry.address) == "public" for entry in lookup.addresses)
        was_replaced = plan.target.redirection(endpoint) is not None
        if not asks or endpoint.is_address or not is_public or was_replaced:
            return
        path = f"{tls_renewal.PATH}eloquence-{token_urlsafe(9)}"
        request = HttpRequest(tls_renewal.PURPOSE, "GET", path)

        async def one(road: Road) -> None:
            async with plan.client(road, board) as client:
                board.note((await client.send(request)).observation)

        await asyncio.gather(*map(one, plan.roads(challenged, lookup)))

    def _chains(self, board: Board) -> list[TlsChain]:
        """With a leaf that could be read, at the first address of each family."""
        name = str(board.get(endpoint_of(self._role)))
        return [
            entry
            for entry in board.observations
            if isinstance(entry, TlsChain) and entry.endpoint == name and entry.certificates
        ]

    async def _addresses(self, board: Board) -> None:
        """Of a name with many addresses only the first of each family is used; a renewal easily
        forgets one of the machines behind the others."""
        plan, endpoint = self._plan, board.get(endpoint_of(self._role))
        roads = plan.more_roads(endpoint, board.get(lookup_of(self._role)))
        if not endpoint.secure:
            return
        asked = (
            tls.at_address(
                road,
                context=plan.tls_context,
                timeout_s=plan.timeout_s,
                started=board.started,
                redactor=plan.redactor,
            )
            for road in roads[:_MOST_ADDRESSES]
        )
        for answer in await asyncio.gather(*asked):
            board.note(answer)

    async def _http(self, board: Board) -> None:
        """One request over each family. By the answer LiveKit is known where no address says it."""
        request = HttpRequest(tls_http.PURPOSE, "GET", tls_http.PATH)
        clients = self._clients(board) if board.get(endpoint_of(self._role)).secure else []
        answers = await asyncio.gather(*(client.send(request) for client in clients))
        for answer in answers:
            board.note(answer.observation)
        board.put(
            answers_as_livekit(self._role),
            any(is_livekit(answer.observation) for answer in answers),
        )

    async def _offers(self, board: Board) -> None:
        """Over each address family that works, where websockets are opened."""
        plan, endpoint = self._plan, board.get(endpoint_of(self._role))
        said = answers_as_livekit(self._role)
        answers = board.has(said) and board.get(said)
        if not tls_http.opens_websockets(endpoint, plan.asked, plan.target, answers=answers):
            return
        asked = (
            websocket_offer.ask(
                client.road,
                offered,
                context=plan.tls_context,
                redactor=plan.redactor,
                timeout_s=plan.timeout_s,
                started=board.started,
            )
            for client in self._clients(board)
            for offered in websocket_offer.OFFERS
        )
        for seen in await asyncio.gather(*asked):
            board.note(seen)
