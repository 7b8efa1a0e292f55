"""How the server was before an apply, and bringing what runs there back to that."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import cast

from eloquence_ops.deploy.remote import again, candidate, systemd
from eloquence_ops.deploy.remote.checking import Service
from eloquence_ops.deploy.remote.place import UNITS, Place, reached_at
from eloquence_ops.deploy.remote.survey import listener
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.server.remote import listeners, processes
from eloquence_ops.server.remote.gaps import Gaps

_PROOF_S = 40.0
_LEAVING_S = 15.0
_LISTENS = re.compile(r"(\S*):(\d+) \(Stream\)")


def snapshot(place: Place) -> dict[str, object]:
    """`mode`: `socket` (ours), `plain` (a unit that binds the port itself), `hand` (a process that
    no unit of ours is), `down`. `serves`: whether it answered just now, where it listens now.
    `socket`: the text of the socket unit that lies there."""
    shown = systemd.show(place.api_unit, place.socket_unit, place.livekit_unit)
    api, socket = shown[place.api_unit], shown[place.socket_unit]
    held = listener(place)
    if systemd.is_active(socket):
        mode = "socket"
    elif api.get("ActiveState") in ("active", "activating"):
        mode = "plain"
    elif held is not None and held["pid"]:
        mode = "hand"
    else:
        mode = "down"
    now = as_it_is(place, shown)
    return {
        "mode": mode,
        "host": now.host,
        "port": now.port,
        "socket": socket_text(place),
        "invocation": api.get("InvocationID", ""),
        "api_active": api.get("ActiveState") in ("active", "activating"),
        "enabled": {
            name: properties.get("UnitFileState", "") == "enabled"
            for name, properties in shown.items()
        },
        "current": os.readlink(place.current) if os.path.islink(place.current) else None,
        "serves": serves(now, 3.0),
        "process": process_of(held) if mode == "hand" else None,
    }


def as_it_is(place: Place, shown: dict[str, dict[str, str]] | None = None) -> Place:
    """With the address that the API has now: a deploy may be about to give it another one."""
    shown = shown or systemd.show(place.api_unit, place.socket_unit)
    if systemd.is_active(shown[place.socket_unit]):
        told = _LISTENS.findall(shown[place.socket_unit].get("Listen", ""))
        there = [(host.strip("[]"), int(port)) for host, port in told]
    else:
        every = processes.every()
        sockets = listeners.sockets(every, Gaps())
        own = {pid for pid, process in every.items() if process.unit == place.api_unit}
        there = [
            (entry.address, entry.port)
            for entry in sockets.listeners
            if entry.protocol == "tcp" and own & set(sockets.holders.get(entry.inode, ()))
        ]
    if not there:
        return place
    host, port = min(there, key=lambda address: (address[1] != place.port, address))
    return place._replace(port=port, host=reached_at(host))


def socket_text(place: Place) -> str | None:
    try:
        with open(os.path.join(UNITS, place.socket_unit), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def serves(place: Place, timeout_s: float) -> bool:
    try:
        Service(place.address, "", timeout_s).answers()
    except Failed:
        return False
    return True


def process_of(held: dict[str, object] | None) -> dict[str, object] | None:
    """What starts a process started by hand again; its variables too, which only root may read."""
    pid = int(str(held["pid"])) if held and held["pid"] else 0
    process = processes.every().get(pid)
    if process is None:
        return None
    return {
        "pid": pid,
        "ticks": process.ticks,
        "words": process.arguments,
        "folder": process.cwd or "/",
        "uid": process.uid,
        "variables": process.variables,
        "program": _program(pid),
    }


def _program(pid: int) -> str:
    try:
        return os.readlink("/proc/{}/exe".format(pid))
    except OSError:
        return ""


def is_alive(process: dict[str, object]) -> bool:
    found = processes.every().get(int(str(process["pid"])))
    return found is not None and found.ticks == process["ticks"]


def end(process: dict[str, object]) -> None:
    """Asks a process started by hand to end; raises `Failed` where it does not."""
    if not is_alive(process):
        return
    os.kill(int(str(process["pid"])), signal.SIGTERM)
    until = time.monotonic() + _LEAVING_S
    while is_alive(process):
        if time.monotonic() > until:
            raise Failed("port-taken", "pid {} does not end".format(process["pid"]))
        time.sleep(0.05)


def bring_back(
    place: Place, before: dict[str, object], job_dir: str, *, another_socket: bool
) -> None:
    """What runs, as it was: files and links are restored already. Raises `Failed`.

    While the old release starts again the candidate goes on accepting where it can: it ends last.
    `another_socket`: its unit was replaced for a while; systemd may have let go of the old port.
    """
    systemd.must("daemon-reload")
    for name, enabled in cast("dict[str, bool]", before["enabled"]).items():
        _set_enabled(name, enabled)
    mode = before["mode"]
    shown = systemd.show(place.api_unit, place.socket_unit)
    api, socket = shown[place.api_unit], shown[place.socket_unit]
    # A pid may be somebody else's by now, after a boot above all.
    same = bool(before["invocation"]) and api.get("InvocationID") == before["invocation"]
    same = same and systemd.is_active(api)
    if mode == "socket":
        if another_socket:
            candidate.stop(place)
            systemd.ask("stop", place.socket_unit, place.api_unit)
        elif not systemd.is_active(socket):
            # Whoever binds the port itself must leave it first.
            systemd.ask("stop", place.api_unit)
        systemd.must("start", place.socket_unit)
        if before["api_active"] and not (same and not another_socket):
            systemd.ask("reset-failed", place.api_unit)
            systemd.must("restart", place.api_unit)
        candidate.stop(place)
        return
    candidate.stop(place)
    if mode == "plain" and same and not systemd.is_active(socket):
        return
    systemd.ask("stop", place.socket_unit, place.api_unit)
    systemd.ask("reset-failed", place.socket_unit, place.api_unit)
    if mode == "plain":
        systemd.must("start", place.api_unit)
    elif mode == "hand":
        process = cast("dict[str, object]", before["process"])
        if not is_alive(process):
            start_by_hand(place, process, job_dir)


def enable(*names: str) -> None:
    """Not where they are already: each time systemd reads all its units anew."""
    shown = systemd.show(*names)
    lacking = [name for name in names if shown[name].get("UnitFileState") != "enabled"]
    if lacking:
        systemd.must("enable", *lacking)


def _set_enabled(name: str, enabled: bool) -> None:
    state = systemd.show(name)[name].get("UnitFileState", "")
    if enabled and state == "disabled":
        systemd.must("enable", name)
    elif not enabled and state == "enabled":
        systemd.must("disable", name)
    elif not enabled and not state:
        # The unit is gone again; what pointed at it is not.
        systemd.ask("disable", name)


def start_by_hand(place: Place, process: dict[str, object], job_dir: str) -> None:
    again.prepare(job_dir, process)
    unit = place.by_hand + str(int(time.time()))
    words = [*candidate.program_words(job_dir), "again", job_dir]
    done = systemd.run(["systemd-run", "--quiet", "--collect", "--unit=" + unit, "--", *words])
    if done.status != 0:
        raise Failed("unit", done.stderr.strip())


def prove(place: Place) -> bool:
    """Whether it answers within a while, as it did before."""
    until = time.monotonic() + _PROOF_S
    while time.monotonic() < until:
        if serves(place, 5.0):
            return True
        time.sleep(0.2)
    return False
