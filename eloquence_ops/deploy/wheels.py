"""Wheels for a server without an index: gathered here, for the server's interpreter.

pip chooses them by the tags of the other machine. Markers (`; sys_platform == …`) it judges by this
one (pip issue 11664): what is missing then is named by the server's pip.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from eloquence_ops.deploy.failures import DeployRefused
from eloquence_ops.deploy.job import Wheel
from eloquence_ops.deploy.requirements import Requirements
from eloquence_ops.deploy.source import CHUNK
from eloquence_ops.deploy.survey import Survey
from eloquence_ops.errors import UsageError
from eloquence_ops.server import children
from eloquence_ops.untrusted import one_line

_PIP_S: Final = 900.0
# PEP 600 gives the glibc of each; the old names are aliases of three of them.
_OLDEST_GLIBC: Final = 5
_ALIASES: Final = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
_MUSL: Final = ("musllinux_1_1", "musllinux_1_2")


def command(requirements: Requirements, survey: Survey, to: Path) -> tuple[str, ...]:
    """What gathers them. Pure. Raises `UsageError` where the server's interpreter is not known."""
    found = re.match(r"(\d+)\.(\d+)", survey.python or "")
    if not found or not survey.machine:
        raise UsageError("deploy.wheels-unknown")
    major, minor = found[1], found[2]
    short = "cp" if survey.implementation.startswith("cp") else survey.implementation
    words = [
        *("download", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"),
        *("--only-binary", ":all:", "--dest", str(to)),
        *("--python-version", f"{major}.{minor}", "--implementation", short),
        *("--abi", f"{short}{major}{minor}"),
    ]
    for platform in platforms(survey.machine, survey.glibc):
        words += ["--platform", platform]
    return (*words, "-r", requirements.path)


def platforms(machine: str, glibc: str | None) -> Iterator[str]:
    """What a wheel may be made for, the newest first."""
    version = re.match(r"2\.(\d+)", glibc or "")
    if version is None:
        yield from (f"{kind}_{machine}" for kind in _MUSL)
        return
    for minor in range(int(version[1]), _OLDEST_GLIBC - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _ALIASES:
            yield f"{_ALIASES[minor]}_{machine}"
    yield f"linux_{machine}"


def gather(
    root: Path,
    requirements: Requirements,
    survey: Survey,
    to: Path,
    environ: Mapping[str, str],
    said: Callable[[str], None],
) -> tuple[Wheel, ...]:
    """Everything that the requirements resolve to. Blocks. Raises `DeployRefused`."""
    environment = children.environment(environ)
    words = [sys.executable, "-m", "pip", *command(requirements, survey, to)]
    last = ""
    with subprocess.Popen(
        words,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        try:
            for line in pip.stdout or ():
                if line.strip():
                    last = one_line(line, limit=200)
                    said(one_line(line, limit=200))
            status = pip.wait(_PIP_S)
        except BaseException:
            pip.kill()
            raise
    if status:
        raise DeployRefused("deploy.wheels-failed", reason=last or f"pip: {status}")
    return tuple(_wheel(path) for path in sorted(to.iterdir()) if path.suffix == ".whl")


def _wheel(path: Path) -> Wheel:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            total.update(data)
    return Wheel(path.name, total.hexdigest(), os.stat(path).st_size, str(path))  # noqa: PTH116
