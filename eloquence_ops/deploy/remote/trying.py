"""Steps that try a release before anybody meets it."""

from __future__ import annotations

from eloquence_ops.deploy.remote import candidate as trial
from eloquence_ops.deploy.remote import systemd
from eloquence_ops.deploy.remote.checking import Service
from eloquence_ops.deploy.remote.hooks import run_hooks
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.work import Work

_START_S = 60.0
WATCH_S = 6.0


def before_switch(work: Work) -> str | None:
    return run_hooks(work, "before_switch")


def candidate(work: Work) -> str | None:
    trial.stop(work.place)
    trial.install(work.place, work.job.texts("candidate"))
    trial.start(work.place, work.seconds("start_s", _START_S), work.check)
    return None


def candidate_checks(work: Work) -> str | None:
    try:
        with_key = Service(work.place.candidate_address, work.key()).works()
    except Failed as failed:
        shown = systemd.show(work.place.candidate_unit)[work.place.candidate_unit]
        failed.lines = failed.lines or trial.said(work.place.candidate_unit, shown)[-20:]
        raise
    if not with_key:
        work.told.note("no-api-key")
    return None


def watch(work: Work) -> str | None:
    seconds = work.seconds("watch_s", WATCH_S)
    trial.watch(work.place, work.place.candidate_unit, seconds, True, work.check)
    return None
