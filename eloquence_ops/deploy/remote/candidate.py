"""The release that is tried: under units of its own, on a socket that nobody else can reach."""

from __future__ import annotations

import os
import sys
import time
from typing import Callable

from eloquence_ops.deploy.remote import systemd
from eloquence_ops.deploy.remote.checking import Service
from eloquence_ops.deploy.remote.place import TRANSIENT, Place
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.writing import remove, write

_ACCEPTING = "accepting on the public socket"
_TAKING_S = 10.0
_LOOK_EVERY_S = 0.5
_OVERRIDES = (b"ExecStart", b"Type", b"NotifyAccess", b"NonBlocking", b"Restart", b"Sockets")


def program_words(job_dir: str) -> list[str]:
    """The words that run this very program again, from the folder of a job."""
    return [sys.executable, "-I", "-S", "-B", os.path.join(job_dir, "run.py"), job_dir + "/program"]


def install(place: Place, texts: dict[str, str]) -> None:
    """Raises `Failed` for a unit that is none of its own."""
    for name, text in texts.items():
        if name not in (place.candidate_unit, place.candidate_socket):
            raise Failed("unit", name)
        write(os.path.join(TRANSIENT, name), text.encode("utf-8"))
    folder = os.path.join(TRANSIENT, place.candidate_unit + ".d")
    remove(folder)
    for path in systemd.drop_ins(systemd.show(place.api_unit)[place.api_unit]):
        with open(path, "rb") as file:
            found = file.read()
        os.makedirs(folder, exist_ok=True)
        write(os.path.join(folder, os.path.basename(path)), without_overrides(found))
    systemd.read_units(TRANSIENT, *texts)


def without_overrides(drop_in: bytes) -> bytes:
    """All of it but what makes a candidate of a service."""
    kept, dropping = [], False
    for line in drop_in.split(b"\n"):
        if not dropping:
            dropping = line.partition(b"=")[0].strip() in _OVERRIDES
            if not dropping:
                kept.append(line)
        # A line that ends so goes on in the next one.
        dropping = dropping and line.endswith(b"\\")
    return b"\n".join(kept)


def start(place: Place, start_s: float, check: Callable[[], None]) -> None:
    """Until its application has started. Raises `Failed` with what it said."""
    unit = place.candidate_unit
    systemd.must("start", place.candidate_socket)
    done = systemd.ask("start", "--no-block", unit)
    if done.status != 0:
        raise Failed("unit", done.stderr.strip(), lines=done.stderr.split("\n"))
    until = time.monotonic() + start_s
    begun = False
    while True:
        check()
        shown = systemd.show(unit)[unit]
        state = shown.get("ActiveState")
        if state == "active":
            return
        begun = begun or state == "activating"
        # Between the request and the start it is inactive too.
        if state in ("failed", "deactivating") or (state == "inactive" and begun):
            raise ended(unit, "exited")
        if time.monotonic() > until:
            raise Failed(
                "timeout",
                "{} has not started within {:g} s".format(unit, start_s),
                lines=said(unit, shown),
            )
        time.sleep(0.05)


def ended(unit: str, kind: str) -> Failed:
    """Why a unit is no longer there, in its own words."""
    shown = systemd.show(unit)[unit]
    result = shown.get("Result", "")
    if result == "resources":
        kind = "unit"
    return Failed(
        kind,
        "{}: {}, status {}".format(unit, result, shown.get("ExecMainStatus", "")),
        status=int(shown.get("ExecMainStatus") or 0) or None,
        lines=said(unit, shown),
    )


def said(unit: str, shown: dict[str, str]) -> list[str]:
    lines = systemd.journal_lines(unit, shown.get("InvocationID", ""))
    return lines or systemd.journal_lines(unit)


class Watched:
    """How long something has been watched, from one look to the next.

    A busy machine may stand still for seconds, and who is watched with it: its time to die comes
    later then, and who watches it would have seen nothing. So a gap counts as one look at most, and
    the last look is begun when the time is over.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._looked: float | None = None

    def left(self, now: float) -> float:
        """Before each look; `now` and the answer in seconds."""
        if self._looked is not None:
            self._left -= min(now - self._looked, 2 * _LOOK_EVERY_S)
        self._looked = now
        return self._left


def watch(place: Place, unit: str, watch_s: float, ask: bool, check: Callable[[], None]) -> None:
    """It stays the same process, and goes on answering, for `watch_s`. Raises `Failed`."""
    pid = systemd.main_pid(systemd.show(unit)[unit])
    watched = Watched(watch_s)
    service = Service(place.candidate_address, "")
    while True:
        left = watched.left(time.monotonic())
        check()
        shown = systemd.show(unit)[unit]
        if not systemd.is_active(shown) or systemd.main_pid(shown) != pid:
            raise ended(unit, "crashed")
        if ask:
            try:
                service.answers()
            except Failed as failed:
                time.sleep(0.2)
                if not systemd.is_active(systemd.show(unit)[unit]):
                    raise ended(unit, "crashed") from None
                raise failed
        if left <= 0:
            return
        time.sleep(min(_LOOK_EVERY_S, left))


def go_public(place: Place) -> None:
    """From now on it serves everybody, beside the one that does already. Raises `Failed`."""
    unit = place.candidate_unit
    systemd.must("kill", "--kill-who=main", "--signal=SIGUSR1", unit)
    until = time.monotonic() + _TAKING_S
    while systemd.show(unit)[unit].get("StatusText") != _ACCEPTING:
        if time.monotonic() > until:
            raise Failed("timeout", "{} does not accept".format(unit))
        time.sleep(0.02)


def stop(place: Place) -> None:
    """With everything of it; it answers first what it has accepted."""
    units = (place.candidate_socket, place.candidate_unit)
    files = [os.path.join(TRANSIENT, name) for name in units]
    shown = systemd.show(*units)
    there = any(each.get("LoadState") == "loaded" for each in shown.values())
    if not there and not any(map(os.path.exists, files)):
        return
    systemd.ask("stop", *units)
    systemd.ask("reset-failed", *units)
    for path in [*files, files[1] + ".d"]:
        remove(path)
    remove(place.candidate_address)
    systemd.read_units(TRANSIENT, *units)
