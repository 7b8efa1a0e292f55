"""The machine: room on its disks, memory, load, limits, what it is."""

from __future__ import annotations

import os
import platform
import re

from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.processes import boot_time
from eloquence_ops.server.remote.reading import KIB, Unreadable, read_text, unreadable
from eloquence_ops.server.remote.units import Unit

_CONTROL_GROUPS = ("/sys/fs/cgroup{}", "/sys/fs/cgroup/unified{}", "/sys/fs/cgroup/memory{}")
_SOCKET_BUFFERS = ("rmem_max", "wmem_max", "rmem_default")


def facts(folders: list[str], units: dict[str, Unit], gaps: Gaps) -> dict[str, object]:
    found: dict[str, object] = {"python": platform.python_version(), "disks": disks(folders, gaps)}
    with gaps.around("memory"):
        found["memory"] = memory(read_text("/proc/meminfo", 64 * KIB))
    with gaps.around("load"):
        found["load"] = list(os.getloadavg())
        found["processors"] = os.cpu_count()
    with gaps.around("booted_at"):
        found["booted_at"] = round(boot_time(), 1)
    with gaps.around("system"):
        found["kernel"] = platform.release()
        found["architecture"] = platform.machine()
        found["system"] = system_name(read_text("/etc/os-release", 64 * KIB))
    with gaps.around("socket_buffers"):
        found["socket_buffers"] = [
            {"name": name, "bytes": int(read_text("/proc/sys/net/core/" + name, KIB))}
            for name in _SOCKET_BUFFERS
        ]
    found["services"] = [
        _service(name, unit, gaps) for name, unit in units.items() if unit.is_loaded
    ]
    return found


def disks(folders: list[str], gaps: Gaps) -> list[dict[str, object]]:
    """Each file system once, with the folders that lie on it. `free` is for ordinary users."""
    found: dict[int, dict[str, object]] = {}
    paths: dict[int, list[str]] = {}
    for folder in folders:
        try:
            device, status = os.stat(folder).st_dev, os.statvfs(folder)
        except OSError as error:
            problem = unreadable(error)
            if problem.reason != "not-found":
                gaps.note("disks", problem.reason, problem.detail)
            continue
        paths.setdefault(device, []).append(folder)
        found[device] = {
            "paths": paths[device],
            "bytes": status.f_blocks * status.f_frsize,
            "free_bytes": status.f_bavail * status.f_frsize,
            "inodes": status.f_files,
            "free_inodes": status.f_favail,
            "read_only": bool(status.f_flag & os.ST_RDONLY),
        }
    return list(found.values())


def memory(meminfo: str) -> dict[str, object]:
    """Bytes."""
    sizes = {
        name: int(size) * KIB
        for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", meminfo, re.MULTILINE)
    }
    return {
        "total": sizes.get("MemTotal"),
        "available": sizes.get("MemAvailable"),
        "swap_total": sizes.get("SwapTotal"),
        "swap_free": sizes.get("SwapFree"),
    }


def system_name(os_release: str) -> str:
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)"?$', os_release, re.MULTILINE)
    return found.group(1) if found else ""


def _service(name: str, unit: Unit, gaps: Gaps) -> dict[str, object]:
    found: dict[str, object] = {"unit": name}
    pid = unit.number("MainPID")
    if pid:
        with gaps.around("files." + name):
            found.update(_files(pid))
    if unit.get("ControlGroup"):
        with gaps.around("oom_kills." + name):
            found["oom_kills"] = oom_kills(unit.get("ControlGroup"))
    return found


def _files(pid: int) -> dict[str, object]:
    limits = read_text("/proc/{}/limits".format(pid), 16 * KIB)
    match = re.search(r"^Max open files\s+(\d+)", limits, re.MULTILINE)
    try:
        in_use: int | None = len(os.listdir("/proc/{}/fd".format(pid)))
    except OSError:
        in_use = None  # another user's
    return {"file_limit": int(match.group(1)) if match else None, "open_files": in_use}


def oom_kills(group: str) -> int:
    """How many processes of a unit the kernel killed for want of memory, since it started."""
    for pattern in _CONTROL_GROUPS:
        for name in ("memory.events", "memory.oom_control"):
            try:
                events = read_text(pattern.format(group) + "/" + name, 4 * KIB)
            except Unreadable:
                continue
            found = re.search(r"^oom_kill (\d+)$", events, re.MULTILINE)
            if found:
                return int(found.group(1))
    raise Unreadable("not-found", "memory.events of " + group)
