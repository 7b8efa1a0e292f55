"""Why a service does not stay up: the line of its journal that decides."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.checks import services
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.services import Service
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import LiveKitConfig, UnitJournal
from eloquence_ops.observations.server_units import RecognisedLine

_NO_MODULE: Final = re.compile(r"No module named '([\w.]+)'")
_NOT_IN_MODULE: Final = re.compile(
    r"cannot import name '\w+' from (?:partially initialized module )?'([\w.]+)'"
)
_NO_APP_MODULE: Final = re.compile(r'Could not import module "([\w.]+)"')
_NO_VARIABLE: Final = re.compile(r"^KeyError: '[A-Z][A-Z0-9_]+'$")
# What the API imports of itself, beside the module that its command names.
_OWN_MODULES: Final = frozenset({"adapters"})
_LONGEST_LINE: Final = 160
_WHY: Final = {
    "program-missing": "package-missing",
    "working-directory-missing": "file-missing",
    "environment-file-missing": "setting-missing",
    "environment-line-ignored": "setting-missing",
    "settings-invalid": "setting-missing",
    "address-in-use": "port-taken",
    "oom-killed": "killed",
    "killed": "killed",
    "disk-full": "disk-full",
}


@check(
    "server.api-start",
    feeds=("facts",),
    outcomes={
        "ok": "unit",
        "hidden": "unit",
        "package-missing": "line",
        "file-missing": "line",
        "setting-missing": "line",
        "port-taken": "line",
        "raised": "line",
        "killed": "line",
        "disk-full": "line",
        "silent": "unit",
    },
)
def api_start(_server: str, seen: Seen) -> Judgement:
    """What ends the API, where it ends by itself."""
    service = services.api(seen)
    if service is None:
        return
    if service.state not in ("crash-looping", "failed"):
        yield Verdict("ok", {"unit": service.name})
    elif (journal := _readable(service)) is None:
        yield Verdict("hidden", {"unit": service.name})
    elif (line := journal.decisive) is None or line.found == "start-limit":
        yield Verdict("silent", {"unit": service.name})
    else:
        yield Verdict(_why(line, seen), _told(line))


def _readable(service: Service) -> UnitJournal | None:
    """systemd writes of each start and end: without a line the journal is closed to us."""
    journal = service.journal
    return journal if journal is not None and journal.lines_read else None


def _why(line: RecognisedLine, seen: Seen) -> str:
    module = _missing_module(line)
    if module is not None:
        own = {*_OWN_MODULES, seen.target.asgi_app.partition(":")[0].partition(".")[0]}
        return "file-missing" if module.partition(".")[0] in own else "package-missing"
    if _NO_VARIABLE.match(line.text):
        return "setting-missing"
    if line.found == "permission-denied" and seen.target.remote_dir in line.text:
        return "setting-missing" if ".env" in line.text else "file-missing"
    return _WHY.get(line.found, "raised")


def _missing_module(line: RecognisedLine) -> str | None:
    patterns = (_NO_MODULE, _NOT_IN_MODULE, _NO_APP_MODULE)
    found = next((match for pattern in patterns if (match := pattern.search(line.text))), None)
    return found[1] if found else None


def _told(line: RecognisedLine) -> Evidence:
    """The line, and for an exception where it was raised."""
    text = line.text.strip()
    if line.place:
        text = f"{text} ({line.place.rpartition('/')[2]})"
    return {"line": text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"}


@check(
    "server.livekit-start",
    feeds=("facts",),
    outcomes={
        "ok": "unit",
        "hidden": "unit",
        "config-wrong": "line path",
        "raised": "line",
        "killed": "line",
        "silent": "unit",
    },
)
def livekit_start(_server: str, seen: Seen) -> Judgement:
    """What ends LiveKit, where it ends by itself."""
    service = services.livekit(seen)
    if service is None:
        return
    if service.state not in ("crash-looping", "failed", "ended"):
        yield Verdict("ok", {"unit": service.name})
    elif (journal := _readable(service)) is None:
        yield Verdict("hidden", {"unit": service.name})
    elif (line := journal.decisive) is None or line.found == "start-limit":
        yield Verdict("silent", {"unit": service.name})
    elif line.found in services.LIVEKIT_REFUSALS:
        config = seen.one(LiveKitConfig)
        yield Verdict(
            "config-wrong", {**_told(line), "path": config.path if config else service.name}
        )
    else:
        killed = _WHY.get(line.found) == "killed"
        yield Verdict("killed" if killed else "raised", _told(line))
