"""A whole process that uses the server package: what it imports, what it prints, when it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.client import Client
from tests.server.machines import Machine

ROOT = Path(__file__).resolve().parents[2]

CONNECT = """
import asyncio, sys
from pathlib import Path
from eloquence_ops.errors import EloquenceError
from eloquence_ops.server import ssh
from eloquence_ops.server.destination import parse
from eloquence_ops.server.ssh_config import Account
from eloquence_ops.server.way import Deadlines

home, to, command = sys.argv[1:]
async def main():
    account = Account("somebody", Path(home), {}, system=Path(home))
    link = await ssh.connect(parse(to), account, deadlines=Deadlines(handshake=1.0))
    print((await link.run(command, timeout_s=30)).stdout.decode(), end="", flush=True)
    if sys.stdin.read(1):
        await asyncio.sleep(600)  # without closing anything
try:
    asyncio.run(main())
except EloquenceError as error:
    print(error.phrase_id)
except KeyboardInterrupt:
    print("interrupted")
"""


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "module",
    ["link", "local", "sudo", "destination", "ssh_config", "known_hosts", "host_key",
     "errors", "dial", "wire"],
)  # fmt: skip
def test_what_needs_no_paramiko_does_not_import_it(module: str) -> None:
    told = run(
        f"import sys, json, eloquence_ops.server.{module}\nprint(json.dumps(sorted(sys.modules)))"
    )
    assert told.stderr == ""
    assert not {"paramiko", "cryptography"} & set(json.loads(told.stdout))


def test_a_link_that_nobody_closes_does_not_hold_up_the_end(
    server: Machine, authorized: Client
) -> None:
    told = run(CONNECT, str(authorized.home), f"root@127.0.0.1:{server.port}", "echo here")
    assert (told.stdout, told.stderr, told.returncode) == ("here\n", "", 0)


@pytest.mark.parametrize(
    ("listener", "outcome"),
    [
        ("import time; time.sleep(60)", "link.mute"),
        (r"c.send(b'SSH-2.0-x\r\n'); import time; time.sleep(60)", "link.handshake-slow"),
        (
            r"c.send(b'SSH-2.0-x\r\n' + b'\xff' * 999); import time; time.sleep(60)",
            "link.handshake-broken",
        ),
        (r"c.send(b'HTTP/1.1 400 Bad Request\r\n\r\n')", "link.not-ssh"),
        ("c.close()", "link.hung-up"),
    ],
)
def test_a_failed_handshake_prints_nothing_and_holds_up_nothing(
    newcomer: Client, listener: str, outcome: str
) -> None:
    """paramiko logs tracebacks to stderr, and its timer would keep the process for 15 seconds."""
    listening = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import socket; s = socket.create_server(('127.0.0.1', 0));"
            f"print(s.getsockname()[1], flush=True); c, _ = s.accept(); {listener}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert listening.stdout is not None
        port = listening.stdout.readline().strip()
        told = run(CONNECT, str(newcomer.home), f"me@127.0.0.1:{port}", "true")
    finally:
        listening.kill()
        listening.communicate()
    assert (told.stdout, told.stderr, told.returncode) == (f"{outcome}\n", "", 0)


def test_an_interrupt_ends_it_at_once(server: Machine, authorized: Client) -> None:
    to = f"root@127.0.0.1:{server.port}"
    process = subprocess.Popen(
        [sys.executable, "-c", CONNECT, str(authorized.home), to, "echo here"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("x")
        process.stdin.flush()
        assert process.stdout.readline() == "here\n"
        process.send_signal(2)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (out, err) == ("interrupted\n", "")
