"""For all tests: the environment of whoever runs them leads none of them elsewhere."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

pytest_plugins = ("tests.host.fixtures",)

# How long an example takes says something of the machine that is busy, and nothing of the code.
hypothesis.settings.register_profile("eloquence", deadline=None)
hypothesis.settings.load_profile("eloquence")

_LEADING_ELSEWHERE = ("ELOQUENCE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "LC_")

for _name in tuple(os.environ):
    if _name.upper().startswith(_LEADING_ELSEWHERE) and _name != "ELOQUENCE_REQUIRE_REAL":
        del os.environ[_name]
os.environ["LANG"] = "C.UTF-8"

# `nohup` and a shell's background jobs start us with signals ignored, and so would be every process
# that a test interrupts: it would go on for ever.
for _signal in ("SIGHUP", "SIGTERM"):
    if hasattr(signal, _signal):
        signal.signal(getattr(signal, _signal), signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What was collected stays; every test's garbage would be looked for in all of it."""
    gc.collect()
    gc.freeze()


_NAMESPACE = Path("/proc/thread-self/ns/net")


@pytest.fixture(scope="module", autouse=True)
def _stays_in_its_network_namespace() -> Iterator[None]:
    """What enters another one comes back: every later test would be without a network."""
    before = _NAMESPACE.readlink() if _NAMESPACE.is_symlink() else None
    yield
    assert before is None or _NAMESPACE.readlink() == before
