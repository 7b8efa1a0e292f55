"""The machine goes down in the middle of a deploy: it comes up with a whole release, by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.deploying import (
    QUICK,
    current_digests,
    deployed,
    deploying,
    digests,
    serves,
    stray,
    version_of,
    wait_until_begun,
)
from tests.host.hosts import BootHost
from tests.host.machine import Host
from tests.host.sources import one_package_more, signed_sessions, source, version

pytestmark = pytest.mark.real

_UP = "curl --silent --fail --max-time 5 http://127.0.0.1:8083/"
_IN_ORDER = "test ! -e /var/lib/eloquence-deploy/eloquence-api/apply.json"


@pytest.fixture(scope="module")
def serving(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with boot_host() as host:
        deployed(host, _source(tmp_path_factory.mktemp("first"), "first"), *QUICK)
        yield host


def _source(folder: Path, name: str) -> Path:
    return source(folder / name, signed_sessions, version(name), one_package_more)


def _goes_down_at(host: Host, made: Path, step: str) -> None:
    words = ("deploy", str(made), *QUICK)
    with deploying(host, *words, ELOQUENCE_DEPLOY_HOLD=f"{step}:120") as client:
        wait_until_begun(client, step)
        host.cut_power()


def _is_whole(host: Host, made: Path, context: str) -> None:
    assert version_of(host) == made.name, context
    assert current_digests(host) == digests(made), context
    assert serves(host), context
    assert stray(host) == [], context


@pytest.mark.parametrize(
    "step",
    [
        *(pytest.param(step, marks=pytest.mark.soak) for step in ("packages", "switch", "checks")),
        "restart",
        "confirm",
    ],
)
def test_a_release_that_nobody_confirmed_does_not_outlive_a_power_cut(
    serving: Host, tmp_path: Path, step: str
) -> None:
    before = _source(tmp_path, "before")
    deployed(serving, before, *QUICK)
    _goes_down_at(serving, _source(tmp_path, "new"), step)
    serving.wait_until(_UP)
    assert version_of(serving) in ("before", "new")
    serving.wait_until(_IN_ORDER)
    serving.wait_until(_UP)
    _is_whole(serving, before, step)
    after = _source(tmp_path, "after")
    deployed(serving, after, *QUICK)
    _is_whole(serving, after, step)


@pytest.mark.soak
def test_one_that_counted_already_stays(serving: Host, tmp_path: Path) -> None:
    new = _source(tmp_path, "new")
    _goes_down_at(serving, new, "tidy")
    serving.wait_until(_IN_ORDER)
    serving.wait_until(_UP)
    _is_whole(serving, new, "tidy")


@pytest.mark.soak
def test_the_first_deploy_of_a_server_set_up_by_hand(boot_host: BootHost, tmp_path: Path) -> None:
    with boot_host() as host:
        _goes_down_at(host, _source(tmp_path, "new"), "checks")
        host.wait_until(_IN_ORDER)
        host.wait_until_healthy()
        assert (version_of(host), stray(host)) == ("", [])
        deployed(host, _source(tmp_path, "after"), *QUICK)
        assert (version_of(host), stray(host)) == ("after", [])
