"""Commands of the settings, run in the release as the service's user."""

from __future__ import annotations

import os

from eloquence_ops.deploy.remote.tree import OWN
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.work import SKIPPED, Work
from eloquence_ops.deploy.remote.working import run_as

_TIMEOUT_S = 300.0


def run_hooks(work: Work, name: str) -> str | None:
    """Those of `name`, one after the other, each bounded in time. Raises `Failed`."""
    hooks = work.job.section("hooks")
    commands = work.job.words(hooks.get(name))
    release = work.place.release(work.job.release)
    path = os.path.join(release, OWN, "environment/bin") + ":/usr/local/bin:/usr/bin:/bin"
    for command in commands:
        work.said("$ " + command)
        status, lines = run_as(
            work.who,
            ["/bin/sh", "-c", command],
            release,
            on_line=work.said,
            timeout_s=float(str(hooks.get("timeout_s") or _TIMEOUT_S)),
            check=work.check,
            variables={"PATH": path, "ELOQUENCE_RELEASE": work.job.release},
        )
        if status != 0:
            raise Failed("hook", command, status=status, lines=lines)
    return None if commands else SKIPPED
