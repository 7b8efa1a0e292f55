"""How an apply ended: told as its last event, and kept for those who ask later."""

from __future__ import annotations

import json
import os
import time

from eloquence_ops.deploy.remote import before, locking
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.told import Told
from eloquence_ops.deploy.remote.writing import write_json


def end(place: Place, job: Job, told: Told, outcome: str, why: dict[str, object] | None) -> None:
    what: dict[str, object] = {
        "outcome": outcome,
        "release": job.release,
        "kind": job.kind,
        "current": place.current_release(),
        "serves": before.serves(place, 5.0),
        "why": why,
    }
    if outcome != "refused":
        last = dict(what, at=round(time.time(), 3), who=job.who, job=job.folder)
        os.makedirs(place.state, mode=0o700, exist_ok=True)
        try:
            write_json(os.path.join(place.state, locking.LAST), last)
        except OSError as error:
            told.note("not-kept", detail=json.dumps(str(error)))
    locking.let_go(place)
    told.event("ended", **what)
