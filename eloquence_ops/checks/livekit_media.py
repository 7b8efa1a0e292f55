"""What LiveKit hands out for media: its own candidates, and the STUN and TURN servers.

Each is judged by the scope of the address at which LiveKit was reached: on one's own machine and
in a private network a private candidate is right, and nobody needs a relay.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, Scope, ip_address, narrower, scope_of
from eloquence_ops.errors import UsageError
from eloquence_ops.ice_urls import IceUrl, parse
from eloquence_ops.observations import LivekitSignal
from eloquence_ops.observations.signal import Candidate

# Docker's default address pools begin here, and its `bridge` is 172.17.0.0/16.
_DOCKER: Final = ipaddress.ip_network("172.16.0.0/12")
_MOST_SHOWN: Final = 4


def joined(livekit: Endpoint, seen: Seen) -> LivekitSignal | None:
    """A visit that got in, one to a room of our own first: there nothing but ours can be amiss."""
    visits = [entry for entry in seen.about(LivekitSignal, livekit) if entry.outcome == "joined"]
    told = [entry for entry in visits if entry.offered is not None]
    return next((entry for entry in told if entry.room == "own"), next(iter(told), None))


def reached_at(visit: LivekitSignal) -> Scope | None:
    """How far the address can be used from at which LiveKit was met. With `connect_to` that is
    another one than its name leads to, and the one that counts."""
    return scope_of(visit.address)


@check(
    "livekit.candidates",
    feeds=("join", "own-room"),
    outcomes={
        "ok": "places",
        "private": "places expected",
        "docker": "places expected",
        "elsewhere": "places expected",
        "no-udp": "places",
        "none": "",
        "not-told": "",
        "not-joined": "",
    },
)
def candidates(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether media can be sent to an address that LiveKit names."""
    visit = joined(livekit, seen)
    if visit is None:
        yield Verdict("not-joined")
        return
    if not visit.offered:
        yield Verdict("not-told")
        return
    scope = reached_at(visit)
    usable = [entry for entry in _of_its_family(visit) if _is_usable(entry, scope)]
    expected = _expected(livekit, visit, seen)
    if not visit.candidates:
        yield Verdict("none")
    elif not usable:
        near = _of_its_family(visit)
        outcome = "docker" if any(_is_dockers(entry.address) for entry in near) else "private"
        yield Verdict(outcome, {"places": shown(near), "expected": expected})
    elif not any(entry.protocol == "udp" for entry in usable):
        yield Verdict("no-udp", {"places": shown(tuple(usable))})
    elif scope == "public" and not any(entry.address in expected for entry in usable):
        yield Verdict("elsewhere", {"places": shown(tuple(usable)), "expected": expected})
    else:
        everywhere = tuple(entry for entry in visit.candidates if _is_usable(entry, scope))
        yield Verdict("ok", {"places": shown(everywhere)})


def _of_its_family(visit: LivekitSignal) -> tuple[Candidate, ...]:
    """Those of the family that LiveKit was reached over: whoever has only that one needs them."""
    is_v6 = ":" in visit.address
    same = tuple(entry for entry in visit.candidates if (":" in entry.address) is is_v6)
    return same or visit.candidates


def _is_usable(candidate: Candidate, scope: Scope | None) -> bool:
    """By whoever reached LiveKit from as far as we did. A name (mDNS) is none of LiveKit's."""
    own = scope_of(candidate.address)
    return own is not None and (scope is None or not narrower(own, than=scope))


def _is_dockers(address: str) -> bool:
    found = ip_address(address)
    return isinstance(found, ipaddress.IPv4Address) and found in _DOCKER


def _expected(livekit: Endpoint, visit: LivekitSignal, seen: Seen) -> tuple[str, ...]:
    """Where LiveKit's name leads: its A and AAAA records, or what stands in for them."""
    if seen.target.redirection(livekit):
        return (visit.address,)
    lookup = seen.lookup(livekit.host)
    told = tuple(entry.address for entry in lookup.addresses) if lookup else ()
    return told or (visit.address,)


def shown(found: tuple[Candidate, ...]) -> tuple[str, ...]:
    """`udp 203.0.113.10:50004`, those of one address and protocol once, not many."""
    first: dict[tuple[str, str], Candidate] = {}
    for entry in found:
        first.setdefault((entry.protocol, entry.address), entry)
    return tuple(place(entry) for entry in first.values())[:_MOST_SHOWN]


def place(candidate: Candidate) -> str:
    host = f"[{candidate.address}]" if ":" in candidate.address else candidate.address
    return f"{candidate.protocol} {host}:{candidate.port}"


@check(
    "livekit.ice-tcp",
    feeds=("join", "own-room"),
    outcomes={"ok": "places", "missing": "", "not-judged": ""},
)
def ice_tcp(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether LiveKit offers ICE over TCP, for networks that let no UDP out."""
    visit = joined(livekit, seen)
    if visit is None or not visit.candidates_whole:
        yield Verdict("not-judged")
        return
    over_tcp = tuple(entry for entry in visit.candidates if entry.protocol == "tcp")
    if over_tcp:
        yield Verdict("ok", {"places": shown(over_tcp)})
    elif reached_at(visit) == "public":
        yield Verdict("missing")
    else:
        yield Verdict("not-judged")


@check(
    "livekit.turn",
    feeds=("join", "own-room"),
    outcomes={"ok": "urls", "missing": "", "no-tls": "urls", "not-judged": ""},
)
def turn(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether LiveKit hands out a relay, and one that gets through strict networks."""
    visit = joined(livekit, seen)
    if visit is None or reached_at(visit) != "public":
        yield Verdict("not-judged")
        return
    relays = [url for url in map(_read, visit.ice_urls) if url is not None and url.relays]
    urls = tuple(map(str, relays))[:_MOST_SHOWN]
    if not relays:
        yield Verdict("missing")
    elif not any(url.secure for url in relays):
        yield Verdict("no-tls", {"urls": urls})
    else:
        yield Verdict("ok", {"urls": urls})


def _read(text: str) -> IceUrl | None:
    try:
        return parse(text)
    except UsageError:
        return None
