"""Client, link and apply, each lost at every step: a complete release serves, and a deploy works.

The steps are those that an undisturbed deploy goes through. What one kind of deploy skips another
one does: together they are all that the program has, as the first test here says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from eloquence_ops.deploy.remote.apply import STEPS
from tests.host.deploying import (
    QUICK,
    UNIT,
    Client,
    current_digests,
    deployed,
    deploying,
    digests,
    document,
    eloquence,
    serves,
    stray,
    version_of,
    wait_until_begun,
    wait_until_ended,
)
from tests.host.examining import directly
from tests.host.hosts import BootHost
from tests.host.layout import REMOTE_DIR
from tests.host.links import cut
from tests.host.machine import Host
from tests.host.sources import one_package_more, signed_sessions, source, version
from tests.host.states import hand_started

pytestmark = pytest.mark.real

_HOLD_S = 120
"""Longer than any of this takes: who waits has to be disturbed."""
_LET_GO_S = 1.5
"""Time enough to disturb a client; then the server goes on by itself."""
_BEFORE_THE_UNIT = ("receive",)
_COMMIT_POINT = "good"
"""Up to it a lost apply goes back, from there on it is finished."""
_EVERY_STEP: Final = (*_BEFORE_THE_UNIT, *(name for name, _ in STEPS))
_OF_A_FIRST_DEPLOY: Final = ("adopt", "livekit", "open-port")
"""What only a server does that was set up by hand, with all that can be asked for."""
_OF_A_LEFTOVER: Final = ("recover",)
_HOOKS = """
[targets.hooked]
before_switch = ["echo before"]
after_switch = ["echo after"]
"""


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

    def environ(self) -> dict[str, str]:
        """Where the client finds the commands for before and after the switch."""
        path = self.folder / "eloquence" / "eloquence.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_HOOKS, encoding="utf-8")
        return {"XDG_CONFIG_HOME": str(self.folder)}

    def words(self, step: str = "") -> tuple[str, ...]:
        """Looked at from outside, which takes its time, only where that is the subject."""
        outside = (*directly(self.host), "--watch", "0", "--confirm-within", "20")
        looks = outside if step == "confirm" else QUICK
        return ("--target", "hooked", *looks)

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
        words = story.words("confirm")
        went = deployed(host, story.new_source(), *words, **story.environ())["steps"]
        story.steps = tuple(step["step"] for step in went if step["state"] == "done")
        story.whole("undisturbed")
        yield story


def kill_apply(client: Client, host: Host) -> None:
    host.shell(f"systemctl kill --signal=KILL --kill-whom=main {UNIT}")
    client.wait(90)


def kill_client(client: Client, host: Host) -> None:
    client.process.kill()
    client.process.wait(20)


def cut_link(client: Client, host: Host) -> None:
    cut(host)
    client.wait(90)


def kill_all(client: Client, host: Host) -> None:
    """Nobody is left to put anything back, nor to ask for it."""
    kill_client(client, host)
    host.shell(f"while systemctl kill --signal=KILL {UNIT} 2>/dev/null; do :; done")


Disturb = Callable[[Client, Host], None]


def _disturbed_at(
    story: Story,
    step: str,
    disturb: Disturb,
    hold_s: float,
    *words: str,
    rollback: tuple[str, ...] | None = None,
) -> Client:
    """`rollback`: where to, instead of a deploy; nowhere in particular where it is empty."""
    deploy = ("deploy", str(story.new_source())) if rollback is None else ()
    begin = deploy or ("rollback", *(rollback or ()))
    hold = {"ELOQUENCE_DEPLOY_HOLD": f"{step}:{hold_s}"}
    asked = words or story.words(step)
    with deploying(story.host, *begin, *asked, **story.environ(), **hold) as client:
        wait_until_begun(client, step)
        disturb(client, story.host)
    wait_until_ended(story.host)
    return client


def _kill(story: Story, step: str, rollback: tuple[str, ...] | None = None) -> None:
    """The apply, at one step: what serves is whole, and what it has to be."""
    before = version_of(story.host)
    client = _disturbed_at(story, step, kill_apply, _HOLD_S, rollback=rollback)
    context = f"killed at {step}\n{client.said()}"
    story.whole(context)
    if _goes_back(step):
        assert version_of(story.host) == before, context
        assert client.process.returncode == 1, context


def _goes_back(step: str) -> bool:
    return _EVERY_STEP.index(step) <= _EVERY_STEP.index(_COMMIT_POINT)


def test_there_is_a_deploy_for_each_step(story: Story) -> None:
    tried = {*story.steps, *_OF_A_FIRST_DEPLOY, *_OF_A_LEFTOVER}
    assert tried == set(_EVERY_STEP), tried ^ set(_EVERY_STEP)


def test_killing_the_apply_at_each_step(story: Story) -> None:
    for step in story.steps:
        if step not in _BEFORE_THE_UNIT:
            _kill(story, step)
    deployed(story.host, story.new_source(), *QUICK)
    story.whole("a deploy after all of them")


@pytest.mark.soak
def test_killing_a_rollback_at_each_step(story: Story) -> None:
    for _ in range(2):
        deployed(story.host, story.new_source(), *QUICK)
    went = document(eloquence(story.host, "rollback", *QUICK, "--output", "json"))["steps"]
    steps = [step["step"] for step in went if step["state"] == "done"]
    assert {"candidate", "switch", "restart", "good", "tidy"} <= set(steps)
    for step in steps:
        if step not in _BEFORE_THE_UNIT:
            _kill(story, step, rollback=())
    deployed(story.host, story.new_source(), *QUICK)
    story.whole("a deploy after all of them")


def test_killing_a_rollback_while_the_release_is_exchanged(story: Story) -> None:
    _kill(story, "checks", rollback=())
    # To the one that was set up by hand, which binds the port itself.
    listed = document(eloquence(story.host, "releases", "--output", "json"))["releases"]
    (adopted,) = (one["id"] for one in listed if one["id"].endswith("-adopted"))
    _kill(story, "checks", rollback=(adopted,))


def test_a_unit_that_is_about_to_end_is_waited_for(story: Story) -> None:
    for ending in ("--property=ExecStopPost='sleep 3' true", "sleep 3"):
        story.host.wait_until(f"systemd-run --quiet --collect --unit={UNIT} {ending}")
        deployed(story.host, story.new_source(), *QUICK)
    story.whole("at once")


def test_what_nobody_put_back_is_put_back_by_the_next_deploy_or_by_its_end(story: Story) -> None:
    before = version_of(story.host)
    for step in ("units", "checks"):
        _disturbed_at(story, step, kill_all, _HOLD_S)
        # It is killed too, as soon as it sees what was left.
        _disturbed_at(story, "recover", kill_apply, _HOLD_S)
        assert version_of(story.host) == before
        story.whole(f"recover after {step}")
    _disturbed_at(story, "checks", kill_all, _HOLD_S)
    # The plan was for what had been left: it is made anew, and carried out by the same command.
    deployed(story.host, story.new_source(), *QUICK)
    story.whole("a deploy after it")


@pytest.mark.soak
@pytest.mark.parametrize("disturb", [kill_client, cut_link])
def test_losing_the_client_or_the_link_at_each_step(story: Story, disturb: Disturb) -> None:
    for step in story.steps:
        client = _disturbed_at(story, step, disturb, _LET_GO_S)
        story.whole(f"{disturb.__name__} at {step}\n{client.said()}")
    deployed(story.host, story.new_source(), *QUICK)
    story.whole("a deploy after all of them")


def test_without_a_confirmation_from_outside_it_goes_back(story: Story) -> None:
    before = version_of(story.host)
    words = (*directly(story.host), "--watch", "0", "--confirm-within", "5")
    _disturbed_at(story, "checks", kill_client, 1.0, *words)
    assert version_of(story.host) == before
    story.whole("unconfirmed")


# --- A server that was set up by hand ------------------------------------------------------------

_ALL_OF_IT: Final = (*QUICK, "--target", "hooked", "--with-livekit", "--open-port")
_AS_IT_IS: Final = f"""
cd {REMOTE_DIR} && find . -not -path '*/__pycache__*' -printf '%p %y %U %m %l\\n' | sort
find . -maxdepth 2 -type f -not -name '*.pyc' -exec sha256sum '{{}}' + | sort
find /etc/systemd/system /etc/ufw /etc/livekit* -type f -exec sha256sum '{{}}' + | sort
ufw status; systemctl is-enabled eloquence-api.service livekit.service
curl --silent --fail http://127.0.0.1:7880/
"""


@pytest.fixture(scope="module")
def by_hand(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """As the guide has it, behind a firewall that hides the API."""
    with boot_host() as host:
        host.shell("ufw allow 22/tcp && ufw deny 8083/tcp && ufw --force enable")
        yield Story(host, tmp_path_factory.mktemp("sources"))


def _first_deploy(story: Story, steps: tuple[str, ...], disturb: Disturb, *more: str) -> None:
    """Disturbed at each of the steps, all before the commit point: it is as it was."""
    host = story.host
    was = host.shell(_AS_IT_IS, check=False).stdout
    for step in steps:
        client = _disturbed_at(story, step, disturb, _HOLD_S, *_ALL_OF_IT, *more)
        context = f"{disturb.__name__} at {step}\n{client.said()}"
        assert host.shell(_AS_IT_IS, check=False).stdout == was, context
        assert version_of(host) == "", context
        assert stray(host) == [], context
        host.wait_until("test $(curl --silent --max-time 2 http://127.0.0.1:7880/) = OK")


def _the_next(steps: tuple[str, ...]) -> tuple[str, ...]:
    names = [name for name, _ in STEPS]
    return tuple(names[names.index(step) + 1] for step in steps)


def test_killing_the_first_deploy_of_all(by_hand: Story) -> None:
    """When each of its own steps has been done; `soak` has the others, and their beginnings."""
    _first_deploy(by_hand, _the_next(_OF_A_FIRST_DEPLOY), kill_apply)


@pytest.mark.soak
def test_killing_the_first_deploy_at_each_step(by_hand: Story) -> None:
    names = tuple(name for name, _ in STEPS if _goes_back(name))
    _first_deploy(by_hand, names, kill_apply)


def test_killing_a_first_deploy_that_took_over_from_a_hand(by_hand: Story) -> None:
    hand_started(by_hand.host)
    _first_deploy(by_hand, ("checks",), kill_apply, "--take-over")


def test_killing_a_first_deploy_that_counts_already(by_hand: Story) -> None:
    host = by_hand.host
    more = ("--take-over",)
    client = _disturbed_at(by_hand, "tidy", kill_apply, _HOLD_S, *_ALL_OF_IT, *more)
    by_hand.whole(client.said())
    assert version_of(host) == str(len(by_hand.sources) - 1), client.said()
    went = deployed(host, by_hand.new_source(), *QUICK)["steps"]
    assert went
    by_hand.whole("a deploy after all of them")
