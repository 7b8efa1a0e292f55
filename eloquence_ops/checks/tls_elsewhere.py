"""What the same server shows to others: over the other address family, and without a name."""

from __future__ import annotations

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.tls_chain import NOTHING_SHOWN, chains, nothing_shown
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import NamelessAnswer


@check(
    "tls.nameless",
    feeds=("nameless",),
    outcomes={"ok": "", "none": "", "other": "names", "refused": "detail"},
)
def nameless(endpoint: Endpoint, seen: Seen) -> Judgement:
    """A note: every client of the system says the name."""
    if not endpoint.secure or endpoint.is_address:
        yield Verdict("none")
        return
    named = {chain.certificates[0].sha256 for chain in chains(endpoint, seen)}
    for answer in seen.about(NamelessAnswer, endpoint):
        if not answer.sha256:
            yield Verdict("refused", {"detail": answer.detail}, answer.family)
        elif answer.sha256 in named:
            yield Verdict("ok", family=answer.family)
        else:
            yield Verdict("other", {"names": answer.names}, answer.family)


@check(
    "tls.families",
    feeds=("reach",),
    outcomes={**NOTHING_SHOWN, "ok": "", "one": "family", "differ": "ipv4 ipv6"},
)
def families(endpoint: Endpoint, seen: Seen) -> Judgement:
    """A note: two good certificates are two good certificates. A bad one of them has findings of
    its own, under its own family."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    shown = {chain.family: chain.certificates[0] for chain in chains(endpoint, seen)}
    if len(shown) == 1:
        yield Verdict("one", {"family": next(iter(shown))})
    elif len({leaf.sha256 for leaf in shown.values()}) == 1:
        yield Verdict("ok")
    else:
        ends = {str(family): f"{leaf.not_after:%Y-%m-%d}" for family, leaf in shown.items()}
        yield Verdict("differ", {"ipv4": ends.get("ipv4"), "ipv6": ends.get("ipv6")})
