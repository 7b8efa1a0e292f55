"""Which address family the API is examined over, where connections come about over both.

The first harmless request goes out over each. One family may lead to another service, to a proxy
that finds nobody, or to nothing that answers; then the API is examined over the other one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eloquence_ops.checks.api import route_is_there
from eloquence_ops.checks.fingerprints import gateway_outcome, is_foreign
from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes.http import Answer, HttpRequest
from eloquence_ops.run.facts import (
    API_CANDIDATES,
    LATER_ANSWERS,
    ROUTE_ANSWER,
    client_of,
)

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

ROUTE_REQUEST: Final = HttpRequest("sessions-get", "GET", sessions.PATH)
# How long a family that shows the route waits for one that clients would take before it (RFC 8305
# waits 250 ms for a connection; this is a whole answer).
_GRACE_S: Final = 0.5

_Asked = list["asyncio.Task[Answer]"]


class ApiWay:
    """The probes that choose: `api.way` ends as soon as one is chosen, `api.families` hears what
    the others have to say."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._asked: _Asked = []

    def all(self) -> list[Probe]:
        return [
            self._plan.probe(
                "api.way",
                self._choose,
                needs=(API_CANDIDATES,),
                provides=(client_of("api"), ROUTE_ANSWER, LATER_ANSWERS),
                finish=self._let_go,
            ),
            self._plan.probe("api.families", self._families, needs=(LATER_ANSWERS,)),
        ]

    async def _choose(self, board: Board) -> None:
        clients = board.get(API_CANDIDATES)
        self._asked = [asyncio.create_task(client.send(ROUTE_REQUEST)) for client in clients]
        await self._enough_heard()
        number = min(range(len(clients)), key=lambda place: (_rank(self._asked[place]), place))
        board.put(client_of("api"), clients[number])
        chosen = self._asked.pop(number)
        board.put(LATER_ANSWERS, list(self._asked))
        board.note(chosen.result().observation)
        board.put(ROUTE_ANSWER, chosen.result())

    async def _enough_heard(self) -> None:
        """Until the first family, or one of the others and a moment more, has shown the route."""
        waiting: set[asyncio.Task[Answer]] = set(self._asked)
        grace: float | None = None
        while waiting and not _shows_route(self._asked[0]):
            done, waiting = await asyncio.wait(
                waiting, timeout=grace, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return
            if any(map(_shows_route, self._asked)):
                grace = _GRACE_S

    async def _families(self, board: Board) -> None:
        for answer in await asyncio.gather(*board.get(LATER_ANSWERS)):
            board.note(answer.observation.model_copy(update={"purpose": "family-get"}))

    async def _let_go(self, _board: Board) -> None:
        for task in self._asked:
            task.cancel()


def _shows_route(asked: asyncio.Task[Answer]) -> bool:
    return asked.done() and route_is_there(asked.result().observation)


def _rank(asked: asyncio.Task[Answer]) -> int:
    """Smaller is better."""
    return _usefulness(asked.result().observation) if asked.done() else 4


def _usefulness(seen: HttpExchange) -> int:
    if seen.outcome != "answered":
        return 3
    if route_is_there(seen):
        return 0
    return 2 if gateway_outcome(seen) or is_foreign(seen) else 1
