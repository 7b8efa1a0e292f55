"""What listens on this machine, and who: /proc/net and the file descriptors, no `ss` needed."""

from __future__ import annotations

import os
import re
import socket
from typing import NamedTuple

from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.processes import Process, runs_api, user_name
from eloquence_ops.server.remote.reading import KIB, Unreadable, read_text

MOST = 400
_TABLE_BYTES = 8 * 1024 * KIB
_LISTEN, _UNCONNECTED = "0A", "07"  # TCP_LISTEN; a UDP socket that takes from anybody
_SOCKET = re.compile(r"socket:\[(\d+)\]")


class Listener(NamedTuple):
    """`inode` leads to the process that holds it."""

    protocol: str
    address: str
    port: int
    uid: int
    inode: str
    backlog: int | None


def parse(table: str, protocol: str) -> list[Listener]:
    """The listening sockets of one of /proc/net/{tcp,tcp6,udp,udp6}."""
    found = []
    for line in table.split("\n")[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != (_LISTEN if protocol == "tcp" else _UNCONNECTED):
            continue
        address, _, port = fields[1].rpartition(":")
        waiting = int(fields[4].rpartition(":")[2], 16) if protocol == "tcp" else None
        found.append(
            Listener(protocol, _address(address), int(port, 16), int(fields[7]), fields[9], waiting)
        )
    return found


def _address(digits: str) -> str:
    """Four-byte words in the machine's own order."""
    raw = bytes.fromhex(digits)
    words = [raw[at : at + 4][::-1] for at in range(0, len(raw), 4)]
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words))


def every(gaps: Gaps) -> list[Listener]:
    found: list[Listener] = []
    for protocol in ("tcp", "udp"):
        for table in (protocol, protocol + "6"):
            with gaps.around(table):
                try:
                    found += parse(read_text("/proc/net/" + table, _TABLE_BYTES), protocol)
                except Unreadable as error:
                    if error.reason != "not-found" or table == protocol:  # IPv6 may be off
                        raise
    return sorted(found)


def holders(inodes: set[str], processes: dict[int, Process]) -> dict[str, list[int]]:
    """Which processes hold these sockets; of others' processes only root may see it."""
    found: dict[str, list[int]] = {}
    for pid in processes:
        folder = "/proc/{}/fd/".format(pid)
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names[:65536]:
            try:
                match = _SOCKET.match(os.readlink(folder + name))
            except OSError:
                continue
            if match and match.group(1) in inodes:
                held = found.setdefault(match.group(1), [])
                if pid not in held:
                    held.append(pid)
    return found


class Sockets(NamedTuple):
    """Everything that listens, and by the inode who holds it."""

    listeners: list[Listener]
    holders: dict[str, list[int]]

    def of(self, pid: int) -> list[Listener]:
        return [entry for entry in self.listeners if pid in self.holders.get(entry.inode, ())]


def sockets(processes: dict[int, Process], gaps: Gaps) -> Sockets:
    found = every(gaps)
    return Sockets(found, holders({entry.inode for entry in found}, processes))


def facts(found: Sockets, processes: dict[int, Process], gaps: Gaps) -> dict[str, object]:
    """`holders` of a listener are pids of `processes`, the first one the oldest."""
    shown = found.listeners[:MOST]
    if any(not found.holders.get(entry.inode) for entry in shown) and os.geteuid() != 0:
        gaps.note("holders", "permission-denied", "sockets of other users' processes")
    pids = sorted({pid for entry in shown for pid in found.holders.get(entry.inode, ())})
    return {
        "listeners": [
            {
                "protocol": entry.protocol,
                "address": entry.address,
                "port": entry.port,
                "user": user_name(entry.uid),
                "backlog": entry.backlog,
                "holders": sorted(found.holders.get(entry.inode, ()))[:20],
            }
            for entry in shown
        ],
        "left_out": len(found.listeners) - len(shown),
        "processes": [processes[pid].described() for pid in pids[:200]],
    }


def api_processes(
    found: Sockets, processes: dict[int, Process], asgi_app: str, api_unit: str
) -> list[dict[str, object]]:
    """Every process that runs the API; started by hand where it is not the unit's."""
    found_processes: list[dict[str, object]] = [
        {
            "process": process.described(),
            "ports": _ports(process, found),
            "by_hand": process.unit != api_unit,
        }
        for process in sorted(processes.values())
        if runs_api(process, asgi_app)
    ]
    return found_processes[:20]


def _ports(process: Process, found: Sockets) -> list[int] | None:
    """None where another user's descriptors cannot be seen: that is not the same as no port."""
    if not os.access("/proc/{}/fd".format(process.pid), os.R_OK | os.X_OK):
        return None
    return sorted({entry.port for entry in found.of(process.pid)})[:20]


def published_by_docker(processes: dict[int, Process]) -> list[dict[str, object]]:
    """Ports that Docker publishes: each has a `docker-proxy` (unless its userland proxy is off)."""
    found: list[dict[str, object]] = []
    for process in sorted(processes.values()):
        words = process.arguments
        if process.name != "docker-proxy" or not words:
            continue
        options = {name.lstrip("-"): value for name, value in zip(words[1::2], words[2::2])}
        found.append(
            {
                "protocol": options.get("proto", ""),
                "address": options.get("host-ip", ""),
                "port": _number(options.get("host-port", "")),
                "to": "{}:{}".format(
                    options.get("container-ip", ""), options.get("container-port", "")
                ),
            }
        )
    return found[:200]


def _number(digits: str) -> int | None:
    return int(digits) if digits.isdigit() and len(digits) < 6 else None
