"""Sound: does it pass, by which way, at what cost, and does the coach speak?"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence
from eloquence_ops.observations.media import (
    MediaCall,
    MediaFigures,
    MediaReconnect,
    MediaSetup,
    MediaWay,
)

_FIGURES: Final = "pair first round_trip delay jitter loss"


def way_of(livekit: Endpoint, seen: Seen, way: str) -> MediaWay | None:
    """What came of one way."""
    return next((entry for entry in seen.about(MediaWay, livekit) if entry.way == way), None)


def call_of(livekit: Endpoint, seen: Seen) -> MediaCall | None:
    return next(iter(seen.about(MediaCall, livekit)), None)


def lost_share(figures: MediaFigures) -> float:
    """Of the packets that should have come, in percent."""
    sent = figures.received + figures.lost
    return round(100 * figures.lost / sent, 1) if sent else 0.0


def is_over_tcp(seen: MediaWay | None) -> bool:
    """Whether it went to LiveKit's own TCP port, of all that were open to it."""
    if seen is None or seen.outcome != "heard":
        return False
    return seen.figures.protocol == "tcp" and not seen.figures.relay


def _figures(seen: MediaWay) -> Evidence:
    """Seconds until the first tone, milliseconds, percent; -1 for what was not measured."""
    figures = seen.figures
    return {
        "pair": f"{figures.local} > {figures.remote}",
        "first": round(seen.first_sound_s or 0.0, 2),
        "round_trip": _number(figures.round_trip_ms),
        "delay": _number(seen.delay_ms),
        "jitter": _number(figures.jitter_ms),
        "loss": lost_share(figures),
    }


def _number(value: float | None) -> float:
    return -1.0 if value is None else round(value, 1)


def _not_tried(livekit: Endpoint, seen: Seen) -> Judgement:
    """Why there is no transport to judge."""
    if seen.asked.read_only:
        yield Verdict("not-tried", {"reason": "read-only"})
        return
    setup = next(iter(seen.about(MediaSetup, livekit)), None)
    if setup is None:
        return
    if not setup.library:
        yield Verdict("not-tried", {"reason": "no-extra"})
    elif not setup.key_pair:
        yield Verdict("not-tried", {"reason": "no-pair"})


@check(
    "media.path",
    feeds=("media",),
    outcomes={
        "ok": _FIGURES,
        "tcp-only": f"{_FIGURES} way",
        "relay-only": f"{_FIGURES} way server",
        "not-heard": "pair seconds",
        "no-path": "detail",
        "cut-short": "detail",
        "refused": "status excerpt",
        "not-tried": "reason",
    },
)
def path(livekit: Endpoint, seen: Seen) -> Judgement:
    """Which way sound takes when all are open to it, and what it costs."""
    free = way_of(livekit, seen, "free")
    if free is None:
        room = seen.exchange(livekit, "media-room")
        if room is not None and room.status != 200:
            said = room.body[:120] if room.status else room.outcome
            yield Verdict("refused", {"status": room.status or 0, "excerpt": said})
            return
        yield from _not_tried(livekit, seen)
        return
    figures = free.figures
    match free.outcome:
        case "heard" if figures.relay:
            evidence = {**_figures(free), "way": "TURN", "server": figures.turn}
            yield Verdict("relay-only", evidence)
        case "heard" if figures.protocol == "tcp":
            yield Verdict("tcp-only", {**_figures(free), "way": "TCP"})
        case "heard":
            yield Verdict("ok", _figures(free))
        case _:
            yield _failed(free)


def _failed(seen: MediaWay) -> Verdict:
    match seen.outcome:
        case "not-heard":
            pair = f"{seen.figures.local} > {seen.figures.remote}"
            return Verdict("not-heard", {"pair": pair, "seconds": round(seen.duration_s, 1)})
        case "no-path":
            return Verdict("no-path", {"detail": seen.detail})
        case _:
            return Verdict("cut-short", {"detail": seen.detail})


