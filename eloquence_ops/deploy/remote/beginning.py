"""The first steps of an apply: whose turn it is, whether the plan still holds, what is there."""

from __future__ import annotations

import time

from eloquence_ops.deploy.remote import (
    adoption,
    before,
    installed,
    locking,
    reboot,
    recovery,
    systemd,
)
from eloquence_ops.deploy.remote.identity import acting_as
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.staging import clear_staging
from eloquence_ops.deploy.remote.survey import listener, unit_hash
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.work import SKIPPED, Work
from eloquence_ops.deploy.remote.writing import write


def lock(work: Work) -> str | None:
    locking.take(work.place, work.job)
    clear_staging(work.place, work.job)
    return None


def recover(work: Work) -> str | None:
    return None if recovery.left_by_another(work.place, work.told, work.job) else SKIPPED


def base(work: Work) -> str | None:
    _may_begin(work)
    work.before = before.snapshot(work.place)
    _may_take_port(work)
    if work.job.is_rollback and installed.record(work.place, work.job.release) is None:
        raise Failed("files", "no such release", path=work.job.release)
    reboot.arm(work.place, work.job)
    work.ledger.set(
        release=work.job.release,
        kind=work.job.kind,
        who=work.job.who,
        since=round(time.time(), 3),
        job=work.job.folder,
        user=work.who.name,
        group=work.who.group,
        before=work.before,
        previous=work.place.current_release(),
    )
    return None


def _may_begin(work: Work) -> None:
    """Not where the server has changed since it was looked at."""
    planned = work.job.section("base")
    found = {"layout": work.place.layout(), "current": work.place.current_release()}
    for name, value in found.items():
        if name in planned and planned[name] != value:
            raise Failed("changed", "{}: {} now".format(name, value))
    units = planned.get("units")
    for unit, digest in units.items() if isinstance(units, dict) else ():
        if digest and unit_hash(str(unit)) != digest:
            raise Failed("changed", "{} is another one now".format(unit), path=str(unit))


def _may_take_port(work: Work) -> None:
    held = listener(work.place)
    runs = work.before["mode"] in ("socket", "plain")
    if held is None or (runs and work.before["port"] == work.place.port):
        return
    what = "pid {}: {}".format(held["pid"], held["command"])
    unit = str(held["unit"] or "")
    if unit.endswith((".service", ".socket")) and not may_be_stopped(work.place, unit):
        raise Failed("port-taken", "{} of {}".format(what, unit))
    if runs or not work.job.flag("take_over"):
        raise Failed("port-taken", what)


def may_be_stopped(place: Place, unit: str) -> bool:
    """Ours, by its whole name, or somebody's session: `eloquence-api-staging` is another one."""
    own = (place.api_unit, place.socket_unit, place.candidate_unit, place.candidate_socket)
    return unit in own or unit.startswith(("user@", place.by_hand))


def adopt(work: Work) -> str | None:
    flat = work.place.layout() == "flat"
    adoption.make_folders(work.place, work.who, work.ledger)
    api = systemd.show(work.place.api_unit)[work.place.api_unit]
    adopted = ""
    if flat:
        serve = work.job.text("serve")
        adopted = adoption.adopt(work.place, work.who, work.ledger, api, work.before, serve)
        work.told.note("adopted", release=adopted)
    else:
        adoption.move_env_local(work.place, work.who, work.ledger)
    _write_env_local(work)
    return None if adopted else SKIPPED


def _write_env_local(work: Work) -> None:
    text = work.secrets.get("env_local")
    if isinstance(text, str) and text:
        work.ledger.will_replace(work.place.env_local)
        with acting_as(work.who):
            write(work.place.env_local, text.encode("utf-8"), 0o600)
