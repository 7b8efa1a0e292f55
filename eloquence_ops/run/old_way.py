"""The old endpoints, tried once as an old app uses them, where the new one is missing.

The debugging guide lets the app go back to them while a deployment has to wait. That is worth
saying only where all of it works: a session starts, its websocket opens, and it ends again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes.http import Answer, HttpRequest
from eloquence_ops.probes.http_request import WEBSOCKET_UPGRADE
from eloquence_ops.run.facts import client_of
from eloquence_ops.run.left_open import came_to, is_closed, last_word, leave_open, may_be_open
from eloquence_ops.secrets import Redactor

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board

_JSON: Final = ("Content-Type", "application/json")


class OldWay:
    """`open` is a probe's measurement, `close` takes it back."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._request: asyncio.Task[Answer] | None = None

    async def open(self, board: Board) -> None:
        """Starts a session without a key, as old apps do, and tries its websocket."""
        self._request = asyncio.create_task(
            self._send(
                HttpRequest(
                    "old-open", "POST", sessions.OLD_START_PATH, (_JSON,), sessions.old_body()
                ),
                board,
            )
        )
        # Shielded: cut off in the middle, it would leave a session open that nobody knows.
        session_id = sessions.old_session_id((await asyncio.shield(self._request)).body)
        if session_id is None:
            return
        await asyncio.gather(
            self._send(
                HttpRequest(
                    "old-socket",
                    "GET",
                    sessions.old_socket_path(session_id),
                    WEBSOCKET_UPGRADE,
                ),
                board,
            ),
            self._send(HttpRequest("old-token-get", "GET", sessions.OLD_TOKEN_PATH), board),
        )

    async def close(self, board: Board) -> None:
        """Ends what was started."""
        if self._request is None:
            return
        answer = await last_word(self._request, board, self._redactor)
        if answer is None:
            return
        session_id = sessions.old_session_id(answer.body)
        if session_id is None:
            if may_be_open(answer.observation):
                self._leave_open("", came_to(answer.observation), board)
            return
        request = HttpRequest("old-close", "POST", sessions.old_end_path(session_id))
        try:
            ended = (await self._send(request, board)).observation
        except asyncio.CancelledError:
            self._leave_open(session_id, "interrupted", board, interrupted=True)
            raise
        if not is_closed(ended):
            self._leave_open(session_id, came_to(ended), board)

    def _leave_open(
        self, session_id: str, detail: str, board: Board, *, interrupted: bool = False
    ) -> None:
        leave_open(session_id, detail, board, self._redactor, interrupted=interrupted)

    async def _send(self, request: HttpRequest, board: Board) -> Answer:
        answer = await board.get(client_of("api")).send(request)
        board.note(self._without_secrets(answer.observation))
        return answer

    @staticmethod
    def _without_secrets(seen: HttpExchange) -> HttpExchange:
        """An old server may hand a token out with the session; nothing of it is needed."""
        opened = seen.status is not None and 200 <= seen.status < 300
        return seen.model_copy(update={"body": ""}) if opened else seen
