"""What LiveKit says of itself and of its media: its version, its addresses, the STUN and TURN
servers that it hands out, each with what came of asking it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from eloquence_ops.checks.livekit_media import joined, place
from eloquence_ops.findings import Status
from eloquence_ops.observations import IceTrial, LivekitSignal
from eloquence_ops.report.account import Storyteller

LIVEKIT_COMMAND: Final = "check-livekit"
_SERVERS: Final = "livekit.ice-server"
_TOLD: Final = frozenset({"livekit.candidates", "livekit.ice-tcp", "livekit.turn", _SERVERS})
_MOST: Final = 12


@dataclass(frozen=True)
class Row:
    """One server, and what came of asking it."""

    name: str
    said: str
    status: Status


@dataclass(frozen=True)
class MediaTold:
    """What one LiveKit told with a join."""

    endpoint: str
    server: str
    candidates: tuple[str, ...]
    servers: tuple[Row, ...]


def is_amiss(story: Storyteller) -> bool:
    """Whether something of it explains a problem, so that it is shown without being asked for."""
    return any(entry.status.is_problem and entry.check in _TOLD for entry in story.result.findings)


def told(story: Storyteller) -> Iterator[MediaTold]:
    """For each LiveKit that let us in."""
    seen = story.result.seen
    for endpoint in seen.livekits:
        visit = joined(endpoint, seen)
        if visit is not None:
            shown = tuple(dict.fromkeys(map(place, visit.candidates)))[:_MOST]
            yield MediaTold(
                str(endpoint), _server(visit, story), shown, tuple(_servers(visit, story))
            )


def _server(visit: LivekitSignal, story: Storyteller) -> str:
    return story.say(
        "report.livekit-told",
        version=visit.version or "?",
        protocol=visit.protocol,
        region=f" · {visit.region}" if visit.region else "",
        interval=visit.ping_interval_s,
        patience=visit.ping_timeout_s,
    )


def _servers(visit: LivekitSignal, story: Storyteller) -> Iterator[Row]:
    """What this LiveKit hands out, and what the settings name."""
    asked = story.result.seen.every(IceTrial)
    own = {trial.url for trial in asked if trial.endpoint in (visit.endpoint, "")}
    for entry in story.result.findings:
        if entry.check == _SERVERS and entry.subject.name in own:
            yield Row(entry.subject.name, story.summary(entry), entry.status)
