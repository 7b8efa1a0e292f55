"""`env push`: the service's `.env.local`, readable for its user alone, replaced in one step."""

from __future__ import annotations

import json
import os

from eloquence_ops.deploy.remote import systemd
from eloquence_ops.deploy.remote.frames import Heard, Speech
from eloquence_ops.deploy.remote.identity import Identity, acting_as, identity
from eloquence_ops.deploy.remote.place import Place, place_of
from eloquence_ops.deploy.remote.survey import service_user
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.writing import write
from eloquence_ops.server.remote import environment_file


def push(request: dict[str, object], heard: Heard, speech: Speech) -> None:
    """Raises `Failed` and `OSError`."""
    place = place_of(request)
    frame = heard.next()
    if frame.kind != "s":
        raise Failed("files", "nothing was sent")
    text = json.loads(frame.payload.decode("utf-8"))["env_local"]
    found = service_user(place, systemd.show(place.api_unit)[place.api_unit])
    who = identity(found["name"], found["group"])
    path, changed = _put(place, who, str(text).encode("utf-8"))
    speech.say_now(
        {
            "event": "pushed",
            "changed": changed,
            "keys": sorted({entry.name for entry in environment_file.parse(str(text))}),
            "path": path,
        }
    )


def _put(place: Place, who: Identity, data: bytes) -> tuple[str, bool]:
    path = place.flat_env_local if place.layout() == "flat" else place.env_local
    if os.path.islink(path):
        path = place.env_local
    _make(place.remote_dir, who)
    _make(os.path.dirname(path), who)
    changed = _differs(path, data, who)
    if changed:
        with acting_as(who):
            write(path, data, 0o600)
    return path, changed


def _make(folder: str, who: Identity) -> None:
    if not os.path.isdir(folder):
        os.makedirs(folder, 0o755)
        os.chown(folder, who.uid, who.gid, follow_symlinks=False)


def _differs(path: str, data: bytes, who: Identity) -> bool:
    """Content, owner or mode."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        status = os.fstat(handle)
        same = os.read(handle, len(data) + 1) == data
    finally:
        os.close(handle)
    return not same or status.st_uid != who.uid or status.st_mode & 0o7777 != 0o600
