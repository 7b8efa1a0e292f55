"""The figures that WebRTC keeps of a connection (W3C, Identifiers for WebRTC's Statistics API)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

_TYPES = ("host", "srflx", "prflx", "relay")
_RELAYS = ("udp", "tcp", "tls")


@dataclass(frozen=True)
class Figures:
    """Of the candidate pair in use, and of the sound over it.

    Times are milliseconds. `protocol` is what goes over the wire to the other side of the pair,
    `relay` what goes to the TURN server, where one is between. Lost and received count packets.
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

    def beside(self, listening: Figures) -> Figures:
        """The pair and its round trip as the speaker has them, the sound as the listener does."""
        return Figures(
            self.protocol,
            self.relay,
            self.local,
            self.remote,
            self.turn,
            self.round_trip_ms,
            listening.jitter_ms,
            listening.buffer_ms,
            listening.received,
            listening.lost,
        )

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def figures(stats: Iterable[Any]) -> Figures:
    """From `RtcStats` messages of `livekit`, of both peer connections of a room.

    A round trip is the mean of those that ICE has measured: it counts in whole milliseconds.
    """
    by_id: dict[str, Any] = {}
    selected, sound = "", None
    for entry in stats:
        word = entry.WhichOneof("stats")
        content = getattr(entry, word)
        by_id[content.rtc.id] = content
        if word == "transport" and content.transport.selected_candidate_pair_id:
            selected = content.transport.selected_candidate_pair_id
        if word == "inbound_rtp" and content.stream.kind == "audio":
            newer = sound is None or content.rtc.timestamp >= sound.rtc.timestamp
            more = sound is None or content.received.packets_received
            sound = content if newer and more else sound
    found = _pair(by_id, selected) if selected in by_id else Figures()
    return _with_sound(found, sound) if sound is not None else found


def _pair(by_id: dict[str, Any], selected: str) -> Figures:
    pair = by_id[selected].candidate_pair
    local = by_id.get(pair.local_candidate_id)
    remote = by_id.get(pair.remote_candidate_id)
    if local is None or remote is None:
        return Figures()
    near, far = local.candidate, remote.candidate
    answered = pair.responses_received
    is_relayed = _kind(near) == "relay"
    return Figures(
        protocol=near.protocol,
        relay=_RELAYS[near.relay_protocol] if is_relayed else "",
        local=_told(near),
        remote=_told(far),
        turn=near.url if is_relayed else "",
        round_trip_ms=1000 * pair.total_round_trip_time / answered if answered else None,
    )


def _with_sound(found: Figures, sound: Any) -> Figures:
    emitted = sound.inbound.jitter_buffer_emitted_count
    return Figures(
        found.protocol,
        found.relay,
        found.local,
        found.remote,
        found.turn,
        found.round_trip_ms,
        jitter_ms=1000 * sound.received.jitter,
        buffer_ms=1000 * sound.inbound.jitter_buffer_delay / emitted if emitted else None,
        received=sound.received.packets_received,
        lost=max(0, sound.received.packets_lost),
    )


def _kind(candidate: Any) -> str:
    number = candidate.candidate_type
    return _TYPES[number] if number < len(_TYPES) else str(number)


def _told(candidate: Any) -> str:
    """`host udp 203.0.113.10:50004`; IPv6 in brackets."""
    address = f"[{candidate.address}]" if ":" in candidate.address else candidate.address
    return f"{_kind(candidate)} {candidate.protocol} {address}:{candidate.port}"
