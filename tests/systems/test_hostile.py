"""Servers that attack whoever examines them: each gets a clear finding, and nothing else.

Every attack is met by the real command in a process of its own, once, several at a time; the
tests look at what came of it.
"""

from __future__ import annotations

import asyncio
import json
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.systems import by_hand
from tests.systems.attacks import AT_BOTH, AT_LIVEKIT, AT_THE_API, SESSION_IDS
from tests.systems.bad_certificates import IN_TLS
from tests.systems.by_hand import KEY
from tests.systems.hostile import Ended, all_ended
from tests.systems.hostility import Attack
from tests.systems.room_attacks import IN_THE_ROOM

# The promise is 200 MB; a run that ends well takes a third of it.
_MOST_BYTES: Final = 200 * 2**20
# Many times what a run takes with its timeout of a second or two: more means that it hung.
_LONGEST_S: Final = 30.0
_CODES: Final = {"healthy": 0, "degraded": 0, "broken": 1, "undetermined": 3}
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_IDS: Final = tuple(named.attack for named in SESSION_IDS)
ATTACKS: Final = (*AT_BOTH, *AT_THE_API, *AT_LIVEKIT, *IN_THE_ROOM, *_IDS, *IN_TLS)

each = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
Runs = Callable[[Attack], Ended]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """What came of an attack; all that the chosen tests ask for are run before the first."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    asked = {call.params["attack"] for call in params if call and "attack" in call.params}
    chosen = [attack for attack in ATTACKS if attack in asked]
    ended = asyncio.run(all_ended(chosen, tmp_path_factory.mktemp("runs")))

    def run_of(attack: Attack) -> Ended:
        found = ended[attack.id]
        if isinstance(found, Exception):
            raise found
        return found

    return run_of


def test_every_attack_has_a_name_of_its_own() -> None:
    assert len({attack.id for attack in ATTACKS}) == len(ATTACKS)


@each
def test_it_is_told_and_costs_little(attack: Attack, runs: Runs) -> None:
    ended = runs(attack)
    assert ended.complaint == b""
    assert ended.document["verdict"] == attack.verdict, ended.console.decode()
    assert ended.code == _CODES[attack.verdict]
    assert [found for found, status in ended.statuses.items() if status == "error"] == []
    assert [expected for expected in attack.finds if not _is_told(expected, ended)] == []
    assert ended.document["unexplained"] == []
    assert ended.seconds < _LONGEST_S
    assert 10 * 2**20 < ended.peak < _MOST_BYTES


def _is_told(expected: str, ended: Ended) -> bool:
    if expected.count(".") == 2:
        return expected in ended.statuses
    return f"{expected}.ok" not in ended.statuses


@each
def test_none_of_it_reaches_a_terminal(attack: Attack, runs: Runs) -> None:
    written = runs(attack).written
    assert [place for place, text in written.items() if _unsafe(text, "\n")] == []
    for place in ("json", "recording"):
        # As `jq -r` would print them; an excerpt keeps its line breaks and tabs.
        assert [
            text for text in _strings(json.loads(written[place])) if _unsafe(text, "\n\t")
        ] == []


def _unsafe(text: str, allowed: str) -> set[str]:
    return {
        character
        for character in set(text) - set(allowed)
        if unicodedata.category(character) in _UNSAFE
    }


def _strings(document: Any) -> Iterator[str]:
    match document:
        case str():
            yield document
        case dict():
            for name, value in document.items():
                yield name
                yield from _strings(value)
        case list():
            for value in document:
                yield from _strings(value)


@each
def test_no_secret_leaves(attack: Attack, runs: Runs) -> None:
    """Neither to what is written, nor to an address that nobody named."""
    ended = runs(attack)
    assert ended.trapped == b""
    for place, text in ended.written.items():
        assert KEY not in text, place
        assert by_hand.TOKEN not in text, place
    with_key = {asked.method for asked in ended.asked if KEY in str(asked.headers)}
    assert with_key <= {"POST", "DELETE"}
    assert [str(asked) for asked in ended.asked_livekit if KEY in str(asked.headers)] == []


@each
def test_at_most_three_sessions_are_opened(attack: Attack, runs: Runs) -> None:
    """One for each body that the app sends; and the three other POSTs can open nothing."""
    posted = [asked for asked in runs(attack).asked if str(asked) == "POST /api/sessions"]
    assert len([asked for asked in posted if asked.body != b"[]"]) <= 3
    assert len(posted) <= 6


@each
def test_a_replay_says_the_same(attack: Attack, runs: Runs) -> None:
    ended = runs(attack)
    assert ended.replayed == ended.json.decode()


@pytest.mark.parametrize("attack", [*AT_THE_API, *_IDS], ids=lambda attack: attack.id)
def test_a_hostile_api_does_not_hide_a_good_livekit(attack: Attack, runs: Runs) -> None:
    assert {"livekit.reachable.ok", "livekit.health.ok"} <= set(runs(attack).statuses)


@pytest.mark.parametrize("attack", [*AT_LIVEKIT, *IN_THE_ROOM], ids=lambda attack: attack.id)
def test_a_hostile_livekit_does_not_hide_a_good_api(attack: Attack, runs: Runs) -> None:
    passed = {"api.answers.ok", "api.session.ok", "api.session-close.ok"}
    assert passed <= set(runs(attack).statuses)


@pytest.mark.parametrize(
    ("attack", "closed_by"),
    [(named.attack, named.closed_by) for named in SESSION_IDS],
    ids=[named.attack.id for named in SESSION_IDS],
)
def test_only_the_session_itself_is_closed(
    attack: Attack, closed_by: tuple[str, ...], runs: Runs
) -> None:
    """Whatever it is called: the id is one segment of the path, and nothing is sent beside it."""
    asked = [str(request) for request in runs(attack).asked]
    assert {one for one in asked if one.startswith("DELETE")} == set(closed_by)
    assert [one for one in asked if "evil" in one and not one.startswith("DELETE")] == []
