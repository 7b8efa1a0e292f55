"""The folder that a release is received into."""

from __future__ import annotations

import contextlib
import os
import shutil

from eloquence_ops.deploy.remote.identity import acting_as, identity
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.place import Place


def clear_staging(place: Place, job: Job) -> None:
    """What doors left that were killed while they received."""
    try:
        names = os.listdir(place.releases)
    except OSError:
        return
    for name in names:
        path = os.path.join(place.releases, name)
        pid = name.rpartition("-")[2]
        alive = pid.isdigit() and os.path.exists("/proc/" + pid)
        if name.startswith(".incoming-") and path != job.staging and not alive:
            with acting_as(identity(job.user, job.group)):
                shutil.rmtree(path, ignore_errors=True)


def remove_staging(place: Place, job: Job) -> None:
    if job.staging.startswith(place.releases + "/.incoming-"):
        with acting_as(identity(job.user, job.group)):
            shutil.rmtree(job.staging, ignore_errors=True)
    # The door made these for it; where nothing came of it they are empty.
    for path in reversed(job.words(job.request.get("made"))):
        with contextlib.suppress(OSError):
            os.rmdir(path)
