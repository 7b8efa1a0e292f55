"""doctor, the single checks and replay: settings in, report and exit code out."""

from __future__ import annotations

import asyncio
import io
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eloquence_ops import credentials, endpoints, settings_files
from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.cli import speaking
from eloquence_ops.cli.garbage import collect_from_now_on
from eloquence_ops.cli.passphrase import asking
from eloquence_ops.cli.progress import Watch
from eloquence_ops.endpoints import Endpoint, parse_secure
from eloquence_ops.errors import UsageError, WriteError
from eloquence_ops.findings import AREAS, AREAS_BY_ITSELF
from eloquence_ops.language import Language
from eloquence_ops.observations import ServerReach
from eloquence_ops.report import json as json_report
from eloquence_ops.report import short
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.changes import Comparison, compare
from eloquence_ops.report.console import Screen
from eloquence_ops.run import recording as recordings
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import examine
from eloquence_ops.run.media_library import has_library
from eloquence_ops.run.plan import Plan
from eloquence_ops.run.recording import Recording
from eloquence_ops.run.waiting import until_healthy
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.settings import Target, Value
from eloquence_ops.untrusted import one_line

_UNMISTAKABLE: Final = 12
_MOST_NAMES: Final = 16
_LONGEST_NAME: Final = 253
_LONGEST_NOTE: Final = 400


@dataclass(frozen=True)
class Request:
    """One command line, as it was typed."""

    command: str
    url: str | None = None
    hosts: list[str] | None = None
    target: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    output: list[str] | None = None
    lang: str | None = None
    verbose: bool = False
    strict: bool = False
    timeout_s: float = 5.0
    read_only: bool = False
    on_server: bool = False
    record: str | None = None
    baseline: str | None = None
    only: list[str] | None = None
    skip: list[str] | None = None
    wait_s: float | None = None
    exhaustive: bool = False
    names: tuple[str, ...] = ()

    def areas(self) -> frozenset[str]:
        """Raises `UsageError` for an area that does not exist."""
        for area in (*(self.only or ()), *(self.skip or ())):
            if area not in AREAS:
                raise UsageError("cli.area", value=area, known=", ".join(AREAS))
        return frozenset(self.only or AREAS_BY_ITSELF) - frozenset(self.skip or ())

    def addresses(self) -> tuple[Endpoint, ...]:
        """What was typed to be looked at, each once. Raises `UsageError`."""
        return tuple(dict.fromkeys(parse_secure(host) for host in self.hosts or ()))

    def given(self) -> dict[str, Value]:
        return {
            name: tuple(value) if isinstance(value, list) else str(value)
            for name, value in self.flags.items()
            if value
        }

    def rerun(self, target: Target) -> tuple[str, ...]:
        """The arguments that name the same target, quoted for a shell.

        Of an address only what it leads to: what was pasted may end in a token.
        """
        words: list[str] = []
        if self.target:
            words += ["--target", self.target]
        given: dict[str, Value] = {settings_files.role_of(self.url): ""} if self.url else {}
        for name, value in (given | self.given()).items():
            endpoint = target.endpoint(name) if name in ("api", "livekit") else None  # type: ignore[arg-type]
            for item in (value,) if isinstance(value, str) else value:
                words += [f"--{name.replace('_', '-')}", str(endpoint or item)]
        if self.on_server:
            words.append("--on-server")
        words += (one_line(name, limit=_LONGEST_NAME) for name in self.names)
        words += [endpoint.url for endpoint in self.addresses()]
        return tuple(shlex.quote(word) for word in words)


def examine_and_report(request: Request, environ: Mapping[str, str] | None = None) -> int:
    """Resolves the target, runs, reports. Returns the exit code."""
    environ = os.environ if environ is None else environ
    sources = settings_files.Sources(
        flags=request.given(),
        environ=environ,
        files=settings_files.find(speaking.here(), environ),
        target=request.target,
        url=request.url or next((str(address) for address in request.addresses()), None),
        # This very machine needs no address; check-server without one has a sentence of its own.
        may_be_empty=request.on_server or request.only == ["server"] or bool(request.names),
    )
    return examine_target(settings_files.resolve(sources), request, environ)


def examine_target(
    target: Target,
    request: Request,
    environ: Mapping[str, str],
    known: credentials.Credentials | None = None,
) -> int:
    """Everything that can be wrong with the request is said before the first packet."""
    language = speaking.language(request.lang)
    places = speaking.destinations(request.output)
    record = speaking.writable(request.record) if request.record else None
    baseline = recordings.read(Path(request.baseline)) if request.baseline else None
    plan = make_plan(target, request, environ, known)
    recording = run_plan(plan, request, language)
    _tell_notes(recording, language)
    refused = keep(recording, record)
    return report(recording, request, language, places, baseline, refused)


def _tell_notes(recording: Recording, language: Language) -> None:
    """What of ssh's configuration was not followed, on stderr: `RevokedHostKeys` passed over must
    not be read only by those who ask for more. Where the way ended, the finding has them."""
    for seen in recording.observations:
        if isinstance(seen, ServerReach) and seen.outcome in ("reached", "sudo"):
            for english, french in seen.notes:
                note = english if language == "en" else french
                line = one_line(note, limit=_LONGEST_NOTE)
                speaking.console(stderr=True).print(line, soft_wrap=True)


