"""Back to how the server was, or on to the end, from what the write-ahead journal says."""

from __future__ import annotations

import os
import shutil
from typing import Callable, cast

from eloquence_ops.deploy.remote import before as state
from eloquence_ops.deploy.remote import candidate, livekit, locking, ports, reboot
from eloquence_ops.deploy.remote.identity import identity
from eloquence_ops.deploy.remote.job import Job, load
from eloquence_ops.deploy.remote.ledger import Ledger, open_ledger
from eloquence_ops.deploy.remote.outcome import end
from eloquence_ops.deploy.remote.place import UNITS, Place, place_of
from eloquence_ops.deploy.remote.staging import remove_staging
from eloquence_ops.deploy.remote.told import Told, events
from eloquence_ops.deploy.remote.why import Failed, of_system


def restore(place: Place, ledger: Ledger, told: Told, job_dir: str) -> bool:
    """Everything as it was before; whether all of it is, and serves again where it did."""
    who = identity(str(ledger.data["user"]), str(ledger.data["group"]))
    before = cast("dict[str, object]", ledger.data["before"])
    socket = os.path.join(UNITS, place.socket_unit)
    another_socket = any(op["path"] == socket for op in ledger.ops())
    place = place._replace(
        port=int(str(before.get("port") or place.port)), host=str(before.get("host") or place.host)
    )

    def serve() -> None:
        state.bring_back(place, before, job_dir, another_socket=another_socket)

    did = [
        _done(told, "files", lambda: ledger.undo_files(who)),
        _done(told, "firewall", lambda: ports.as_before(ledger)),
        _done(told, "livekit", lambda: livekit.as_before(place, ledger)),
        _done(told, "serve", serve),
        _done(told, "candidate", lambda: candidate.stop(place)),
        _done(told, "made", lambda: ledger.undo_made(who)),
    ]
    serves = not before["serves"] or state.prove(place)
    told.undo_step("proof", "done" if serves else "failed")
    back = all(did) and serves
    if back:
        _close(place, ledger)
    return back


def _done(told: Told, step: str, do: Callable[[], None]) -> bool:
    """One step of the way back failing keeps the next ones from nothing."""
    told.undo_step(step, "begun")
    try:
        do()
    except Exception as error:
        failed = _why(error)
        told.note("undo-failed", step=step, kind=failed.kind, detail=failed.detail)
        told.undo_step(step, "failed")
        return False
    told.undo_step(step, "done")
    return True


def _why(error: Exception) -> Failed:
    """A defect of ours keeps the next steps from nothing either."""
    if isinstance(error, Failed):
        return error
    if isinstance(error, OSError):
        return of_system(error)
    return Failed("defect", "{}: {}".format(type(error).__name__, error))


def finish(place: Place, ledger: Ledger) -> None:
    """It was good already: the candidate ends, and nothing is to be put back."""
    candidate.stop(place)
    _close(place, ledger)


def _close(place: Place, ledger: Ledger) -> None:
    ledger.close()
    reboot.disarm(place)


def left_by_another(place: Place, told: Told, job: Job) -> bool:
    """An apply that ended in the middle, with the machine perhaps. Raises `Failed`."""
    ledger = open_ledger(place)
    if ledger is None:
        candidate.stop(place)
        reboot.disarm(place)
        return False
    told.note("unfinished", release=str(ledger.data.get("release")))
    if ledger.data.get("committed"):
        finish(place, ledger)
        return True
    if not restore(place, ledger, told, job.folder):
        raise Failed("killed", "the way back of {}".format(ledger.data.get("release")))
    return True


def main(folder: str) -> None:
    job = load(folder)
    after_the_unit(job, place_of(job.request))


def at_boot(folder: str) -> None:
    """What it works from is removed at its end: it takes a copy, which lies where jobs do."""
    job = load(folder)
    place = place_of(job.request)
    copy = place.run_of(job.release) + "-boot"
    os.makedirs(place.run, mode=0o700, exist_ok=True)
    shutil.copytree(folder, copy)
    job = Job(job.request, copy)
    locking.take(place, job)
    after_the_unit(job, place)


def after_the_unit(job: Job, place: Place) -> None:
    """Run by systemd when the apply has ended, however it did."""
    path = os.path.join(job.folder, "events")
    told = Told(path)
    happened = events(path)
    if any(event["event"] == "ended" for event in happened):
        return
    begun = [event["step"] for event in happened if event["event"] == "step"]
    step = str(begun[-1]) if begun else "lock"
    why = Failed("killed").described(step)
    # It may be the journal of one before, which this one died of putting back.
    ledger = open_ledger(place)
    outcome = "undone"
    if ledger is not None:
        if ledger.data.get("committed"):
            finish(place, ledger)
            outcome = "deployed" if ledger.data.get("job") == job.folder else "undone"
        elif not restore(place, ledger, told, job.folder):
            outcome = "lost"
    else:
        reboot.disarm(place)
    remove_staging(place, job)
    end(place, job, told, outcome, None if outcome == "deployed" else why)
