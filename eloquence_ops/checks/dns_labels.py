"""Names as they are written: have they a form on the wire, and is it the one that is meant?"""

from __future__ import annotations

from collections.abc import Iterator

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import u_label
from eloquence_ops.findings import Evidence
from eloquence_ops.idn.scripts import is_mixed, look_alike_letters
from eloquence_ops.idn.siblings import are_look_alikes, are_near
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
        if are_near(name.host, other.host):
            evidence = {"other": u_label(other.host), "other_host": other.host}
            outcome = "near-handed-out" if name.origin == "session" else "near"
            yield Verdict(outcome, {"host": name.host, "readable": u_label(name.host)} | evidence)
    if "decomposed" in remarks:
        yield Verdict("decomposed", written)
    readable = [part.u_label for part in name.labels]
    if letters := "".join(map(look_alike_letters, readable)):
        yield Verdict("imitating", {"host": name.host, "letters": tuple(letters)})
    if any(map(is_mixed, readable)):
        yield Verdict("mixed", {"host": name.host})


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
        if are_look_alikes(name.host, other.host):
            evidence = {"other": u_label(other.host), "other_host": other.host}
            outcome = "handed-out" if name.origin == "session" else "in-use"
            yield Verdict(outcome, {"host": name.host} | evidence)
            return
    names = tuple(_only_look_alikes(name, seen))
    yield (
        Verdict("certificate", {"server_name": name.host, "names": names})
        if names
        else Verdict("ok")
    )


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
