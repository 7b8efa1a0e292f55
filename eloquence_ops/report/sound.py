"""How sound fared, way by way: heard or not, where it went, and what each way costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from eloquence_ops.checks.media import is_over_tcp, lost_share
from eloquence_ops.observations.media import MediaCall, MediaFigures, MediaReconnect, MediaWay
from eloquence_ops.report.account import Storyteller

MEDIA_COMMAND: Final = "check-media"

Mark = Literal["heard", "not-heard", "open"]


@dataclass(frozen=True)
class Told:
    """One way: its name, what came of it, and in a second line where it went. `cost`: what is
    paid for that beyond the figures."""

    mark: Mark
    name: str
    words: str
    where: str = ""
    cost: str = ""


def ways(story: Storyteller) -> tuple[Told, ...]:
    """In the order in which they were tried; the call last."""
    seen = story.result.seen
    found = [_way(entry, story) for entry in seen.every(MediaWay)]
    found += [_cut(entry, story) for entry in seen.every(MediaReconnect)]
    found += [_call(entry, story) for entry in seen.every(MediaCall)]
    return tuple(found)


def _way(seen: MediaWay, story: Storyteller) -> Told:
    name = story.say(f"sound.{seen.way}")
    if seen.outcome != "heard":
        mark: Mark = "not-heard" if seen.outcome in ("not-heard", "no-path") else "open"
        where = _where(seen.figures) if seen.outcome == "not-heard" else ""
        return Told(mark, name, story.say(f"sound.{seen.outcome}"), where)
    figures = seen.figures
    udp = next((way for way in story.result.seen.every(MediaWay) if way.way == "free"), None)
    more = ""
    if seen.way == "tcp" and udp is not None and None not in (seen.delay_ms, udp.delay_ms):
        change = (seen.delay_ms or 0) - (udp.delay_ms or 0)
        more = " · " + story.say("sound.more", change=f"{change:+.0f}")
    words = story.say(
        "sound.heard",
        first=_two(seen.first_sound_s),
        trip=_whole(figures.round_trip_ms),
        delay=_whole(seen.delay_ms),
        jitter=_whole(figures.jitter_ms),
        loss=f"{lost_share(figures):g}",
    )
    cost = story.say("sound.tcp-cost") if is_over_tcp(seen) and seen.way == "free" else ""
    return Told("heard", name, words, _where(figures) + more, cost)


def _where(figures: MediaFigures) -> str:
    """`UDP 203.0.113.1:4000 > 203.0.113.10:50004`; through a relay, by which."""
    near, far = figures.local.rpartition(" ")[2], figures.remote.rpartition(" ")[2]
    if not figures.turn:
        return f"{figures.protocol.upper()}  {near} > {far}"
    server = figures.turn.partition(":")[2].partition("?")[0]
    return f"TURN/{figures.relay.upper()}  {server} > {far}"


def _cut(seen: MediaReconnect, story: Storyteller) -> Told:
    words = story.say(
        f"sound.{seen.outcome}", seconds=f"{seen.seconds:.1f}", silence=_two(seen.silence_s)
    )
    return Told("heard" if seen.outcome == "back" else "open", story.say("sound.cut"), words)


def _call(seen: MediaCall, story: Storyteller) -> Told:
    name = story.say("sound.call")
    if seen.outcome == "no-path":
        return Told("not-heard", name, story.say("sound.no-path"))
    if seen.outcome != "stayed":
        return Told("open", name, story.say("sound.ended"))
    waited = f"{seen.waited_s:.1f}"
    if seen.came_s is None:
        words = story.say("sound.nobody", seconds=waited)
        return Told("not-heard", name, words, _where(seen.figures))
    come = f"{seen.came_s:.1f}"
    if seen.sound_s is None:
        which = "sound.no-track" if seen.track_s is None else "sound.silent"
        if seen.track_s is not None and seen.figures.received == 0:
            which = "sound.no-packet"
        words = story.say(which, come=come, seconds=waited, level=f"{seen.loudest_db:.0f}")
        return Told("not-heard", name, words, _where(seen.figures))
    after = f"{max(0.0, seen.sound_s - (seen.spoke_s or 0.0)):.1f}"
    words = story.say("sound.answers", come=come, after=after, level=f"{seen.loudest_db:.0f}")
    return Told("heard", name, words, _where(seen.figures))


def _two(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.2f}"


def _whole(milliseconds: float | None) -> str:
    return "?" if milliseconds is None else f"{milliseconds:.0f}"
