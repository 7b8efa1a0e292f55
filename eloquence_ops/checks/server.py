"""The server from inside: could it be looked at, and with what privileges?"""

from __future__ import annotations

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import ServerFacts, ServerReach


@check(
    "server.reached",
    feeds=("reach",),
    outcomes={
        "ok": "host way milliseconds",
        "otherwise": "host way milliseconds said",
        "host-key": "said",
        "login": "said",
        "settings": "said",
        "failed": "said",
    },
)
def reached(_server: str, seen: Seen) -> Judgement:
    """Whether we came to the server. Not to get there says nothing of its services."""
    reach = seen.one(ServerReach)
    if reach is None:
        return
    if reach.outcome in ("reached", "sudo"):
        milliseconds = round(reach.duration_s * 1000)
        evidence: Evidence = {"host": reach.host, "way": reach.way, "milliseconds": milliseconds}
        if reach.notes:
            noted = {**evidence, "said": _joined(*reach.notes)}
            yield Verdict("otherwise", noted, duration_s=reach.duration_s)
        else:
            yield Verdict("ok", evidence, duration_s=reach.duration_s)
    else:
        # A certificate that was not shown may be why no key was taken.
        yield Verdict(reach.outcome, {"said": _joined(reach.said or ("?", "?"), *reach.notes)})


def _joined(*sentences: tuple[str, str]) -> tuple[str, str]:
    """In each language."""
    english, french = (" ".join(told) for told in zip(*sentences, strict=True))
    return english, french


@check(
    "server.facts",
    feeds=("facts",),
    outcomes={
        "ok": "user python",
        "without-root": "user",
        "sudo-refused": "said",
        "partial": "missing",
        "not-read": "outcome detail",
    },
)
def facts(_server: str, seen: Seen) -> Judgement:
    """Whether its facts could be read, and whether as root, who alone may know some of them."""
    found, reach = seen.one(ServerFacts), seen.one(ServerReach)
    if found is None:
        return
    if found.outcome not in ("read", "not-finished"):
        yield Verdict("not-read", {"outcome": found.outcome, "detail": found.detail})
    elif found.outcome == "not-finished":
        yield Verdict("partial", {"missing": tuple(entry.fact for entry in found.unknown)[:8]})
    elif found.is_root:
        yield Verdict("ok", {"user": found.user, "python": found.python})
    elif reach is not None and reach.outcome == "sudo" and reach.said:
        yield Verdict("sudo-refused", {"said": reach.said})
    else:
        yield Verdict("without-root", {"user": found.user})
