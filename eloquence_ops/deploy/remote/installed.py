"""What was deployed before: records of releases, environments, wheels."""

from __future__ import annotations

import os

from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.writing import read_json, write_json
from eloquence_ops.server.remote import interpreter
from eloquence_ops.server.remote.reading import Unreadable, listing, read_text

FLAT = "flat"
"""The environment that a flat installation was served from."""


def record_path(place: Place, release: str) -> str:
    return os.path.join(place.state, "releases", release + ".json")


def record(place: Place, release: str) -> dict[str, object] | None:
    return read_json(record_path(place, release))


def write_record(place: Place, release: str, found: dict[str, object]) -> None:
    os.makedirs(os.path.join(place.state, "releases"), mode=0o700, exist_ok=True)
    write_json(record_path(place, release), found)


def records(place: Place) -> list[dict[str, object]]:
    """Of every release that is there, oldest first; units and processes stay on the server."""
    found = []
    try:
        names = listing(place.releases)
    except Unreadable:
        return []
    for name in names:
        known = record(place, name) if not name.startswith(".") else None
        if known is not None:
            hidden = ("units", "drop_ins", "process")
            found.append({key: value for key, value in known.items() if key not in hidden})
    return sorted(found, key=lambda one: (str(one.get("made_at")), str(one.get("id"))))


def last_good(place: Place, but: str = "") -> str | None:
    good = [one for one in records(place) if one.get("good_at") and one.get("id") != but]
    latest = max(good, key=lambda one: float(str(one["good_at"])), default=None)
    return str(latest["id"]) if latest else None


def environments(place: Place, api: dict[str, str]) -> list[dict[str, object]]:
    found = []
    try:
        names = listing(place.environments)
    except Unreadable:
        names = []
    for name in names:
        described = read_json(os.path.join(place.environments, name, "environment.json"))
        if described is not None and name != FLAT:
            keys = ("key", "python", "packages", "requirements_digest")
            found.append({"id": name, **{key: described.get(key) for key in keys}})
    home = flat_environment(place, api)
    if home is not None:
        found.append({"id": FLAT, **of_venv(home)})
    return found


def flat_environment(place: Place, api: dict[str, str]) -> str | None:
    """The venv of a flat installation: adopted already, of its unit, or where the guide has it."""
    adopted = os.path.join(place.environments, FLAT)
    if os.path.exists(os.path.join(adopted, "pyvenv.cfg")):
        return adopted
    words = _words(api.get("ExecStart", ""))
    used = interpreter.of_command(words, api.get("WorkingDirectory", "") or "/") if words else None
    if used is not None and used.home and used.exists:
        return used.home
    for name in (".venv", "venv"):
        home = os.path.join(place.remote_dir, name)
        if os.path.exists(os.path.join(home, "pyvenv.cfg")):
            return home
    return None


def _words(exec_start: str) -> list[str]:
    _, found, rest = exec_start.partition("argv[]=")
    return rest.partition(" ; ")[0].split() if found else []


def of_venv(home: str) -> dict[str, object]:
    used = interpreter.Interpreter(os.path.join(home, "bin/python"), home, True)
    packages: list[list[str]] = []
    version = ""
    try:
        found = interpreter.installed(interpreter.site_packages(used))
        packages = sorted([name, version] for name, version in found.items())
        for line in read_text(os.path.join(home, "pyvenv.cfg")).split("\n"):
            name, _, value = line.partition("=")
            if name.strip() in ("version", "version_info"):
                version = ".".join(value.strip().split(".")[:3])
    except Unreadable:
        pass
    return {"key": None, "python": version, "packages": packages, "path": home}


def wheels(place: Place) -> list[str]:
    try:
        return [name for name in listing(place.wheels) if len(name) == 64]
    except Unreadable:
        return []
