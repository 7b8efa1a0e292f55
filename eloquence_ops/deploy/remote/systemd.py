"""What is asked of systemd, and what it answers."""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple

from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.server.remote.commands import ENVIRONMENT

_SHOWN = (
    "Id LoadState ActiveState SubState UnitFileState Result NRestarts MainPID ExecMainPID "
    "ExecMainStatus ExecMainCode ExecStart FragmentPath DropInPaths NeedDaemonReload User Group "
    "WorkingDirectory EnvironmentFiles StatusText InvocationID ActiveEnterTimestampMonotonic "
    "Description Type"
).split()


class Said(NamedTuple):
    status: int
    stdout: str
    stderr: str


def run(words: list[str], timeout_s: float = 30.0) -> Said:
    """A command to its end. Raises `Failed` where it is missing or takes too long."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=ENVIRONMENT,
            cwd="/",
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError:
        raise Failed("unit", "{} is not installed".format(words[0])) from None
    except subprocess.TimeoutExpired:
        raise Failed("timeout", "{}: {:g} s".format(" ".join(words[:3]), timeout_s)) from None
    return Said(
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )


def ask(*words: str, timeout_s: float = 120.0) -> Said:
    return run(["systemctl", "--no-ask-password", *words], timeout_s)


def must(*words: str, timeout_s: float = 120.0) -> None:
    """Raises `Failed` with what systemctl said."""
    done = ask(*words, timeout_s=timeout_s)
    if done.status != 0:
        raise Failed("unit", "systemctl {}: {}".format(" ".join(words), done.stderr.strip()))


def read_units(folder: str, *units: str) -> None:
    """systemd has in mind what lies in `folder` now, or nothing where nothing does.

    To read all its units anew takes it longer than anything else that an apply asks of it, and is
    needed only for one that it knows otherwise: systemd.unit(5) has it look for the others itself.
    """
    for name, shown in show(*units).items():
        path = os.path.join(folder, name)
        other = os.path.exists(path) and shown.get("FragmentPath") != path
        if other or shown.get("NeedDaemonReload") == "yes":
            must("daemon-reload")
            return


def show(*units: str) -> dict[str, dict[str, str]]:
    """Properties by unit; of several lines of one name, the lines."""
    done = ask("show", "--no-pager", "--property=" + ",".join(_SHOWN), "--", *units)
    found: dict[str, dict[str, str]] = {}
    blocks = done.stdout.strip("\n").split("\n\n")
    for name, block in zip(units, blocks):
        properties: dict[str, str] = {}
        for line in block.split("\n"):
            key, equals, value = line.partition("=")
            if equals:
                properties[key] = properties[key] + "\n" + value if key in properties else value
        found[name] = properties
    for name in units:
        found.setdefault(name, {})
    return found


def is_active(properties: dict[str, str]) -> bool:
    return properties.get("ActiveState") in ("active", "reloading")


def main_pid(properties: dict[str, str]) -> int:
    return int(properties.get("MainPID") or 0)


def journal_lines(unit: str, invocation: str = "", most: int = 60) -> list[str]:
    """The latest lines of a unit, of one of its runs where that is known."""
    words = ["journalctl", "--no-pager", "--quiet", "--output=cat", "--lines={}".format(most)]
    if invocation:
        words += ["_SYSTEMD_INVOCATION_ID=" + invocation, "+", "INVOCATION_ID=" + invocation]
    else:
        words += ["--unit=" + unit]
    try:
        run(["journalctl", "--sync"], 5.0)
        said = run(words, 10.0).stdout
    except Failed:
        return []
    return [line for line in said.split("\n") if line.strip()]


def environment() -> dict[str, str]:
    return dict(ENVIRONMENT, HOME="/root", USER="root", LOGNAME="root")


def drop_ins(properties: dict[str, str]) -> list[str]:
    return [path for path in properties.get("DropInPaths", "").split() if os.path.isfile(path)]
