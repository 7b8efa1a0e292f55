"""The API and LiveKit as the server's facts show them: unit, journal, port, who listens.

How a unit stands is read once here, for all that judge it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from eloquence_ops.checks import service_ports
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.service_ports import ServicePort
from eloquence_ops.observations import (
    LiveKitConfig,
    ServerClock,
    ServerListeners,
    UnitJournal,
    UnitState,
)
from eloquence_ops.observations.server_sockets import Listener, Process

State = Literal[
    "running",
    "absent",
    "stopped",
    "not-started",
    "ended",
    "failed",
    "crash-looping",
    "starting",
    "not-listening",
    "place-unknown",
    "changing",
]
"""`not-started`: not once since the boot, and not enabled. `ended`: by itself and without an error.
`starting`: it does not listen yet, and has hardly begun. `not-listening`: it should by now.
`place-unknown`: whether it listens cannot be told, since nobody knows where it would."""

# An application that is imported in a second or two listens by then, on a slow machine too.
_SLOW_START_S: Final = 10.0
# A service that has served for so long is not one that ends at each start.
_SETTLED_S: Final = 60.0
_MANY_RESTARTS: Final = 3
# LiveKit ends with 0 when its configuration is wrong: systemd calls it stopped.
LIVEKIT_REFUSALS: Final = frozenset(
    {
        "config-unknown-field",
        "config-invalid",
        "config-missing",
        "keys-missing",
        "secret-short",
        "turn-certificate",
    }
)


@dataclass(frozen=True)
class Service:
    """One of the two. `listeners` are those on its port; None where they are not known.

    `port_known`: it listens there or nowhere; see `service_ports`. `holders` are the processes that
    have it, the unit's own first; without root those of others are not known. `now` is the
    server's own time.
    """

    name: str
    unit: UnitState
    journal: UnitJournal | None
    port: int
    port_known: bool
    listeners: tuple[Listener, ...] | None
    holders: tuple[Process, ...]
    now: datetime | None

    @property
    def state(self) -> State:
        """Nothing that is not known counts as wrong."""
        unit = self.unit
        if unit.load_state == "not-found":
            return "absent"
        match unit.active_state:
            case "active":
                return self._running()
            case "activating" if unit.sub_state == "auto-restart":
                return "crash-looping"
            case "activating":
                return self._running()
            case "failed":
                return "crash-looping" if self._was_restarted else "failed"
            case "inactive":
                return self._inactive()
        return "changing"

    @property
    def is_refused(self) -> bool:
        """Whether LiveKit's last run says that its configuration is wrong."""
        line = self.journal.decisive if self.journal else None
        return line is not None and line.of_last_run and line.found in LIVEKIT_REFUSALS

    @property
    def has_port(self) -> bool:
        """Whether a process of the unit itself is seen to listen."""
        return any(process.unit == self.name for process in self.holders)

    def _running(self) -> State:
        if self.listeners is None:
            return "running" if self.unit.active_state == "active" else "changing"
        restarts, age = self.unit.restarts or 0, self._age_s
        young = age is None or age < _SLOW_START_S
        again_and_again = restarts >= _MANY_RESTARTS and age is not None and age < _SETTLED_S
        if not self.port_known:
            return "crash-looping" if again_and_again else "place-unknown"
        if not self.listeners:
            if not young:
                return "not-listening"
            return "crash-looping" if restarts else "starting"
        if again_and_again:
            return "crash-looping"
        if restarts and young and not self.has_port:
            # Another one may have its port, and it is about to end because of that.
            return "crash-looping" if self.holders else "starting"
        return "running"

    def _inactive(self) -> State:
        unit = self.unit
        if unit.sockets:
            return "place-unknown"  # its socket may wait for the first who asks, and start it then
        if unit.started_at is None and not is_enabled(unit):
            return "not-started"
        return "ended" if self.is_refused else "stopped"

    @property
    def _was_restarted(self) -> bool:
        """With `Restart=` a unit fails for good only after too many starts."""
        unit, recognised = self.unit, self.journal.recognised if self.journal else ()
        return (
            unit.start_limit_hit
            or bool(unit.restarts)
            or any(line.found == "start-limit" and line.of_last_run for line in recognised)
        )

    @property
    def _age_s(self) -> float | None:
        """For how long its process has run."""
        if self.now is None or self.unit.started_at is None:
            return None
        return (self.now - self.unit.started_at).total_seconds()


def is_enabled(unit: UnitState) -> bool:
    """Whether a boot starts it: by itself, or by a socket; a generated unit has no other way."""
    known = {"enabled", "alias", "static", "indirect", "generated", "transient", ""}
    return unit.unit_file_state in known or bool(unit.sockets)


def api(seen: Seen) -> Service | None:
    """None where its unit could not be read."""
    unit = seen.unit(seen.target.api_unit)
    if unit is None:
        return None
    return _service(seen, unit, service_ports.of_api(unit.name, unit, seen.one(ServerListeners)))


def livekit(seen: Seen) -> Service | None:
    """None where its unit could not be read."""
    unit = seen.unit(seen.target.livekit_unit)
    if unit is None:
        return None
    config, listeners = seen.one(LiveKitConfig), seen.one(ServerListeners)
    return _service(seen, unit, service_ports.of_livekit(unit.name, unit, config, listeners))


def _service(seen: Seen, unit: UnitState, port: ServicePort) -> Service:
    found, clock = seen.one(ServerListeners), seen.one(ServerClock)
    listeners = None if found is None else found.on(port.number)
    pids = dict.fromkeys(pid for entry in listeners or () for pid in entry.holders)
    holders = [process for pid in pids if found and (process := found.process(pid))]
    # A socket of systemd's is held by systemd too, which is not who serves it.
    holders.sort(key=lambda process: process.unit != unit.name)
    return Service(
        name=unit.name,
        unit=unit,
        journal=seen.journal(unit.name),
        port=port.number,
        port_known=port.known,
        listeners=listeners,
        holders=tuple(holders),
        now=clock.now if clock else None,
    )
