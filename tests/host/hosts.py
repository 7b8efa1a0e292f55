"""All that one run of the tests has in common, and hosts made from it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.host.layer import Keys, Layer, install
from tests.host.machine import Host, booted
from tests.host.runs import run_folder
from tests.host.tree import tree

BootHost = Callable[[], AbstractContextManager[Host]]


@contextlib.contextmanager
def hosts(livekit_server: Path) -> Iterator[BootHost]:
    """What boots a host in a clean state, healthy; several at once do not see each other.

    Raises:
        TreeNotBuilt: what the build said.
    """
    base, keys = tree(), Keys()
    with _ending_on_sigterm(), run_folder() as run:
        layer = Layer(run / "layer", base)
        access = install(layer, run, livekit_server, keys)
        yield lambda: booted(run, f"{layer.root}:{base}", access, keys)


@contextlib.contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does, with everything that was started."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
