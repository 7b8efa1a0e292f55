"""Client, link and apply, each lost at every step: a complete release serves, and a deploy works.

The steps are those that an undisturbed deploy goes through.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.host.deploying import (
    QUICK,
    UNIT,
    Client,
    current_digests,
    deployed,
    deploying,
    digests,
    serves,
    stray,
    version_of,
    wait_until_ended,
)
from tests.host.examining import directly
from tests.host.hosts import BootHost
from tests.host.links import cut
from tests.host.machine import Host
from tests.host.sources import one_package_more, signed_sessions, source, version

pytestmark = pytest.mark.real

_HOLD_S = 120
"""Longer than any of this takes: who waits has to be disturbed."""
_LET_GO_S = 1.5
"""Time enough to disturb a client; then the server goes on by itself."""
_BEFORE_THE_UNIT = ("receive",)
_COMMIT_POINT = "good"
"""Up to it a lost apply goes back, from there on it is finished."""


@dataclass
class Story:
    """One host, and all that was tried on it."""

    host: Host
    folder: Path
    steps: tuple[str, ...] = ()
    sources: dict[str, Path] = field(default_factory=dict)

    def new_source(self) -> Path:
        """Another version, every second one with another set of packages."""
        number = len(self.sources)
        changes = [signed_sessions, version(str(number))]
        if number % 2:
            changes.append(one_package_more)
        made = source(self.folder / str(number), *changes)
        self.sources[str(number)] = made
        return made

    def whole(self, context: str) -> None:
        """What answers is a release, whole, and `current` is the same one."""
        found = version_of(self.host)
        assert found in self.sources, f"{context}: {found}"
        assert current_digests(self.host) == digests(self.sources[found]), context
        assert serves(self.host), context
        assert stray(self.host) == [], context


@pytest.fixture(scope="module")
def story(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with boot_host() as host:
        story = Story(host, tmp_path_factory.mktemp("sources"))
        deployed(host, story.new_source(), *QUICK)
        went = deployed(host, story.new_source(), *QUICK)["steps"]
        story.steps = tuple(step["step"] for step in went if step["state"] == "done")
        assert len(story.steps) > 12, story.steps
        story.whole("undisturbed")
        yield story


def _wait_for(client: Client, host: Host, step: str) -> None:
    """Until the deploy has begun a step, and waits there."""
    deadline = time.monotonic() + 60
    while f"[{step}]" not in client.said():
        assert client.process.poll() is None, client.said()
        assert time.monotonic() < deadline, client.said()
        time.sleep(0.02)


def kill_apply(client: Client, host: Host) -> None:
    host.shell(f"systemctl kill --signal=KILL --kill-whom=main {UNIT}")


def kill_client(client: Client, host: Host) -> None:
    client.process.kill()


def cut_link(client: Client, host: Host) -> None:
    cut(host)


def _disturbed_at(
    story: Story, step: str, disturb: Callable[[Client, Host], None], hold_s: float
) -> Client:
    made = story.new_source()
    words = ("deploy", str(made), *QUICK)
    with deploying(story.host, *words, ELOQUENCE_DEPLOY_HOLD=f"{step}:{hold_s}") as client:
        _wait_for(client, story.host, step)
        disturb(client, story.host)
        if disturb is kill_client:
            client.process.wait(20)
        else:
            client.wait(90)
    wait_until_ended(story.host)
    return client


def test_killing_the_apply_at_each_step(story: Story) -> None:
    for step in story.steps:
        if step in _BEFORE_THE_UNIT:
            continue
        before = version_of(story.host)
        client = _disturbed_at(story, step, kill_apply, _HOLD_S)
        story.whole(f"killed at {step}\n{client.said()}")
        if story.steps.index(step) < story.steps.index(_COMMIT_POINT):
            assert version_of(story.host) == before, f"{step}\n{client.said()}"
            assert client.process.returncode == 1, f"{step}\n{client.said()}"
    deployed(story.host, story.new_source(), *QUICK)
    story.whole("a deploy after all of them")


@pytest.mark.soak
@pytest.mark.parametrize("disturb", [kill_client, cut_link])
def test_losing_the_client_or_the_link_at_each_step(
    story: Story, disturb: Callable[[Client, Host], None]
) -> None:
    for step in story.steps:
        client = _disturbed_at(story, step, disturb, _LET_GO_S)
        story.whole(f"{disturb.__name__} at {step}\n{client.said()}")
    deployed(story.host, story.new_source(), *QUICK)
    story.whole("a deploy after all of them")


def test_without_a_confirmation_from_outside_it_goes_back(story: Story) -> None:
    before = version_of(story.host)
    looks = (*directly(story.host), "--watch", "0", "--confirm-within", "5")
    words = ("deploy", str(story.new_source()), *looks)
    with deploying(story.host, *words, ELOQUENCE_DEPLOY_HOLD="checks:1") as client:
        _wait_for(client, story.host, "checks")
        client.process.kill()
        client.process.wait(20)
    wait_until_ended(story.host)
    assert version_of(story.host) == before
    story.whole("unconfirmed")
