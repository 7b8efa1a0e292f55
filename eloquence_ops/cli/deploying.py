"""deploy and rollback: from a folder, or a release that is there, to what happened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.cli import speaking
from eloquence_ops.cli.deploy_command import Command, Request, run
from eloquence_ops.cli.deploy_screen import Progress, show
from eloquence_ops.cli.deployed import state_of
from eloquence_ops.deploy import job, origin
from eloquence_ops.deploy.deployment import (
    Finished,
    Planned,
    choose_release,
    has_put_in_order,
    refuse_locked,
)
from eloquence_ops.deploy.story import Row
from eloquence_ops.errors import UsageError
from eloquence_ops.report.account import Storyteller

_REFUSED: Final = 3


def deploy(folder: str | None, request: Request, *, dry_run: bool, status: bool) -> int:
    """Deploys a folder, or says what would happen, or what does."""
    if folder is None and not status:
        raise UsageError("deploy.no-source")
    command = Command(request)
    if status or folder is None:
        return run(command, state_of(command))
    return run(command, _deploy(Path(folder), command, dry_run=dry_run))


async def _deploy(folder: Path, command: Command, *, dry_run: bool) -> int:
    teller = command.teller
    whose = job.Origin(origin.who(), origin.commit(folder))
    async with command.at_work("deploy.looking", source=folder) as work:
        planned = await work.deployment.plan(folder, whose)
        made = planned.plan
        command.account.planned = planned
        refused = made.refusals and not dry_run
        if made.nothing or dry_run or refused:
            return command.report(*_before_anything(command, planned, dry_run=dry_run))
        refuse_locked(made.survey)
        if command.shows_console:
            show(speaking.console(), teller.plan(planned, brief=True))
        done = await work.deployment.apply(planned)
    if has_put_in_order(done, made.survey):
        return await _deploy(folder, command, dry_run=dry_run)
    return _finish(command, done, work.progress)


def _before_anything(command: Command, planned: Planned, *, dry_run: bool) -> tuple[list[Row], int]:
    """What there is to say where the server is not changed."""
    made, teller = planned.plan, command.teller
    refused = list(teller.refused(made))
    if made.nothing and not refused:
        command.account.outcome = "nothing"
        return list(teller.nothing(made)), 0
    rows = [*teller.plan(planned), *refused]
    if dry_run:
        command.account.outcome = "planned"
        return [*rows, teller.dry_run()], 0
    command.account.outcome = "refused"
    return rows, _REFUSED


def rollback(release: str | None, request: Request) -> int:
    command = Command(request)
    return run(command, _rollback(release, command))


async def _rollback(release: str | None, command: Command) -> int:
    teller = command.teller
    async with command.at_work("deploy.looking-only") as work:
        command.account.survey = seen = await work.deployment.survey()
        chosen = choose_release(seen, release)
        if chosen.id == seen.current:
            command.account.outcome = "nothing"
            told = teller.say("deploy.already", release=chosen.id)
            return command.report([Row(teller.say("deploy.head-nothing"), told, "head-good")], 0)
        if command.shows_console:
            told = teller.say(
                "deploy.rolling-back",
                current=seen.current or "–",
                release=chosen.id,
                server=teller.server,
            )
            head = teller.say("deploy.row-rollback")
            rows = [Row(head, told, "head-plain")]
            if chosen.activation == "bind":
                rows.append(Row("", teller.say("deploy.gap-rollback")))
            if seen.livekit.binary is not None:
                rows.append(Row("", teller.say("deploy.rollback-livekit"), "dim"))
            show(speaking.console(), rows)
        done = await work.deployment.roll_back(seen, chosen.id, job.Origin(origin.who()))
    if has_put_in_order(done, seen):
        return await _rollback(release, command)
    return _finish(command, done, work.progress)


def _finish(command: Command, done: Finished, progress: Progress) -> int:
    command.account.finished = done
    command.account.steps = progress.steps.done
    command.account.notes = progress.steps.notes
    rows = list(command.teller.finished(done, time.monotonic() - command.begun))
    if done.compared is not None and done.compared.new:
        story = Storyteller(done.compared.after, catalogue(), command.language)
        rows.append(Row(command.teller.say("deploy.row-cause"), story.headline()))
    return command.report(rows, done.exit_code)
