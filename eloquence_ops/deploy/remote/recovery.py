"""Back to how the server was, or on to the end, from what the write-ahead journal says."""

from __future__ import annotations

import os
from typing import Callable, cast

from eloquence_ops.deploy.remote import before as state
from eloquence_ops.deploy.remote import candidate, livekit, ports
from eloquence_ops.deploy.remote.identity import identity
from eloquence_ops.deploy.remote.job import Job, load
from eloquence_ops.deploy.remote.ledger import Ledger, open_ledger
from eloquence_ops.deploy.remote.outcome import end
from eloquence_ops.deploy.remote.place import Place, place_of
from eloquence_ops.deploy.remote.staging import remove_staging
from eloquence_ops.deploy.remote.told import Told, events
from eloquence_ops.deploy.remote.why import Failed, of_system


def restore(place: Place, ledger: Ledger, told: Told, job_dir: str) -> bool:
    """Everything as it was before; whether it serves again, where it did."""
    who = identity(str(ledger.data["user"]), str(ledger.data["group"]))
    before = cast("dict[str, object]", ledger.data["before"])
    did = [
        _done(told, "files", lambda: ledger.undo_files(who)),
        _done(told, "firewall", lambda: ports.as_before(ledger)),
        _done(told, "livekit", lambda: livekit.as_before(place, ledger)),
        _done(told, "serve", lambda: state.bring_back(place, before, job_dir)),
        _done(told, "candidate", lambda: candidate.stop(place)),
        _done(told, "made", lambda: ledger.undo_made(who)),
    ]
    serves = not before["serves"] or state.prove(place)
    told.undo_step("proof", "done" if serves else "failed")
    if all(did) and serves:
        ledger.close()
    return serves


def _done(told: Told, step: str, do: Callable[[], None]) -> bool:
    """One step of the way back failing keeps the next ones from nothing."""
    told.undo_step(step, "begun")
    try:
        do()
    except (Failed, OSError) as error:
        failed = error if isinstance(error, Failed) else of_system(error)
        told.note("undo-failed", step=step, kind=failed.kind, detail=failed.detail)
        told.undo_step(step, "failed")
        return False
    told.undo_step(step, "done")
    return True


def finish(place: Place, ledger: Ledger) -> None:
    """It was good already: the candidate ends, and nothing is to be put back."""
    candidate.stop(place)
    ledger.close()


def left_by_another(place: Place, told: Told, job: Job) -> bool:
    """An apply that ended in the middle, with the machine perhaps. Raises `Failed`."""
    ledger = open_ledger(place)
    if ledger is None:
        candidate.stop(place)
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
    ledger = open_ledger(place)
    own = ledger is not None and ledger.data.get("job") == job.folder
    outcome = "undone"
    if ledger is not None and own:
        if ledger.data.get("committed"):
            finish(place, ledger)
            outcome = "deployed"
        elif not restore(place, ledger, told, job.folder):
            outcome = "lost"
    remove_staging(place, job)
    end(place, job, told, outcome, None if outcome == "deployed" else why)
