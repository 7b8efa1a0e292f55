"""Two hosts of our own: network namespaces joined by a veth pair. Nothing leaves the machine.

Addresses are documentation ranges (RFC 5737, RFC 3849), which count as public.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SERVER_V4: Final = "203.0.113.10"
SERVER_V6: Final = "2001:db8::10"
PROXY_V4: Final = "203.0.113.20"
_CLIENT_V4: Final = "203.0.113.1"
_CLIENT_V6: Final = "2001:db8::1"
_CLONE_NEWNET: Final = 0x40000000


@dataclass(frozen=True)
class Host:
    """One namespace."""

    name: str

    def run(self, *command: str) -> str:
        """A command in it; raises `CalledProcessError` with what it said."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.stdout

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is in it for the length of the block, and so are threads that it starts."""
        with Path("/proc/thread-self/ns/net").open() as own:
            with Path("/run/netns", self.name).open() as other:
                _set_namespace(other.fileno())
            try:
                yield
            finally:
                _set_namespace(own.fileno())

    @contextlib.contextmanager
    def running(self, command: Sequence[str], ready: str) -> Iterator[None]:
        """A service for the length of the block; `ready` is the line it prints when it is up."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            if ready:
                assert ready in process.stdout.readline(), f"{command[0]} did not start"
            yield
        finally:
            process.terminate()
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()

    def services(self, *arguments: str) -> contextlib.AbstractContextManager[None]:
        """Parts of the lab in this namespace: see `tests/network/services.py`."""
        return self.running([sys.executable, "-m", "tests.network.services", *arguments], "ready")


@contextlib.contextmanager
def two_hosts(
    *, client_has_ipv6: bool = True, tag: str | None = None
) -> Iterator[tuple[Host, Host]]:
    """(client, server), each with both address families unless said otherwise.

    `tag` ends their names; this process's by default. At most eleven characters.
    """
    tag = tag or f"{os.getpid():x}"
    client, server = Host(f"el-c-{tag}"), Host(f"el-s-{tag}")
    try:
        for host in (client, server):
            _ip("netns", "add", host.name)
        _ip(
            "link",
            "add",
            f"elc{tag}"[:15],
            "netns",
            client.name,
            "type",
            "veth",
            "peer",
            f"els{tag}"[:15],
            "netns",
            server.name,
        )
        if not client_has_ipv6:
            client.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        for host, link, v4, v6 in (
            (client, f"elc{tag}"[:15], _CLIENT_V4, _CLIENT_V6),
            (server, f"els{tag}"[:15], SERVER_V4, SERVER_V6),
        ):
            host.run("ip", "link", "set", "lo", "up")
            host.run("ip", "link", "set", link, "up")
            host.run("ip", "address", "add", f"{v4}/24", "dev", link)
            if host is server or client_has_ipv6:
                # Without nodad the address is tentative for a second or two.
                host.run("ip", "address", "add", f"{v6}/64", "dev", link, "nodad")
        server.run("ip", "address", "add", f"{PROXY_V4}/24", "dev", f"els{tag}"[:15])
        client.run("ip", "route", "add", "default", "via", SERVER_V4)
        yield client, server
    finally:
        delete_hosts(tag)


def delete_hosts(tag: str) -> None:
    """Their namespaces, and with them the link between; without a word if there are none."""
    for name in (f"el-c-{tag}", f"el-s-{tag}"):
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _set_namespace(descriptor: int) -> None:
    """setns(2), which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)


def doctor(host: Host, record: Path, *arguments: str, **environ: str) -> int:
    """The real command in a namespace; its exit code. Everything it saw is in `record`."""
    return doctor_in(ROOT, host, record, *arguments, **environ)


def doctor_in(cwd: Path, host: Host, record: Path, *arguments: str, **environ: str) -> int:
    """The same, where the command is called in another folder."""
    done = subprocess.run(
        [
            "ip",
            "netns",
            "exec",
            host.name,
            sys.executable,
            "-m",
            "eloquence_ops",
            "doctor",
            *arguments,
            "--record",
            str(record),
        ],
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(record.parent), **environ},
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert record.exists(), done.stderr
    return done.returncode


def wait_for(path: Path, seconds: float = 10) -> None:
    """Until a file exists."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
