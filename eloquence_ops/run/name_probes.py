"""The probes of the names in use: how they are written, and what the DNS says of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from eloquence_ops.checks.seen import asked_role, has_zone
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.idn.forms import forms_of_name
from eloquence_ops.observations import AppSource
from eloquence_ops.probes import app_names, name_forms, name_survey, names
from eloquence_ops.probes.name_server import NameServer
from eloquence_ops.run.board import Board, Probe
from eloquence_ops.run.facts import SESSION, endpoint_of

if TYPE_CHECKING:
    from eloquence_ops.probes.name_forms import Origin
    from eloquence_ops.run.plan import Plan


class NameProbes:
    """Those of a run that has the area dns. The labels need no network, and come first."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def all(self) -> list[Probe]:
        plan = self._plan
        found: list[Probe] = []
        for number, typed in enumerate(plan.names, start=1):
            found += self._of_asked(asked_role(number), typed)
        for role in ("api", "livekit"):
            if role in plan.asked.roles(plan.target) and plan.target.endpoint(role):
                found += [self._forms(role, role), *self._asking_around(role)]
        if "api" in plan.asked.services(plan.target) and plan.target.api:
            found.append(plan.probe("session.forms", self._handed_out, needs=(SESSION,)))
        if plan.asked.services(plan.target) == {"api", "livekit"}:
            found += self._asking_around("handed-out")
        if plan.target.app:
            read = partial(self._of_app, plan.target.app)
            found.append(plan.probe("app.names", read))
        return found

    def asked_endpoints(self) -> Mapping[str, Endpoint]:
        """By role, those of the names asked for that can be looked up."""
        return _asked_endpoints(self._plan.names)

    def _of_asked(self, role: str, typed: str) -> list[Probe]:
        plan = self._plan

        async def measure(board: Board) -> None:
            self._show("asked", typed, board)

        found = [plan.probe(f"{role}.forms", measure)]
        if role in self.asked_endpoints():
            found += [*plan.road_to(role), *self._asking_around(role)]
        return found

    def _forms(self, role: str, origin: Origin) -> Probe:
        async def measure(board: Board) -> None:
            self._show_host(origin, board.get(endpoint_of(role)), board)

        return self._plan.probe(f"{role}.forms", measure, needs=(endpoint_of(role),))

    def _asking_around(self, role: str) -> list[Probe]:
        plan, needs = self._plan, (endpoint_of(role),)
        # Resolvers; the same without checking; zone, the zones above it, its servers, their
        # addresses, their answers, the same once more where the zone above had to be asked.
        survey = plan.probe(
            f"{role}.survey", partial(self._ask_around, role), waits=10, needs=needs
        )
        if not plan.target.resolver:
            return [survey]  # the system is asked already, to connect
        return [survey, plan.probe(f"{role}.system", partial(self._ask_system, role), needs=needs)]

    async def _ask_system(self, role: str, board: Board) -> None:
        """What applications on this machine are told, beside the resolvers that were named."""
        plan, endpoint = self._plan, board.get(endpoint_of(role))
        if not has_zone(endpoint.host) or plan.target.redirection(endpoint):
            return  # where it is led elsewhere anyhow, the system's word is of no use
        board.note(
            await names.look_up(
                endpoint.host, resolver=None, timeout_s=plan.timeout_s, started=board.started
            )
        )

    async def _ask_around(self, role: str, board: Board) -> None:
        plan, host = self._plan, board.get(endpoint_of(role)).host
        if not has_zone(host):
            return
        asked = tuple(
            NameServer(
                f"[{address}]:{port}" if ":" in address else f"{address}:{port}", address, port
            )
            for address, port in plan.target.resolver
        )
        seen = await name_survey.survey(
            host,
            resolvers=asked or name_survey.resolvers_of_system(),
            redirect=self._redirect,
            timeout_s=plan.timeout_s,
            started=board.started,
            in_use=self._in_use(),
        )
        board.note(seen)

    def _in_use(self) -> tuple[str, ...]:
        """The names that somebody means: those of the settings, and those that were typed."""
        target = self._plan.target
        meant = (target.api, target.livekit, *self.asked_endpoints().values())
        return tuple(dict.fromkeys(end.host for end in meant if end and not end.is_address))

    def _redirect(self, host: str, port: int) -> tuple[str, int] | None:
        found = self._plan.target.redirection(Endpoint("http", host, port))
        return (found.address, found.to_port) if found else None

    async def _handed_out(self, board: Board) -> None:
        if url := board.get(SESSION).url:
            self._show_host("session", url, board)

    async def _of_app(self, folder: str, board: Board) -> None:
        begun = time.monotonic()
        read = await asyncio.to_thread(app_names.read, folder, seconds=self._longest_read_s())
        board.note(
            AppSource(
                at_s=begun - board.started,
                outcome=read.outcome,
                files=read.files,
                names=len(read.names),
                cut=read.cut,
                closed=read.closed,
                duration_s=time.monotonic() - begun,
            )
        )
        for name in read.names:
            self._show("app", name.typed, board, name.place)

    def _longest_read_s(self) -> float:
        """What has been found when the probe's time is up is worth more than being late."""
        return min(app_names.MOST_SECONDS, self._plan.timeout_s)

    def _show_host(self, origin: Origin, endpoint: Endpoint, board: Board) -> None:
        if not endpoint.is_address:
            self._show(origin, endpoint.typed_host or endpoint.host, board)

    def _show(self, origin: Origin, typed: str, board: Board, place: str = "") -> None:
        # What was pasted where a name belongs may be a secret.
        hide = self._plan.redactor.text
        board.note(name_forms.shown(origin, hide(typed), started=board.started, place=hide(place)))


@cache
def _asked_endpoints(names: tuple[str, ...]) -> Mapping[str, Endpoint]:
    hosts = (forms_of_name(typed).a_label for typed in names)
    return {
        asked_role(number): Endpoint("https", host, 443)
        for number, host in enumerate(hosts, start=1)
        if host
    }
