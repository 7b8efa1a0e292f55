"""The last steps: what goes along with the API, the client's word, and the mark."""

from __future__ import annotations

import os
import time

from eloquence_ops.deploy.remote import assembling, candidate, ports, recovery, systemd, tidying
from eloquence_ops.deploy.remote import livekit as media_server
from eloquence_ops.deploy.remote.hooks import run_hooks
from eloquence_ops.deploy.remote.staging import remove_staging
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.work import SKIPPED, VERDICT, Work
from eloquence_ops.deploy.remote.writing import read_json


def livekit(work: Work) -> str | None:
    keys = work.secrets.get("livekit_keys")
    changed = media_server.install(work.place, work.job, keys, work.ledger, work.check)
    return None if changed else SKIPPED


def open_port(work: Work) -> str | None:
    if not work.job.flag("open_port"):
        return SKIPPED
    opened = ports.let_through(work.place.port, work.ledger, work.said)
    return None if opened else SKIPPED


def after_switch(work: Work) -> str | None:
    return run_hooks(work, "after_switch")


def confirm(work: Work) -> str | None:
    within = work.job.request.get("confirm_within_s")
    if not isinstance(within, (int, float)):
        return SKIPPED
    until = time.monotonic() + float(within)
    work.told.event("awaiting-confirmation", until=round(time.time() + float(within), 3))
    while True:
        work.check()
        verdict = read_json(os.path.join(work.job.folder, VERDICT))
        if verdict is not None and verdict.get("verdict") == "confirm":
            return None
        if time.monotonic() > until:
            raise Failed("unconfirmed", "{:g} s".format(float(within)))
        time.sleep(0.05)


def good(work: Work) -> str | None:
    shown = systemd.show(work.place.api_unit)[work.place.api_unit]
    if not systemd.is_active(shown) or systemd.main_pid(shown) != work.pid:
        raise candidate.ended(work.place.api_unit, "crashed")
    assembling.mark_good(work.place, work.who, work.job.release)
    work.ledger.set(committed=True)
    return None


def tidy(work: Work) -> str | None:
    tidying.tidy(work.place, work.who, work.job, work.ledger, work.told)
    recovery.finish(work.place, work.ledger)
    remove_staging(work.place, work.job)
    return None
