"""Should the machine go down in the middle of an apply: who puts it in order when it is up again.

A release that nobody has confirmed must not serve on because of a power cut. For the length of an
apply a unit lies beside the API's that systemd starts at the next boot: nothing asks for it before.
"""

from __future__ import annotations

import os

from eloquence_ops.deploy.remote import candidate, systemd
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.place import UNITS, Place
from eloquence_ops.deploy.remote.writing import link, remove, write

VERB = "rebooted"
_FILES = ("run.py", "program", "job.json")
# The unit that does the work has the name of the lock. Where a deploy is there first, it is the one
# that puts things in order.
_UNIT = """\
# Installed by `eloquence deploy` while one is under way, and removed at its end.
[Unit]
Description=eloquence: puts in order what a deploy left that the machine went down in
After={api} {livekit} network.target

[Service]
Type=oneshot
ExecStart=-systemd-run --quiet --collect --wait --unit={lock} {words}
"""


def _wanted(place: Place) -> str:
    return os.path.join(UNITS, "multi-user.target.wants", place.boot_unit)


def arm(place: Place, job: Job) -> None:
    """Before anything is changed. Raises `OSError`, and leaves nothing then."""
    words = [*candidate.program_words(place.boot), VERB, place.boot]
    text = _UNIT.format(
        api=place.api_unit, livekit=place.livekit_unit, lock=place.apply_unit, words=" ".join(words)
    )
    try:
        os.makedirs(place.boot, mode=0o700, exist_ok=True)
        for name in _FILES:
            with open(os.path.join(job.folder, name), "rb") as file:
                write(os.path.join(place.boot, name), file.read(), 0o600)
        write(os.path.join(UNITS, place.boot_unit), text.encode("utf-8"))
        os.makedirs(os.path.dirname(_wanted(place)), exist_ok=True)
        link(_wanted(place), os.path.join(UNITS, place.boot_unit))
    except OSError:
        disarm(place)
        raise


def disarm(place: Place) -> None:
    """Nothing is to be put in order any more."""
    unit = os.path.join(UNITS, place.boot_unit)
    if not any(map(os.path.lexists, (unit, _wanted(place), place.boot))):
        return
    for path in (_wanted(place), unit, place.boot):
        remove(path)
    # Loaded with all the others meanwhile, or at the boot that it was for.
    if place.boot_unit in systemd.wanted_by("multi-user.target"):
        systemd.must("daemon-reload")
