"""The one change that a diagnosis makes: a session is opened, and closed again in every case."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from eloquence_ops.endpoints import narrower
from eloquence_ops.observations import HttpExchange, SessionLeftOpen
from eloquence_ops.probes import remote_text
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes.http import Answer, HttpRequest
from eloquence_ops.run.facts import API_KEY, SESSION, client_of, endpoint_of, lookup_of

if TYPE_CHECKING:
    from eloquence_ops.probes.session import OpenedSession
    from eloquence_ops.run.board import Board
    from eloquence_ops.run.plan import Plan

# After an interrupt a request that is under way gets this long to say which session it opened.
_LAST_WORD_S: Final = 3.0
_ANSWER_BYTES: Final = 256 * 1024


class SessionVisit:
    """`open` is a probe's measurement, `close` takes it back.

    `name` starts the purposes of its requests: `session-open`, `session-close`. What the first
    visit (`session`) is given is handed on; the others only try another `body`.
    """

    def __init__(self, plan: Plan, name: str, body: bytes) -> None:
        self._plan = plan
        self._name = name
        self._body = body
        self._request: asyncio.Task[Answer] | None = None
        self._noted = False

    @property
    def _is_first(self) -> bool:
        return self._name == "session"

    async def open(self, board: Board) -> None:
        self._request = asyncio.create_task(self._post(board))
        # Shielded: cut off in the middle, it would leave a session open that nobody knows.
        answer = await asyncio.shield(self._request)
        session = self._note(answer, board)
        if session is None or not self._is_first:
            return
        board.put(SESSION, session)
        if session.url is not None:
            await self._place(session, board)

    async def _post(self, board: Board) -> Answer:
        headers = (("Content-Type", "application/json"), ("X-API-Key", board.get(API_KEY)))
        request = HttpRequest(f"{self._name}-open", "POST", sessions.PATH, headers, self._body)
        return await board.get(client_of("api")).send(request, body_limit=_ANSWER_BYTES)

    def _note(self, answer: Answer, board: Board) -> OpenedSession | None:
        """Writes down the answer once; the token is known to the redactor before anything else."""
        if self._noted:
            return None
        self._noted = True
        redactor, seen = self._plan.redactor, answer.observation
        session, types = sessions.read_answer(answer.body, redactor)
        # An excerpt may end within a token, where no pattern finds it: the fields say enough.
        body = "" if "token" in types else redactor.text(seen.body)
        board.note(seen.model_copy(update={"body": body}))
        described = sessions.describe(
            session,
            types,
            answer.body,
            endpoint=seen.endpoint,
            at_s=seen.at_s,
            redactor=redactor,
        )
        if self._is_first and described is not None and (seen.status or 999) < 300:
            board.note(described)
        return session

    async def _place(self, session: OpenedSession, board: Board) -> None:
        """Adds from where the address handed out can be used; passes it on when that is here."""
        assert session.url is not None  # noqa: S101  # the caller looked
        lookup = await self._plan.resolve(session.url.host, board)
        api_scope = sessions.widest_scope(board.get(lookup_of("api")))
        url_scope = sessions.widest_scope(lookup)
        for place, seen in enumerate(board.observations):
            if seen.kind == "api.session":
                board.observations[place] = seen.model_copy(
                    update={
                        "url_lookup": lookup.outcome,
                        "url_scope": url_scope,
                        "api_scope": api_scope,
                    }
                )
        if url_scope is None or (api_scope is not None and narrower(url_scope, than=api_scope)):
            return
        if session.url != self._plan.target.livekit:
            board.put(endpoint_of("handed-out"), session.url)

    async def close(self, board: Board) -> None:
        """Ends the session; writes down what had to be left open."""
        if self._request is None:
            return
        try:
            answer = await asyncio.wait_for(asyncio.shield(self._request), _LAST_WORD_S)
        except (TimeoutError, asyncio.CancelledError) as end:
            self._request.cancel()
            self._leave_open("", "no answer before the interrupt", board, interrupted=True)
            if isinstance(end, asyncio.CancelledError):
                raise
            return
        self._note(answer, board)
        session, _ = sessions.read_answer(answer.body, self._plan.redactor)
        if session is None:
            self._say_if_left_open(answer.observation, board)
            return
        try:
            await self._delete(session, board)
        except asyncio.CancelledError:
            self._leave_open(session.session_id, "interrupted", board, interrupted=True)
            raise

    def _say_if_left_open(self, seen: HttpExchange, board: Board) -> None:
        """A session that nobody can name may have been opened all the same."""
        if seen.outcome in ("silent", "closed"):
            self._leave_open("", seen.outcome, board)
        elif seen.status is not None and (200 <= seen.status < 300 or seen.status == 504):
            self._leave_open("", f"HTTP {seen.status}", board)

    async def _delete(self, session: OpenedSession, board: Board) -> None:
        client, key = board.get(client_of("api")), board.get(API_KEY)
        # The first visit asks twice: what was ended must be gone.
        for purpose in ("close", "gone") if self._is_first else ("close",):
            request = HttpRequest(
                f"{self._name}-{purpose}", "DELETE", session.close_path, (("X-API-Key", key),)
            )
            answer = await client.send(request)
            board.note(answer.observation)
            if answer.observation.status != 200:
                return

    def _leave_open(
        self, session_id: str, detail: str, board: Board, *, interrupted: bool = False
    ) -> None:
        endpoint = board.get(endpoint_of("api"))
        board.note(
            SessionLeftOpen(
                endpoint=str(endpoint),
                session_id=remote_text.line(session_id, self._plan.redactor, limit=200),
                interrupted=interrupted,
                detail=detail,
                at_s=round(time.monotonic() - board.started, 6),
            )
        )
