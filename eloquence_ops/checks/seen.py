"""Everything a run observed, indexed for those who judge it. Pure: time comes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from eloquence_ops.endpoints import Endpoint, Role, Scope, ip_address, narrower, parse, scope_of
from eloquence_ops.errors import UsageError
from eloquence_ops.findings import Family, Vantage
from eloquence_ops.observations import (
    AddressLookup,
    AnyObservation,
    HttpExchange,
    MachineNetwork,
    NameShown,
    NameSurvey,
    PortScan,
    ServerCertificates,
    SessionAnswer,
    UdpProof,
    UnitJournal,
    UnitState,
)
from eloquence_ops.observations.probe_ends import ProbeEnd
from eloquence_ops.settings import Target

Kind = TypeVar("Kind", bound=AnyObservation)


def asked_role(number: int) -> str:
    """What stands for a role where a name was asked for by itself; `number` counts from 1."""
    return f"name-{number}"


def has_zone(host: str) -> bool:
    """Whether there is a domain to ask for; an address has none, nor has this machine's name."""
    return "." in host and ip_address(host) is None and not host.endswith(".localhost")


@dataclass(frozen=True)
class Asked:
    """What this run was to do.

    `areas` are those chosen, without what they require; `named` those that were asked for by
    name, of which something has to be judged; `left_out` those that --skip named. `proves_key`
    false: a read-only run that sends no key either. `on_server`: this machine is the server.
    `names`: only these are examined, not those of the target. `addresses` were typed, and are
    examined in the place of the target's. `livekit_key`: the name of LiveKit's key, where the
    settings hold a pair.
    """

    areas: frozenset[str]
    read_only: bool = False
    proves_key: bool = True
    has_api_key: bool = False
    named: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    on_server: bool = False
    names: tuple[str, ...] = ()
    addresses: tuple[Endpoint, ...] = ()
    livekit_key: str | None = None

    def looks_inside(self, target: Target) -> bool:
        """Whether the server is examined from inside."""
        return "server" in self.areas and (self.on_server or target.server is not None)

    def compares_disk(self, target: Target) -> bool:
        """Whether the certificates on the server's disk are read, beside those that are served.

        Of an address that was typed nobody knows which server it belongs to.
        """
        if self.addresses or "tls" not in self.areas or "server" in self.left_out:
            return False
        return self.on_server or target.server is not None

    def proves_ports(self, target: Target) -> bool:
        """Whether a responder on the server proves the UDP ports.

        It starts a program there and sends it ten thousand packets: a read-only run does neither.
        """
        if self.addresses or self.names or self.read_only or self.on_server:
            return False
        asked = "ports" in self.areas and "server" not in self.left_out
        return asked and target.server is not None

    def services(self, target: Target) -> frozenset[Role]:
        """Which of the two are spoken to in HTTP.

        Examining LiveKit takes a session's token, and perhaps the address that comes with it.
        """
        found: set[Role] = set()
        if self.addresses:
            return frozenset()
        if self.areas & {"livekit", "media"}:
            found.add("livekit")
            if target.api is not None and "api" not in self.left_out:
                found.add("api")
        if "api" in self.areas:
            found.add("api")
        return frozenset(found)

    def roles(self, target: Target) -> frozenset[Role]:
        """Which of the two are resolved and connected to; names and certificates are of both."""
        if self.names:
            return frozenset()
        both: frozenset[Role] = frozenset({"api", "livekit"})
        if self.addresses:
            return frozenset()
        return both if self.areas & {"dns", "tls", "ports"} else self.services(target)


