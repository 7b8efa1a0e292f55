"""Which versions of TLS the server takes, not only the one that came about."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import TcpConnect, TlsVersions

# RFC 8996 retired them; browsers, Dart and Android refuse both.
_RETIRED: Final = frozenset({"1.0", "1.1"})


@check(
    "tls.versions",
    feeds=("versions",),
    outcomes={
        "ok": "versions",
        "none": "",
        "not-reached": "",
        "old-too": "versions old",
        "only-old": "versions",
    },
)
def versions(endpoint: Endpoint, seen: Seen) -> Judgement:
    """That an old one is taken besides is a note: no client of the system uses it."""
    if not endpoint.secure:
        yield Verdict("none")
        return
    attempts = seen.about(TcpConnect, endpoint)
    if attempts and not any(attempt.outcome == "connected" for attempt in attempts):
        yield Verdict("not-reached")
        return
    for answer in seen.about(TlsVersions, endpoint):
        old = tuple(one for one in answer.taken if one in _RETIRED)
        if not answer.taken:
            continue  # no TLS at all, which the handshake tells
        if len(old) == len(answer.taken):
            yield Verdict("only-old", {"versions": answer.taken}, answer.family)
        elif old:
            yield Verdict("old-too", {"versions": answer.taken, "old": old}, answer.family)
        else:
            yield Verdict("ok", {"versions": answer.taken}, answer.family)
