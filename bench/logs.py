"""tail-logs beside journalctl piped into cat, and beside lnav (Debian's) merging the same files.

The journal is a real one, written by systemd-journal-remote from entries as a service's are; the
real journalctl reads it, given the file by a script on PATH. Needs systemd-journal-remote and lnav
(`apt-get install systemd-journal-remote lnav`), and root for the host on which the first line is
timed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.timing import show, side_by_side
from eloquence_ops.logs.program import Log
from eloquence_ops.logs.server_source import ServerSource
from eloquence_ops.logs.span import Span
from eloquence_ops.logs.stream import Item, Stream
from eloquence_ops.server import destination, ssh
from eloquence_ops.server.link import Link
from eloquence_ops.server.ssh_config import Account
from tests.host.examining import fingerprint
from tests.host.hosts import hosts
from tests.host.machine import Host
from tests.real import require_host

_LINES: Final = 100_000
_MANY: Final = 2_000_000
_ROUNDS: Final = 3
_UNIT: Final = "eloquence-api.service"
_REMOTE: Final = "/lib/systemd/systemd-journal-remote"
_BEGIN_US: Final = 1_796_000_000_000_000
_ENTRY: Final = """\
__REALTIME_TIMESTAMP={at}
__MONOTONIC_TIMESTAMP={since_boot}
_BOOT_ID=0123456789abcdef0123456789abcdef
_MACHINE_ID=fedcba9876543210fedcba9876543210
_HOSTNAME=web
PRIORITY=6
SYSLOG_FACILITY=3
SYSLOG_IDENTIFIER=uvicorn
_PID=412
_UID=1000
_GID=1000
_COMM=uvicorn
_EXE=/usr/bin/python3.11
_CMDLINE=/home/ubuntu/eloquence_backend_py/.venv/bin/python uvicorn api:app --host 0.0.0.0
_CAP_EFFECTIVE=0
_SYSTEMD_CGROUP=/system.slice/eloquence-api.service
_SYSTEMD_UNIT=eloquence-api.service
_SYSTEMD_SLICE=system.slice
_SYSTEMD_INVOCATION_ID=00112233445566778899aabbccddeeff
_TRANSPORT=stdout
_STREAM_ID=ffeeddccbbaa99887766554433221100
MESSAGE=INFO:     203.0.113.{host}:{port} - "POST /api/sessions HTTP/1.1" 200 OK

"""


def main() -> None:
    """Goals: at least 60 % of journalctl's rate, flat memory, 0.3 s to the first line."""
    for program in (_REMOTE, "lnav", "journalctl"):
        if shutil.which(program) is None:
            sys.exit(f"bench: {program} is missing: apt-get install systemd-journal-remote lnav")
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as name:
        folder = Path(name)
        _one_source(folder)
        _merging(folder)
        _memory(folder)
    _first_line()


def _ours(*arguments: str) -> list[str]:
    words = [sys.executable, "-m", "eloquence_ops", "tail-logs", "--no-follow", "--lines", "all"]
    return [*words, *arguments]


def _quietly(command: Sequence[str], environ: dict[str, str]) -> None:
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL, timeout=600)


# One source: the journal


