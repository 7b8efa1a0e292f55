"""What LiveKit hands out for media, judged by the scope of the address at which it was met."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eloquence_ops.checks.ice_servers import ice_server
from eloquence_ops.checks.livekit_media import candidates, ice_tcp, turn
from eloquence_ops.checks.registry import Judge
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import AddressLookup, IceTrial, LivekitSignal
from eloquence_ops.observations.ice import TrialOutcome
from eloquence_ops.observations.names import Address
from eloquence_ops.observations.signal import Candidate
from eloquence_ops.settings import Target

LIVEKIT = parse("wss://livekit.éloquence.test", "livekit")
PUBLIC, V6, PRIVATE, DOCKER = "203.0.113.10", "2001:db8::10", "10.0.0.5", "172.17.0.2"


def at(*places: str) -> tuple[Candidate, ...]:
    """`udp 203.0.113.10` at some port."""
    pairs = (entry.split() for entry in places)
    return tuple(
        Candidate(protocol="udp" if protocol == "udp" else "tcp", address=address, port=50000)
        for protocol, address in pairs
    )


def seen(*places: str, address: str = PUBLIC, **changes: Any) -> Seen:
    """One visit to a LiveKit whose name leads to `PUBLIC` and `V6`, and which names these."""
    visit = LivekitSignal(
        endpoint=str(LIVEKIT),
        family=Family.IPV6 if ":" in address else Family.IPV4,
        address=address,
        path="/rtc",
        outcome="joined",
        offered=True,
        candidates=at(*places),
        candidates_whole=True,
    ).model_copy(update=changes)
    lookup = AddressLookup(
        host=LIVEKIT.host,
        resolver="system",
        outcome="found",
        addresses=(
            Address(family=Family.IPV4, address=PUBLIC),
            Address(family=Family.IPV6, address=V6),
        ),
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    target = Target("t", livekit=LIVEKIT)
    return Seen(target, Asked(frozenset({"livekit"})), now, (visit, lookup))


def outcomes(judge: Judge, about: Seen) -> list[str]:
    return [verdict.outcome for verdict in judge(LIVEKIT, about)]


@pytest.mark.parametrize(
    ("places", "outcome"),
    [
        ((f"udp {PUBLIC}", f"tcp {PUBLIC}"), "ok"),
        ((f"udp {PRIVATE}", f"udp {PUBLIC}"), "ok"),
        ((f"udp {PRIVATE}",), "private"),
        ((f"udp {DOCKER}",), "docker"),
        (("udp 172.31.255.254",), "docker"),
        (("udp 172.32.0.1",), "elsewhere"),  # the first behind Docker's
        (("udp 127.0.0.1",), "private"),
        # Whoever has IPv4 only cannot use the other one.
        ((f"udp {DOCKER}", f"udp {V6}"), "docker"),
        ((f"udp {V6}",), "ok"),
        (("udp 198.51.100.7",), "elsewhere"),
        (("udp 198.51.100.7", f"udp {PUBLIC}"), "ok"),
        ((f"tcp {PUBLIC}",), "no-udp"),
        ((f"udp {PRIVATE}", f"tcp {PUBLIC}"), "no-udp"),
        (("udp 0a1b2c3d.local",), "private"),
        ((), "none"),
    ],
)
def test_candidates_of_a_livekit_at_a_public_address(places: tuple[str, ...], outcome: str) -> None:
    assert outcomes(candidates, seen(*places)) == [outcome]


@pytest.mark.parametrize(
    ("address", "place", "outcome"),
    [
        ("127.0.0.1", "udp 127.0.0.1", "ok"),
        (PRIVATE, f"udp {PRIVATE}", "ok"),
        (PRIVATE, "udp 192.168.1.9", "ok"),
        (PRIVATE, "udp 127.0.0.1", "private"),
        ("127.0.0.1", f"udp {PUBLIC}", "ok"),
    ],
)
def test_a_nearer_livekit_is_judged_by_its_own_scope(
    address: str, place: str, outcome: str
) -> None:
    assert outcomes(candidates, seen(place, address=address)) == [outcome]


def test_what_was_not_told_is_no_pass() -> None:
    assert outcomes(candidates, seen(offered=False)) == ["not-told"]
    assert outcomes(candidates, seen(offered=None)) == ["not-joined"]
    assert outcomes(candidates, seen(outcome="rejected")) == ["not-joined"]


@pytest.mark.parametrize(
    ("about", "outcome"),
    [
        (seen(f"udp {PUBLIC}", f"tcp {PUBLIC}"), "ok"),
        (seen(f"udp {PUBLIC}"), "missing"),
        (seen(f"udp {PUBLIC}", candidates_whole=False), "not-judged"),
        (seen(f"udp {PRIVATE}", address=PRIVATE), "not-judged"),
    ],
)
def test_ice_over_tcp(about: Seen, outcome: str) -> None:
    assert outcomes(ice_tcp, about) == [outcome]


@pytest.mark.parametrize(
    ("urls", "outcome"),
    [
        (("turn:t.test:3478?transport=udp", "turns:t.test:443?transport=tcp"), "ok"),
        (("turn:t.test:3478?transport=udp",), "no-tls"),
        (("stun:stun.test:19302",), "missing"),
        (("turns:not an address",), "missing"),
        ((), "missing"),
    ],
)
def test_a_relay_is_looked_for_at_a_public_address_only(
    urls: tuple[str, ...], outcome: str
) -> None:
    assert outcomes(turn, seen(f"udp {PUBLIC}", ice_urls=urls)) == [outcome]
    assert outcomes(turn, seen(address=PRIVATE, ice_urls=urls)) == ["not-judged"]


@pytest.mark.parametrize(
    ("came", "of", "outcome"),
    [
        ("relayed", {}, "ok"),
        ("bound", {"relays": False}, "answers"),
        ("silent", {}, "silent"),  # UDP: never a pass, and no fault
        ("silent", {"transport": "tcp"}, "silent-tcp"),
        ("closed", {}, "closed"),
        # A public LiveKit works without STUN.
        ("closed", {"relays": False}, "stun-missing"),
        ("no-name", {"relays": False}, "stun-missing"),
        ("not-an-address", {"relays": False}, "no-url"),
        ("refused", {"code": 486}, "refuses"),
    ],
)
def test_a_server_that_was_asked(came: TrialOutcome, of: dict[str, Any], outcome: str) -> None:
    url = "turn:t.test:3478?transport=udp"
    fields = {"endpoint": str(LIVEKIT), "url": url, "outcome": came, "relays": True, **of}
    about = Seen(
        Target("t", livekit=LIVEKIT),
        Asked(frozenset({"livekit"})),
        datetime(2026, 1, 1, tzinfo=UTC),
        (IceTrial.model_validate(fields),),
    )
    assert [verdict.outcome for verdict in ice_server(url, about)] == [outcome]
