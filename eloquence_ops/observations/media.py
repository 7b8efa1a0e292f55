"""Sound through LiveKit: what two participants of our own heard, and a whole call."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Observation, Record

Way = Literal["free", "tcp", "relay"]
WayOutcome = Literal["heard", "not-heard", "no-path", "ended", "crashed"]


class MediaFigures(Record):
    """Of the candidate pair in use, as WebRTC counts: `host udp 203.0.113.10:50004`.

    `protocol` goes to the other side of the pair; through a TURN server (`turn`, its address),
    `relay` goes to that server. Times are milliseconds: of a round trip of ICE's (a mean), the
    jitter of what arrives, and how long sound is held back to even it out. `received` and `lost`
    count packets.
    """

    protocol: str = ""
    relay: str = ""
    local: str = ""
    remote: str = ""
    turn: str = ""
    round_trip_ms: float | None = None
    jitter_ms: float | None = None
    buffer_ms: float | None = None
    received: int = 0
    lost: int = 0


class MediaSetup(Observation):
    """Whether sound could be tried at all. `turn` are the TURN servers that LiveKit handed out, as
    `turn:host:port?transport=udp`, at most 8; None where they are not known."""

    kind: Literal["media.setup"] = "media.setup"
    endpoint: str
    library: bool
    key_pair: bool = True
    turn: tuple[str, ...] | None = None


class MediaWay(Observation):
    """One way for the sound between two participants of our own.

    `free`: the way that WebRTC chooses; `tcp`, `relay`: forced over LiveKit's TCP port, over TURN.
    `not-heard`: connected, and what came was not what was played. `no-path`: no connection.
    `ended`: the server ended it. `crashed`: the library did.

    Seconds count from the beginning of the join or the switch: until both are in, until the first
    tone came. `delay_ms` is from playing a note to hearing it, all buffers included; `agreement`
    the share of what was heard that was ours.
    """

    kind: Literal["media.way"] = "media.way"
    endpoint: str
    way: Way
    outcome: WayOutcome
    detail: str = ""
    connected_s: float | None = None
    first_sound_s: float | None = None
    delay_ms: float | None = None
    agreement: float = 0.0
    figures: MediaFigures = MediaFigures()


class MediaReconnect(Observation):
    """Our signalling connections were cut: how long until the client was back, and the longest
    time without the melody meanwhile."""

    kind: Literal["media.reconnect"] = "media.reconnect"
    endpoint: str
    outcome: Literal["back", "not-back"]
    seconds: float
    silence_s: float


class MediaCall(Observation):
    """A session's call as the app makes it: joined, spoken into, listened to.

    `stayed`: until the coach was heard, or to the end of the wait. `no-path`, `ended`, `crashed` as
    in `MediaWay`; `no-session`: the API gave none for it.

    Seconds count from the beginning: `joined_s` we were in, `spoke_s` we began to speak, `came_s`
    somebody else was there, `track_s` they had a track of sound, `sound_s` there was sound in it.
    `loudest_db` is below the loudest possible. `waited_s` is how long an answer was waited for.
    """

    kind: Literal["media.call"] = "media.call"
    endpoint: str
    outcome: Literal["stayed", "no-path", "ended", "crashed", "no-session"]
    detail: str = ""
    joined_s: float | None = None
    spoke_s: float | None = None
    came_s: float | None = None
    track_s: float | None = None
    sound_s: float | None = None
    loudest_db: float = -96.0
    waited_s: float = 0.0
    who: str = ""
    figures: MediaFigures = MediaFigures()
