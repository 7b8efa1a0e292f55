"""The write-ahead journal of an apply: what is about to change, on disk before it does.

So whoever comes after a kill or a power cut can put everything back. It lies in root's own folder.
"""

from __future__ import annotations

import os
import shutil
import stat
from typing import cast

from eloquence_ops.deploy.remote.identity import Identity, acting_as
from eloquence_ops.deploy.remote.locking import INTENT
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.writing import link, read_json, remove, write, write_json


class Ledger:
    """`data` is what the journal says; every change of it is on disk when its method returns."""

    def __init__(self, place: Place, data: dict[str, object]) -> None:
        self._place = place
        self.data = data

    @property
    def _path(self) -> str:
        return os.path.join(self._place.state, INTENT)

    @property
    def _backups(self) -> str:
        return os.path.join(self._place.state, "backups")

    def set(self, **what: object) -> None:
        self.data.update(what)
        self._keep()

    def _keep(self) -> None:
        os.makedirs(self._place.state, mode=0o700, exist_ok=True)
        write_json(self._path, self.data)

    def _add(self, op: dict[str, object]) -> None:
        cast("list[object]", self.data.setdefault("ops", [])).append(op)
        self._keep()

    def ops(self) -> list[dict[str, object]]:
        return list(cast("list[dict[str, object]]", self.data.get("ops", [])))

    def will_make(self, path: str) -> None:
        """`path` is about to come into being: going back removes it, with all that is in it."""
        if not os.path.lexists(path):
            self._add({"op": "made", "path": path})

    def will_replace(self, path: str) -> None:
        """A file or link is about to be made, replaced or removed: going back restores it."""
        if os.path.islink(path):
            self._add({"op": "link", "path": path, "target": os.readlink(path)})
            return
        if not os.path.lexists(path):
            self._add({"op": "absent", "path": path})
            return
        os.makedirs(self._backups, mode=0o700, exist_ok=True)
        backup = os.path.join(self._backups, str(len(self.ops())))
        data, status = _content(path)
        write(backup, data, 0o600)
        self._add(
            {
                "op": "file",
                "path": path,
                "backup": backup,
                "mode": status.st_mode & 0o7777,
                "uid": status.st_uid,
                "gid": status.st_gid,
            }
        )

    def will_own(self, path: str) -> None:
        """A folder is about to get another owner."""
        status = os.lstat(path)
        self._add({"op": "owner", "path": path, "uid": status.st_uid, "gid": status.st_gid})

    def undo_files(self, who: Identity) -> None:
        """Everything but what was made, which a candidate may still be running from."""
        for op in reversed(self.ops()):
            if op["op"] != "made":
                _undo(op, self._place, who)

    def undo_made(self, who: Identity) -> None:
        for op in reversed(self.ops()):
            if op["op"] == "made":
                with acting_as(_owner(str(op["path"]), self._place, who)):
                    remove(str(op["path"]))

    def close(self) -> None:
        """Nothing is to be put back any more."""
        remove(self._path)
        shutil.rmtree(self._backups, ignore_errors=True)


def _content(path: str) -> tuple[bytes, os.stat_result]:
    """Of a file, which may be readable for root alone. Its folder may be somebody's who puts a link
    to another file there at this moment: root must not follow it, nor wait for a pipe."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Failed("files", "no plain file", path=path)
        return file.read(), status


def _owner(path: str, place: Place, who: Identity) -> Identity:
    """Within the user's folder as that user; the folder itself lies in somebody else's."""
    inside = path.startswith(place.remote_dir + "/")
    return who if inside else who._replace(uid=0)


def _undo(op: dict[str, object], place: Place, who: Identity) -> None:
    path = str(op["path"])
    if op["op"] == "owner":
        os.chown(path, int(str(op["uid"])), int(str(op["gid"])), follow_symlinks=False)
        return
    if op["op"] == "file":
        with open(str(op["backup"]), "rb") as file:
            data = file.read()
        uid, gid = int(str(op["uid"])), int(str(op["gid"]))
        # Its owner may be root within the folder of a user: made by the user, then handed back.
        with acting_as(_owner(path, place, who)):
            write(path, data, int(str(op["mode"])))
        if os.lstat(path).st_uid != uid or os.lstat(path).st_gid != gid:
            os.chown(path, uid, gid, follow_symlinks=False)
        return
    with acting_as(_owner(path, place, who)):
        if op["op"] == "link":
            link(path, str(op["target"]))
        elif op["op"] == "absent":
            remove(path)


def open_ledger(place: Place) -> Ledger | None:
    """Of an apply that has not ended."""
    data = read_json(os.path.join(place.state, INTENT))
    return Ledger(place, data) if data is not None else None
