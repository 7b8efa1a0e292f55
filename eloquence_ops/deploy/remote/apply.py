"""The work itself, in a unit of its own: step by step, each taken back when a later one fails."""

from __future__ import annotations

import time
from typing import Callable, Tuple

from eloquence_ops.deploy.remote import (
    beginning,
    building,
    concluding,
    going_live,
    locking,
    recovery,
    trying,
)
from eloquence_ops.deploy.remote.job import Job, load
from eloquence_ops.deploy.remote.outcome import end
from eloquence_ops.deploy.remote.staging import remove_staging
from eloquence_ops.deploy.remote.why import Failed, of_system
from eloquence_ops.deploy.remote.work import SKIPPED, Work

Step = Tuple[str, Callable[[Work], "str | None"]]
"""Its name, as everybody is told it, and what it does: raises `Failed`, or answers `SKIPPED`."""

STEPS: list[Step] = [
    ("lock", beginning.lock),
    ("recover", beginning.recover),
    ("base", beginning.base),
    ("adopt", beginning.adopt),
    ("assemble", building.assemble),
    ("packages", building.packages),
    ("units-verify", building.units_verify),
    ("before-switch", trying.before_switch),
    ("candidate", trying.candidate),
    ("candidate-checks", trying.candidate_checks),
    ("watch", trying.watch),
    ("take-over", going_live.take_over),
    ("switch", going_live.switch),
    ("units", going_live.units),
    ("restart", going_live.restart),
    ("checks", going_live.checks),
    ("livekit", concluding.livekit),
    ("open-port", concluding.open_port),
    ("after-switch", concluding.after_switch),
    ("confirm", concluding.confirm),
    ("good", concluding.good),
    ("tidy", concluding.tidy),
]


def run(job: Job) -> None:
    """Tells how it ended as the last event, and raises nothing."""
    work = Work(job)
    failed: Failed | None = None
    try:
        for work.step, do in STEPS:
            work.check()
            locking.note_step(work.place, work.step)
            work.told.step(work.step, "begun")
            _hold(work)
            skipped = do(work) == SKIPPED
            work.told.step(work.step, SKIPPED if skipped else "done")
    except Failed as error:
        failed = error
    except OSError as error:
        failed = of_system(error)
    except Exception as error:  # a defect of ours must not leave the server half done
        failed = Failed("defect", "{}: {}".format(type(error).__name__, error))
    if failed is None:
        _ended(work, "deployed", None)
        return
    work.told.step(work.step, "failed")
    _undo(work, work.masked(failed))


def _hold(work: Work) -> None:
    """For tests, which need to be there while a step runs."""
    hold = work.job.section("hold")
    if hold.get("step") == work.step:
        until = time.monotonic() + float(str(hold.get("seconds") or 0))
        while time.monotonic() < until:
            work.check()
            time.sleep(0.05)


def _undo(work: Work, failed: Failed) -> None:
    why = failed.described(work.step)
    if not work.ledger.data:
        remove_staging(work.place, work.job)
        _ended(work, "refused", why)
        return
    if work.ledger.data.get("committed"):
        # It is good and serves; what came after is only tidying.
        work.told.note("not-tidied", detail=failed.detail)
        recovery.finish(work.place, work.ledger)
        _ended(work, "deployed", None)
        return
    back = recovery.restore(work.place, work.ledger, work.told, work.job.folder)
    remove_staging(work.place, work.job)
    _ended(work, "undone" if back else "lost", why)


def _ended(work: Work, outcome: str, why: dict[str, object] | None) -> None:
    end(work.place, work.job, work.told, outcome, why)


def main(folder: str) -> None:
    run(load(folder))