def keep(recording: Recording, path: Path | None) -> WriteError | None:
    """Writes it where it was asked for; a full disk does not hide the report that follows."""
    if path is None:
        return None
    try:
        recordings.write(recording, path)
    except WriteError as refused:
        return refused
    return None


def make_plan(
    target: Target,
    request: Request,
    environ: Mapping[str, str],
    known: credentials.Credentials | None = None,
) -> Plan:
    """Raises `UsageError` for secrets or certificates that cannot be read, or are misplaced."""
    secrets = known or credentials.of_target(target, environ)
    all_known = (*secrets.secrets(), *credentials.of_environment(environ))
    _refuse_pasted_secrets({**dict(target.written), "NAME": request.names}, all_known)
    if request.only == ["server"] and not (target.server or request.on_server):
        raise UsageError("settings.no-server")
    if request.command == "check-media" and not has_library():
        raise UsageError("cli.no-media-extra")
    plan = Plan(
        target=target,
        areas=request.areas(),
        environ=environ,
        redactor=Redactor(*all_known),
        api_key=secrets.api_key,
        read_only=request.read_only,
        timeout_s=request.timeout_s,
        named=frozenset(request.only or ()),
        left_out=frozenset(request.skip or ()),
        on_server=request.on_server,
        addresses=request.addresses(),
        sudo_password=secrets.sudo_password,
        ask=asking(speaking.language(request.lang)),
        names=_names(request),
        livekit_key=secrets.livekit_key,
        exhaustive=request.exhaustive,
        livekit_secret=secrets.livekit_secret,
        turn_login=secrets.turn_login,
    )
    _ = plan.tls_context
    return plan


def _names(request: Request) -> tuple[str, ...]:
    """The names that were typed, each without what a pasted address has around it.

    Raises `UsageError` for an address, which has no labels, and for more than can be looked at.
    """
    if len(request.names) > _MOST_NAMES:
        raise UsageError("cli.many-names", limit=_MOST_NAMES)
    found = tuple(endpoints.host_part(typed) for typed in request.names)
    for name in found:
        if endpoints.ip_address(name) is not None:
            raise UsageError("cli.not-a-name", value=name)
    return found


def _refuse_pasted_secrets(written: Mapping[str, Value], known: Iterable[Secret]) -> None:
    """A key that was pasted where an address belongs would be looked up, shown and recorded.

    A short one (`test`) may well be part of a name.
    """
    redactor = Redactor(*(secret for secret in known if len(secret.reveal()) >= _UNMISTAKABLE))
    for key, value in written.items():
        for item in (value,) if isinstance(value, str) else value:
            if redactor.text(item) != item:
                raise UsageError("settings.holds-secret", key=key)


def run_plan(plan: Plan, request: Request, language: Language) -> Recording:
    """One run, or with `--wait` as many as it takes."""
    return asyncio.run(_carry_out(plan, request, language))


async def _carry_out(plan: Plan, request: Request, language: Language) -> Recording:
    async def once(one: Plan) -> Recording:
        execution = Execution(one, request.command, request.rerun(one.target))
        async with Watch(execution, catalogue(), language):
            return await execution.carry_out()

    if request.wait_s is None:
        return await once(plan)
    collect_from_now_on()
    return await until_healthy(plan, request.wait_s, once, catalogue())


def replay_and_report(file: str, request: Request) -> int:
    """The same report of a run that was recorded. Raises `RecordingError`."""
    language = speaking.language(request.lang)
    places = speaking.destinations(request.output)
    baseline = recordings.read(Path(request.baseline)) if request.baseline else None
    return report(recordings.read(Path(file)), request, language, places, baseline)


def report(
    recording: Recording,
    request: Request,
    language: Language,
    places: tuple[speaking.Destination, ...],
    baseline: Recording | None,
    refused: WriteError | None = None,
) -> int:
    """Judges and prints; returns the exit code. What could not be written is raised at the end."""
    result = examine(recording, catalogue())
    since = compare(examine(baseline, catalogue()), result) if baseline else None
    story = Storyteller(result, catalogue(), language)
    if since is not None and all(place.format != "console" for place in places):
        # The other formats have no place for it.
        Screen(speaking.console(stderr=True), story).show_changes(since)
    for place in places:
        try:
            _print(story, place, request.verbose, since)
        except BrokenPipeError:
            continue  # whoever reads has read enough; the verdict is the same
        except WriteError as problem:
            refused = refused or problem
    if refused is not None:
        raise refused
    return result.exit_code(strict=request.strict)


def _print(
    story: Storyteller, place: speaking.Destination, verbose: bool, since: Comparison | None
) -> None:
    if place.format == "console":
        # A file is no terminal, whatever standard output is: no colours in it.
        page = io.StringIO() if place.file else None
        Screen(speaking.console(file=page), story, verbose=verbose).show(since)
        if place.file is not None and page is not None:
            recordings.write_whole(place.file, page.getvalue())
        return
    text = json_report.render(story) if place.format == "json" else short.render(story)
    if place.file is None:
        print(text, end="")
    else:
        recordings.write_whole(place.file, text)
