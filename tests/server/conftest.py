from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.client import Client
from tests.server.machines import Machine, machine


@pytest.fixture(scope="session")
def authorized(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Whose key `id_ed25519` the machine takes."""
    client = Client.new(tmp_path_factory.mktemp("authorized"))
    client.key()
    return client


@pytest.fixture(scope="session")
def server(authorized: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A healthy machine, which `authorized` knows and may enter."""
    folder = tmp_path_factory.mktemp("machine")
    public = (authorized.home / ".ssh" / "id_ed25519.pub").read_text().strip()
    with machine(folder, public) as made:
        authorized.trust(made)
        yield made


@pytest.fixture
def newcomer(tmp_path: Path) -> Client:
    """Somebody without keys, who knows no host."""
    return Client.new(tmp_path / "newcomer")
