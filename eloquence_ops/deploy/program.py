"""The program that deploys on a server: `deploy.remote` and what it uses of `server.remote`. Pure.

It is sent on standard input, with everything that it is then told behind it as frames, so that
nothing of it stands in a process list and one round trip begins it.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from eloquence_ops.server.program import bundled

PACKAGES: Final = ("eloquence_ops.server.remote", "eloquence_ops.deploy.remote")
ENTRY: Final = "eloquence_ops.deploy.remote.verbs"

# `source` stays a name of its own: the unit that applies a job runs the same text from a file. In
# Python 2, which is told to be too old, standard input has no buffer.
_BEGIN: Final = (
    'import sys;source=getattr(sys.stdin,"buffer",sys.stdin).read(int(sys.argv[1]));exec(source)'
)


def command(length: int) -> tuple[str, ...]:
    """Isolated from the folder, environment and packages of whoever logs in; writes no caches."""
    return ("python3", "-I", "-S", "-B", "-c", _BEGIN, str(length))


@cache
def source() -> bytes:
    """ASCII; `command(len(source()))` reads it."""
    return bundled(PACKAGES, ENTRY, f'begin("{{modules}}", "{ENTRY}", source)\n')
