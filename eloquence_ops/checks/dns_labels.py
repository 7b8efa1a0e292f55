"""Names as they are written: have they a form on the wire, and is it the one that is meant?"""

from __future__ import annotations

from collections.abc import Iterator

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import u_label
from eloquence_ops.findings import Evidence
from eloquence_ops.idn.scripts import is_mixed, look_alike_letters
from eloquence_ops.idn.siblings import are_look_alikes, labels_that_differ, slip_at
from eloquence_ops.observations import NameShown, TlsHandshake


@check(
    "dns.label",
    feeds=("forms",),
    outcomes={
        "ok": "typed host",
        "refused": "typed label refusal reason",
        "percent-encoded": "typed host",
        "near": "host readable other other_host",
        "near-handed-out": "host readable other other_host",
        "near-asked": "host readable other other_host",
        "decomposed": "typed host",
        "imitating": "host letters",
        "mixed": "host",
    },
)
def label(name: NameShown, seen: Seen) -> Judgement:
    """The first thing that is wrong with it; the others come up once that is mended."""
    yield next(_wrong(name, seen), Verdict("ok", {"typed": name.typed, "host": name.host}))


def _wrong(name: NameShown, seen: Seen) -> Iterator[Verdict]:
    written: Evidence = {"typed": name.typed, "host": name.host}
    for part in name.labels:
        if part.refusal:
            evidence = {"label": part.typed, "refusal": part.refusal, "reason": part.reason}
            yield Verdict("refused", {"typed": name.typed} | evidence)
    if not name.host:
        evidence = {"label": name.typed[:20], "refusal": "too-long", "reason": ""}
        yield Verdict("refused", {"typed": name.typed} | evidence)
        return
    remarks = {remark for part in name.labels for remark in part.remarks}
    if "percent-encoded" in remarks:
        yield Verdict("percent-encoded", written)
    for other in _before(name, seen):
        place = slip_at(name.host, other.host)
        if place is None or name.origin == "asked" or _is_within_one_zone(name, other, place, seen):
            continue
        outcome = "near-handed-out" if name.origin == "session" else "near"
        yield Verdict(outcome, _near(name, other))
    if "decomposed" in remarks:
        yield Verdict("decomposed", written)
    readable = [part.u_label for part in name.labels]
    if letters := "".join(map(look_alike_letters, readable)):
        yield Verdict("imitating", {"host": name.host, "letters": tuple(letters)})
    if any(map(is_mixed, readable)):
        yield Verdict("mixed", {"host": name.host})
    if name.origin == "asked":
        # Who types two names to see how they differ uses neither.
        for other in _before(name, seen):
            if slip_at(name.host, other.host) is not None:
                yield Verdict("near-asked", _near(name, other))


def _near(name: NameShown, other: NameShown) -> Evidence:
    return {
        "host": name.host,
        "readable": u_label(name.host),
        "other": u_label(other.host),
        "other_host": other.host,
    }


def _is_within_one_zone(name: NameShown, other: NameShown, place: int, seen: Seen) -> bool:
    """Whether the two differ only below a domain that both are of, by the zones that were found.

    `place` is that of the label in which they differ, counted from the top.
    """
    surveys = [seen.survey(entry.host) for entry in (name, other)]
    zones = {entry.zone for entry in surveys if entry}
    return None not in surveys and len(zones) == 1 and zones.pop().count(".") + 1 <= place


def _before(name: NameShown, seen: Seen) -> Iterator[NameShown]:
    """The other names in use that come first: of two that differ, the later one is suspected."""
    for other in seen.names_in_use:
        if other == name:
            return
        if other.host:
            yield other


@check(
    "dns.lookalike",
    feeds=("forms",),
    outcomes={
        "ok": "",
        "in-use": "host other other_host",
        "handed-out": "host other other_host",
        "asked": "host other other_host",
        "certificate": "server_name names",
    },
)
def lookalike(name: NameShown, seen: Seen) -> Judgement:
    """Whether two names in use are of two domains that read as one.

    That such a domain exists is no fault.
    """
    if not name.host:
        return
    for other in _before(name, seen):
        differing = labels_that_differ(name.host, other.host)
        if not differing or name.origin == "asked":
            continue
        if not _is_within_one_zone(name, other, min(differing), seen):
            outcome = "handed-out" if name.origin == "session" else "in-use"
            yield Verdict(outcome, _alike(name, other))
            return
    if names := tuple(_only_look_alikes(name, seen)):
        yield Verdict("certificate", {"server_name": name.host, "names": names})
    elif name.origin == "asked" and (alike := _alike_before(name, seen)):
        yield Verdict("asked", _alike(name, alike))
    else:
        yield Verdict("ok")


def _alike(name: NameShown, other: NameShown) -> Evidence:
    return {"host": name.host, "other": u_label(other.host), "other_host": other.host}


def _alike_before(name: NameShown, seen: Seen) -> NameShown | None:
    before = _before(name, seen)
    return next((entry for entry in before if are_look_alikes(name.host, entry.host)), None)


def _only_look_alikes(name: NameShown, seen: Seen) -> Iterator[str]:
    """The names of a certificate shown for this one, where it covers the look-alike instead."""
    for entry in seen.every(TlsHandshake):
        leaf = entry.certificate
        if entry.server_name != name.host or entry.outcome != "name-mismatch" or leaf is None:
            continue
        yield from (
            covered for covered in leaf.names if are_look_alikes(name.host, covered.lstrip("*."))
        )
        return
