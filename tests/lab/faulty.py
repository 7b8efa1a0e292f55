"""Runs doctor's own pipeline on labs, inside one event loop."""

from __future__ import annotations

from collections.abc import Iterable

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import AREAS_BY_ITSELF
from eloquence_ops.lab.at_place import lab_at
from eloquence_ops.lab.faults import Fault, combined
from eloquence_ops.lab.places import Place
from eloquence_ops.lab.real import STAND_INS, RealServers
from eloquence_ops.lab.system import LabSystem, lab
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.plan import Plan
from eloquence_ops.run.recording import Recording
from eloquence_ops.secrets import Redactor, Secret

# Loopback answers in milliseconds; what hangs on purpose need not be waited for longer.
TIMEOUT_S = 2.5


async def record(
    faults: Iterable[Fault],
    *,
    read_only: bool = False,
    timeout_s: float = TIMEOUT_S,
    place: Place | None = None,
    servers: RealServers = STAND_INS,
    pair: tuple[str, str] | None = None,
) -> Recording:
    """doctor on the whole system; with a place, on what an app there is given.

    `pair`: LiveKit's key and secret, as the settings hold them.
    """
    made = combined(faults)
    system_of = (
        lab(made, servers=servers) if place is None else lab_at(place, made, servers=servers)
    )
    async with system_of as system:
        return await record_of(system, read_only=read_only, timeout_s=timeout_s, pair=pair)


async def record_of(
    system: LabSystem,
    *,
    read_only: bool = False,
    timeout_s: float = TIMEOUT_S,
    pair: tuple[str, str] | None = None,
) -> Recording:
    """doctor on a lab that is up."""
    plan = Plan(
        target=system.target,
        areas=frozenset(AREAS_BY_ITSELF),
        environ=system.environ,
        redactor=Redactor(*system.credentials.secrets()),
        api_key=system.credentials.api_key,
        read_only=read_only,
        timeout_s=timeout_s,
        livekit_key=pair[0] if pair else None,
        livekit_secret=Secret(pair[1]) if pair else None,
    )
    return await Execution(plan, "doctor").carry_out()


async def diagnosed(
    faults: Iterable[Fault], *, read_only: bool = False, place: Place | None = None
) -> Result:
    return examine(await record(faults, read_only=read_only, place=place), catalogue())
