from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from eloquence_ops.probes.tls import client_context
from tests.probes.authority import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def trusting(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A client that trusts the test authority in addition to the system's."""
    file: Path = tmp_path_factory.mktemp("ca") / "root.pem"
    file.write_bytes(authority.root.pem)
    return client_context(str(file))
