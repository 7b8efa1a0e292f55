"""Lines that say what is the matter, as data: a new one is a new row.

Each was seen: uvicorn 0.54 on Python 3.11, livekit-server 1.13.5, nginx 1.22, systemd 252, and the
kernel's own for want of memory.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Pattern(NamedTuple):
    """`rank` 3 says why, 2 says what failed, 1 says only that something ended.

    `found` is the name by which judgements know the line.
    """

    found: str
    rank: int
    expression: str


JOURNAL = (
    # Python and uvicorn
    Pattern("module-missing", 3, r"^(?:ModuleNotFoundError|ImportError): "),
    Pattern("address-in-use", 3, r"\[Errno 98\]|[Aa]ddress already in use"),
    Pattern("address-not-here", 3, r"\[Errno 99\]|[Cc]annot assign requested address"),
    Pattern("permission-denied", 3, r"\[Errno 13\]|: Permission denied$|bind\(\).*\(13: "),
    Pattern("app-not-found", 3, r"Error loading ASGI app"),
    Pattern("settings-invalid", 3, r"validation errors? for \w*(?:Settings|Config)"),
    Pattern("disk-full", 3, r"No space left on device|\[Errno 28\]"),
    Pattern("too-many-files", 3, r"[Tt]oo many open files|\[Errno 24\]|worker_connections are not"),
    Pattern(
        "python-error", 2, r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)(?:: |$)"
    ),
    # LiveKit
    Pattern("config-unknown-field", 3, r"field (\S+) not found in type "),
    Pattern("config-invalid", 2, r"could not (?:parse|validate(?: RTC)?) config"),
    Pattern("config-invalid", 3, r"cannot unmarshal !!\w+ .* into |yaml: line \d+: "),
    Pattern("config-missing", 3, r"^open \S+\.ya?ml: no such file or directory"),
    Pattern("external-address-unknown", 3, r"could not resolve external IP"),
    Pattern("keys-missing", 3, r"one of key-file or keys must be provided"),
    Pattern("secret-short", 2, r"secret is too short, should be at least"),
    Pattern("redis-unreachable", 3, r"unable to connect to redis"),
    Pattern(
        "turn-certificate", 3, r"TURN tls cert required|failed to load TURN|TURN domain required"
    ),
    # nginx, which logs to its own file; to the journal only what keeps it from starting,
    # with the time once it has read how to log: of a key that does not fit
    Pattern("nginx-config-invalid", 3, r"(?:nginx: \[emerg\]|\[emerg\] \d+#\d+:) (?!bind\(\))"),
    # systemd
    Pattern("environment-line-ignored", 2, r"Ignoring invalid environment assignment"),
    Pattern("environment-file-missing", 3, r"Failed to load environment files"),
    Pattern("working-directory-missing", 3, r"Changing to the requested working directory failed"),
    Pattern("program-missing", 3, r"Failed (?:to locate executable|at step EXEC)|status=203/EXEC"),
    Pattern("user-missing", 3, r"Failed to determine user credentials|status=217/USER"),
    Pattern("unit-file-invalid", 3, r"has a bad unit file setting"),
    Pattern("oom-killed", 3, r"killed by the OOM killer|Failed with result 'oom-kill'"),
    Pattern("start-limit", 1, r"Start request repeated too quickly"),
    Pattern("timed-out", 2, r"(?:start|stop)[\w-]* (?:operation )?timed out|result 'timeout'"),
    Pattern("killed", 1, r"Main process exited, code=(?:killed|dumped)"),
    Pattern("exited", 1, r"Main process exited, code=exited"),
)

KERNEL = (
    Pattern("oom-kill", 3, r"Out of memory: Killed process|Memory cgroup out of memory: Killed"),
    # Linux 5.0 and later say before it whose process it was: task_memcg=/…/livekit.service
    Pattern("oom-victim", 3, r"^oom-kill:constraint="),
    Pattern("disk-error", 3, r"I/O error|EXT4-fs error|Remounting filesystem read-only"),
)

NGINX_ERRORS = (
    Pattern("upstream-refused", 3, r"connect\(\) failed \(111"),
    Pattern("upstream-unreachable", 3, r"connect\(\) failed \(11[03]|\(113: "),
    Pattern("upstream-socket-missing", 3, r"connect\(\) to unix:\S+ failed \(2"),
    Pattern("upstream-denied", 3, r"connect\(\) to \S+ failed \(13"),
    Pattern("upstream-closed", 3, r"upstream prematurely closed"),
    Pattern("upstream-timed-out", 3, r"upstream timed out \(110"),
    Pattern("upstream-tls-failed", 3, r"SSL_do_handshake\(\) failed .* while SSL handshaking to"),
    Pattern("client-tls-failed", 1, r"SSL_do_handshake\(\) failed"),
    Pattern("upstream-name-unknown", 3, r"could not be resolved|host not found in upstream"),
    Pattern("upstream-none-alive", 3, r"no live upstreams"),
    Pattern("upstream-too-big-header", 2, r"upstream sent too big header"),
    Pattern("body-too-large", 2, r"client intended to send too large body"),
    Pattern("too-many-files", 3, r"Too many open files|worker_connections are not enough"),
    Pattern("disk-full", 3, r"No space left on device"),
    Pattern("config-invalid", 2, r"\[emerg\]"),
)

_LONGEST_READ = 2000
_compiled: dict[tuple[Pattern, ...], list[tuple[Pattern, re.Pattern[str]]]] = {}


def recognised(line: str, patterns: tuple[Pattern, ...]) -> Pattern | None:
    """The row of the highest rank that fits; of equals the first."""
    if patterns not in _compiled:
        by_rank = sorted(patterns, key=lambda row: -row.rank)
        _compiled[patterns] = [(row, re.compile(row.expression)) for row in by_rank]
    for row, expression in _compiled[patterns]:
        if expression.search(line, 0, _LONGEST_READ):
            return row
    return None
