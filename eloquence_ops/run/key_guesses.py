"""What the API says to no key, to the guide's example key and to one made up: once each.

The body can open nothing where an API judges bodies. One that does not may open a session all the
same: then it is closed like any other.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from eloquence_ops.probes import session as sessions
from eloquence_ops.run.session_visit import SessionVisit
from eloquence_ops.secrets import Secret

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board
    from eloquence_ops.run.plan import Plan

# The debugging guide's example, which some server may still accept.
_DEFAULT_KEY: Final = Secret("default-key")


def guess(plan: Plan, purpose: str, key: Secret | None) -> SessionVisit:
    """A POST with this key instead of our own."""
    return SessionVisit(
        plan, purpose, sessions.IMPOSSIBLE_BODY, key=lambda _board: key, opening=purpose
    )


class KeyGuesses:
    """`open` is a probe's measurement, `close` takes back what came of it."""

    def __init__(self, plan: Plan) -> None:
        self._guesses = (
            guess(plan, "no-key", None),
            guess(plan, "default-key", _DEFAULT_KEY),
            guess(plan, "wrong-key", Secret(secrets.token_hex(16))),
        )

    async def open(self, board: Board) -> None:
        await asyncio.gather(*(entry.open(board) for entry in self._guesses))

    async def close(self, board: Board) -> None:
        await asyncio.gather(*(entry.close(board) for entry in self._guesses))
