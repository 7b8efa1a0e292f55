"""deploy, rollback, releases, env: settings in, what happened and an exit code out."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eloquence_ops import credentials, settings_files
from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.cli import examination, speaking
from eloquence_ops.cli.deploy_screen import Progress, page, show, table
from eloquence_ops.cli.passphrase import asking
from eloquence_ops.deploy import env_file, job, origin, record
from eloquence_ops.deploy.choices import Choices, parse_bind
from eloquence_ops.deploy.conversation import Server
from eloquence_ops.deploy.deployment import (
    Deployment,
    Finished,
    Held,
    Planned,
    choose_release,
    has_put_in_order,
    refuse_locked,
)
from eloquence_ops.deploy.failures import DeployRefused
from eloquence_ops.deploy.public import MakePlan
from eloquence_ops.deploy.record import Account
from eloquence_ops.deploy.story import Row, Teller
from eloquence_ops.errors import EloquenceError, UsageError
from eloquence_ops.report.account import Storyteller
from eloquence_ops.run.recording import write_whole
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.server import reaching
from eloquence_ops.server.local import LocalLink
from eloquence_ops.settings import Value

if TYPE_CHECKING:
    from eloquence_ops.language import Language
    from eloquence_ops.server.link import Link

_LARGEST_ENV: Final = 256 * 1024
_REFUSED: Final = 3


@dataclass(frozen=True)
class Request:
    """One command line, as it was typed."""

    command: str
    target: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    output: list[str] | None = None
    lang: str | None = None
    verbose: bool = False
    timeout_s: float = 5.0
    on_server: bool = False
    choices: Choices = field(default_factory=Choices)
    env_file: str | None = None

    def given(self) -> dict[str, Value]:
        return {
            name: tuple(value) if isinstance(value, list) else str(value)
            for name, value in self.flags.items()
            if value
        }


class Command:
    """What every one of these commands has: the target, the server, who speaks and where to."""

    def __init__(self, request: Request, environ: Mapping[str, str] | None = None) -> None:
        self.environ = os.environ if environ is None else environ
        self.request = request
        self.language: Language = speaking.language(request.lang)
        self.places = speaking.destinations(request.output)
        self.target = settings_files.resolve(
            settings_files.Sources(
                flags=request.given(),
                environ=self.environ,
                files=settings_files.find(speaking.here(), self.environ),
                target=request.target,
                may_be_empty=True,  # what is missing is said in this command's own words
            )
        )
        if not (self.target.server or request.on_server):
            raise UsageError("deploy.no-server")
        self.secrets = credentials.of_target(self.target, self.environ)
        name = socket.gethostname() if request.on_server else str(self.target.server)
        self.teller = Teller(
            self.target, request.choices, name, self.language, catalogue(), request.verbose
        )
        self.account = Account(
            request.command, self.teller, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
        self.begun = time.monotonic()

    def deployment(self, progress: Progress) -> Deployment:
        server = Server(self.teller.server, self._connect, self.secrets.sudo_password)
        return Deployment(
            self.target,
            self.request.choices,
            server,
            progress,
            self._held(),
            self.environ,
            self._public(),
        )

    async def _connect(self) -> Link:
        if self.request.on_server:
            return LocalLink(self.environ, Path.home())
        return await reaching.over_ssh(
            str(self.target.server),
            self.environ,
            accepted_keys=self.target.server_key,
            ask=asking(self.language),
        )

    def _held(self) -> Held:
        secrets = self.secrets
        env = Secret(read_env(self.request.env_file)) if self.request.env_file else None
        keys = None
        if secrets.livekit_key and secrets.livekit_secret:
            keys = Secret(f"{secrets.livekit_key}: {secrets.livekit_secret.reveal()}")
        return Held(secrets.api_key, env, keys if self.request.choices.with_livekit else None)

    def _public(self) -> MakePlan | None:
        """The API's address, looked at from here; the server's own vantage is the deploy's."""
        if self.target.api is None or not self.request.choices.public_check:
            return None
        target = replace(self.target, server=None)
        only = ["api", "livekit"] if self.request.choices.with_livekit else ["api"]
        asked = examination.Request(
            command="deploy", timeout_s=self.request.timeout_s, only=only, lang=self.request.lang
        )
        return lambda: examination.make_plan(target, asked, self.environ, self.secrets)

    def report(
        self, rows: list[Row], code: int, listing: Sequence[Sequence[str]] | None = None
    ) -> int:
        """Everything that was asked for, where it was asked for. Returns the exit code."""
        account = self.account
        account.seconds, account.exit_code = time.monotonic() - self.begun, code
        redactor = Redactor(*self.secrets.secrets(), *credentials.of_environment(self.environ))
        shown = [replace(row, text=redactor.text(row.text)) for row in rows]
        for place in self.places:
            if place.format == "json":
                text = json.dumps(record.document(account), indent=2) + "\n"
                text = redactor.text(text)
                if place.file is None:
                    print(text, end="")
                else:
                    write_whole(place.file, text)
                continue
            if place.format == "short":
                shown = [row for row in shown if row.style.startswith("head")][-1:]
            with page(place.file) as console:
                show(console, shown)
                if listing:
                    table(console, listing)
        return code

    def refused(self, stop: EloquenceError) -> None:
        """What is said on standard error, for whoever reads the document."""
        self.account.outcome = "refused"
        self.account.more = {"error": stop.sentence(self.language)}
        self.places = tuple(place for place in self.places if place.format == "json")
        self.report([], stop.exit_code)

    @property
    def shows_console(self) -> bool:
        return any(place.format == "console" and place.file is None for place in self.places)


