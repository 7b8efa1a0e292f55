"""What deploy, rollback, releases and env have alike: settings in, a document and a code out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eloquence_ops import credentials, settings_files
from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.cli import examination, speaking
from eloquence_ops.cli.deploy_screen import Progress, page, show, table
from eloquence_ops.cli.passphrase import asking
from eloquence_ops.deploy import env_file, record
from eloquence_ops.deploy.choices import Choices, parse_bind
from eloquence_ops.deploy.conversation import Server
from eloquence_ops.deploy.deployment import Deployment, Held
from eloquence_ops.deploy.public import MakePlan
from eloquence_ops.deploy.record import Account
from eloquence_ops.deploy.story import Row, Teller
from eloquence_ops.errors import EloquenceError, UsageError
from eloquence_ops.run.recording import write_whole
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.server import reaching
from eloquence_ops.server.local import LocalLink
from eloquence_ops.settings import Value

if TYPE_CHECKING:
    from eloquence_ops.deploy.survey import Survey
    from eloquence_ops.language import Language
    from eloquence_ops.server.link import Link

_LARGEST_ENV: Final = 256 * 1024


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


@dataclass(frozen=True)
class Work:
    """What a command has in its hands while it is connected."""

    deployment: Deployment
    progress: Progress


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

    @contextlib.asynccontextmanager
    async def at_work(self, phrase_id: str, **values: object) -> AsyncIterator[Work]:
        """A connection, and the screen that says what is done over it."""
        async with Progress(self.teller) as progress:
            deployment = self.deployment(progress)
            progress.doing(self.teller.say(phrase_id, server=self.teller.server, **values))
            try:
                yield Work(deployment, progress)
            finally:
                await deployment.server.drop()

    async def survey(self) -> Survey:
        """What is there, without anything to be done to it."""
        async with self.at_work("deploy.looking-only") as work:
            self.account.survey = seen = await work.deployment.survey()
        return seen

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


def run(command: Command, call: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(call)
    except EloquenceError as stop:
        command.refused(stop)
        raise


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
        brings_env=bool(given.get("env_file")),
        public_check=not given.get("no_public_check"),
        templates=Path(templates) if templates else None,
        keep=given.get("keep") or Choices.keep,
        watch_s=Choices.watch_s if given.get("watch") is None else given["watch"],
        confirm_within_s=given.get("confirm_within") or Choices.confirm_within_s,
    )
