"""`.env.local`: which variables it sets, and what is wrong with how; never a value.

Two readers disagree about such a file. python-dotenv takes `export NAME=…` and spaces around `=`;
systemd's `EnvironmentFile=` ignores such lines, and writes them, value and all, into the journal
(seen with systemd 252: `Ignoring invalid environment assignment 'export …'`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE = re.compile(r"^(\s*export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)(\s*)=(\s*)(.*)$")


class Variable(NamedTuple):
    """`value` stays on the server. `ignored_by_systemd`: why `EnvironmentFile=` skips the line."""

    name: str
    value: str
    line: int
    ignored_by_systemd: str


def parse(text: str) -> list[Variable]:
    """Every assignment, in order; of several of one name the last one counts."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.rstrip("\r")
        if not stripped.strip() or stripped.lstrip().startswith(("#", ";")):
            continue
        match = _LINE.match(stripped)
        if match is None:
            continue
        export, name, before, _, value = match.groups()
        ignored = "export" if export else "space-before-equals" if before else ""
        found.append(Variable(name, _unquoted(value), number, ignored))
    return found


def facts(text: str) -> dict[str, object]:
    variables = parse(text)
    last = {variable.name: variable for variable in variables}
    return {
        "variables": [
            {
                "name": name,
                "empty": not variable.value,
                "line": variable.line,
                "ignored_by_systemd": variable.ignored_by_systemd,
            }
            for name, variable in list(last.items())[:200]
        ],
        "windows_line_ends": "\r\n" in text,
    }


def _unquoted(value: str) -> str:
    value = value.strip()
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value[1:]
    return value.partition(" #")[0].strip()
