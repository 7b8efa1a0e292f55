"""What is asked of a TLS end beyond its handshake."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from eloquence_ops.probes import tls, websocket_offer
from eloquence_ops.run.facts import Role, client_of, endpoint_of

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan


class TlsProbes:
    """The probes of one plan that ask at the address of one role."""

    def __init__(self, plan: Plan, role: Role) -> None:
        self._plan, self._role = plan, role

    def all(self) -> list[Probe]:
        needs = (client_of(self._role),)
        return [
            self._plan.probe(f"{self._role}.offers", self._offers, needs=needs),
            self._plan.probe(f"{self._role}.nameless", self._nameless, needs=needs),
        ]

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

    async def _offers(self, board: Board) -> None:
        """Over the first address family that works, where websockets are opened."""
        plan, endpoint = self._plan, board.get(endpoint_of(self._role))
        if endpoint.scheme != "wss":
            return
        road = board.get(client_of(self._role)).road
        asked = (
            websocket_offer.ask(
                road,
                offered,
                context=tls.client_context(plan.target.ca) if offered else plan.tls_context,
                redactor=plan.redactor,
                timeout_s=plan.timeout_s,
                started=board.started,
            )
            for offered in websocket_offer.OFFERS
        )
        for seen in await asyncio.gather(*asked):
            board.note(seen)
