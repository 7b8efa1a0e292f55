"""Deploys and rollbacks while sixteen clients ask at least two hundred times a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.deploying import QUICK, deployed, eloquence, serves, stray, version_of
from tests.host.hosts import BootHost
from tests.host.load import Load, loading, nginx_in_front
from tests.host.machine import Host
from tests.host.sources import signed_sessions, source, version

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def socketed(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with the socket unit: the one gap of the first move lies behind it."""
    first = source(tmp_path_factory.mktemp("source") / "first", signed_sessions, version("0"))
    with boot_host() as host:
        deployed(host, first, *QUICK)
        yield host


def _switch(host: Host, folder: Path, deploys: int, rollbacks: int, *more: str) -> None:
    """All of them, a rollback after each deploy as long as there are any left."""
    for number in range(1, deploys + 1):
        made = source(folder / str(number), signed_sessions, version(str(number)))
        deployed(host, made, *QUICK, *more)
        assert version_of(host) == str(number)
        if number <= rollbacks:
            back = eloquence(host, "rollback", *QUICK, *more)
            assert back.returncode == 0, back.stdout + back.stderr


def _loaded(host: Host, folder: Path, deploys: int, rollbacks: int, *, kept: bool) -> Load:
    with loading(host, kept=kept) as load:
        _switch(host, folder, deploys, rollbacks)
        time.sleep(1)
    assert load.is_enough(), load
    assert len(load.versions) >= deploys, load.versions
    assert serves(host)
    assert stray(host) == []
    return load


def _reloaded(host: Host, times: int) -> Load:
    """nginx as it is reloaded, behind the same clients."""
    with nginx_in_front(host) as port, loading(host, kept=True, port=port) as load:
        for _ in range(times):
            time.sleep(0.5)
            host.shell("nginx -s reload")
        time.sleep(1)
    return load


def test_nobody_on_a_new_connection_is_refused(socketed: Host, tmp_path: Path) -> None:
    load = _loaded(socketed, tmp_path, 2, 1, kept=False)
    assert load.failures == [], load


def test_kept_connections_fare_no_worse_than_with_nginx(socketed: Host, tmp_path: Path) -> None:
    load = _loaded(socketed, tmp_path, 1, 0, kept=True)
    nginx = _reloaded(socketed, 1)
    assert len(load.failures) <= len(nginx.failures), f"{load}; nginx: {nginx}"


@pytest.mark.soak
@pytest.mark.parametrize("kept", [False, True])
def test_twenty_deploys_and_ten_rollbacks(socketed: Host, tmp_path: Path, kept: bool) -> None:
    load = _loaded(socketed, tmp_path, 20, 10, kept=kept)
    print(load)
    if not kept:
        assert load.failures == [], load
        return
    nginx = _reloaded(socketed, 30)
    print(f"nginx: {nginx}")
    assert len(load.failures) <= len(nginx.failures), f"{load}; nginx: {nginx}"
