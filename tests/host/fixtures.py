"""The test host as fixtures, for the tests of every folder (named in `tests/conftest.py`)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.real import give_up, require_host

if TYPE_CHECKING:
    from tests.host.hosts import BootHost
    from tests.host.machine import Host


@pytest.fixture(scope="session")
def boot_host() -> Iterator[BootHost]:
    """`with boot_host() as host:` boots one: for several in a test, or one for several tests."""
    server = Path(require_host())
    # Imported when a host is wanted: most runs want none.
    from tests.host.build import TreeNotBuilt
    from tests.host.hosts import hosts

    with contextlib.ExitStack() as stack:
        try:
            boot = stack.enter_context(hosts(server))
        except TreeNotBuilt as error:
            give_up(f"The test host's Debian tree could not be built. {error}")
        yield boot


@pytest.fixture
def host(boot_host: BootHost) -> Iterator[Host]:
    """A host for one test, as if just installed by the guide: about a second."""
    with boot_host() as booted:
        yield booted