def address_role(number: int) -> str:
    """What the probes of the address that was typed in this place are called by."""
    return f"address-{number + 1}"


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
        """Observations of one endpoint made from here, in the order they were made."""
        name = str(endpoint)
        return [
            entry
            for entry in self.every(kind)
            if getattr(entry, "endpoint", None) == name and entry.vantage is Vantage.HERE
        ]

    @cached_property
    def was_inside(self) -> bool:
        """Whether something of the server's inside is to be judged, or is missing."""
        if self.asked.looks_inside(self.target) or self.asked.proves_ports(self.target):
            return True
        return self.asked.compares_disk(self.target) and self.one(ServerCertificates) is not None

    def from_server(self, purpose: str) -> HttpExchange | None:
        """The exchange with this purpose that was made on the server."""
        return next(
            (
                entry
                for entry in self.every(HttpExchange)
                if entry.purpose == purpose and entry.vantage is Vantage.SERVER
            ),
            None,
        )

    def one(self, kind: type[Kind]) -> Kind | None:
        """The only observation of its kind."""
        return next(self.every(kind), None)

    def unit(self, name: str) -> UnitState | None:
        """A unit of the server, by the name it was asked for by."""
        return next((entry for entry in self.every(UnitState) if entry.name == name), None)

    def journal(self, unit: str) -> UnitJournal | None:
        return next((entry for entry in self.every(UnitJournal) if entry.unit == unit), None)

    def exchange(self, endpoint: Endpoint, *purposes: str) -> HttpExchange | None:
        """The first exchange with one of these purposes."""
        for purpose in purposes:
            for entry in self.about(HttpExchange, endpoint):
                if entry.purpose == purpose:
                    return entry
        return None

    def scope(self, host: str) -> Scope | None:
        """From how far a host can be used: the widest of its addresses."""
        lookup = self.lookup(host)
        widest: Scope | None = None
        for entry in lookup.addresses if lookup else ():
            scope = scope_of(entry.address)
            if scope is not None and (widest is None or narrower(widest, than=scope)):
                widest = scope
        return widest

    def lookup(self, host: str) -> AddressLookup | None:
        """The one that was connected by: at the resolver of the settings, where they name one."""
        made = [entry for entry in self.every(AddressLookup) if entry.host == host]
        return next((entry for entry in made if entry.resolver != "system"), next(iter(made), None))

    def system_lookup(self, host: str) -> AddressLookup | None:
        """What applications on this machine are told."""
        made = (entry for entry in self.every(AddressLookup) if entry.host == host)
        return next((entry for entry in made if entry.resolver == "system"), None)

    def survey(self, host: str) -> NameSurvey | None:
        return next((entry for entry in self.every(NameSurvey) if entry.host == host), None)

    @cached_property
    def machine(self) -> MachineNetwork | None:
        return next(self.every(MachineNetwork), None)

    def has_route(self, family: Family) -> bool:
        return self.machine is None or family in self.machine.routes

    @cached_property
    def ports_were_tried(self) -> bool:
        """Recordings from before that was done have nothing of it."""
        ends = self.end_of("ports.tcp", "ports.handed-out", "ports.udp")
        return bool(ends) or any(self.every(PortScan)) or any(self.every(UdpProof))

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
        if self.asked.addresses:
            return self.asked.addresses
        roles = self.asked.roles(self.target)
        api = (self.target.api,) if self.target.api and "api" in roles else ()
        return tuple(dict.fromkeys((*api, *(self.livekits if "livekit" in roles else ()))))

    def is_examined(self, endpoint: Endpoint) -> bool:
        """Whether the service at this address is looked at by the checks of its own area.

        Where only its certificate is looked at, nothing else tells that nobody is there.
        """
        services = self.asked.services(self.target)
        return (endpoint == self.target.api and "api" in services) or (
            endpoint in self.livekits and "livekit" in services
        )

    @cached_property
    def asked_hosts(self) -> Mapping[str, Endpoint]:
        """The names that were asked for by themselves, by role, of those that can be looked up."""
        asked = (entry for entry in self.every(NameShown) if entry.origin == "asked")
        return {
            asked_role(number): Endpoint("https", entry.host, 443)
            for number, entry in enumerate(asked, start=1)
            if entry.host
        }

    @cached_property
    def names_in_use(self) -> tuple[NameShown, ...]:
        """Each name once, in the order of their authority: what the settings say, then what the API
        hands out. The app's are apart: they are held against these."""
        order = ("api", "livekit", "session", "asked")
        named = (entry for entry in self.every(NameShown) if entry.origin in order)
        found: dict[str, NameShown] = {}
        for entry in sorted(named, key=lambda entry: order.index(entry.origin)):
            found.setdefault(entry.host or entry.typed, entry)
        return tuple(found.values())

    @cached_property
    def app_names(self) -> tuple[NameShown, ...]:
        """Those that the app's source holds, as they are written there."""
        return tuple(entry for entry in self.every(NameShown) if entry.origin == "app")

    @cached_property
    def meant_hosts(self) -> tuple[str, ...]:
        """The A-labels of what the settings mean, then of what the API hands out."""
        settings = (self.target.api, self.target.livekit)
        found = [end.host for end in settings if end is not None and not end.is_address]
        found += [name.host for name in self.names_in_use if name.origin == "session" and name.host]
        return tuple(dict.fromkeys(found))

    def end_of(self, *probe_ids: str) -> list[ProbeEnd]:
        return [end for end in self.probe_ends if end.id in probe_ids]
