"""Who deploys just now: the apply unit's name is the lock, so none can be left behind."""

from __future__ import annotations

import os
import time

from eloquence_ops.deploy.remote import systemd
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.writing import read_json, remove, write_json

RUNNING = "running.json"
LAST = "last.json"
INTENT = "apply.json"
_CLEARED_S = 10.0


def is_held(place: Place) -> bool:
    state = systemd.show(place.apply_unit)[place.apply_unit].get("ActiveState", "")
    return state in ("active", "activating", "deactivating", "reloading")


def _is_between(place: Place) -> bool:
    """It has said how it ended, and systemd has not cleared it away yet; or it has not said yet
    whose it is: a matter of a moment, either way."""
    return not os.path.exists(os.path.join(place.run, RUNNING)) and is_held(place)


def wait_until_cleared(place: Place) -> None:
    """A unit that has ended is no reason to refuse the next one."""
    until = time.monotonic() + _CLEARED_S
    while _is_between(place) and time.monotonic() < until:
        time.sleep(0.02)


def holder(place: Place) -> dict[str, object] | None:
    """Who, since when, which release, at which step; None where the lock is free."""
    wait_until_cleared(place)
    if not is_held(place):
        return None
    found = read_json(os.path.join(place.run, RUNNING)) or {}
    return {name: found.get(name) for name in ("who", "since", "release", "step", "kind")}


def facts(place: Place) -> dict[str, object]:
    held = holder(place)
    intent = read_json(os.path.join(place.state, INTENT)) if held is None else None
    return {
        "lock": held,
        "unfinished": {name: intent.get(name) for name in ("who", "since", "release", "step")}
        if intent
        else None,
        "last": read_json(os.path.join(place.state, LAST)),
    }


def take(place: Place, job: Job) -> None:
    """The lock is ours already, by the unit's name: this says who we are."""
    os.makedirs(place.run, mode=0o700, exist_ok=True)
    found = {
        "who": job.who,
        "since": round(time.time(), 3),
        "release": job.release,
        "kind": job.kind,
        "job": job.folder,
        "step": "lock",
    }
    write_json(os.path.join(place.run, RUNNING), found)


def note_step(place: Place, step: str) -> None:
    path = os.path.join(place.run, RUNNING)
    found = read_json(path)
    if found is not None:
        write_json(path, dict(found, step=step))


def let_go(place: Place) -> None:
    remove(os.path.join(place.run, RUNNING))
