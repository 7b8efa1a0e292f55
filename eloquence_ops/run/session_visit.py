"""The one change that a diagnosis makes: a session is opened, and closed again in every case."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks.fingerprints import gateway_outcome
from eloquence_ops.endpoints import Endpoint, narrower
from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes.http import Answer, HttpRequest
from eloquence_ops.probes.refused_body import invalid_fields
from eloquence_ops.run.facts import (
    API_KEY,
    APP_USES,
    PROXY_GAVE_UP,
    SESSION,
    client_of,
    endpoint_of,
    lookup_of,
)
from eloquence_ops.run.left_open import came_to, is_closed, last_word, leave_open, may_be_open

if TYPE_CHECKING:
    from collections.abc import Callable

    from eloquence_ops.probes.http import HttpClient
    from eloquence_ops.probes.session import OpenedSession
    from eloquence_ops.run.board import Board
    from eloquence_ops.run.plan import Plan
    from eloquence_ops.secrets import Secret

_ANSWER_BYTES: Final = 256 * 1024


def _from_here(board: Board) -> HttpClient:
    return board.get(client_of("api"))


def _our_own(board: Board) -> Secret | None:
    return board.get(API_KEY) if board.has(API_KEY) else None


def _with(key: Secret | None) -> tuple[tuple[str, str | Secret], ...]:
    return (("X-API-Key", key),) if key is not None else ()


class SessionVisit:
    """`open` is a probe's measurement, `close` takes it back.

    `name` starts the purposes of its requests: `session-open`, `session-close`. What the first
    visit (`session`) is given is handed on; the others only try another `body`, another way to
    the API (`client`), or another `key`, or none. `opening`: the purpose of the first request,
    where it is not the name's.
    """

    def __init__(
        self,
        plan: Plan,
        name: str,
        body: bytes,
        client: Callable[[Board], HttpClient] = _from_here,
        *,
        key: Callable[[Board], Secret | None] = _our_own,
        opening: str = "",
    ) -> None:
        self._plan = plan
        self._name = name
        self._body = body
        self._client = client
        self._key = key
        self._opening = opening or f"{name}-open"
        self._request: asyncio.Task[Answer] | None = None
        self._noted = False

    @property
    def _is_first(self) -> bool:
        return self._name == "session"

    @property
    def _is_harmless(self) -> bool:
        """Whether no API can take the body for a session; one that looks at none opens all the
        same."""
        return self._body == sessions.IMPOSSIBLE_BODY

    async def open(self, board: Board) -> None:
        await self.answer(board)

    async def answer(self, board: Board) -> tuple[HttpExchange, OpenedSession | None]:
        """What the opening came to, and the session in it."""
        self._request = asyncio.create_task(self._post(board))
        # Shielded: cut off in the middle, it would leave a session open that nobody knows.
        answer = await asyncio.shield(self._request)
        seen, session = self._note(answer, board)
        if self._is_first:
            await self._hand_on(seen, session, board)
        return seen, session

    async def _hand_on(
        self, seen: HttpExchange, session: OpenedSession | None, board: Board
    ) -> None:
        if gateway_outcome(seen) == "gateway-timeout":
            board.put(PROXY_GAVE_UP, True)
        if session is None:
            return
        board.put(SESSION, session)
        if session.url is not None:
            await self._place(session.url, board)
        elsewhere = board.has(endpoint_of("handed-out"))
        board.put(APP_USES, "handed-out" if elsewhere else "livekit")

    async def _post(self, board: Board) -> Answer:
        headers = (*_with(self._key(board)), ("Content-Type", "application/json"))
        request = HttpRequest(self._opening, "POST", sessions.PATH, headers, self._body)
        return await self._client(board).send(request, body_limit=_ANSWER_BYTES)

    def _note(self, answer: Answer, board: Board) -> tuple[HttpExchange, OpenedSession | None]:
        """Writes down the answer once; the token is known to the redactor before anything else."""
        if self._noted:
            return answer.observation, None
        self._noted = True
        redactor, seen = self._plan.redactor, answer.observation
        session, types = sessions.read_answer(answer.body, redactor)
        # An excerpt may end within a token, where no pattern finds it: the fields say enough.
        body = "" if "token" in types else redactor.text(seen.body)
        refused = invalid_fields(answer.body, redactor) if seen.status == 422 else ()
        seen = seen.model_copy(update={"body": body, "invalid_fields": refused})
        board.note(seen)
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
        return seen, session

    async def _place(self, url: Endpoint, board: Board) -> None:
        """Adds from where the address handed out can be used; passes it on when that is here."""
        lookup = await self._plan.resolve(url.host, board)
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
        if url != self._plan.target.livekit:
            board.put(endpoint_of("handed-out"), url)

    async def close(self, board: Board) -> None:
        """Ends the session; writes down what had to be left open."""
        if self._request is None:
            return
        answer = await last_word(
            self._request, board, self._plan.redactor, harmless=self._is_harmless
        )
        if answer is None:
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
        answered_well = seen.status is not None and 200 <= seen.status < 300
        if answered_well or (may_be_open(seen) and not self._is_harmless):
            self._leave_open("", came_to(seen), board)

    async def _delete(self, session: OpenedSession, board: Board) -> None:
        # The first visit asks twice: what was ended must be gone.
        for purpose in ("close", "gone") if self._is_first else ("close",):
            answered = await self._end(purpose, session, board)
            if purpose == "close" and not is_closed(answered):
                self._leave_open(session.session_id, came_to(answered), board)
            if answered.status != 200:
                return

    async def _end(self, purpose: str, session: OpenedSession, board: Board) -> HttpExchange:
        """With the key that opened it; where that one may open and not close, with our own."""
        opened_by, own = self._key(board), _our_own(board)
        answered = await self._delete_with(opened_by, purpose, session, board)
        if answered.status in (401, 403) and own not in (None, opened_by):
            answered = await self._delete_with(own, purpose, session, board)
        return answered

    async def _delete_with(
        self, key: Secret | None, purpose: str, session: OpenedSession, board: Board
    ) -> HttpExchange:
        request = HttpRequest(f"{self._name}-{purpose}", "DELETE", session.close_path, _with(key))
        answered = (await self._client(board).send(request)).observation
        board.note(answered)
        return answered

    def _leave_open(
        self, session_id: str, detail: str, board: Board, *, interrupted: bool = False
    ) -> None:
        leave_open(session_id, detail, board, self._plan.redactor, interrupted=interrupted)
