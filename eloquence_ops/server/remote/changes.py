"""What changed of late: the files that matter by when they changed, what dpkg and pip installed."""

from __future__ import annotations

import os
import re
import time

from eloquence_ops.server.remote import interpreter, source_folders
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import KIB, Unreadable, read_end, reason_of, text

DPKG_LOG = "/var/log/dpkg.log"
_DPKG = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (install|upgrade|remove|purge) ([^\s:]+)\S* (\S+) (\S+)$",
    re.MULTILINE,
)
_DAY_S = 86400
_MOST_PACKAGES = 60
_MOST_FILES = 300


def facts(
    files: dict[str, str], gaps: Gaps, folders: dict[str, list[str]] | None = None
) -> dict[str, object]:
    """`files` are paths and what each of them is; `folders` paths and what should be in them."""
    found: dict[str, object] = {}
    seen: list[dict[str, object]] = []
    for path, what in files.items():
        try:
            status = os.stat(path)
        except OSError as error:
            if reason_of(error) != "not-found":
                gaps.note(path, reason_of(error))
            continue
        # mtime can be set to anything (cp -p, tar, git); ctime cannot.
        seen.append(
            {
                "path": path,
                "what": what,
                "modified_at": int(status.st_mtime),
                "changed_at": int(status.st_ctime),
            }
        )
    for folder, needed in (folders or {}).items():
        try:
            gone = source_folders.deleted(folder, needed)
        except OSError as error:
            if reason_of(error) != "not-found":
                gaps.note(folder, reason_of(error))
            continue
        if gone is not None:
            seen.append(gone)
    found["files"] = sorted(seen, key=lambda entry: -int(str(entry["changed_at"])))[:_MOST_FILES]
    with gaps.around("packages"):
        raw, whole = read_end(DPKG_LOG, 512 * KIB)
        found["packages"] = packages(_rotated(whole) + text(raw), time.time())
    return found


def _rotated(whole: bool) -> str:
    """What the log from before holds, where logrotate has just begun a new one."""
    if not whole:
        return ""
    try:
        return text(read_end(DPKG_LOG + ".1", 512 * KIB)[0])
    except Unreadable:
        return ""  # there is none


def packages(log: str, now: float) -> list[dict[str, object]]:
    """What dpkg did in the last day, latest last; it writes local time."""
    found = []
    for stamp, action, name, before, after in _DPKG.findall(log):
        try:
            at = time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M:%S"))
        except (ValueError, OverflowError):
            continue
        if now - _DAY_S <= at:
            found.append(
                {"at": int(at), "action": action, "name": name, "before": before, "after": after}
            )
    return found[-_MOST_PACKAGES:]


def python_packages(folders: list[str], now: float) -> list[dict[str, object]]:
    """What came into the API's Python in the last day, latest last. pip keeps no log: a package is
    as old as the folder of its metadata, which each installation makes anew."""
    found = []
    for folder in folders:
        for name, version, at in interpreter.distributions(folder):
            if now - _DAY_S <= at:
                found.append({"at": int(at), "name": name, "version": version})
    return sorted(found, key=lambda entry: int(str(entry["at"])))[-_MOST_PACKAGES:]
