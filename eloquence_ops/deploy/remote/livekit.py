"""LiveKit's unit and configuration. Its restart ends every call: only for a change, and not while
there are rooms, unless that is asked for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import time
from typing import Callable, Mapping, NamedTuple, cast

from eloquence_ops.deploy.remote import systemd
from eloquence_ops.deploy.remote.identity import identity
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.place import UNITS, Place
from eloquence_ops.deploy.remote.verification import verify
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.writing import remove, write
from eloquence_ops.server.remote import livekit_config
from eloquence_ops.server.remote.reading import Unreadable

_PORT = 7880
_START_S = 20.0
_ASKING_S = 5.0
_ENDING_S = 2.0
_LONGEST_ENDING_S = 120.0  # systemd kills it after 90, unless its unit says otherwise


class _File(NamedTuple):
    path: str
    data: bytes
    mode: int
    user: str

    def lies_there(self) -> bool:
        try:
            with open(self.path, "rb") as file:
                return file.read() == self.data
        except OSError:
            return False


def rooms(yaml_path: str) -> int | None:
    """How many there are now; None where it does not say."""
    try:
        document = livekit_config.load(yaml_path)
        pairs = livekit_config.load_keys(document)
    except (Unreadable, OSError):
        return None
    for key, secret in pairs.items():
        found = _listed(_port(document.value), _token(key, secret))
        if found is not None:
            return found
    return None


def _listed(port: int, token: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ASKING_S)
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    try:
        connection.request("POST", "/twirp/livekit.RoomService/ListRooms", b"{}", headers)
        answer = connection.getresponse()
        said = json.loads(answer.read(1 << 20))
        return len(said.get("rooms") or []) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError, AttributeError, TypeError):
        return None
    finally:
        connection.close()


def _token(key: str, secret: str) -> str:
    now = int(time.time())
    claims = {"iss": key, "nbf": now - 60, "exp": now + 60, "video": {"roomList": True}}
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    text = b".".join(_base64(json.dumps(part).encode("ascii")) for part in parts)
    signature = hmac.new(secret.encode("utf-8"), text, hashlib.sha256).digest()
    return (text + b"." + _base64(signature)).decode("ascii")


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _port(configuration: Mapping[str, object]) -> int:
    port = configuration.get("port")
    return int(port) if isinstance(port, (int, str)) and str(port).isdigit() else _PORT


def install(
    place: Place, job: Job, keys: object, ledger: Ledger, check: Callable[[], None]
) -> bool:
    """Whether there was something to change. Raises `Failed`."""
    files = [file for file in _wanted(place, job, keys) if not file.lies_there()]
    if not files:
        return False
    unit = job.section("livekit").get("unit")
    if isinstance(unit, str):
        verify(os.path.join(job.folder, "verify"), {place.livekit_unit: unit}, ("", ""))
    yaml_path = str(job.section("livekit").get("yaml_path"))
    active = systemd.is_active(systemd.show(place.livekit_unit)[place.livekit_unit])
    live = rooms(yaml_path) if active else 0
    if live != 0 and not job.flag("force"):
        raise Failed("rooms", "?" if live is None else str(live))
    ledger.set(livekit={"active": active, "yaml_path": yaml_path})
    for file in files:
        ledger.will_replace(file.path)
        if os.path.islink(file.path):
            remove(file.path)
        write(file.path, file.data, file.mode)
        owner = identity(file.user)
        os.chown(file.path, owner.uid, owner.gid, follow_symlinks=False)
    systemd.must("daemon-reload")
    systemd.must("enable", place.livekit_unit)
    _restart(place, yaml_path, check)
    return True


def _wanted(place: Place, job: Job, keys: object) -> list[_File]:
    section = job.section("livekit")
    found = []
    yaml, key_file, user = section.get("yaml"), section.get("key_file"), section.get("user")
    if isinstance(yaml, str):
        if isinstance(keys, str) and isinstance(key_file, str):
            found.append(_File(key_file, (keys + "\n").encode("utf-8"), 0o600, str(user)))
        found.append(_File(str(section["yaml_path"]), yaml.encode("utf-8"), 0o644, "root"))
    unit = section.get("unit")
    if isinstance(unit, str):
        path = os.path.join(UNITS, place.livekit_unit)
        found.append(_File(path, unit.encode("utf-8"), 0o644, "root"))
    return found


def _restart(place: Place, yaml_path: str, check: Callable[[], None]) -> None:
    systemd.ask("reset-failed", place.livekit_unit)
    _stop(place)
    systemd.must("start", place.livekit_unit)
    until = time.monotonic() + _START_S
    while not _is_healthy(yaml_path):
        check()
        state = systemd.show(place.livekit_unit)[place.livekit_unit].get("ActiveState")
        if state in ("failed", "inactive") or time.monotonic() > until:
            lines = systemd.journal_lines(place.livekit_unit)
            raise Failed("livekit", "no OK from LiveKit ({})".format(state), lines=lines)
        time.sleep(0.2)


def _stop(place: Place) -> None:
    """LiveKit asked once waits for everybody in its rooms to leave, until systemd kills it after
    90 s; asked again it tells them, and ends."""
    systemd.must("stop", "--no-block", place.livekit_unit)
    until = time.monotonic() + _LONGEST_ENDING_S
    again_at = time.monotonic() + _ENDING_S
    while True:
        state = systemd.show(place.livekit_unit)[place.livekit_unit].get("ActiveState")
        if state in ("inactive", "failed"):
            return
        if time.monotonic() > until:
            raise Failed("timeout", "{} does not end".format(place.livekit_unit))
        if state == "deactivating" and time.monotonic() > again_at:
            systemd.ask("kill", "--kill-who=main", "--signal=SIGTERM", place.livekit_unit)
            again_at = time.monotonic() + _ENDING_S
        time.sleep(0.1)


def _is_healthy(yaml_path: str) -> bool:
    try:
        port = _port(livekit_config.load(yaml_path).value)
    except (Unreadable, OSError):
        port = _PORT
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ASKING_S)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status == 200 and answer.read(64).strip() == b"OK"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def as_before(place: Place, ledger: Ledger) -> None:
    """Its files lie as they lay; what ran runs again. Raises `Failed`."""
    before = cast("dict[str, object] | None", ledger.data.get("livekit"))
    if before is None:
        return
    if before["active"]:
        systemd.must("daemon-reload")
        _restart(place, str(before["yaml_path"]), lambda: None)
    else:
        _stop(place)
        systemd.must("daemon-reload")
