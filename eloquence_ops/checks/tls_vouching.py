"""What vouches for a certificate besides its issuer: the logs that have it, and the OCSP answer
that it may demand."""

from __future__ import annotations

from eloquence_ops.android_roots import android_roots
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.tls_chain import NOTHING_SHOWN, chains, nothing_shown
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import StapleAnswer, TlsChain


def demands_staple(chain: TlsChain) -> bool:
    """Whether the leaf is one that says itself that it is not to be taken without (RFC 7633)."""
    return any(leaf.must_staple for leaf in chain.certificates[:1])


@check(
    "tls.staple",
    feeds=("staple",),
    outcomes={
        **NOTHING_SHOWN,
        "ok": "",
        "not-asked-for": "",
        "missing": "subject",
        "unfit": "subject status",
    },
)
def staple(endpoint: Endpoint, seen: Seen) -> Judgement:
    """That none is stapled is no fault by itself: Let's Encrypt has given OCSP up."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    answers = {answer.address: answer for answer in seen.about(StapleAnswer, endpoint)}
    for chain in chains(endpoint, seen):
        answer = answers.get(chain.address)
        if not demands_staple(chain):
            yield Verdict("not-asked-for", family=chain.family)
        elif answer is not None and answer.is_known:
            yield _answered(answer, chain, seen)


def _answered(answer: StapleAnswer, chain: TlsChain, seen: Seen) -> Verdict:
    subject = chain.certificates[0].subject
    if not answer.status:
        return Verdict("missing", {"subject": subject}, chain.family)
    is_over = answer.next_update is not None and answer.next_update < seen.now
    if answer.status != "good" or is_over:
        status = "expired" if answer.status == "good" else answer.status
        return Verdict("unfit", {"subject": subject, "status": status}, chain.family)
    return Verdict("ok", family=chain.family)


@check(
    "tls.timestamps",
    feeds=("reach",),
    outcomes={**NOTHING_SHOWN, "ok": "count", "private": "", "none-in-it": "", "not-trusted": ""},
)
def timestamps(endpoint: Endpoint, seen: Seen) -> Judgement:
    """A note: they may come with the handshake as well, where they are not looked for."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    for chain in chains(endpoint, seen):
        count = chain.certificates[0].scts
        if count:
            yield Verdict("ok", {"count": count}, chain.family)
        elif chain.anchor is None:
            yield Verdict("not-trusted", family=chain.family)
        elif chain.anchor.given or chain.anchor.sha256 not in android_roots().names:
            yield Verdict("private", family=chain.family)
        else:
            yield Verdict("none-in-it", family=chain.family)
