"""The chain as it was sent: does it lead from the certificate to a root that clients know?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from eloquence_ops.android_roots import android_roots
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import TcpConnect, TlsChain, TlsHandshake
from eloquence_ops.observations.certificates import SentCertificate

# X509_V_ERR_… of OpenSSL's x509_vfy.h. A certificate that is too early or too late is found after
# its chain is whole; so are names.
_EARLY_OR_LATE: Final = frozenset({9, 10})
_WHOLE: Final = frozenset({0, 62, 64}) | _EARLY_OR_LATE
_NO_ROOT: Final = frozenset({2, 18, 19, 20, 21})
# A key or a digest that is too weak: that is `tls.key`'s to judge.
WEAK: Final = frozenset({66, 67, 68})


@dataclass(frozen=True)
class Walk:
    """The way up from the leaf: `path` is what belongs to it, `unused` what was sent besides.

    `missing` is the issuer of the last one, where it was not sent and that one is no root.
    """

    path: tuple[SentCertificate, ...]
    unused: tuple[SentCertificate, ...]
    missing: str

    @property
    def top(self) -> SentCertificate:
        return self.path[-1]

    @property
    def ends_in_root(self) -> bool:
        return self.missing == ""


def walk(certificates: tuple[SentCertificate, ...]) -> Walk | None:
    """From each certificate to its issuer among those sent; None where there is none at all."""
    if not certificates:
        return None
    path, rest = [certificates[0]], list(certificates[1:])
    while not is_root(path[-1]):
        issuer = next((one for one in rest if _issued(one, path[-1])), None)
        if issuer is None:
            return Walk(tuple(path), tuple(rest), path[-1].issuer)
        rest.remove(issuer)
        path.append(issuer)
    return Walk(tuple(path), tuple(rest), "")


def is_root(certificate: SentCertificate) -> bool:
    """Whether it was issued by itself."""
    return certificate.subject == certificate.issuer and certificate.authority_key in (
        "",
        certificate.subject_key,
    )


def _issued(issuer: SentCertificate, one: SentCertificate) -> bool:
    return issuer.subject == one.issuer and (
        not (one.authority_key and issuer.subject_key) or one.authority_key == issuer.subject_key
    )


def chains(endpoint: Endpoint, seen: Seen) -> list[TlsChain]:
    """Those with something to judge, one for each address family."""
    return [chain for chain in seen.about(TlsChain, endpoint) if chain.certificates]


def nothing_shown(endpoint: Endpoint, seen: Seen) -> Verdict | None:
    """`none` where no TLS is wanted, `not-shown` where there was no certificate to judge."""
    if not endpoint.secure:
        return Verdict("none")
    if chains(endpoint, seen):
        return None
    was_tried = bool(seen.about(TcpConnect, endpoint))
    return Verdict("not-shown") if was_tried else None


NOTHING_SHOWN: Final = {"none": "", "not-shown": ""}


@check(
    "tls.chain",
    feeds=("reach",),
    outcomes={
        **NOTHING_SHOWN,
        "ok": "root sent",
        "disordered": "root sent",
        "superfluous-root": "root sent",
        "superfluous": "root sent names",
        "incomplete": "subject missing",
        "issuer-missing": "subject missing",
        "unknown-root": "subject missing",
        "untrusted-root": "subject",
        "self-signed": "subject",
        "link-expired": "subject not_after",
        "link-to-come": "subject not_before",
        "unfit": "detail",
    },
)
def chain(endpoint: Endpoint, seen: Seen) -> Judgement:
    """One finding for each address family."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    for sent in chains(endpoint, seen):
        up = walk(sent.certificates)
        if up is None or sent.verify_code in WEAK:
            continue
        outcome, evidence = _judged(sent, up, seen)
        yield Verdict(outcome, evidence, sent.family)


def _judged(sent: TlsChain, up: Walk, seen: Seen) -> tuple[str, Evidence]:
    leaf = up.path[0]
    if sent.verify_code in _NO_ROOT:
        return _without_root(leaf, up)
    if sent.verify_code not in _WHOLE:
        return "unfit", {"detail": _detail(sent, seen)}
    if sent.verify_code in _EARLY_OR_LATE and (found := _out_of_time(up, seen)):
        return found
    root = sent.anchor.subject if sent.anchor else up.missing or up.top.subject
    evidence: Evidence = {"root": root, "sent": sent.sent}
    if up.unused:
        names = tuple(one.subject for one in up.unused)
        return "superfluous", {**evidence, "names": names}
    if up.path != sent.certificates:
        return "disordered", evidence
    if len(up.path) > 1 and up.ends_in_root:
        return "superfluous-root", evidence
    return "ok", evidence


