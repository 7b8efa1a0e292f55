"""What is asked of LiveKit's signalling, at each address that it is known by."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from eloquence_ops.checks.livekit import is_accepted
from eloquence_ops.probes.http import HttpRequest
from eloquence_ops.probes.http_request import WEBSOCKET_UPGRADE
from eloquence_ops.run import room_visit
from eloquence_ops.run.exposure import ExposureProbes
from eloquence_ops.run.facts import SESSION, Role, client_of, token_taken_by
from eloquence_ops.run.ice_probes import IceProbes
from eloquence_ops.run.own_room import OwnRoom
from eloquence_ops.secrets import Secret

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan


class LivekitProbes:
    """The probes of one plan that speak to the LiveKit of one role."""

    def __init__(self, plan: Plan, role: Role) -> None:
        self._plan, self._role = plan, role

    def all(self) -> list[Probe]:
        plan, role, client = self._plan, self._role, (client_of(self._role),)
        return [
            plan.probe(f"{role}.health", self._health, needs=client),
            plan.probe(
                f"{role}.token",
                self._token,
                needs=(*client, SESSION),
                provides=(token_taken_by(role),),
            ),
            room_visit.probe(plan, role),
            *OwnRoom(plan, role).all(),
            IceProbes(plan).handed_out(role),
            *ExposureProbes(plan, role).all(),
        ]

    async def _health(self, board: Board) -> None:
        """Without a token: LiveKit says so in words of its own, and creates nothing."""
        plan, role = self._plan, self._role
        await asyncio.gather(
            plan.get(role, board, "livekit-health", "/"),
            plan.get(role, board, "livekit-rtc", "/rtc/validate"),
            plan.get(role, board, "livekit-rtc-v1", "/rtc/v1/validate"),
            plan.get(role, board, "livekit-upgrade", "/rtc", WEBSOCKET_UPGRADE),
        )

    async def _token(self, board: Board) -> None:
        """The token goes to LiveKit's own address, in a header: a query would end up in logs."""
        bearer = Secret(f"Bearer {board.get(SESSION).token.reveal()}")
        answer = await board.get(client_of(self._role)).send(
            HttpRequest("livekit-validate", "GET", "/rtc/validate", (("Authorization", bearer),))
        )
        board.note(answer.observation)
        if is_accepted(answer.observation):
            board.put(token_taken_by(self._role), True)
