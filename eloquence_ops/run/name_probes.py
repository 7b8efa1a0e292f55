"""The probes of the names in use: how they are written, and what the DNS says of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from eloquence_ops.checks.seen import asked_role, has_zone
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.idn.forms import forms_of_name
from eloquence_ops.probes import name_forms, name_survey
from eloquence_ops.probes.name_server import NameServer
from eloquence_ops.run.board import Board, Probe
from eloquence_ops.run.facts import SESSION, endpoint_of, lookup_of

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
                found += [self._forms(role, role), self._survey(role)]
        if "api" in plan.asked.services(plan.target) and plan.target.api:
            found.append(plan.probe("session.forms", self._handed_out, needs=(SESSION,)))
        if plan.asked.services(plan.target) == {"api", "livekit"}:
            found.append(self._survey("handed-out"))
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
            found.append(
                plan.probe(
                    f"{role}.names", partial(plan.look_up, role), provides=(lookup_of(role),)
                )
            )
            found.append(self._survey(role))
        return found

    def _forms(self, role: str, origin: Origin) -> Probe:
        async def measure(board: Board) -> None:
            self._show_host(origin, board.get(endpoint_of(role)), board)

        return self._plan.probe(f"{role}.forms", measure, needs=(endpoint_of(role),))

    def _survey(self, role: str) -> Probe:
        # Resolvers; the same without checking; zone, its servers, their addresses, their answers.
        return self._plan.probe(
            f"{role}.survey", partial(self._ask_around, role), waits=6, needs=(endpoint_of(role),)
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
        )
        board.note(seen)

    def _redirect(self, host: str, port: int) -> tuple[str, int] | None:
        found = self._plan.target.redirection(Endpoint("http", host, port))
        return (found.address, found.to_port) if found else None

    async def _handed_out(self, board: Board) -> None:
        if url := board.get(SESSION).url:
            self._show_host("session", url, board)

    def _show_host(self, origin: Origin, endpoint: Endpoint, board: Board) -> None:
        if not endpoint.is_address:
            self._show(origin, endpoint.typed_host or endpoint.host, board)

    def _show(self, origin: Origin, typed: str, board: Board) -> None:
        # What was pasted where a name belongs may be a secret.
        safe = self._plan.redactor.text(typed)
        board.note(name_forms.shown(origin, safe, started=board.started))


@cache
def _asked_endpoints(names: tuple[str, ...]) -> Mapping[str, Endpoint]:
    hosts = (forms_of_name(typed).a_label for typed in names)
    return {
        asked_role(number): Endpoint("https", host, 443)
        for number, host in enumerate(hosts, start=1)
        if host
    }
