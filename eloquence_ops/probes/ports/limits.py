"""How many sockets this process may have open at once, raised while many are needed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

_UNLIMITED = 65536
# What is open already: files, the event loop, SSH.
_SPARE = 64


@contextlib.contextmanager
def descriptors(wanted: int) -> Iterator[int]:
    """For the length of the block up to `wanted` more may be opened, or as many as it yields.

    1024 is the usual limit, and far more what a process may set for itself. `select()` in some
    library would not work with higher descriptors, so the old limit comes back.
    """
    if sys.platform == "win32":  # has no such limit
        yield min(wanted, _UNLIMITED)
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = _UNLIMITED if hard == resource.RLIM_INFINITY else hard
    raised = min(max(soft, wanted + _SPARE), ceiling) if soft >= 0 else soft
    changed = raised > soft
    if changed:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        except (OSError, ValueError):  # macOS has a lower limit than it tells
            raised, changed = soft, False
    try:
        yield max(1, min(wanted, raised - _SPARE))
    finally:
        if changed:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
