"""Sessions that were opened, or may have been, and could not be closed again: they are told."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from eloquence_ops.observations import HttpExchange, SessionLeftOpen
from eloquence_ops.probes import remote_text
from eloquence_ops.run.facts import endpoint_of

if TYPE_CHECKING:
    from eloquence_ops.probes.http import Answer
    from eloquence_ops.run.board import Board
    from eloquence_ops.secrets import Redactor

# After an interrupt a request that is under way gets this long to say which session it opened.
_LAST_WORD_S: Final = 3.0
# Gone already is closed.
_CLOSED: Final = frozenset({404, 410})


async def last_word(
    request: asyncio.Task[Answer], board: Board, redactor: Redactor, *, harmless: bool = False
) -> Answer | None:
    """What a request to open a session comes to; None where nobody hears, which is written down
    unless it was a `harmless` one, that can open nothing."""
    try:
        return await asyncio.wait_for(asyncio.shield(request), _LAST_WORD_S)
    except (TimeoutError, asyncio.CancelledError) as end:
        request.cancel()
        if not harmless:
            leave_open("", "no answer before the interrupt", board, redactor, interrupted=True)
        if isinstance(end, asyncio.CancelledError):
            raise
        return None


def may_be_open(seen: HttpExchange) -> bool:
    """Whether a request to open a session may have done so, though its answer names none."""
    if seen.status is None:
        return seen.outcome in ("silent", "closed")
    return 200 <= seen.status < 300 or seen.status == 504


def is_closed(seen: HttpExchange) -> bool:
    """Whether a request to close a session did so."""
    return seen.status is not None and (200 <= seen.status < 300 or seen.status in _CLOSED)


def came_to(seen: HttpExchange) -> str:
    return f"HTTP {seen.status}" if seen.status is not None else seen.outcome


def leave_open(
    session_id: str, detail: str, board: Board, redactor: Redactor, *, interrupted: bool = False
) -> None:
    """Writes it down; `session_id` is empty where nobody knows it."""
    board.note(
        SessionLeftOpen(
            endpoint=str(board.get(endpoint_of("api"))),
            session_id=remote_text.line(session_id, redactor, limit=200),
            interrupted=interrupted,
            detail=detail,
            at_s=round(time.monotonic() - board.started, 6),
        )
    )
