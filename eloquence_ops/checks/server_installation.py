"""What the API needs on disk to start: its files, its packages, its settings, LiveKit's keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eloquence_ops.checks import services
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import ServerInstallation, UnitState
from eloquence_ops.observations.server_installation import Packages

_ENVIRONMENT = ".env.local"
_MOST_NAMED: Final = 8


@check(
    "server.api-files",
    feeds=("facts",),
    outcomes={
        "ok": "folder",
        "missing": "paths",
        "unreadable": "paths user",
        "elsewhere": "folder unit",
        "hidden": "folder",
    },
)
def api_files(_server: str, seen: Seen) -> Judgement:
    """Whether the application lies where its unit starts it, and its user can read it."""
    found, unit = seen.one(ServerInstallation), seen.unit(seen.target.api_unit)
    if found is None:
        return
    folder = found.folder.rstrip("/")
    if unit is not None and _runs_elsewhere(unit, folder):
        yield Verdict("elsewhere", {"folder": unit.working_directory, "unit": unit.name})
        return
    needed = [entry for name in _needed(seen) if (entry := found.file(name))]
    if missing := tuple(entry.path for entry in needed if entry.exists is False):
        # Without the folder everything below it is missing too.
        yield Verdict("missing", {"paths": missing[:1] if folder in missing else missing})
    elif any(entry.exists is None for entry in needed):
        yield Verdict("hidden", {"folder": folder})
    elif kept := tuple(entry.path for entry in needed if entry.readable_by_service is False):
        yield Verdict("unreadable", {"paths": kept, "user": found.service_user})
    else:
        yield Verdict("ok", {"folder": folder})


def _runs_elsewhere(unit: UnitState, folder: str) -> bool:
    """Our folder is then the wrong one to look at."""
    working = unit.working_directory.lstrip("-!~").rstrip("/")
    return bool(working) and working != folder


def _needed(seen: Seen) -> Iterator[str]:
    yield ""
    if seen.target.asgi_app.partition(":")[0] == "api":
        yield from ("api.py", "adapters")


@check(
    "server.api-packages",
    feeds=("facts",),
    outcomes={
        "ok": "count",
        "missing": "names",
        "wrong-version": "packages",
        "not-compared": "what",
        "no-interpreter": "path",
        "not-told": "",
    },
)
def api_packages(_server: str, seen: Seen) -> Judgement:
    """Whether what requirements.txt asks for is there for the Python that the unit runs."""
    found = seen.one(ServerInstallation)
    if found is None:
        return
    if found.interpreter is not None and not found.interpreter.exists:
        yield Verdict("no-interpreter", {"path": found.interpreter.path})
    elif found.packages is None:
        yield Verdict("not-told")
    else:
        yield _compared(found.packages)


def _compared(packages: Packages) -> Verdict:
    """What is surely wrong first; a pass only where every line was understood."""
    wanted = packages.requirements
    if missing := tuple(entry.name for entry in wanted if entry.state == "missing"):
        return Verdict("missing", {"names": missing[:_MOST_NAMED]})
    if wrong := tuple(
        f"{entry.name} {entry.installed} ({entry.wanted})"
        for entry in wanted
        if entry.state == "wrong-version"
    ):
        return Verdict("wrong-version", {"packages": wrong[:_MOST_NAMED]})
    names = [entry.name for entry in wanted if entry.state == "unknown"]
    lines = [f"requirements.txt:{number}" for number in packages.other_lines]
    if left_out := (*names, *lines):
        return Verdict("not-compared", {"what": left_out[:_MOST_NAMED]})
    return Verdict("ok", {"count": len(wanted)})


@check(
    "server.api-settings",
    feeds=("facts",),
    outcomes={
        "ok": "path",
        "not-used": "path",
        "missing": "path",
        "unreadable": "path user",
        "ignored": "path names",
        "hidden": "path",
    },
)
def api_settings(_server: str, seen: Seen) -> Judgement:
    """Whether the unit gets its settings: .env.local, and each line of it.

    Where the unit does not name the file, its program may read it, or need none.
    """
    found, unit = seen.one(ServerInstallation), seen.unit(seen.target.api_unit)
    file = found.file(_ENVIRONMENT) if found else None
    if found is None or file is None or unit is None:
        return
    named = next((entry for entry in unit.environment_files if entry.path == file.path), None)
    if file.exists is None:
        yield Verdict("hidden", {"path": file.path})
    elif not file.exists:
        may_be = named is None or named.optional
        yield Verdict("not-used" if may_be else "missing", {"path": file.path})
    elif named is None:
        # Then the program reads it itself, as its own user; systemd would read it as root.
        kept = file.readable_by_service is False
        evidence = {"path": file.path, "user": found.service_user}
        yield Verdict("unreadable", evidence) if kept else Verdict("not-used", {"path": file.path})
    elif ignored := _ignored(found):
        yield Verdict("ignored", {"path": file.path, "names": ignored[:_MOST_NAMED]})
    else:
        yield Verdict("ok", {"path": file.path})


def _ignored(found: ServerInstallation) -> tuple[str, ...]:
    variables = found.environment.variables if found.environment else ()
    return tuple(entry.name for entry in variables if entry.ignored_by_systemd)


@check(
    "server.livekit-keys",
    feeds=("facts",),
    outcomes={"ok": "", "secret-differs": "", "key-unknown": "", "not-told": ""},
)
def livekit_keys(_server: str, seen: Seen) -> Judgement:
    """Whether the API signs with a key pair that LiveKit has: compared there, neither is told."""
    found, livekit = seen.one(ServerInstallation), services.livekit(seen)
    if found is None:
        return
    keys = found.livekit_keys
    # Without LiveKit on this server its file, if there is one, is nobody's.
    if keys is None or livekit is None or livekit.state == "absent":
        yield Verdict("not-told")
    elif not keys.name_known:
        yield Verdict("key-unknown")
    else:
        yield Verdict("ok" if keys.secret_same else "secret-differs")
