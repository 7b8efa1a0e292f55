"""The STUN and TURN servers of a run: those that LiveKit hands out, and those of the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

from eloquence_ops.endpoints import Scope, narrower, scope_of
from eloquence_ops.errors import UsageError
from eloquence_ops.ice_urls import IceUrl, Login, parse
from eloquence_ops.observations.ice import IceTrial, TrialOutcome, named
from eloquence_ops.probes import remote_text
from eloquence_ops.run.facts import Role, client_of, ice_servers_of

if TYPE_CHECKING:
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

_LONGEST_URL: Final = 200


class IceProbes:
    """The probes of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def handed_out(self, role: Role) -> Probe:
        """Those that come with a join at the LiveKit of this role."""
        needs = (client_of(role), ice_servers_of(role))
        return self._plan.probe(f"{role}.ice", partial(self._try_handed_out, role), 3, needs=needs)

    def of_settings(self) -> list[Probe]:
        """Nobody has to hand them out: they are examined where LiveKit is not reached, too."""
        if not self._plan.target.turn:
            return []
        return [self._plan.probe("turn.ice", self._try_settings, 3)]

    async def _try_settings(self, board: Board) -> None:
        plan = self._plan
        await self._load()
        trials = [self._try(url, plan.turn_login, "", None, board) for url in plan.target.turn]
        await _note_in_order(trials, board)

    async def _try_handed_out(self, role: Role, board: Board) -> None:
        await self._load()
        road = board.get(client_of(role)).road
        endpoint, scope = str(road.endpoint), scope_of(road.address)
        trials: list[Awaitable[IceTrial]] = []
        for server in board.get(ice_servers_of(role)):
            try:
                url = parse(server.url)
            except UsageError:
                shown = remote_text.line(server.url, self._plan.redactor, limit=_LONGEST_URL)
                board.note(IceTrial(endpoint=endpoint, url=shown, outcome="not-an-address"))
                continue
            login = Login(server.username, server.password) if server.password else None
            trials.append(self._try(url, login, endpoint, scope, board))
        await _note_in_order(trials, board)

    async def _load(self) -> None:
        """aioice is read only here, and in a thread: other answers are waited for meanwhile."""
        await asyncio.to_thread(import_module, "eloquence_ops.probes.turn")

    async def _try(
        self, url: IceUrl, login: Login | None, endpoint: str, scope: Scope | None, board: Board
    ) -> IceTrial:
        """`scope` is that of the LiveKit which names the server: nearer ones are of no use to
        whoever reaches LiveKit, and not for a stranger to have us knock at."""
        from eloquence_ops.probes.turn import trial

        plan = self._plan
        lookup = await plan.resolve(url.host, board)
        roads = plan.roads(url.endpoint, lookup)
        if not roads:
            return _untried(url, endpoint, "no-name", lookup.outcome)
        road = roads[0]
        own = scope_of(road.address)
        is_near = scope is not None and own is not None and narrower(own, than=scope)
        if is_near and plan.target.redirection(url.endpoint) is None:
            return _untried(url, endpoint, "too-near", address=road.address)
        return await trial(
            url,
            road.family,
            road.address,
            login,
            port=road.port,  # another than in its address, where a redirection says so
            context=plan.tls_context,
            redactor=plan.redactor,
            timeout_s=plan.timeout_s,
            started=board.started,
            endpoint=endpoint,
        )


async def _note_in_order(trials: Iterable[Awaitable[IceTrial]], board: Board) -> None:
    """At once, and written down as they were handed out: a client takes them in that order."""
    for made in await asyncio.gather(*trials):
        board.note(made)


def _untried(
    url: IceUrl, endpoint: str, outcome: TrialOutcome, detail: str = "", address: str = ""
) -> IceTrial:
    return IceTrial(
        endpoint=endpoint,
        address=address,
        outcome=outcome,
        detail=detail,
        **named(url),
    )
