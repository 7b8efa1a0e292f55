"""The processes, out of /proc: what each runs, since when, as whom, for which unit."""

from __future__ import annotations

import os
import pwd
import re
import time
from typing import NamedTuple

from eloquence_ops.server.remote import masking
from eloquence_ops.server.remote.reading import KIB, Unreadable, read_bytes, read_text, text

MOST = 20000
_TICKS = os.sysconf("SC_CLK_TCK")
_UNIT = re.compile(r"/([A-Za-z0-9][A-Za-z0-9:_.@\\-]*\.(?:service|scope))(?=/|$)")
_PYTHON = re.compile(r"^(?:python|pypy)[\d.]*$")
_SERVER_PROGRAMS = ("uvicorn", "gunicorn", "hypercorn", "fastapi")


class Process(NamedTuple):
    """`arguments` and `unit` of any process can be read; `cwd` and sockets by its owner and root.

    `started_at` is in seconds since 1970, by the clock as it is now; `ticks` since the boot,
    whatever the clock does: with the pid they tell one process from all others. `unit` is the
    innermost service or scope of its cgroup.
    """

    pid: int
    parent: int
    name: str
    arguments: list[str]
    uid: int
    started_at: float
    unit: str
    ticks: int = 0

    @property
    def cwd(self) -> str | None:
        """None where permission is missing, or it has ended."""
        try:
            return os.readlink("/proc/{}/cwd".format(self.pid))
        except OSError:
            return None

    @property
    def variables(self) -> list[tuple[str, str]]:
        """Its environment, secrets included, for its owner and root; empty for others."""
        try:
            words = arguments(read_bytes("/proc/{}/environ".format(self.pid), 64 * KIB))
        except (Unreadable, OSError):
            return []
        pairs = (word.partition("=") for word in words)
        return [(name, value) for name, equals, value in pairs if equals]

    def described(self) -> dict[str, object]:
        return {
            "pid": self.pid,
            "name": self.name,
            "command": " ".join(masking.without_values(self.arguments)),
            "user": user_name(self.uid),
            "cwd": self.cwd,
            "started_at": round(self.started_at, 2),
            "unit": self.unit,
        }


def every() -> dict[int, Process]:
    """All processes that this user may see (`hidepid` hides those of others)."""
    booted = boot_time()
    found: dict[int, Process] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and len(found) < MOST:
            try:
                process = _read(int(name), booted)
            except (Unreadable, OSError, ValueError, IndexError):
                continue  # it has ended meanwhile
            found[process.pid] = process
    return found


def boot_time() -> float:
    """Seconds since 1970. Not `btime` of /proc/stat, which is cut to whole seconds."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _read(pid: int, booted: float) -> Process:
    folder = "/proc/{}/".format(pid)
    status = read_text(folder + "stat", 4 * KIB)
    # The name is in parentheses and may hold any character, these too.
    before, _, after = status.rpartition(")")
    fields = after.split()
    ticks = int(fields[19])
    return Process(
        pid=pid,
        parent=int(fields[1]),
        name=before.partition("(")[2],
        arguments=arguments(read_bytes(folder + "cmdline", 64 * KIB)),
        uid=os.stat(folder).st_uid,
        started_at=booted + ticks / _TICKS,
        unit=unit_of(read_text(folder + "cgroup", 16 * KIB)),
        ticks=ticks,
    )


def arguments(raw: bytes) -> list[str]:
    """A process that has set its title (nginx) left no zero bytes, only words."""
    words = text(raw.rstrip(b"\0")).split("\0")
    return words[:200] if words != [""] else []


def unit_of(cgroup: str) -> str:
    """The innermost unit in /proc/PID/cgroup, of version 2 (`0::/…`) or 1 (`name=systemd`)."""
    found = ""
    for line in cgroup.split("\n"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        units = _UNIT.findall(path)
        if units and controllers in ("", "name=systemd"):
            found = units[-1]
            if controllers == "":
                break
    return found


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError):
        return str(uid)


def runs_api(process: Process, asgi_app: str) -> bool:
    """Whether this is the API: `python api.py`, or an ASGI server with its app."""
    words = process.arguments
    if not words:
        return False
    module = asgi_app.partition(":")[0]
    programs = {os.path.basename(word) for word in words[:4]}
    if not (_PYTHON.match(os.path.basename(words[0])) or programs & set(_SERVER_PROGRAMS)):
        return False
    script = module.rpartition(".")[2] + ".py"
    return any(
        word == asgi_app or word.startswith(asgi_app + ":") or os.path.basename(word) == script
        for word in words[1:]
    )
