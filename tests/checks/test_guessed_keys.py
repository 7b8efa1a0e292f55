"""No key, the guide's and a made-up one: who lets them in is told, what they open is closed."""

from __future__ import annotations

import pytest

from eloquence_ops.observations import SessionLeftOpen
from eloquence_ops.run.examine import Result
from tests.checks.guarded_api import DEFAULT, GuardedApi, any_key, anybody, examined, only
from tests.checks.test_what_answers import KEY, named

CHECKS = ("api.key-required", "api.default-key", "api.wrong-key")


def outcomes(result: Result) -> list[str]:
    found = {entry.check: entry.id.rpartition(".")[2] for entry in result.findings}
    return [found[check] for check in CHECKS]


@pytest.mark.parametrize("looks_at_bodies", [True, False])
@pytest.mark.parametrize(
    ("opens_to", "told", "causes"),
    [
        (only(KEY), ["ok", "ok", "ok"], set()),
        (only(KEY, DEFAULT), ["ok", "local", "ok"], set()),
        (any_key, ["ok", "ok", "accepted"], {"api-any-key-accepted"}),
        (anybody, ["open", "ok", "ok"], {"api-open"}),
    ],
    ids=["right key", "default key", "any key", "no key"],
)
def test_each_way_in_is_told_and_all_that_opened_is_closed(
    looks_at_bodies: bool, opens_to: object, told: list[str], causes: set[str]
) -> None:
    api = GuardedApi(opens_to, looks_at_bodies=looks_at_bodies)  # type: ignore[arg-type]
    result = examined(api)
    assert outcomes(result) == told
    assert named(result) == causes
    assert api.open == set()
    assert list(result.seen.every(SessionLeftOpen)) == []


def test_what_a_key_may_open_and_not_close_is_closed_with_ours() -> None:
    api = GuardedApi(anybody, only(KEY))
    result = examined(api)
    assert api.open == set()
    assert "api.session-close.ok" in {entry.id for entry in result.findings}


def test_what_nobody_may_close_is_said_to_be_open() -> None:
    api = GuardedApi(any_key, only())
    result = examined(api)
    assert {left.session_id for left in result.seen.every(SessionLeftOpen)} == api.open
    assert len(api.open) == 5  # three bodies, two keys
    assert "api.session-close.failed" in {entry.id for entry in result.findings}


@pytest.mark.parametrize("answers", ["[]", "{}", '"opened"'])
def test_a_success_that_names_no_session_is_open_and_said_to_be_left_so(answers: str) -> None:
    api = GuardedApi(anybody, answers=answers)
    result = examined(api)
    assert outcomes(result)[0] == "open"
    left = [entry.session_id for entry in result.seen.every(SessionLeftOpen)]
    assert left == [""] * len(api.open)
    assert "api-open" in named(result)


def test_a_route_that_only_a_post_shows_is_closed_again_too() -> None:
    """The very first POST, which goes out without a key where GET shows nothing."""
    api = GuardedApi(anybody, hides_get=True)
    result = examined(api)
    assert "api.session.ok" in {entry.id for entry in result.findings}
    assert api.open == set()


def test_read_only_closes_what_a_body_that_opens_nothing_has_opened() -> None:
    api = GuardedApi(anybody)
    result = examined(api, read_only=True)
    assert api.open == set()
    assert "api.session-close.ok" in {entry.id for entry in result.findings}


@pytest.mark.parametrize("proves_key", [True, False], ids=["read-only", "wait"])
def test_no_key_is_guessed_in_a_run_that_only_reads(proves_key: bool) -> None:
    api = GuardedApi(only(KEY), looks_at_bodies=True)
    result = examined(api, read_only=True, proves_key=proves_key)
    assert {key for _, key in api.asked} == ({None, KEY} if proves_key else {None})
    assert outcomes(result) == ["not-tried"] * 3


def test_each_guess_is_made_once_and_the_made_up_key_is_another_each_time() -> None:
    made_up = []
    for _ in range(2):
        api = GuardedApi(only(KEY), looks_at_bodies=True)
        examined(api)
        posts = [key for method, key in api.asked if method == "POST" and key != KEY]
        others = [key for key in posts if key not in (None, DEFAULT)]
        assert (len(posts), len(others)) == (3, 1)
        made_up += others
    assert len(set(made_up)) == 2


def test_no_key_of_our_own_is_needed_to_guess() -> None:
    result = examined(GuardedApi(any_key), key=None)
    assert outcomes(result) == ["ok", "ok", "accepted"]
