"""Everything a run observed, indexed for those who judge it. Pure: time comes with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from eloquence_ops.endpoints import Endpoint, Role, narrower, parse
from eloquence_ops.errors import UsageError
from eloquence_ops.findings import Family
from eloquence_ops.observations import (
    AddressLookup,
    AnyObservation,
    HttpExchange,
    MachineNetwork,
    SessionAnswer,
)
from eloquence_ops.observations.probe_ends import ProbeEnd
from eloquence_ops.settings import Target

Kind = TypeVar("Kind", bound=AnyObservation)


@dataclass(frozen=True)
class Asked:
    """What this run was to do.

    `areas` are those chosen, without what they require; `named` those that were asked for by
    name, of which something has to be judged; `left_out` those that --skip named.
    """

    areas: frozenset[str]
    read_only: bool = False
    has_api_key: bool = False
    named: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()

    def services(self, target: Target) -> frozenset[Role]:
        """Which of the two are spoken to in HTTP.

        Examining LiveKit takes a session's token, and perhaps the address that comes with it.
        """
        found: set[Role] = set()
        if "livekit" in self.areas:
            found.add("livekit")
            if target.api is not None and "api" not in self.left_out:
                found.add("api")
        if "api" in self.areas:
            found.add("api")
        return frozenset(found)

    def roles(self, target: Target) -> frozenset[Role]:
        """Which of the two are resolved and connected to; names and certificates are of both."""
        both: frozenset[Role] = frozenset({"api", "livekit"})
        return both if self.areas & {"dns", "tls"} else self.services(target)


@dataclass(frozen=True)
class Seen:
    """One run's observations. `now` is when the run started, in UTC."""

    target: Target
    asked: Asked
    now: datetime
    observations: tuple[AnyObservation, ...]
    probe_ends: tuple[ProbeEnd, ...] = ()

    def every(self, kind: type[Kind]) -> Iterator[Kind]:
        return (entry for entry in self.observations if isinstance(entry, kind))

    def about(self, kind: type[Kind], endpoint: Endpoint) -> list[Kind]:
        """Observations of one endpoint, in the order they were made."""
        name = str(endpoint)
        return [entry for entry in self.every(kind) if getattr(entry, "endpoint", None) == name]

    def exchange(self, endpoint: Endpoint, *purposes: str) -> HttpExchange | None:
        """The first exchange with one of these purposes."""
        for purpose in purposes:
            for entry in self.about(HttpExchange, endpoint):
                if entry.purpose == purpose:
                    return entry
        return None

    def lookup(self, host: str) -> AddressLookup | None:
        return next((entry for entry in self.every(AddressLookup) if entry.host == host), None)

    @cached_property
    def machine(self) -> MachineNetwork | None:
        return next(self.every(MachineNetwork), None)

    def has_route(self, family: Family) -> bool:
        return self.machine is None or family in self.machine.routes

    @cached_property
    def session(self) -> SessionAnswer | None:
        return next(self.every(SessionAnswer), None)

    @cached_property
    def handed_out(self) -> Endpoint | None:
        """The LiveKit address that the API gave, where it is usable from here and a new one."""
        answer = self.session
        if answer is None or answer.url_endpoint is None or answer.url_lookup != "found":
            return None
        if self.url_is_narrower:
            return None
        try:
            endpoint = parse(answer.url_endpoint, "livekit")
        except UsageError:
            return None
        return None if endpoint == self.target.livekit else endpoint

    @cached_property
    def url_is_narrower(self) -> bool:
        """Whether the address handed out works only from nearer than the API itself was reached."""
        if self.session is None or self.session.url_scope is None or self.session.api_scope is None:
            return False
        return narrower(self.session.url_scope, than=self.session.api_scope)

    @cached_property
    def livekits(self) -> tuple[Endpoint, ...]:
        return tuple(end for end in (self.target.livekit, self.handed_out) if end is not None)

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint that this run examines, the API first."""
        roles = self.asked.roles(self.target)
        api = (self.target.api,) if self.target.api and "api" in roles else ()
        return tuple(dict.fromkeys((*api, *(self.livekits if "livekit" in roles else ()))))

    def end_of(self, *probe_ids: str) -> list[ProbeEnd]:
        return [end for end in self.probe_ends if end.id in probe_ids]
