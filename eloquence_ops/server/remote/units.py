"""What systemd says of the units, in one `systemctl show`."""

from __future__ import annotations

import calendar
import re
import shlex
import time
from typing import NamedTuple

from eloquence_ops.server.remote import commands, masking
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import Unreadable, text

# `Environment` holds values: they stay on the server, where they are masked in whatever is told.
PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "NRestarts",
    "Type",
    "Restart",
    "MainPID",
    "ExecMainPID",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecStart",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "User",
    "Group",
    "SupplementaryGroups",
    "DynamicUser",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFiles",
    "TriggeredBy",
    "ControlGroup",
    "InvocationID",
    "LimitNOFILE",
    "ActiveEnterTimestamp",
    "InactiveEnterTimestamp",
    "ExecMainStartTimestamp",
)
_ARGUMENTS = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")
_ENVIRONMENT_FILE = re.compile(r"^(.*) \(ignore_errors=(yes|no)\)$")
_WAITED_FOR = {1: "exited", 2: "killed", 3: "dumped"}  # CLD_EXITED and so on, <signal.h>


class Unit(NamedTuple):
    """One unit's properties as systemd wrote them; several of one name are lines of one value."""

    properties: dict[str, str]

    def get(self, name: str) -> str:
        return self.properties.get(name, "")

    def number(self, name: str) -> int | None:
        value = self.get(name)
        return int(value) if value.isdigit() and len(value) < 19 else None

    @property
    def id(self) -> str:
        return self.get("Id")

    @property
    def is_loaded(self) -> bool:
        return self.get("LoadState") == "loaded"

    @property
    def arguments(self) -> list[str]:
        """The words of the first command of ExecStart; systemd joins them by spaces, so that a
        value with a space in it is several here."""
        found = _ARGUMENTS.search(self.get("ExecStart"))
        return found.group(1).split() if found else []

    @property
    def variables(self) -> list[tuple[str, str]]:
        """What `Environment=` sets, quoted by systemd as a shell would. Secrets are among it."""
        try:
            words = shlex.split(self.get("Environment").replace("\n", " "))
        except ValueError:
            words = self.get("Environment").split()
        pairs = (word.partition("=") for word in words)
        return [(name, value) for name, equals, value in pairs if equals]

    @property
    def environment_files(self) -> list[tuple[str, bool]]:
        """Paths, and whether the unit starts without them."""
        matches = map(_ENVIRONMENT_FILE.match, self.get("EnvironmentFiles").split("\n"))
        return [(match.group(1), match.group(2) == "yes") for match in matches if match]

    @property
    def configuration_files(self) -> list[str]:
        return [
            path for path in (self.get("FragmentPath"), *self.get("DropInPaths").split()) if path
        ]


def show(names: list[str]) -> dict[str, Unit]:
    """The units by the names they were asked for. Raises `Unreadable`."""
    words = ["systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "--", *names]
    done = commands.run(words)
    if done.status != 0:
        # In a container without systemd: "System has not been booted with systemd as init system".
        raise commands.refused("systemctl", done)
    units = parse(text(done.stdout))
    if len(units) != len(names):
        raise Unreadable(
            "not-understood", "systemctl: {} of {} units".format(len(units), len(names))
        )
    return dict(zip(names, units))


def parse(shown: str) -> list[Unit]:
    """Units are apart by an empty line, in the order they were asked for."""
    units = []
    for block in shown.strip("\n").split("\n\n"):
        properties: dict[str, str] = {}
        for line in block.split("\n"):
            name, equals, value = line.partition("=")
            if not equals:
                continue
            # A unit with several ExecStart= or EnvironmentFile= has as many lines.
            properties[name] = properties[name] + "\n" + value if name in properties else value
        if properties:
            units.append(Unit(properties))
    return units


def seconds(stamp: str) -> int | None:
    """`Fri 2026-11-20 10:54:33 UTC` as seconds since 1970; empty and `n/a` are None."""
    try:
        return calendar.timegm(time.strptime(stamp, "%a %Y-%m-%d %H:%M:%S UTC"))
    except ValueError:
        return None


def described(unit: Unit, asked: str) -> dict[str, object]:
    code = unit.number("ExecMainCode") or 0
    return {
        "name": asked,
        "id": unit.id,
        "load_state": unit.get("LoadState"),
        "active_state": unit.get("ActiveState"),
        "sub_state": unit.get("SubState"),
        "unit_file_state": unit.get("UnitFileState"),
        "result": unit.get("Result"),
        "start_limit_hit": unit.get("Result") == "start-limit-hit",
        "restarts": unit.number("NRestarts"),
        "restart": unit.get("Restart"),
        "type": unit.get("Type"),
        "main_pid": unit.number("MainPID") or None,
        "last_main_pid": unit.number("ExecMainPID") or None,
        "ended": _WAITED_FOR.get(code, ""),
        "exit_status": unit.number("ExecMainStatus") if code else None,
        "command": " ".join(masking.without_values(unit.arguments, exact=False)),
        "user": unit.get("User"),
        "working_directory": unit.get("WorkingDirectory"),
        "environment_files": [
            {"path": path, "optional": optional} for path, optional in unit.environment_files[:20]
        ],
        "fragment_path": unit.get("FragmentPath"),
        "drop_ins": unit.get("DropInPaths").split()[:20],
        "needs_daemon_reload": unit.get("NeedDaemonReload") == "yes",
        "sockets": unit.get("TriggeredBy").split()[:10],
        "file_limit": unit.number("LimitNOFILE"),
        "active_since": seconds(unit.get("ActiveEnterTimestamp")),
        "inactive_since": seconds(unit.get("InactiveEnterTimestamp")),
        "started_at": seconds(unit.get("ExecMainStartTimestamp")),
    }


def facts(units: dict[str, Unit], gaps: Gaps) -> list[dict[str, object]]:
    found = []
    for name, unit in units.items():
        with gaps.around(name):
            found.append(described(unit, name))
    return found
