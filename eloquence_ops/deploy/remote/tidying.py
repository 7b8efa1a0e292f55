"""After a release is good: what nobody needs any more."""

from __future__ import annotations

import os
from typing import cast

from eloquence_ops.deploy.remote import adoption, candidate, installed
from eloquence_ops.deploy.remote.identity import Identity, acting_as
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.told import Told
from eloquence_ops.deploy.remote.writing import remove
from eloquence_ops.server.remote.reading import Unreadable, listing


def tidy(place: Place, who: Identity, job: Job, ledger: Ledger, told: Told) -> None:
    candidate.stop(place)
    _flat_originals(place, who, job, told)
    kept = prune(place, who, job.keep, str(ledger.data.get("previous") or ""))
    _environments(place, who, kept)
    _wheels(place, who, kept)


def _flat_originals(place: Place, who: Identity, job: Job, told: Told) -> None:
    """Of an installation that was adopted, unless it is served again, or others work in it."""
    adopted = [one for one in installed.records(place) if one.get("adopted")]
    if not adopted or job.release == adopted[-1]["id"]:
        return
    others = adoption.others_that_use(place)
    if others:
        told.note("flat-kept", because=", ".join(others))
        return
    kept = adoption.remove_originals(place, who, str(adopted[-1]["id"]))
    if kept:
        told.note("flat-differs", paths=kept[:20])


def to_prune(records: list[dict[str, object]], keep: int, never: set[str]) -> list[str]:
    """Which releases go: all but the newest `keep` good ones and those that are needed.

    One that was made by hand stays, good or not: nobody else has what is in it.
    """
    good = [one for one in records if one.get("good_at")]
    newest = sorted(good, key=lambda one: float(str(one["good_at"])))[-keep:]
    by_hand = {str(one["id"]) for one in records if one.get("adopted")}
    stay = {str(one["id"]) for one in newest} | by_hand | never
    return [str(one["id"]) for one in records if str(one["id"]) not in stay]


def prune(place: Place, who: Identity, keep: int, previous: str) -> list[dict[str, object]]:
    """What is left. The current one and the last good one before it always are."""
    records = installed.records(place)
    current = place.current_release() or ""
    never = {current, previous, installed.last_good(place, current) or ""}
    going = to_prune(records, keep, never)
    for name in going:
        with acting_as(who):
            remove(place.release(name))
        remove(installed.record_path(place, name))
    return [one for one in records if one["id"] not in going]


def _environments(place: Place, who: Identity, kept: list[dict[str, object]]) -> None:
    used = {str(one.get("environment")) for one in kept}
    for name in _listing(place.environments):
        if name not in used:
            with acting_as(who):
                remove(os.path.join(place.environments, name))


def _wheels(place: Place, who: Identity, kept: list[dict[str, object]]) -> None:
    used = {name for one in kept for name in cast("list[str]", one.get("wheels") or [])}
    for name in _listing(place.wheels):
        if name not in used:
            with acting_as(who):
                remove(os.path.join(place.wheels, name))


def _listing(path: str) -> list[str]:
    try:
        return listing(path)
    except Unreadable:
        return []
