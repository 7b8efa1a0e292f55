"""The certificate by itself: how long it still is good, its key, the names it is for."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.tls_chain import NOTHING_SHOWN, chains, is_root, nothing_shown, walk
from eloquence_ops.endpoints import Endpoint, covers, u_label
from eloquence_ops.findings import Evidence
from eloquence_ops.observations.certificates import SentCertificate

# Renewal is due when a third is left (certbot, lego) or a half (Caddy, and all of them where it
# lasts less than ten days). With a sixth left, half of that time has passed in vain.
_OVERDUE: Final = 1 / 6
# Of what lasts years, a sixth is months: nobody renews that early.
_AT_MOST: Final = timedelta(days=30)
_DAY: Final = timedelta(days=1)

# What the browsers' rules ask for (CA/Browser Forum, Baseline Requirements 6.1.5 and 7.1.3.2).
_LEAST_BITS: Final = {"RSA": 2048, "EC": 256}
_BROKEN_DIGESTS: Final = frozenset({"md2", "md4", "md5", "sha1"})


@check(
    "tls.expiry",
    feeds=("reach",),
    outcomes={
        **NOTHING_SHOWN,
        "ok": "not_after left lifetime percent",
        "overdue": "not_after left lifetime percent",
        "over": "",
    },
)
def expiry(endpoint: Endpoint, seen: Seen) -> Judgement:
    """As a share of its lifetime: six days are a whole life to one, and the end of another."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    for sent in chains(endpoint, seen):
        leaf = sent.certificates[0]
        if not leaf.not_before <= seen.now <= leaf.not_after:
            yield Verdict("over", family=sent.family)
            continue
        outcome = "overdue" if is_overdue(leaf.not_before, leaf.not_after, seen.now) else "ok"
        yield Verdict(outcome, _dates(leaf, seen.now), sent.family)


def is_overdue(not_before: datetime, not_after: datetime, now: datetime) -> bool:
    """Whether so little is left of a certificate that its renewal must have failed."""
    return not_after - now < min((not_after - not_before) * _OVERDUE, _AT_MOST)


def _dates(leaf: SentCertificate, now: datetime) -> Evidence:
    whole, left = leaf.not_after - leaf.not_before, leaf.not_after - now
    return {
        "not_after": f"{leaf.not_after:%Y-%m-%d %H:%M} UTC",
        "left": _days(left),
        "lifetime": _days(whole),
        "percent": round(100 * left / whole) if whole else 0,
    }


def _days(time: timedelta) -> float:
    """Whole ones, or tenths where there are few."""
    days = time / _DAY
    return round(days, 1) if days < 10 else round(days)


@check(
    "tls.key",
    feeds=("reach",),
    outcomes={
        **NOTHING_SHOWN,
        "ok": "key digest",
        "weak-key": "subject key",
        "weak-signature": "subject digest",
    },
)
def key(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Of the certificate and whatever stands between it and a root; a root's own signature is
    verified by nobody."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    for sent in chains(endpoint, seen):
        up = walk(sent.certificates)
        for one in up.path if up else ():
            if one.key_bits and one.key_bits < _LEAST_BITS.get(one.key.partition(" ")[0], 0):
                evidence = {"subject": one.subject, "key": _key(one)}
                yield Verdict("weak-key", evidence, sent.family)
                break
            if one.digest in _BROKEN_DIGESTS and not is_root(one):
                evidence = {"subject": one.subject, "digest": one.digest}
                yield Verdict("weak-signature", evidence, sent.family)
                break
        else:
            leaf = sent.certificates[0]
            evidence = {"key": _key(leaf), "digest": leaf.digest or "-"}
            yield Verdict("ok", evidence, sent.family)


def _key(one: SentCertificate) -> str:
    return f"{one.key} {one.key_bits}" if one.key == "RSA" else one.key


@check(
    "tls.names",
    feeds=("reach",),
    outcomes={
        **NOTHING_SHOWN,
        "ok": "name",
        "look-alike": "server_name names",
        "u-label": "server_name names",
        "others": "server_name names",
        "none-in-it": "server_name names",
    },
)
def names(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Which name of the certificate is the one asked for; otherwise, how it misses it."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    for sent in chains(endpoint, seen):
        outcome, evidence = _matched(sent.server_name, sent.certificates[0].names)
        yield Verdict(outcome, evidence, sent.family)


def _matched(server_name: str, offered: tuple[str, ...]) -> tuple[str, Evidence]:
    for name in offered:
        if covers(name, server_name):
            return "ok", {"name": name}
    evidence: Evidence = {"server_name": server_name, "names": offered}
    if not offered:
        return "none-in-it", evidence
    readable = u_label(server_name)
    # Bytes of a U-label that cryptography and the standard refuse come as `\\xNN`.
    if any(not name.isascii() or "\\x" in name for name in offered):
        return "u-label", evidence
    plain = without_accents(readable)
    if plain != readable and any(covers(name, plain) for name in offered):
        return "look-alike", evidence
    return "others", evidence


def without_accents(name: str) -> str:
    """`eloquence.com` for `éloquence.com`: the name that people type without thinking."""
    decomposed = unicodedata.normalize("NFD", name)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
