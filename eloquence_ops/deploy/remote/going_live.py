"""Steps from the old release to the new one."""

from __future__ import annotations

from eloquence_ops.deploy.remote import adoption, candidate, switching, systemd
from eloquence_ops.deploy.remote.checking import Service
from eloquence_ops.deploy.remote.identity import acting_as
from eloquence_ops.deploy.remote.verification import compare
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.work import SKIPPED, Work
from eloquence_ops.deploy.remote.writing import link

_SETTLING_S = 1.0


def take_over(work: Work) -> str | None:
    if not switching.is_without_gap(work.place, work.job, work.before):
        return SKIPPED
    candidate.go_public(work.place)
    return None


def switch(work: Work) -> str | None:
    if switching.returns_to_own_unit(work.place, work.job):
        candidate.stop(work.place)
        adoption.put_back(work.place, work.who, work.ledger, work.job.release)
    work.ledger.will_replace(work.place.current)
    with acting_as(work.who):
        link(work.place.current, "releases/" + work.job.release)
    return None


def units(work: Work) -> str | None:
    switching.install_units(work.place, work.job, work.ledger)
    texts = switching.unit_texts(work.place, work.job)
    compare(work.place, texts)
    return None


def restart(work: Work) -> str | None:
    work.ledger.set(restarted=True)
    work.pid = switching.restart(work.place, work.job, work.before)
    return None


def checks(work: Work) -> str | None:
    # Only then is it sure who answers.
    candidate.stop(work.place)
    try:
        Service(work.place.port, work.key()).works()
    except Failed as failed:
        shown = systemd.show(work.place.api_unit)[work.place.api_unit]
        failed.lines = failed.lines or candidate.said(work.place.api_unit, shown)[-20:]
        raise
    settling_s = min(_SETTLING_S, work.seconds("watch_s", _SETTLING_S))
    candidate.watch(work.place, work.place.api_unit, settling_s, False, work.check)
    return None
