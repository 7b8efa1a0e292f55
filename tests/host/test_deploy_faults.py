"""Releases that are no good: what served goes on serving, and the cause is said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host import sources
from tests.host.deploying import (
    QUICK,
    deploy,
    deployed,
    deploying,
    document,
    serves,
    stray,
    version_of,
)
from tests.host.hosts import BootHost
from tests.host.layout import REMOTE_DIR
from tests.host.load import loading
from tests.host.machine import Host
from tests.host.sources import Change, signed_sessions, source, version
from tests.host.states import on_a_disk_of_its_own

pytestmark = pytest.mark.real

_A_FEW = 48
"""Requests a second: enough to meet a release that should not be met."""


@pytest.fixture(scope="module")
def serving(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host whose API was deployed, on a disk of its own with little room left."""
    good = source(tmp_path_factory.mktemp("source") / "good", signed_sessions, version("good"))
    with boot_host() as host:
        on_a_disk_of_its_own(host, "160m")
        deployed(host, good, *QUICK)
        yield host


@pytest.mark.parametrize(
    ("fault", "causes", "more"),
    [
        (sources.crashes_at_import, {"api-crash-looping", "api-unhandled-error"}, ()),
        (sources.dies_after_5_s, {"api-crash-looping"}, ("--watch", "7")),
        (sources.answers_500, {"api-unhandled-error"}, ()),
        (sources.answers_404, {"api-routes-missing", "api-legacy-deployed"}, ()),
        (sources.impossible_requirement, {"api-dependency-missing"}, ()),
        (sources.unit_with_a_typo, set(), ("--unit-from-source",)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_old_one_serves_throughout(
    serving: Host, tmp_path: Path, fault: Change, causes: set[str], more: tuple[str, ...]
) -> None:
    bad = source(tmp_path / "bad", signed_sessions, version("bad"), fault)
    watch = more if "--watch" in more else ("--watch", "1", *more)
    with loading(serving, kept=False, rate=_A_FEW) as load:
        done = deploy(serving, bad, "--no-public-check", *watch, "--output", "json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert (load.failures, load.versions) == ([], ["good"]), done.stdout[-6000:] + done.stderr
    assert (version_of(serving), serves(serving), stray(serving)) == ("good", True, [])
    ended = document(done)
    assert ended["outcome"] != "deployed"
    assert causes & {cause["id"] for cause in ended["causes"]} or not causes, ended
    if fault is sources.unit_with_a_typo:
        assert "Restrat" in done.stdout
    else:
        first = ended["causes"][0]["id"]
        assert first in causes


def test_what_the_disk_has_no_room_for_is_not_sent(serving: Host, tmp_path: Path) -> None:
    large = source(tmp_path / "large", signed_sessions, sources.too_large)
    done = deploy(serving, large, *QUICK)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"MiB free for {REMOTE_DIR}" in " ".join(done.stdout.split())
    assert "receive" not in done.stderr
    assert (version_of(serving), stray(serving)) == ("good", [])


@pytest.mark.parametrize(
    "left_mib", [1, 6, 30], ids=["making the environment", "installing pip", "installing packages"]
)
def test_a_disk_that_fills_meanwhile_is_named(serving: Host, tmp_path: Path, left_mib: int) -> None:
    more = source(tmp_path / "more", signed_sessions, version("more"), sources.one_package_more)
    ballast = f"{REMOTE_DIR}/ballast"
    free = f"$(stat -f -c '%a*%S' {REMOTE_DIR})"
    serving.shell(f"fallocate -l $(({free} - {left_mib} * 1048576)) {ballast}")
    try:
        done = deploy(serving, more, *QUICK, "--output", "json")
    finally:
        serving.shell(f"rm {ballast}")
    assert done.returncode == 1, done.stdout + done.stderr
    ended = document(done)
    assert (ended["why"]["step"], ended["why"]["kind"]) == ("packages", "disk")
    assert all("No space left" in line for line in ended["why"]["lines"])
    assert ended["causes"][0]["id"] == "server-disk-full"
    assert (version_of(serving), serves(serving), stray(serving)) == ("good", True, [])


def test_two_at_once_are_told_of_one_another(serving: Host, tmp_path: Path) -> None:
    one = source(tmp_path / "one", signed_sessions, version("one"))
    other = source(tmp_path / "other", signed_sessions, version("other"))
    words = ("deploy", str(one), *QUICK)
    with deploying(serving, *words, ELOQUENCE_DEPLOY_HOLD="candidate:4") as client:
        deadline = time.monotonic() + 30
        while "candidate" not in client.said():
            assert time.monotonic() < deadline, client.said()
            time.sleep(0.05)
        refused = deploy(serving, other, *QUICK)
        assert client.wait().returncode == 0, client.said()
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "ubuntu" in refused.stdout + refused.stderr
    assert (version_of(serving), stray(serving)) == ("one", [])
