"""Steps that make a release: its files, its environment, units that systemd understands."""

from __future__ import annotations

import os

from eloquence_ops.deploy.remote import assembling
from eloquence_ops.deploy.remote.identity import acting_as
from eloquence_ops.deploy.remote.packages import Builder, served_by
from eloquence_ops.deploy.remote.tree import OWN
from eloquence_ops.deploy.remote.verification import verify
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.work import SKIPPED, Work
from eloquence_ops.deploy.remote.writing import link, remove


def assemble(work: Work) -> str | None:
    if work.job.is_rollback:
        return SKIPPED
    work.ledger.will_make(work.place.release(work.job.release))
    adopted = str(work.ledger.data.get("adopted") or "")
    assembling.share(work.place, work.who, work.job, work.ledger, adopted)
    assembling.assemble(work.place, work.who, work.job, adopted)
    return None


def packages(work: Work) -> str | None:
    if work.job.is_rollback:
        return SKIPPED
    wanted = work.job.section("environment")
    reuse = wanted.get("reuse")
    if isinstance(reuse, str) and reuse:
        work.environment = reuse
        python = os.path.join(work.place.environments, reuse, "bin/python")
        if not os.path.exists(python):
            raise Failed("packages", "no environment {}".format(reuse), path=python)
    else:
        work.environment = _build(work, wanted.get("build"))
    served_by(os.path.join(work.place.environments, work.environment))
    own = os.path.join(work.place.release(work.job.release), OWN)
    with acting_as(work.who):
        link(os.path.join(own, "environment"), "../../../environments/" + work.environment)
    assembling.record(work.place, work.who, work.job, work.environment, work.ledger)
    return None if not reuse else SKIPPED


def _build(work: Work, how: object) -> str:
    home = os.path.join(work.place.environments, work.job.release)
    work.ledger.will_make(home)
    builder = Builder(work.place, work.who, work.said, work.check)
    named = work.job.section("requirements").get("path")
    release = work.place.release(work.job.release)
    requirements = os.path.join(release, str(named)) if named else None
    from_wheels = isinstance(how, dict) and how.get("wheelhouse") is True
    wheels = None
    if from_wheels:
        wheels = os.path.join(work.place.releases, ".wheels-" + work.job.release)
        work.ledger.will_make(wheels)
        assembling.gather_wheels(work.place, work.who, work.job, work.ledger, wheels)
    found = builder.build(
        work.job.release, requirements, wheels, work.job.section("requirements").get("sha256")
    )
    if wheels is not None:
        with acting_as(work.who):
            remove(wheels)
    return found


def units_verify(work: Work) -> str | None:
    texts = {**work.job.texts("units"), **work.job.texts("candidate")}
    folders = (work.place.current, work.place.release(work.job.release))
    replacing = (_in_unit(folders[0]), _in_unit(folders[1]))
    verify(os.path.join(work.job.folder, "verify"), texts, replacing)
    return None


def _in_unit(folder: str) -> str:
    """As a unit has it: systemd.unit(5), specifiers."""
    return folder.replace("%", "%%") + "/"
