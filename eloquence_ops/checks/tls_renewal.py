"""The way on which an authority that renews by itself checks a name: port 80 (RFC 8555, 8.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from eloquence_ops.checks.fingerprints import GATEWAY_STATUSES, REDIRECTS
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.tls_certificate import is_overdue
from eloquence_ops.checks.tls_chain import NOTHING_SHOWN, chains, nothing_shown
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.observations import HttpExchange, TlsChain

PURPOSE: Final = "acme-challenge"
PATH: Final = "/.well-known/acme-challenge/"
PORT: Final = 80

# The organisations of authorities that issue to everybody over ACME, as certificates name them.
_OVER_ACME: Final = ("Let's Encrypt", "ZeroSSL", "Google Trust Services", "Buypass AS")
_REFUSALS: Final = frozenset({401, 403})
_NO_CONNECTION: Final = frozenset({"refused", "unreachable", "connect-timeout"})


def challenged(endpoint: Endpoint) -> Endpoint:
    """Where the authority would ask."""
    return Endpoint("http", endpoint.host, PORT)


def may_need_port_80(chain: TlsChain, now: datetime) -> bool:
    """Whether a renewal of the leaf comes over port 80, as far as it shows: it is from an authority
    that works like that, or its renewal is overdue. A wildcard is proved in the DNS."""
    leaf = chain.certificates[0]
    if any(name.startswith("*.") for name in leaf.names):
        return False
    over_acme = any(f"O={name}" in leaf.issuer for name in _OVER_ACME)
    return over_acme or is_overdue(leaf.not_before, leaf.not_after, now)


@check(
    "tls.renewal",
    feeds=("renewal",),
    outcomes={
        **NOTHING_SHOWN,
        "ok": "status",
        "not-needed": "",
        "replaced": "",
        "another-way": "said",
        "blocked": "address said",
    },
)
def renewal(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Authorities ask over IPv6 first, and over IPv4 only where no connection comes about."""
    if verdict := nothing_shown(endpoint, seen):
        yield verdict
        return
    needing = any(may_need_port_80(chain, seen.now) for chain in chains(endpoint, seen))
    if not needing or endpoint.is_address or seen.scope(endpoint.host) != "public":
        yield Verdict("not-needed")
        return
    if seen.target.redirection(endpoint):
        yield Verdict("replaced")  # an authority goes to the address that the name has
        return
    answer = _decisive(endpoint, seen)
    if answer is None:
        return
    said = _objection(answer, endpoint)
    if not said:
        yield Verdict("ok", {"status": answer.status})
    elif _is_caddy(endpoint, seen):
        yield Verdict("another-way", {"said": said})
    else:
        yield Verdict("blocked", {"address": answer.address, "said": said})


def _decisive(endpoint: Endpoint, seen: Seen) -> HttpExchange | None:
    answers = [
        one for one in seen.about(HttpExchange, challenged(endpoint)) if one.purpose == PURPOSE
    ]
    answers.sort(key=lambda one: one.family is not Family.IPV6)
    connected = [one for one in answers if one.outcome not in _NO_CONNECTION]
    return next(iter((*connected, *answers)), None)


def _objection(answer: HttpExchange, endpoint: Endpoint) -> str:
    """What stands in the way; empty where nothing does. That there is no such file is expected."""
    if answer.outcome != "answered" or answer.status is None:
        return answer.outcome
    if answer.status in REDIRECTS:
        host = urlsplit(answer.header("location") or "").hostname
        return "" if host in (None, endpoint.host) else str(answer.status)
    blocks = answer.status in _REFUSALS or answer.status in GATEWAY_STATUSES
    return str(answer.status) if blocks else ""


def _is_caddy(endpoint: Endpoint, seen: Seen) -> bool:
    """It proves a name on port 443 as well (tls-alpn-01), by itself."""
    return any(
        (exchange.header("server") or "").lower().startswith("caddy")
        for exchange in seen.about(HttpExchange, endpoint)
    )