def _out_of_time(up: Walk, seen: Seen) -> tuple[str, Evidence] | None:
    """The first certificate above the leaf whose time is over, or else still to come."""
    for one in up.path[1:]:
        if one.not_after < seen.now:
            ends = f"{one.not_after:%Y-%m-%d %H:%M} UTC"
            return "link-expired", {"subject": one.subject, "not_after": ends}
    for one in up.path[1:]:
        if one.not_before > seen.now:
            begins = f"{one.not_before:%Y-%m-%d %H:%M} UTC"
            return "link-to-come", {"subject": one.subject, "not_before": begins}
    return None


def _without_root(leaf: SentCertificate, up: Walk) -> tuple[str, Evidence]:
    """Whether a root came that is not trusted, or the last one's issuer is missing: which is an
    intermediate that should have been sent, or a private root, which nobody sends.

    A leaf that was logged is a public authority's, whose roots are known: what issued the last one
    and is none of them is an intermediate. Most public ones say as well where their issuer is to be
    had, and so do some private ones; of the leaf itself it tells enough, since public roots issue
    none.
    """
    if is_root(leaf):
        return "self-signed", {"subject": leaf.subject}
    if up.ends_in_root:
        return "untrusted-root", {"subject": up.top.subject}
    top = up.top
    evidence = {"subject": top.subject, "missing": up.missing}
    if android_roots().issued(top.issuer, top.authority_key):
        return "unknown-root", evidence  # a public one, which this machine alone does not have
    if leaf.scts or (top is leaf and leaf.issuer_url):
        return "incomplete", evidence
    return "issuer-missing" if top is leaf or top.issuer_url else "unknown-root", evidence


def _detail(sent: TlsChain, seen: Seen) -> str:
    found = (
        entry.detail
        for entry in seen.every(TlsHandshake)
        if (entry.endpoint, entry.address) == (sent.endpoint, sent.address)
    )
    return next(found, "")


@check(
    "tls.android",
    feeds=("reach",),
    outcomes={
        **NOTHING_SHOWN,
        "ok": "root version",
        "given": "root",
        "unknown": "root version",
        "not-trusted": "",
    },
)
def android(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether the chain leads to a root that Android ships, by our way up or by another."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    for sent in chains(endpoint, seen):
        if sent.anchor is None:
            yield Verdict("not-trusted", family=sent.family)
            continue
        known = _androids_root(sent, seen.now)
        evidence = {"root": known or sent.anchor.subject}
        if not known and sent.anchor.given:
            yield Verdict("given", evidence, sent.family)
            continue
        outcome = "ok" if known else "unknown"
        yield Verdict(outcome, evidence | {"version": android_roots().version}, sent.family)


def _androids_root(sent: TlsChain, now: datetime) -> str:
    """The root of Android's that any way up from the leaf ends at; empty where there is none.

    Ours may have gone on to a root that is newer, while its twin that an older one signed was sent
    as well: Android stops at that one.
    """
    roots = android_roots()
    if sent.anchor is not None and sent.anchor.sha256 in roots.names:
        return sent.anchor.subject
    good = tuple(one for one in sent.certificates if one.not_before <= now <= one.not_after)
    for one in reachable(good):
        if one.sha256 in roots.names:
            return one.subject
        if roots.issued(one.issuer, one.authority_key):
            return one.issuer
    return ""


def reachable(certificates: tuple[SentCertificate, ...]) -> tuple[SentCertificate, ...]:
    """Every certificate that some way up from the leaf comes past; `walk` takes one of them."""
    found = list(certificates[:1])
    for one in found:  # it grows meanwhile
        found += [other for other in certificates if other not in found and _issued(other, one)]
    return tuple(found)


@check(
    "tls.strictly",
    feeds=("reach",),
    outcomes={**NOTHING_SHOWN, "ok": "", "dislikes": "detail", "not-trusted": ""},
)
def strictly(endpoint: Endpoint, seen: Seen) -> Judgement:
    """What a verifier that takes the rules to the letter says of a chain that clients take."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    for sent in chains(endpoint, seen):
        if sent.anchor is None:
            yield Verdict("not-trusted", family=sent.family)
        elif sent.disliked:
            yield Verdict("dislikes", {"detail": sent.disliked}, sent.family)
        else:
            yield Verdict("ok", family=sent.family)
