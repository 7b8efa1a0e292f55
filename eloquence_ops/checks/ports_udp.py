"""UDP, proven port by port with a responder on the server: what comes through, and who drops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from eloquence_ops.checks.ports import scans, were_tried
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.server_media import media_ports
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence, Family
from eloquence_ops.observations import LiveKitConfig, ServerReach, UdpProof
from eloquence_ops.observations.ports import UdpSpan
from eloquence_ops.port_spans import shown, told_stretches

# Starved: there was no way to the server, which has a sentence of its own.
_HARMLESS: Final = frozenset({"done", "starved"})
_THROUGH: Final = frozenset({"answered", "heard"})
_PROOF = "udp ports proven by proofs tries loss"


def proofs(seen: Seen, livekit: Endpoint) -> dict[Family, list[UdpProof]]:
    """By family: the first of the range in the settings, a second of what livekit.yaml adds."""
    found: dict[Family, list[UdpProof]] = {}
    for proof in seen.every(UdpProof):
        if str(livekit) in proof.names:
            found.setdefault(proof.family, []).append(proof)
    return found


def within(spans: Iterable[UdpSpan], first: int, last: int) -> Iterator[UdpSpan]:
    """The parts of spans that lie in a range. A sample's counts become no finer by it."""
    for span in spans:
        low, high = max(span.first, first), min(span.last, last)
        if low > high:
            continue
        whole = (low, high) == (span.first, span.last)
        yield span.model_copy(
            update={
                "first": low,
                "last": high,
                "count": span.count if whole else min(span.count, high - low + 1),
            }
        )


@check(
    "ports.range-udp",
    feeds=("udp", "udp-rest"),
    outcomes={
        "ok": _PROOF,
        "in-use": f"{_PROOF} held",
        "stopped": f"{_PROOF} blocked",
        "lost": f"{_PROOF} blocked",
        "nothing-arrives": f"{_PROOF} blocked",
        "blocked": f"{_PROOF} blocked",
        "other-range": f"{_PROOF} let_in",
        "held-back": f"{_PROOF} blocked",
        "answers-lost": f"{_PROOF} blocked",
        "not-let-out": f"{_PROOF} blocked",
        "not-whole": _PROOF,
        "no-server": "udp",
        "not-asked": "udp",
        "not-reached": "udp",
        "not-made": "udp outcome detail",
        "not-needed": "",
    },
)
def range_udp(livekit: Endpoint, seen: Seen) -> Judgement:
    """One finding a family. Without a responder silence means nothing: it is unknown."""
    _, (first, last) = media_ports(seen)
    udp: Evidence = {"udp": shown(first, last)}
    found = proofs(seen, livekit)
    if not found:
        if were_tried(seen) and all(end.state in _HARMLESS for end in seen.end_of("ports.udp")):
            yield _not_made(livekit, udp, seen)
        return
    for family, made in found.items():
        failed = next((proof for proof in made if proof.outcome != "made"), None)
        if failed is not None:
            evidence: Evidence = {**udp, "outcome": failed.outcome, "detail": failed.detail}
            yield Verdict("not-made", evidence, family, failed.duration_s)
        else:
            yield _judged(family, made, (first, last), seen)


def _not_made(livekit: Endpoint, udp: Evidence, seen: Seen) -> Verdict:
    reach = seen.one(ServerReach)
    if not any(scans(seen, str(livekit), "known")):
        return Verdict("not-needed")
    if seen.target.server is None:
        return Verdict("no-server", udp)
    if reach is not None and reach.outcome not in ("reached", "sudo"):
        return Verdict("not-reached", udp)
    return Verdict("not-asked", udp)


def _judged(family: Family, made: list[UdpProof], wanted: tuple[int, int], seen: Seen) -> Verdict:
    first, last = wanted
    spans = [one for proof in made for one in within(proof.spans, first, last)]
    asked, proven = sum(one.count for one in spans), _count(spans, *_THROUGH)
    evidence: dict[str, str | int | float | tuple[str, ...]] = {
        "udp": shown(first, last),
        "ports": asked,
        "proven": proven,
        "by": "raw-socket" if made[0].way == "raw" else "bound-sockets",
        "proofs": tuple(f"{shown(one.first, one.last)} {one.state}" for one in spans[:200]),
        "tries": max(proof.tries for proof in made),
        "loss": max(proof.loss for proof in made),
    }
    duration_s = sum(proof.duration_s for proof in made)
    outcome = _outcome(spans, made, proven)
    if outcome in ("stopped", "lost", "nothing-arrives", "blocked"):
        other = seen.target.media_ports
        rest = [one for proof in made for one in within(proof.spans, *other)]
        if (
            wanted != other
            and seen.one(LiveKitConfig)
            and rest
            and _count(rest, *_THROUGH) == sum(one.count for one in rest)
        ):
            return Verdict("other-range", {**evidence, "let_in": shown(*other)}, family, duration_s)
    states = {
        "stopped": ("stopped",),
        "held-back": ("heard",),
        "answers-lost": ("heard",),
        "not-let-out": ("local",),
    }.get(outcome, ("lost-before", "stopped"))
    if outcome not in ("ok", "in-use", "not-whole"):
        evidence["blocked"] = told(spans, *states)
    if outcome == "in-use":
        evidence["held"] = told(spans, "in-use")
    return Verdict(outcome, evidence, family, duration_s)


def _outcome(spans: list[UdpSpan], made: list[UdpProof], proven: int) -> str:
    """The nearest fault first: what this machine holds back never came to the server."""
    states = {one.state for one in spans}
    if "local" in states:
        return "not-let-out"
    if "stopped" in states:
        return "stopped"
    if "lost-before" in states:
        if not proven:
            return "nothing-arrives"
        return "lost" if all(proof.sees_arrivals for proof in made) else "blocked"
    if "heard" in states:
        return "held-back" if any(proof.held_back for proof in made) else "answers-lost"
    if "not-tried" in states or not spans:
        return "not-whole"
    return "in-use" if "in-use" in states else "ok"


@check(
    "ports.media-way",
    feeds=("udp", "udp-rest"),
    outcomes={"ok": "way", "none": "tcp udp", "not-told": "", "not-needed": ""},
)
def media_way(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether media have any way at all: UDP, or TCP where UDP is closed."""
    tcp, (first, last) = media_ports(seen)
    udp_works = {
        family: any(_count(list(within(proof.spans, first, last)), *_THROUGH) for proof in made)
        for family, made in proofs(seen, livekit).items()
        if all(proof.outcome == "made" for proof in made)
    }
    tcp_states = {
        scan.family: span.state
        for scan in scans(seen, str(livekit), "known")
        if (span := scan.state(tcp)) is not None
    }
    if not tcp_states:
        if were_tried(seen):
            yield Verdict("not-needed")
        return
    for family, state in tcp_states.items():
        if udp_works.get(family):
            yield Verdict("ok", {"way": "UDP"}, family)
        elif state == "open":
            yield Verdict("ok", {"way": f"TCP {tcp}"}, family)
        elif family in udp_works and state in ("closed", "filtered", "rejected"):
            yield Verdict("none", {"tcp": tcp, "udp": shown(first, last)}, family)
        else:
            yield Verdict("not-told", {}, family)


def told(spans: Iterable[UdpSpan], *states: str) -> str:
    return told_stretches([(one.first, one.last) for one in spans if one.state in states])


def _count(spans: Iterable[UdpSpan], *states: str) -> int:
    return sum(one.count for one in spans if one.state in states)
