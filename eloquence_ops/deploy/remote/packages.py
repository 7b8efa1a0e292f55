"""The environment that a release runs in: made by pip or uv, or one that is there already."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import sys
from typing import Callable, cast

from eloquence_ops.deploy.remote import installed
from eloquence_ops.deploy.remote.identity import Identity, acting_as
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.working import PATH, run_as
from eloquence_ops.deploy.remote.writing import remove, write_json

_TIMEOUT_S = 1800.0
_OLDEST_UVICORN = (0, 22)  # what the launcher asks of it: templates/serve.py
_OF_THE_DISK = {
    "No space left on device": "disk",
    "Disk quota exceeded": "disk",
    "Read-only file system": "read-only",
}


class Builder:
    """Builds environments as the service's user; `on_line` hears what the installer says."""

    def __init__(
        self,
        place: Place,
        who: Identity,
        on_line: Callable[[str], None],
        check: Callable[[], None],
    ) -> None:
        self._place, self._who, self._on_line, self._check = place, who, on_line, check

    def build(self, name: str, requirements: str | None, wheels: str | None, digest: object) -> str:
        """The environment `name`, or another one that holds just the same; raises `Failed`.

        `requirements` is the file that asks, `digest` the client's of it; `wheels` a folder that
        everything must come from.
        """
        home = os.path.join(self._place.environments, name)
        uv = shutil.which("uv", path=PATH + ":" + os.path.join(self._who.home, ".local/bin"))
        if uv:
            self._do([uv, "venv", "--quiet", "--python", sys.executable, home])
        else:
            # In two steps, since venv keeps to itself what pip says when it cannot be installed.
            self._do([sys.executable, "-m", "venv", "--without-pip", home])
        python = os.path.join(home, "bin/python")
        if not uv or importlib.util.find_spec("ensurepip"):
            # With uv as well: people ask `pip list`, and the same packages are one environment.
            self._do([python, "-m", "ensurepip", "--upgrade", "--default-pip"])
        if requirements is not None:
            if uv:
                words = [uv, "pip", "install", "--python", python]
            else:
                words = [python, "-m", "pip", "install", "--disable-pip-version-check"]
                words += ["--no-input", "--progress-bar=off"]
            if wheels is not None:
                words += ["--no-index", "--find-links", wheels]
            self._do([*words, "--requirement", requirements])
        return self._kept(name, home, digest)

    def _do(self, words: list[str]) -> None:
        status, lines = run_as(
            self._who,
            words,
            self._place.remote_dir,
            on_line=self._on_line,
            timeout_s=_TIMEOUT_S,
            check=self._check,
        )
        if status == 0:
            return
        kind, errors = "packages", [line for line in lines if "error" in line.lower()] or lines
        for sign, of_the_disk in _OF_THE_DISK.items():
            if found := [line for line in lines if sign in line]:
                kind, errors = of_the_disk, found
        name = os.path.basename(words[0]) if "-m" not in words else words[words.index("-m") + 1]
        raise Failed(kind, "{}: exit {}".format(name, status), lines=errors)

    def _kept(self, name: str, home: str, digest: object) -> str:
        described = installed.of_venv(home)
        packages = described["packages"]
        assert isinstance(packages, list)  # noqa: S101
        key = key_of(packages)
        for other in installed.environments(self._place, {}):
            if other.get("key") == key:
                with acting_as(self._who):
                    remove(home)
                return str(other["id"])
        found = {
            "id": name,
            "key": key,
            "python": platform.python_version(),
            "packages": packages,
            "requirements_digest": digest,
        }
        with acting_as(self._who):
            write_json(os.path.join(home, "environment.json"), found, 0o644)
        return name


def served_by(home: str) -> None:
    """Raises `Failed` unless the launcher finds an uvicorn that it works with."""
    listed = cast("list[list[str]]", installed.of_venv(home)["packages"])
    found = next((version for name, version in listed if name.lower() == "uvicorn"), None)
    numbers = [int(part) for part in (found or "").split(".")[:2] if part.isdigit()]
    if numbers < list(_OLDEST_UVICORN):
        raise Failed("launcher", "uvicorn {}".format(found) if found else "no uvicorn")


def key_of(packages: list[list[str]]) -> str:
    """What was resolved, for this interpreter and platform."""
    named = ["{}=={}".format(*package) for package in sorted(packages)]
    named += [platform.python_version(), platform.machine(), sys.implementation.name]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()
