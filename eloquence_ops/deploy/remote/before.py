"""How the server was before an apply, and bringing what runs there back to that."""

from __future__ import annotations

import os
import signal
import time
from typing import cast

from eloquence_ops.deploy.remote import candidate, systemd
from eloquence_ops.deploy.remote.checking import Service
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.survey import listener
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.server.remote import processes

_PROOF_S = 40.0
_LEAVING_S = 15.0


def snapshot(place: Place) -> dict[str, object]:
    """`mode`: `socket` (ours), `plain` (a unit that binds the port itself), `hand` (a process that
    no unit of ours is), `down`. `serves`: whether it answered just now."""
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
    return {
        "mode": mode,
        "pid": systemd.main_pid(api),
        "api_active": api.get("ActiveState") in ("active", "activating"),
        "enabled": {
            name: properties.get("UnitFileState", "") == "enabled"
            for name, properties in shown.items()
        },
        "current": os.readlink(place.current) if os.path.islink(place.current) else None,
        "serves": serves(place, 3.0),
        "process": process_of(held) if mode == "hand" else None,
    }


def serves(place: Place, timeout_s: float) -> bool:
    try:
        Service(place.port, "", timeout_s).answers()
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
        "started_at": process.started_at,
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
    started_at = float(str(process["started_at"]))
    return found is not None and abs(found.started_at - started_at) < 1.0


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


def bring_back(place: Place, before: dict[str, object], job_dir: str) -> None:
    """What runs, as it was: files and links are restored already. Raises `Failed`.

    While the old release starts again the candidate goes on accepting where it can: it ends last.
    """
    systemd.must("daemon-reload")
    for name, enabled in cast("dict[str, bool]", before["enabled"]).items():
        _set_enabled(name, enabled)
    mode = before["mode"]
    shown = systemd.show(place.api_unit, place.socket_unit)
    api, socket = shown[place.api_unit], shown[place.socket_unit]
    same = systemd.main_pid(api) == before["pid"] and systemd.is_active(api)
    if mode == "socket":
        systemd.must("start", place.socket_unit)
        if before["api_active"] and not same:
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
            start_by_hand(place, job_dir)


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


def start_by_hand(place: Place, job_dir: str) -> None:
    unit = "{}-by-hand-{}".format(place.stem, int(time.time()))
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