def _write_journal(path: Path, count: int) -> None:
    process = subprocess.Popen(
        [_REMOTE, "-o", str(path), "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    for number in range(count):
        at = _BEGIN_US + number * 1000
        process.stdin.write(
            _ENTRY.format(
                at=at,
                since_boot=at - _BEGIN_US + 5_000_000,
                host=number % 250,
                port=40000 + number % 9999,
            )
        )
    process.stdin.close()
    assert process.wait() == 0


def _reading(folder: Path, journal: Path) -> dict[str, str]:
    """An environment in which the real journalctl reads this journal, with the files that
    systemd-journal-remote closed when they were full."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    script = programs / "journalctl"
    real = shutil.which("journalctl")
    files = journal.with_name(f"{journal.stem}*.journal")
    script.write_text(f"#!/bin/sh\nexec {real} '--file={files}' \"$@\"\n", encoding="utf-8")
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}


def _one_source(folder: Path) -> None:
    journal = folder / "one.journal"
    _write_journal(journal, _LINES)
    environ = _reading(folder, journal)
    peer = ["sh", "-c", f"journalctl -u {_UNIT} -o json | cat"]
    ours = _ours("--on-server", "--unit", _UNIT)
    for command in (peer, ours):
        shown = subprocess.run(command, env=environ, check=True, capture_output=True, timeout=600)
        assert shown.stdout.count(b"\n") >= _LINES
    figures = side_by_side(
        {
            "eloquence tail-logs": lambda: _quietly(ours, environ),
            "eloquence tail-logs, as JSON": lambda: _quietly([*ours, "--output", "json"], environ),
            "journalctl -o json | cat": lambda: _quietly(peer, environ),
        },
        _ROUNDS,
    )
    ratio = show(
        f"one unit's journal, {_LINES:,} lines",
        figures,
        "eloquence tail-logs",
        "journalctl -o json | cat",
    )
    for name, figure in figures.items():
        print(f"  {name:<34} {_LINES / figure.median:10,.0f} lines/s")
    print(f"  {1 / ratio:.2f} of journalctl's rate (goal: 0.60)")


# Several sources: files


def _merging(folder: Path) -> None:
    files = []
    for name in ("one", "two", "three"):
        path = folder / f"{name}.log"
        files.append(path)
        with path.open("w", encoding="utf-8") as file:
            for number in range(60_000):
                moment = datetime.fromtimestamp(1_796_000_000 + number // 20, UTC)
                stamp = moment.strftime("%d/%b/%Y:%H:%M:%S +0000")
                file.write(
                    f'203.0.113.{number % 250} - - [{stamp}] "GET /api/sessions/{name}{number} '
                    f'HTTP/1.1" 200 512 "-" "Dart/3.5 (dart:io)"\n'
                )
    environ = dict(os.environ)
    ours = _ours("--on-server", *(word for path in files for word in ("--file", str(path))))
    peer = ["lnav", "-n", "-N", *map(str, files)]
    figures = side_by_side(
        {
            "eloquence tail-logs": lambda: _quietly(ours, environ),
            "lnav -n": lambda: _quietly(peer, {**environ, "HOME": str(folder)}),
        },
        _ROUNDS,
    )
    show("three access logs merged, 180,000 lines", figures, "eloquence tail-logs", "lnav -n")


# Memory


def _memory(folder: Path) -> None:
    """The largest resident set over many lines beside that over a tenth of them."""
    print(f"\nmemory, one unit's journal as JSON ({resource.getpagesize()} bytes a page)")
    for count in (_MANY // 10, _MANY):
        journal = folder / f"{count}.journal"
        _write_journal(journal, count)
        process = subprocess.Popen(
            _ours("--on-server", "--unit", _UNIT, "--output", "json"),
            env=_reading(folder, journal),
            stdout=subprocess.DEVNULL,
        )
        largest = 0
        while process.poll() is None:
            with contextlib.suppress(OSError):
                pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
                largest = max(largest, pages * resource.getpagesize())
            time.sleep(0.05)
        assert process.returncode == 0
        for file in folder.glob(f"{journal.stem}*.journal"):
            file.unlink()
        print(f"  {count:>12,} lines {largest / 2**20:8.1f} MiB")


# The first line


def _first_line() -> None:
    """From the moment the connection stands to the first entry, on a real host over SSH."""
    seconds = []
    with hosts(Path(require_host())) as boot_host, boot_host() as host, host.client.entered():
        home = host.boot.folder
        environ = {"HOME": str(home), "PATH": os.environ["PATH"]}
        for _ in range(7):
            seconds.append(asyncio.run(_until_first_line(host, environ)))
    print("\nfrom the connection to the first line, over SSH (goal: 300 ms)")
    shown = [f"{value * 1000:.0f}" for value in sorted(seconds)]
    print(f"  median {statistics.median(seconds) * 1000:.0f} ms of {', '.join(shown)}")


async def _until_first_line(host: Host, environ: dict[str, str]) -> float:
    times: dict[str, float] = {}
    came = asyncio.Event()

    async def connect() -> Link:
        link = await ssh.connect(
            destination.parse(host.ssh_target),
            Account.of_this_process(environ),
            accepted_keys=(fingerprint(host),),
            key_file=host.key_path,
        )
        times["connected"] = time.perf_counter()
        return link

    async def take(items: Sequence[Item]) -> None:
        if items:
            times.setdefault("first", time.perf_counter())
            came.set()

    logs = [Log("api", units=(_UNIT,)), Log("livekit", units=("livekit.service",))]
    source = ServerSource(host.ssh_target, logs, Span(10, follows=True), connect)
    running = asyncio.create_task(Stream([source], take, follows=True).run())
    await asyncio.wait_for(came.wait(), 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return times["first"] - times["connected"]
