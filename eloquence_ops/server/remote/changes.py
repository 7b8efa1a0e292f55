"""What changed of late: the files that matter by when they changed, what dpkg and pip installed."""

from __future__ import annotations

import os
import re
import time

from eloquence_ops.server.remote import interpreter
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import KIB, read_end, reason_of, text

DPKG_LOG = "/var/log/dpkg.log"
_DPKG = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (install|upgrade|remove|purge) ([^\s:]+)\S* (\S+) (\S+)$",
    re.MULTILINE,
)
_DAY_S = 86400
_MOST_PACKAGES = 60


def facts(files: dict[str, str], gaps: Gaps) -> dict[str, object]:
    """`files` are paths and what each of them is."""
    found: dict[str, object] = {}
    seen = []
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
    found["files"] = sorted(seen, key=lambda entry: -int(str(entry["changed_at"])))[:150]
    with gaps.around("packages"):
        raw, _ = read_end(DPKG_LOG, 512 * KIB)
        found["packages"] = packages(text(raw), time.time())
    return found


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
