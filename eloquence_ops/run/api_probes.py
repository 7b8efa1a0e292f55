"""What is asked of the API: its routes, its keys, its contract; its neighbours when it is dead."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks.api import judged_post, may_have_sessions, route_is_there
from eloquence_ops.checks.api_contract import APP_ORIGIN
from eloquence_ops.checks.fingerprints import REDIRECTS, gateway_outcome
from eloquence_ops.observations import ApiRoutes, HttpExchange
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes.http import Answer, HttpRequest
from eloquence_ops.probes.routes import LARGEST_DOCUMENT_BYTES, read_routes
from eloquence_ops.run.api_way import ROUTE_REQUEST, ApiWay
from eloquence_ops.run.facts import (
    API_KEY,
    APP_USES,
    LOOK_BESIDE,
    ONLY_OLD_ROUTES,
    PROXY_GAVE_UP,
    ROUTE_ANSWER,
    SESSION,
    SESSIONS_ROUTE,
    client_of,
    endpoint_of,
)
from eloquence_ops.run.key_guesses import KeyGuesses, guess
from eloquence_ops.run.neighbours import Neighbours, is_not_there
from eloquence_ops.run.old_way import OldWay
from eloquence_ops.run.session_visit import SessionVisit

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

_OTHER_PATHS: Final = (("bare-get", "/sessions"), ("doubled-get", "/api/api/sessions"))


# What is often in front of /api where several applications share a name.
_USUAL_BASES: Final = ("/backend", "/eloquence")


def _below_a_base(routes: ApiRoutes | None) -> list[tuple[str, str]]:
    """The route below what its address may lack: what the API says of itself first."""
    bases = (*(routes.bases if routes else ()), *_USUAL_BASES)
    return [("based-get", f"{base}{sessions.PATH}") for base in dict.fromkeys(bases)]


class ApiProbes:
    """The probes of one plan that speak to the API."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # The documented request itself, without a key and with a body that can open nothing.
        self._first_post = guess(plan, "sessions-post", None)

    def all(self) -> list[Probe]:
        """Those of a read-only run open nothing and guess at no key."""
        plan, client = self._plan, (client_of("api"),)
        route = (*client, SESSIONS_ROUTE)
        found = [
            plan.probe("api.root", self._root, needs=client),
            plan.probe(
                "api.routes",
                self._routes,
                3,
                needs=client,
                provides=(SESSIONS_ROUTE, ONLY_OLD_ROUTES, LOOK_BESIDE),
                finish=self._first_post.close,
            ),
            *ApiWay(plan).all(),
            plan.probe("api.cors", self._cors, needs=route),
            Neighbours(plan).probe(),
        ]
        if plan.read_only:
            found.append(self._visit("key-proof", sessions.IMPOSSIBLE_BODY, route))
        else:
            opened, old = (*route, SESSION), OldWay(plan.redactor)
            guesses = KeyGuesses(plan)
            found += [
                self._visit("session", sessions.request_body(), route),
                plan.probe("api.keys", guesses.open, 2, needs=route, finish=guesses.close),
                plan.probe(
                    "api.old-way",
                    old.open,
                    2,
                    needs=(*client, ONLY_OLD_ROUTES),
                    finish=old.close,
                ),
                self._visit("minimal", sessions.minimal_body(), opened),
                self._visit("nulls", sessions.body_with_nulls(), opened),
            ]
        return found

    def _visit(self, name: str, body: bytes, needs: tuple[object, ...]) -> Probe:
        visit = SessionVisit(self._plan, name, body)
        first = (SESSION, endpoint_of("handed-out"), APP_USES, PROXY_GAVE_UP)
        gives = first if name == "session" else ()
        return self._plan.probe(
            f"api.{name}",
            visit.open,
            2,
            needs=(*needs, API_KEY),
            provides=gives,
            finish=visit.close,
        )

    async def _root(self, board: Board) -> None:
        await self._plan.get("api", board, "root", "/")

    async def _routes(self, board: Board) -> None:
        """GET on POST routes opens nothing: 405 where they exist, 404 where they do not."""
        routes, probed, old = await asyncio.gather(
            self._openapi(board),
            self._route(board),
            self._plan.get("api", board, "old-start-get", sessions.OLD_START_PATH),
        )
        if may_have_sessions(probed.observation, routes) or await self._shown_by_post(
            probed.observation, board
        ):
            board.put(SESSIONS_ROUTE, True)
            return
        if probed.observation.status == 404:
            if route_is_there(old.observation):
                board.put(ONLY_OLD_ROUTES, True)
            others = await asyncio.gather(
                *(
                    self._plan.get("api", board, purpose, path)
                    for purpose, path in (*_OTHER_PATHS, *_below_a_base(routes))
                )
            )
            if any(route_is_there(entry.observation) for entry in (old, *others)):
                return
        if is_not_there(probed.observation):
            board.put(LOOK_BESIDE, True)

    async def _route(self, board: Board) -> Answer:
        """GET on the sessions route; it was asked already where a family had to be chosen."""
        if board.has(ROUTE_ANSWER):
            return board.get(ROUTE_ANSWER)
        return await self._send(ROUTE_REQUEST, board)

    async def _shown_by_post(self, probed: HttpExchange, board: Board) -> bool:
        """Asks with POST where GET does not show the route."""
        if probed.outcome != "answered" or gateway_outcome(probed) or probed.status in REDIRECTS:
            return False
        posted, session = await self._first_post.answer(board)
        return session is not None or judged_post(posted)

    async def _openapi(self, board: Board) -> ApiRoutes | None:
        client = board.get(client_of("api"))
        answer = await client.send(
            HttpRequest("openapi", "GET", "/openapi.json"), body_limit=LARGEST_DOCUMENT_BYTES
        )
        board.note(answer.observation)
        seen = answer.observation
        routes = read_routes(
            answer.body,
            endpoint=seen.endpoint,
            at_s=seen.at_s,
            redactor=self._plan.redactor,
        )
        if routes is not None:
            board.note(routes)
        return routes

    async def _cors(self, board: Board) -> None:
        """The preflights that a browser sends before the app's requests (Fetch standard, CORS)."""

        def preflight(purpose: str, path: str, method: str, headers: str) -> HttpRequest:
            asked = (
                ("Origin", APP_ORIGIN),
                ("Access-Control-Request-Method", method),
                ("Access-Control-Request-Headers", headers),
            )
            return HttpRequest(purpose, "OPTIONS", path, asked)

        one = f"{sessions.PATH}/eloquence-doctor"
        await asyncio.gather(
            self._send(
                preflight("preflight", sessions.PATH, "POST", "content-type,x-api-key"), board
            ),
            self._send(preflight("preflight-delete", one, "DELETE", "x-api-key"), board),
        )

    async def _send(self, request: HttpRequest, board: Board) -> Answer:
        answer = await board.get(client_of("api")).send(request)
        board.note(answer.observation)
        return answer
