"""The Debian tree that the test host runs from: built once, kept beside the other real peers.

`python -m tests.host.tree` (as root) builds it, unless it is there already.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.host.build import Release, TreeNotBuilt, build, release_here
from tests.host.layout import PAYLOAD

_HERE: Final = Path(__file__).parent
# What decides what is in the tree; with another one of these it is another tree.
_MADE_OF: Final = (_HERE / "build.py", _HERE / "layout.py", PAYLOAD / "requirements.txt")
_KEPT_S: Final = 30 * 86400


def tree() -> Path:
    """The tree, built if it is not there. Two that ask at once: one builds, the other waits.

    Raises:
        TreeNotBuilt: no apt sources, no network, no room; what the step said.
    """
    release = release_here()
    kept = _cache() / f"host-{release.codename}-{_key(release)}"
    if kept.is_dir():
        os.utime(kept)
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with _alone(kept.parent / ".host-lock"):
        if not kept.is_dir():
            _tidy(kept.parent)
            # In the same file system, so that the name comes at once and only to what is whole.
            draft = Path(tempfile.mkdtemp(prefix=".host-draft-", dir=kept.parent))
            try:
                build(draft / "tree", draft / "wheels", release)
                (draft / "tree").rename(kept)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return kept


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "eloquence-peers"


def _key(release: Release) -> str:
    made_of = hashlib.sha256()
    made_of.update(f"{release.codename} {platform.machine()}\n".encode())
    for path in _MADE_OF:
        made_of.update(path.read_bytes())
    return made_of.hexdigest()[:16]


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _tidy(folder: Path) -> None:
    """Drafts of builds that died, and trees that nobody asked for in a month."""
    long_ago = time.time() - _KEPT_S
    unused = (old for old in folder.glob("host-*") if old.stat().st_mtime < long_ago)
    for old in (*folder.glob(".host-draft-*"), *unused):
        shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    started = time.monotonic()
    try:
        print(f"{tree()} ({time.monotonic() - started:.0f} s)")
    except TreeNotBuilt as error:
        sys.exit(str(error))