def read_env(file: str) -> str:
    """Raises `UsageError`, never with a value in it."""
    try:
        with Path(file).expanduser().open("rb") as opened:
            raw = opened.read(_LARGEST_ENV + 1)
        text = raw[:_LARGEST_ENV].decode("utf-8")
    except (OSError, ValueError) as refusal:
        reason = getattr(refusal, "strerror", None) or "not UTF-8"
        raise UsageError("deploy.no-file", file=file, reason=reason) from None
    if wrong := env_file.wrong_lines(text):
        raise UsageError("deploy.env-line", file=file, line=wrong[0])
    return text


def _run(command: Command, call: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(call)
    except EloquenceError as stop:
        command.refused(stop)
        raise


def deploy(folder: str | None, request: Request, *, dry_run: bool, status: bool) -> int:
    """Deploys a folder, or says what would happen, or what does."""
    if folder is None and not status:
        raise UsageError("deploy.no-source")
    command = Command(request)
    if status or folder is None:
        return _run(command, _status(command))
    return _run(command, _deploy(Path(folder), command, dry_run=dry_run))


async def _deploy(folder: Path, command: Command, *, dry_run: bool) -> int:
    teller = command.teller
    whose = job.Origin(origin.who(), origin.commit(folder))
    async with Progress(teller) as progress:
        deployment = command.deployment(progress)
        progress.doing(teller.say("deploy.looking", source=folder, server=teller.server))
        try:
            planned = await deployment.plan(folder, whose)
            made = planned.plan
            command.account.planned = planned
            refused = made.refusals and not dry_run
            if made.nothing or dry_run or refused:
                return command.report(*_before_anything(command, planned, dry_run=dry_run))
            refuse_locked(made.survey)
            if command.shows_console:
                show(speaking.console(), teller.plan(planned, brief=True))
            done = await deployment.apply(planned)
        finally:
            await deployment.server.drop()
    if has_put_in_order(done, made.survey):
        return await _deploy(folder, command, dry_run=dry_run)
    return _finish(command, done, progress)


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
    return _run(command, _rollback(release, command))


async def _rollback(release: str | None, command: Command) -> int:
    teller = command.teller
    async with Progress(teller) as progress:
        deployment = command.deployment(progress)
        progress.doing(teller.say("deploy.looking-only", server=teller.server))
        try:
            seen = await deployment.survey()
            command.account.survey = seen
            chosen = choose_release(seen, release)
            if chosen.id == seen.current:
                command.account.outcome = "nothing"
                told = teller.say("deploy.already", release=chosen.id)
                head = teller.say("deploy.head-nothing")
                return command.report([Row(head, told, "head-good")], 0)
            if command.shows_console:
                told = teller.say(
                    "deploy.rolling-back",
                    current=seen.current or "–",
                    release=chosen.id,
                    server=teller.server,
                )
                head = teller.say("deploy.row-rollback")
                rows = [Row(head, told, "head-plain")]
                if seen.livekit.binary is not None:
                    rows.append(Row("", teller.say("deploy.rollback-livekit"), "dim"))
                show(speaking.console(), rows)
            done = await deployment.roll_back(seen, chosen.id, job.Origin(origin.who()))
        finally:
            await deployment.server.drop()
    if has_put_in_order(done, seen):
        return await _rollback(release, command)
    return _finish(command, done, progress)


def _finish(command: Command, done: Finished, progress: Progress) -> int:
    command.account.finished = done
    command.account.steps = progress.steps.done
    rows = list(command.teller.finished(done, time.monotonic() - command.begun))
    if done.compared is not None and done.compared.new:
        story = Storyteller(done.compared.after, catalogue(), command.language)
        rows.append(Row(command.teller.say("deploy.row-cause"), story.headline()))
    return command.report(rows, done.exit_code)


def releases(request: Request) -> int:
    command = Command(request)
    return _run(command, _releases(command))


async def _releases(command: Command) -> int:
    teller = command.teller
    async with Progress(teller) as progress:
        deployment = command.deployment(progress)
        progress.doing(teller.say("deploy.looking-only", server=teller.server))
        try:
            seen = await deployment.survey()
        finally:
            await deployment.server.drop()
    command.account.survey = seen
    command.account.more = {"releases": record.releases(seen)}
    if not seen.releases:
        which = "deploy.flat" if seen.layout == "flat" else "deploy.no-releases"
        told = teller.say(which, server=teller.server, folder=command.target.remote_dir)
        return command.report([Row("", told)], 0)
    return command.report([], 0, teller.releases(seen))


async def _status(command: Command) -> int:
    teller = command.teller
    async with Progress(teller) as progress:
        deployment = command.deployment(progress)
        progress.doing(teller.say("deploy.looking-only", server=teller.server))
        try:
            seen = await deployment.survey()
        finally:
            await deployment.server.drop()
    command.account.survey = seen
    command.account.more = record.status(seen)
    return command.report(list(teller.status(seen)), 0)


def env_push(file: str, request: Request) -> int:
    command = Command(request)
    return _run(command, _env_push(file, command))


async def _env_push(file: str, command: Command) -> int:
    teller, text = command.teller, read_env(file)
    async with Progress(teller) as progress:
        deployment = command.deployment(progress)
        progress.doing(teller.say("deploy.looking-only", server=teller.server))
        try:
            request = job.asking("push-env", command.target, command.request.choices)
            answer = await deployment.server.ask(request, {"env_local": Secret(text)})
        finally:
            await deployment.server.drop()
    if answer["event"] != "pushed":
        why = answer.get("why") or {}
        said = str(why.get("detail") or why.get("kind") or "–")
        raise DeployRefused("deploy.not-begun", host=teller.server, said=said)
    names = env_file.names(text)
    command.account.more = {"changed": bool(answer.get("changed")), "names": list(names)}
    which = "deploy.env-pushed" if answer.get("changed") else "deploy.env-same"
    told = teller.say(which, server=teller.server, count=len(names), unit=command.target.api_unit)
    return command.report([Row("", told)], 0)


def env_diff(request: Request) -> int:
    command = Command(request)
    return _run(command, _env_diff(command))


async def _env_diff(command: Command) -> int:
    """1 where a name is missing: a CI job may ask before it deploys."""
    teller = command.teller
    async with Progress(teller) as progress:
        deployment = command.deployment(progress)
        progress.doing(teller.say("deploy.looking-only", server=teller.server))
        try:
            seen = await deployment.survey()
        finally:
            await deployment.server.drop()
    command.account.survey = seen
    difference = None
    if seen.env_local and seen.env_example is not None:
        difference = env_file.compare(seen.env_example, seen.env_local.keys)
    command.account.more = dict(record.env(difference))
    if seen.env_local is None:
        told = teller.say("deploy.env-no-local", server=teller.server)
        return command.report([Row("", told, "note")], 1)
    if difference is None:
        return command.report([Row("", teller.say("deploy.env-no-example"), "note")], 0)
    rows = list(teller.env(difference))
    if not difference.missing:
        rows.append(Row("", teller.say("deploy.env-good")))
    return command.report(rows, 1 if difference.missing else 0)


def choices(given: Mapping[str, Any]) -> Choices:
    """Of the options of `deploy` and `rollback`. Raises `UsageError`."""
    bind = given.get("bind")
    templates = given.get("templates")
    return Choices(
        bind=parse_bind(bind) if bind else None,
        unit_from_source=bool(given.get("unit_from_source")),
        with_livekit=bool(given.get("with_livekit")),
        take_over=bool(given.get("take_over")),
        open_port=bool(given.get("open_port")),
        force=bool(given.get("force")),
        refresh_packages=bool(given.get("refresh_packages")),
        wheelhouse=bool(given.get("wheelhouse")),
        public_check=not given.get("no_public_check"),
        templates=Path(templates) if templates else None,
        keep=given.get("keep") or Choices.keep,
        watch_s=Choices.watch_s if given.get("watch") is None else given["watch"],
        confirm_within_s=given.get("confirm_within") or Choices.confirm_within_s,
    )
