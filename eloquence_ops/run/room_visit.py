"""The visit to the room of the session that was opened, at the one address where the app would."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from eloquence_ops.run.facts import (
    APP_USES,
    SESSION,
    Role,
    client_of,
    ice_servers_of,
    token_taken_by,
)

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan


def probe(plan: Plan, role: Role) -> Probe:
    """Waits until LiveKit at this address has called the token good."""
    needs = (client_of(role), SESSION, token_taken_by(role), APP_USES)
    # Three waits: until we are in, for the coach, and for leaving.
    return plan.probe(
        f"{role}.join",
        partial(_join, plan, role),
        3,
        needs=needs,
        provides=(ice_servers_of(role),),
    )


async def _join(plan: Plan, role: Role, board: Board) -> None:
    if board.get(APP_USES) != role:
        return
    # Reading these libraries takes as long as a request: the others go on meanwhile.
    await asyncio.to_thread(import_module, "eloquence_ops.probes.signalling")
    from eloquence_ops.probes import signalling

    road = board.get(client_of(role)).road
    board.note(
        await signalling.visit(
            road,
            board.get(SESSION).token,
            context=plan.tls_context if road.endpoint.secure else None,
            redactor=plan.redactor,
            timeout_s=plan.timeout_s,
            started=board.started,
            hand_out=partial(board.put, ice_servers_of(role)),
        )
    )
