"""From the old release to the new one: units, and which process has the port."""

from __future__ import annotations

import os
import re
from typing import cast

from eloquence_ops.deploy.remote import before as state
from eloquence_ops.deploy.remote import candidate, installed, systemd
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.place import UNITS, Place, reached_at
from eloquence_ops.deploy.remote.unit_text import meaning
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.writing import remove, write

_BOUND = re.compile(r"^(?:ListenStream=|ExecStart=.* --bind )(\S*?):?(\d+)\s*$", re.MULTILINE)


def with_its_port(place: Place, job: Job) -> Place:
    """Back to a release: where its own units have it listen, whatever the settings say now."""
    if not job.is_rollback:
        return place
    texts = _texts(place, job)
    found = _BOUND.search(texts.get(place.socket_unit) or texts.get(place.api_unit, ""))
    if found is None:
        return place
    host, port = found.groups()
    return place._replace(port=int(port), host=reached_at(host.strip("[]")))


def returns_to_own_unit(place: Place, job: Job) -> bool:
    """Back to an installation made by hand, under the unit that it had then."""
    if not job.is_rollback:
        return False
    record = installed.record(place, job.release) or {}
    return record.get("adopted") is True and bool(record.get("units"))


def unit_texts(place: Place, job: Job) -> dict[str, str]:
    """What is installed: see `_texts`. Raises `Failed` for a unit that is none of its own."""
    texts = _texts(place, job)
    if returns_to_own_unit(place, job):
        return texts
    for name in texts:
        if name not in (place.api_unit, place.socket_unit):
            raise Failed("unit", "not one of this installation: {}".format(name))
    return texts


def _texts(place: Place, job: Job) -> dict[str, str]:
    """The units of the job; on the way back those that the release had."""
    record = (installed.record(place, job.release) or {}) if job.is_rollback else {}
    return cast("dict[str, str]", record.get("units")) or job.texts("units")


def wants_socket(place: Place, job: Job) -> bool:
    return place.socket_unit in unit_texts(place, job)


def is_without_gap(place: Place, job: Job, before: dict[str, object]) -> bool:
    """The socket stays, and the candidate holds it too."""
    if before["mode"] != "socket" or not wants_socket(place, job):
        return False
    if not before["api_active"]:
        return False
    text = unit_texts(place, job)[place.socket_unit]
    shares = any(
        line.startswith("Sockets=") and place.socket_unit in line.split("=", 1)[1].split()
        for line in job.texts("candidate").get(place.candidate_unit, "").split("\n")
    )
    return shares and meaning(str(before["socket"] or "")) == meaning(text)


def install_units(place: Place, job: Job, ledger: Ledger) -> None:
    texts = unit_texts(place, job)
    for name, text in texts.items():
        _write(ledger, os.path.join(UNITS, name), text)
    if place.socket_unit not in texts:
        path = os.path.join(UNITS, place.socket_unit)
        if os.path.lexists(path):
            systemd.ask("disable", place.socket_unit)
            ledger.will_replace(path)
            remove(path)
    if returns_to_own_unit(place, job):
        record = installed.record(place, job.release) or {}
        for path, text in cast("dict[str, str]", record.get("drop_ins") or {}).items():
            if path.startswith(UNITS + "/") and not os.path.lexists(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                _write(ledger, path, text)
    systemd.read_units(UNITS, place.api_unit, place.socket_unit)


def _write(ledger: Ledger, path: str, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    try:
        with open(path, "rb") as file:
            if file.read() == data and not os.path.islink(path):
                return
    except OSError:
        pass
    ledger.will_replace(path)
    if os.path.islink(path):
        remove(path)
    write(path, data)


def restart(place: Place, job: Job, before: dict[str, object]) -> int:
    """The service runs the release that `current` leads to; its main process. Raises `Failed`."""
    with_socket = wants_socket(place, job)
    if not is_without_gap(place, job, before):
        _free_the_port(place, before)
    names = [place.socket_unit, place.api_unit] if with_socket else [place.api_unit]
    state.enable(*names)
    if with_socket:
        systemd.must("start", place.socket_unit)
    # Five starts in a minute are too many to systemd, whoever asks for them.
    systemd.ask("reset-failed", place.api_unit)
    done = systemd.ask("restart", place.api_unit, timeout_s=180.0)
    shown = systemd.show(place.api_unit)[place.api_unit]
    if done.status != 0 or not systemd.is_active(shown):
        raise candidate.ended(place.api_unit, "exited")
    if not with_socket and not state.prove(place):
        raise candidate.ended(place.api_unit, "timeout")
    return systemd.main_pid(shown)


def _free_the_port(place: Place, before: dict[str, object]) -> None:
    """The one gap there is: from here until the new one has the port."""
    # It has proved itself, and may hold the socket that is to make way for another one.
    candidate.stop(place)
    systemd.ask("stop", place.socket_unit, place.api_unit)
    if before["mode"] == "hand":
        state.end(cast("dict[str, object]", before["process"]))
