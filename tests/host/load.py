"""Load on the test host: sixteen clients beside the tests, and what became of their requests."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.host.machine import Host

CLIENTS: Final = 16
RATE: Final = 240
"""Requests a second that they want in all; `LEAST_RATE` of them must have been asked."""
LEAST_RATE: Final = 200
_ALWAYS: Final = 0.9
"""The share of their time in which clients must be asking, to be asking without a pause."""
_PROGRAM: Final = Path(__file__).with_name("load_clients.py")
_RELOADED: Final = 8090


@dataclass
class Load:
    """What happened, as soon as the clients have stopped."""

    seconds: float = 0.0
    requests: int = 0
    connections: int = 0
    longest_s: float = 0.0
    idle_s: float = 0.0
    """In which a client had nothing to ask, of all of them."""
    versions: list[str] = field(default_factory=list)
    """Of the releases that answered (`sources.version`)."""
    failures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def busy(self) -> float:
        """The share of their time in which the clients were asking."""
        return 1 - self.idle_s / (CLIENTS * self.seconds)

    def is_enough(self) -> bool:
        """At least the rate that is asked for; or, on a machine that does not give it, all that it
        gives: none of the clients ever paused."""
        return self.rate >= LEAST_RATE or self.busy >= _ALWAYS

    def counted(self) -> dict[str, int]:
        """The failures by what they were."""
        return dict(collections.Counter(failure["what"] for failure in self.failures))

    def __str__(self) -> str:
        return (
            f"{self.requests} requests on {self.connections} connections in {self.seconds:.1f} s "
            f"({self.rate:.0f} a second, asking {self.busy:.0%} of the time), "
            f"the longest {self.longest_s:.2f} s, failed: {self.counted() or 'none'}"
        )


@contextlib.contextmanager
def loading(host: Host, *, kept: bool, port: int = 8083, rate: int = RATE) -> Iterator[Load]:
    """Sixteen clients of the host's for the length of the block.

    `kept`: each keeps its connection as long as the server does; otherwise each request is on a
    connection of its own. Returns what happened only after the block.
    """
    settings = {
        "host": host.address,
        "port": port,
        "kept": kept,
        "clients": CLIENTS,
        "rate": rate,
    }
    process = subprocess.Popen(
        ["ip", "netns", "exec", host.client.name, sys.executable, "-I", str(_PROGRAM)],
        env={"PATH": os.environ["PATH"], "API_KEY": host.keys.api_key},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    load = Load()
    try:
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n", "the clients did not start"
        yield load
        said, _ = process.communicate(timeout=30)
        for name, value in json.loads(said).items():
            setattr(load, name, value)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@contextlib.contextmanager
def nginx_in_front(host: Host) -> Iterator[int]:
    """The port of an nginx in front of the API, in clear: what `nginx -s reload` is measured on."""
    host.write(
        "/etc/nginx/sites-enabled/reloaded",
        f"server {{ listen {_RELOADED}; location / {{ proxy_pass http://127.0.0.1:8083; }} }}\n",
    )
    host.shell("nginx -s reload")
    host.wait_until(f"curl --silent --fail http://127.0.0.1:{_RELOADED}/")
    yield _RELOADED
    host.shell("rm /etc/nginx/sites-enabled/reloaded && nginx -s reload")
