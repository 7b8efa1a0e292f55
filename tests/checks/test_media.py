"""What is said of sound: which way it went, what that costs, and what the coach did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eloquence_ops.checks.media import call, path, reconnect, relay, takes_tcp, tcp
from eloquence_ops.checks.registry import Judge, Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import (
    AnyObservation,
    HttpExchange,
    MediaCall,
    MediaReconnect,
    MediaSetup,
    MediaWay,
)
from eloquence_ops.observations.media import MediaFigures
from eloquence_ops.settings import Target

LIVEKIT = parse("wss://livekit.éloquence.test", "livekit")
_AT: dict[str, Any] = {"endpoint": str(LIVEKIT)}
_UDP = MediaFigures(
    protocol="udp",
    local="host udp 192.0.2.1:40000",
    remote="host udp 203.0.113.10:50000",
    round_trip_ms=12.34,
    jitter_ms=1.0,
    received=97,
    lost=3,
)
_TCP = _UDP.model_copy(update={"protocol": "tcp"})
_RELAYED = _UDP.model_copy(update={"relay": "udp", "turn": "turn:203.0.113.10:3478?transport=udp"})
_HEARD = MediaWay(
    **_AT,
    way="free",
    outcome="heard",
    first_sound_s=0.456,
    delay_ms=80.0,
    figures=_UDP,
)
_CALL = MediaCall(
    **_AT,
    outcome="stayed",
    spoke_s=0.3,
    came_s=0.21,
    track_s=0.4,
    sound_s=2.4,
    loudest_db=-17.4,
    waited_s=10.04,
    figures=MediaFigures(protocol="udp", received=90),
)


def way(name: str = "free", **changes: Any) -> MediaWay:
    return _HEARD.model_copy(update={"way": name, **changes})


def one(judge: Judge, *observations: AnyObservation, **asked: Any) -> Verdict | None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    target = Target("t", livekit=LIVEKIT)
    seen = Seen(target, Asked(frozenset({"media"}), **asked), now, observations)
    verdicts = list(judge(LIVEKIT, seen))
    assert len(verdicts) <= 1
    return verdicts[0] if verdicts else None


def outcome(judge: Judge, *observations: AnyObservation, **asked: Any) -> str | None:
    found = one(judge, *observations, **asked)
    return found.outcome if found else None


def test_the_figures_are_those_of_the_pair_in_use() -> None:
    assert one(path, _HEARD) == Verdict(
        "ok",
        {
            "pair": "host udp 192.0.2.1:40000 > host udp 203.0.113.10:50000",
            "first": 0.46,
            "round_trip": 12.3,
            "delay": 80.0,
            "jitter": 1.0,
            "loss": 3.0,
        },
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"figures": _TCP}, "tcp-only"),
        ({"figures": _RELAYED}, "relay-only"),
        ({"outcome": "not-heard"}, "not-heard"),
        ({"outcome": "no-path"}, "no-path"),
        ({"outcome": "ended"}, "cut-short"),
        ({"outcome": "crashed", "detail": "SIGSEGV"}, "cut-short"),
    ],
)
def test_the_way_that_was_found(changes: dict[str, Any], expected: str) -> None:
    assert outcome(path, way(**changes)) == expected


def test_what_was_not_tried_says_why() -> None:
    missing = MediaSetup(**_AT, library=False)
    for judge in (path, call):
        assert one(judge, missing) == Verdict("not-tried", {"reason": "no-extra"})
        assert one(judge, read_only=True) == Verdict("not-tried", {"reason": "read-only"})
    no_pair = MediaSetup(**_AT, library=True, key_pair=False)
    assert one(path, no_pair) == Verdict("not-tried", {"reason": "no-pair"})
    assert one(call, no_pair) is None


def test_a_key_pair_that_livekit_does_not_take_is_not_its_fault() -> None:
    refused = HttpExchange(
        purpose="media-room",
        endpoint=str(LIVEKIT),
        family=Family.IPV4,
        address="203.0.113.10",
        method="POST",
        path="/twirp/livekit.RoomService/CreateRoom",
        outcome="answered",
        status=401,
        body="invalid API key: x",
    )
    found = one(path, refused)
    assert found == Verdict("refused", {"status": 401, "excerpt": "invalid API key: x"})


def test_what_tcp_costs_is_its_delay_beyond_that_of_udp() -> None:
    found = one(tcp, _HEARD, way("tcp", figures=_TCP, delay_ms=95.0))
    assert found is not None
    assert (found.outcome, found.evidence["more"]) == ("ok", 15.0)


def test_where_sound_went_over_tcp_nothing_had_to_be_forced() -> None:
    found = one(tcp, way(figures=_TCP))
    assert found is not None
    assert (found.outcome, found.evidence["more"]) == ("ok", 0.0)
    assert outcome(tcp, _HEARD) is None
    assert outcome(tcp, way(figures=_RELAYED.model_copy(update={"protocol": "tcp"}))) is None


@pytest.mark.parametrize(
    ("result", "expected"),
    [("no-path", "no-path"), ("not-heard", "not-heard"), ("ended", "cut-short")],
)
def test_a_port_that_is_not_reached(result: str, expected: str) -> None:
    assert outcome(tcp, _HEARD, way("tcp", outcome=result)) == expected


def test_a_relay() -> None:
    url = "turn:203.0.113.10:3478?transport=udp"
    handed_out = MediaSetup(**_AT, library=True, turn=(url,))
    found = one(relay, _HEARD, handed_out, way("relay", figures=_RELAYED))
    assert found is not None
    assert (found.outcome, found.evidence["server"]) == ("ok", url)
    broken = one(relay, handed_out, way("relay", outcome="no-path"))
    assert broken == Verdict("no-path", {"detail": "", "servers": (url,)})
    assert outcome(relay, _HEARD, MediaSetup(**_AT, library=True, turn=())) == "none"
    assert outcome(relay, way(figures=_TCP), handed_out) == "needs-udp"
    assert outcome(relay, _HEARD, MediaSetup(**_AT, library=True)) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("turn:turn.test:3478?transport=udp", False),
        ("turn:turn.test:3478", False),
        ("turn:turn.test:3478?transport=tcp", True),
        ("turns:turn.test:443?transport=tcp", True),
    ],
)
def test_which_relays_need_no_udp(url: str, expected: bool) -> None:
    assert takes_tcp((url,)) is expected


def test_a_link_that_was_cut() -> None:
    back = MediaReconnect(**_AT, outcome="back", seconds=3.08, silence_s=0.044)
    assert one(reconnect, back) == Verdict("ok", {"seconds": 3.1, "silence": 0.04})
    gone = back.model_copy(update={"outcome": "not-back"})
    assert one(reconnect, gone) == Verdict("not-back", {"seconds": 3.1})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("ok", {"came": 0.2, "answered": 2.1, "level": -17, "path": "UDP"})),
        ({"came_s": None}, ("absent", {"seconds": 10.0, "microphone": "with-microphone"})),
        ({"track_s": None, "sound_s": None}, ("mute", {"seconds": 10.0, "came": 0.2})),
        ({"sound_s": None}, ("silent", {"seconds": 10.0, "level": -17})),
        ({"sound_s": None, "figures": MediaFigures()}, ("nothing-comes", {"seconds": 10.0})),
        ({"outcome": "no-path"}, ("no-path", {"detail": ""})),
        ({"outcome": "ended", "detail": "silent"}, ("cut-short", {"detail": "silent"})),
        ({"outcome": "no-session", "detail": "HTTP 500"}, ("cut-short", {"detail": "HTTP 500"})),
    ],
)
def test_the_coach(changes: dict[str, Any], expected: tuple[str, dict[str, object]]) -> None:
    found = one(call, _CALL.model_copy(update=changes))
    assert found is not None
    assert (found.outcome, dict(found.evidence)) == expected
