"""The first verdict: what is known of a run under way, and who keeps it waiting. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from eloquence_ops.catalogue.model import Catalogue
from eloquence_ops.findings import Status
from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.report.account import Storyteller
from eloquence_ops.run.examine import Result
from eloquence_ops.settings import Target

# A healthy request over a slow link is answered by then.
_LATE_S: Final = 1.5
# What a probe is waiting for, where it is one request.
_REQUESTS: Final[Mapping[str, str]] = {
    "api.session": "POST /api/sessions",
    "api.routes": "GET /api/sessions",
    "api.way": "GET /api/sessions",
    "livekit.health": "GET /rtc/validate",
}


def first_verdict(
    result: Result, catalogue: Catalogue, language: Language, running: Mapping[str, float]
) -> str:
    """`running`: for how many seconds each probe has been under way."""
    waiting = ", ".join(_waiting(result.seen.target, running))
    seconds = max(running.values(), default=0.0)
    if result.problems:
        headline = Storyteller(result, catalogue, language).headline()
        told = phrase("report.so-far", language, headline=headline)
    else:
        passed = sum(finding.status is Status.PASS for finding in result.findings)
        told = phrase("report.so-far-nothing", language, passed=passed)
    if not waiting:
        return told
    return f"{told}\n  {phrase('report.so-far-waiting', language, seconds=seconds, places=waiting)}"


def _waiting(target: Target, running: Mapping[str, float]) -> Iterator[str]:
    """Each address that is late, once, with what it was asked where that is known."""
    places = {"api": target.api, "livekit": target.livekit, "server": target.server}
    late: dict[str, list[str]] = {}
    for probe, seconds in sorted(running.items()):
        place = places.get(probe.partition(".")[0])
        if seconds < _LATE_S or place is None:
            continue
        asked = late.setdefault(str(place), [])
        if request := _REQUESTS.get(probe):
            asked.append(request)
    for place, asked in late.items():
        requests = ", ".join(dict.fromkeys(asked))
        yield f"{place} ({requests})" if requests else place
