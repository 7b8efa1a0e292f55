"""tail-logs: which logs, how much of them, and how they are shown."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eloquence_ops import credentials, settings_files
from eloquence_ops.cli import speaking
from eloquence_ops.cli.garbage import collect_from_now_on
from eloquence_ops.cli.letters import AS_SHOWN
from eloquence_ops.cli.passphrase import asking
from eloquence_ops.errors import UsageError
from eloquence_ops.logs import app_source, asked, which
from eloquence_ops.logs.choice import Chooser
from eloquence_ops.logs.dress import Dresser
from eloquence_ops.logs.entry import Entry, Note
from eloquence_ops.logs.output import Item, Output
from eloquence_ops.logs.output.notes import sentence
from eloquence_ops.logs.program import Log
from eloquence_ops.logs.server_source import Connect, ServerSource
from eloquence_ops.logs.session import SessionFollower
from eloquence_ops.logs.span import Span
from eloquence_ops.logs.stream import Source, Stream
from eloquence_ops.secrets import Redactor
from eloquence_ops.server import reaching
from eloquence_ops.server.local import LocalLink
from eloquence_ops.server.threads import in_thread
from eloquence_ops.settings import Target, Value

if TYPE_CHECKING:
    from eloquence_ops.language import Language
    from eloquence_ops.logs.stream import Item as Streamed
    from eloquence_ops.server.link import Link

FORMATS: Final = ("console", "json", "raw", "template")
_WITHOUT_NOTES: Final = ("raw", "template")
_STANDARD_INPUT: Final = "-"


@dataclass(frozen=True)
class Request:
    """One command line, as it was typed."""

    target: str | None = None
    servers: tuple[str, ...] = ()
    flags: Mapping[str, Value] = field(default_factory=dict)
    on_server: bool = False
    units: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    app_log: str | None = None
    app_command: str | None = None
    since: str | None = None
    until: str | None = None
    lines: str | None = None
    follow: bool | None = None
    level: str | None = None
    grep: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    highlight: tuple[str, ...] = ()
    session: str | None = None
    output: str = "console"
    template: str | None = None
    utc: bool = False
    raw_text: bool = False
    diagnose: bool = False
    lang: str | None = None

    def span(self, now: datetime) -> Span:
        """Raises `UsageError`."""
        return asked.span_of(now, self.since, self.until, self.lines, self.follow)

    def chooser(self, span: Span) -> Chooser:
        """Raises `UsageError`."""
        return Chooser(
            span,
            level=asked.level(self.level) if self.level else None,
            grep=asked.patterns(self.grep),
            exclude=asked.patterns(self.exclude),
            session=SessionFollower(self.session) if self.session else None,
        )


def tail(request: Request, environ: Mapping[str, str] | None = None) -> int:
    """Shows until everything was shown, or Ctrl-C. Returns the exit code."""
    environ = os.environ if environ is None else environ
    language = speaking.language(request.lang)
    flags = {name: value for name, value in request.flags.items() if value}
    if request.servers:
        flags["server"] = request.servers[0]
    target = settings_files.resolve(
        settings_files.Sources(
            flags=flags,
            environ=environ,
            files=settings_files.find(speaking.here(), environ),
            target=request.target,
            may_be_empty=True,  # what is missing is said in this command's own words
        )
    )
    secrets = credentials.of_target(target, environ)
    span = request.span(datetime.now().astimezone())
    sources = _sources(request, target, environ, secrets, language, span)
    if not sources:
        raise UsageError("logs.nothing")
    names = [name for source in sources for name in source.names]
    redactor = Redactor(*secrets.secrets(), *credentials.of_environment(environ))
    dresser = Dresser(redactor, raw_text=request.raw_text, diagnose=_diagnose(request))
    output = _output(request, names, language)
    apart = language if request.output in _WITHOUT_NOTES else None
    show = _Show(request.chooser(span), dresser, output, notes_apart=apart)
    collect_from_now_on()
    # Whoever read has read enough; click would make a failure of it.
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(Stream(sources, show.take, follows=span.follows).run())
    return 0


def _sources(
    request: Request,
    target: Target,
    environ: Mapping[str, str],
    secrets: credentials.Credentials,
    language: Language,
    span: Span,
) -> list[Source]:
    found: list[Source] = []
    servers = list(request.servers) or ([target.server] if target.server else [])
    if request.on_server:
        servers = [socket.gethostname(), *request.servers]
    for place, server in enumerate(servers):
        prefix = which.prefix(server, place, servers)
        local = request.on_server and place == 0
        found.append(
            ServerSource(
                server,
                which.named(request.units, request.files, prefix)
                or which.of_target(target, prefix),
                span,
                _here(environ) if local else _over_ssh(server, target, environ, language),
                password=secrets.sudo_password,
            )
        )
    if request.app_log == _STANDARD_INPUT:
        found.append(app_source.WatchedSource("app", app_source.standard_input()))
    elif request.app_log:
        path = str(Path(request.app_log).expanduser().resolve())
        if not Path(path).exists() and not span.follows:
            raise UsageError("logs.no-file", file=request.app_log)
        found.append(ServerSource("app", [Log("app", path=path)], span, _here(environ)))
    if request.app_command:
        link = LocalLink(environ, speaking.here())
        name = "app" if not request.app_log else "app-command"
        found.append(app_source.WatchedSource(name, app_source.command(request.app_command, link)))
    return found


def _here(environ: Mapping[str, str]) -> Connect:
    async def connect() -> Link:
        return LocalLink(environ, Path.home())

    return connect


def _over_ssh(
    server: str, target: Target, environ: Mapping[str, str], language: Language
) -> Connect:
    ask = asking(language)

    async def connect() -> Link:
        return await reaching.over_ssh(server, environ, accepted_keys=target.server_key, ask=ask)

    return connect


def _output(request: Request, names: Sequence[str], language: Language) -> Output:
    match request.output:
        case "json":
            from eloquence_ops.logs.output.json_lines import JsonLines

            return JsonLines(language)
        case "raw":
            from eloquence_ops.logs.output.raw import Raw

            return Raw()
        case "template":
            from eloquence_ops.logs.output.template import Template

            if not request.template:
                raise UsageError("logs.template-missing")
            return Template(request.template, utc=request.utc)
        case "console":
            from eloquence_ops.logs.output.console import Screen

            is_terminal = sys.stdout.isatty()
            return Screen(
                names,
                language=language,
                colour=is_terminal and not os.environ.get("NO_COLOR"),
                brief=is_terminal,
                utc=request.utc,
                highlight=asked.patterns(request.highlight),
            )
        case other:
            raise UsageError("cli.format", value=other, known=", ".join(FORMATS))


def _diagnose(request: Request) -> Callable[[Entry, str], tuple[str, ...]] | None:
    if not request.diagnose:
        return None
    from eloquence_ops.catalogue.reader import catalogue
    from eloquence_ops.logs.diagnose import Signs

    return Signs(catalogue()).of


class _Show:
    """Chooses, dresses and prints what is ready.

    `notes_apart`: what happened to the stream is told on standard error, in this language.
    """

    def __init__(
        self,
        chooser: Chooser,
        dresser: Dresser,
        output: Output,
        *,
        notes_apart: Language | None = None,
    ) -> None:
        self._chooser, self._dresser, self._output = chooser, dresser, output
        self._notes_apart = notes_apart

    async def take(self, items: Sequence[Streamed]) -> None:
        """Raises `BrokenPipeError` where nobody reads any more."""
        chosen: list[Item] = []
        for item in items:
            if isinstance(item, Note):
                if self._notes_apart is None:
                    chosen.append(item)
                else:
                    print(f"eloquence: {sentence(item, self._notes_apart)}", file=sys.stderr)
                continue
            for entry in self._chooser.chosen(item):
                shown = self._dresser.dress(entry)
                if self._chooser.wants_text(shown.text):
                    chosen.append(shown)
        if text := self._output.text(chosen):
            # In a thread: a screen that is held (Ctrl-S, a pager) must not hold up the rest.
            await in_thread(lambda: _write(text))


def _write(text: str) -> None:
    """Past Python's buffer, whose lock a thread that waits for a reader would hold at the end."""
    data = memoryview(text.encode(sys.stdout.encoding or "utf-8", AS_SHOWN))
    descriptor = sys.stdout.fileno()
    while data:
        data = data[os.write(descriptor, data) :]