@check(
    "media.tcp",
    feeds=("media",),
    outcomes={
        "ok": f"{_FIGURES} more",
        "not-heard": "pair seconds",
        "no-path": "detail",
        "cut-short": "detail",
    },
)
def tcp(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether a network without UDP could call as well, over LiveKit's TCP port."""
    free, forced = way_of(livekit, seen, "free"), way_of(livekit, seen, "tcp")
    if forced is None and is_over_tcp(free):
        forced = free  # nothing had to be forced
    if forced is None:
        return
    if forced.outcome != "heard":
        yield _failed(forced)
        return
    delays = (forced.delay_ms, free.delay_ms if free else None)
    more = delays[0] - delays[1] if None not in delays else 0.0  # type: ignore[operator]
    yield Verdict("ok", {**_figures(forced), "more": round(more, 1)})


def takes_tcp(servers: tuple[str, ...]) -> bool:
    """Whether one of these TURN servers is reached without UDP (RFC 7065: `turns` is TLS)."""
    return any(url.startswith("turns:") or "transport=tcp" in url for url in servers)


@check(
    "media.relay",
    feeds=("media",),
    outcomes={
        "ok": f"{_FIGURES} server",
        "not-heard": "pair seconds",
        "no-path": "detail servers",
        "cut-short": "detail",
        "none": "",
        "needs-udp": "",
    },
)
def relay(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether sound passes through the TURN servers that LiveKit hands out."""
    relayed = way_of(livekit, seen, "relay")
    if relayed is None:
        setup = next(iter(seen.about(MediaSetup, livekit)), None)
        if setup is not None and setup.turn == ():
            yield Verdict("none")
        elif setup is not None and setup.turn and not takes_tcp(setup.turn):
            yield Verdict("needs-udp")
        return
    if relayed.outcome == "heard":
        yield Verdict("ok", {**_figures(relayed), "server": relayed.figures.turn})
        return
    failed = _failed(relayed)
    if failed.outcome == "no-path":
        setup = next(iter(seen.about(MediaSetup, livekit)), None)
        servers = (setup and setup.turn) or ()
        failed = Verdict("no-path", {"detail": relayed.detail, "servers": servers})
    yield failed


@check(
    "media.reconnect",
    feeds=("media",),
    outcomes={"ok": "seconds silence", "not-back": "seconds"},
)
def reconnect(livekit: Endpoint, seen: Seen) -> Judgement:
    """How long a call takes to come back when its signalling is cut, and how much is missed."""
    cut = next(iter(seen.about(MediaReconnect, livekit)), None)
    if cut is None:
        return
    if cut.outcome == "back":
        seconds, silence = round(cut.seconds, 1), round(cut.silence_s, 2)
        yield Verdict("ok", {"seconds": seconds, "silence": silence})
    else:
        yield Verdict("not-back", {"seconds": round(cut.seconds, 1)})


@check(
    "media.call",
    feeds=("call",),
    outcomes={
        "ok": "came answered level path",
        "absent": "seconds microphone",
        "mute": "seconds came",
        "silent": "seconds level",
        "nothing-comes": "seconds",
        "no-path": "detail",
        "cut-short": "detail",
        "elsewhere": "url",
        "not-tried": "reason",
    },
)
def call(livekit: Endpoint, seen: Seen) -> Judgement:
    """A session's whole call: the coach comes, publishes sound, and there is a voice in it."""
    made = call_of(livekit, seen)
    if made is None:
        if seen.handed_out is not None and seen.handed_out != livekit:
            yield Verdict("elsewhere", {"url": str(seen.handed_out)})
        else:
            yield from _not_tried_call(livekit, seen)
        return
    if made.outcome == "no-path":
        yield Verdict("no-path", {"detail": made.detail})
    elif made.outcome != "stayed":
        yield Verdict("cut-short", {"detail": made.detail})
    else:
        yield _answer(made)


def _not_tried_call(livekit: Endpoint, seen: Seen) -> Judgement:
    setup = next(iter(seen.about(MediaSetup, livekit)), None)
    if seen.asked.read_only:
        yield Verdict("not-tried", {"reason": "read-only"})
    elif setup is not None and not setup.library:
        yield Verdict("not-tried", {"reason": "no-extra"})


def _answer(made: MediaCall) -> Verdict:
    seconds = round(made.waited_s, 1)
    level = round(made.loudest_db)
    if made.came_s is None:
        return Verdict("absent", {"seconds": seconds, "microphone": "with-microphone"})
    if made.track_s is None:
        return Verdict("mute", {"seconds": seconds, "came": round(made.came_s, 1)})
    if made.sound_s is None:
        if made.figures.received == 0:
            return Verdict("nothing-comes", {"seconds": seconds})
        return Verdict("silent", {"seconds": seconds, "level": level})
    answered = max(0.0, made.sound_s - (made.spoke_s or 0.0))
    evidence: Evidence = {
        "came": round(made.came_s, 1),
        "answered": round(answered, 1),
        "level": level,
        "path": made.figures.protocol.upper(),
    }
    return Verdict("ok", evidence, duration_s=made.sound_s)
