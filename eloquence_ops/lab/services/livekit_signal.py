"""LiveKit's signalling websocket: the join, and what follows it unasked.

Frames are binary protobuf (`livekit.protocol.rtc`). Measured on livekit-server v1.13.5: the
first frame is the JoinResponse; then comes `refresh_token` with a whole new JWT; and, for a
client of protocol 3 or later that may subscribe, `offer` and one `trickle` for each address at
which the server says its media is.
"""

import base64
import binascii
import json
import secrets
import time
import zlib
from dataclasses import dataclass
from functools import partial
from typing import Literal

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc
from starlette.websockets import WebSocket, WebSocketDisconnect

from eloquence_ops.lab.services.livekit_rooms import Member, Room, codecs, kind_of, new_sid
from eloquence_ops.lab.services.livekit_tokens import Grants, sign

PING_INTERVAL_S = 5
PING_TIMEOUT_S = 15
# Clients that know the subscriber connection as the primary one (livekit-server's source).
_SUBSCRIBER_PRIMARY_PROTOCOL = 3
_SERVER_PROTOCOL = 17
# Go's http.DefaultMaxHeaderBytes, which livekit-server uses as the bound of a join request.
_JOIN_REQUEST_LIMIT = 1 << 20
_TOKEN_REFRESH_S = 600


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address at which the server says media reaches it. TCP is ICE/TCP, passive."""

    protocol: Literal["udp", "tcp"]
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """What a join tells about the server."""

    version: str
    node_id: str
    ice_servers: tuple[str, ...]
    candidates: tuple[Candidate, ...]


class BadJoinRequest(Exception):
    """The `join_request` parameter cannot be read; the text is the body of the 400."""


def check_join_request(parameter: str) -> None:
    """Read the `join_request` of `/rtc/v1`: base64url of a WrappedJoinRequest, gzip inside or not.

    Raises:
        BadJoinRequest: with the text livekit-server answers (v1.13.5, measured).
    """
    try:
        # Padding is required, and characters outside the alphabet are not skipped.
        wrapped_bytes = base64.b64decode(parameter, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadJoinRequest("cannot base64 decode wrapped join request") from None
    wrapped = rtc.WrappedJoinRequest()
    try:
        wrapped.ParseFromString(wrapped_bytes)
    except DecodeError:
        raise BadJoinRequest("cannot unmarshal wrapped join request") from None
    content = wrapped.join_request
    if wrapped.compression == rtc.WrappedJoinRequest.Compression.GZIP:
        content = _gunzip(content)
    if len(content) > _JOIN_REQUEST_LIMIT:
        raise BadJoinRequest("join request too large")
    try:
        rtc.JoinRequest().ParseFromString(content)
    except DecodeError:
        raise BadJoinRequest("cannot unmarshal join request") from None


def _gunzip(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(wbits=31)
    try:
        content = decompressor.decompress(data, _JOIN_REQUEST_LIMIT + 1)
    except zlib.error:
        raise BadJoinRequest("cannot read decompressed join request") from None
    if len(content) <= _JOIN_REQUEST_LIMIT and not decompressor.eof:
        raise BadJoinRequest("cannot read decompressed join request")
    return content


async def run_session(
    websocket: WebSocket, grants: Grants, room: Room, settings: SignalSettings, secret: str
) -> None:
    """Accept, join, and answer pings until the client leaves."""
    await websocket.accept()
    text = websocket.query_params.get("protocol", "")
    protocol = int(text) if text.isdecimal() and len(text) < 9 else 0
    joined = _Joined(grants, room, _participant(grants), protocol)
    try:
        # Whoever comes next finds us there; whoever came before is in our greeting.
        async with room.door:
            for frame in _greeting(joined, settings, secret):
                await _send(websocket, frame)
            await room.enter(Member(joined.info, partial(_send, websocket)))
        while await _answer(websocket):
            pass
    except WebSocketDisconnect:
        pass
    finally:
        await room.leave(joined.info.sid)


def _participant(grants: Grants) -> models.ParticipantInfo:
    now_ms = int(time.time() * 1000)
    video = grants.video
    return models.ParticipantInfo(
        sid=new_sid("PA"),
        identity=grants.identity,
        kind=kind_of(grants.claims.get("kind")),
        joined_at=now_ms // 1000,
        joined_at_ms=now_ms,
        permission=models.ParticipantPermission(
            can_subscribe=video is None or video.can_subscribe,
            can_publish=video is None or video.can_publish,
            can_publish_data=True,
        ),
    )


async def _answer(websocket: WebSocket) -> bool:
    """Handle one message; False once the session is over."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        return False
    data = message.get("bytes")
    if data is None:
        return True
    request = rtc.SignalRequest()
    try:
        request.ParseFromString(data)
    except DecodeError:
        await websocket.close()
        return False
    kind = request.WhichOneof("message")
    now_ms = int(time.time() * 1000)
    if kind == "ping":
        await _send(websocket, rtc.SignalResponse(pong=now_ms))
    elif kind == "ping_req":
        pong = rtc.Pong(last_ping_timestamp=request.ping_req.timestamp, timestamp=now_ms)
        await _send(websocket, rtc.SignalResponse(pong_resp=pong))
    elif kind == "leave":
        leave = rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED)
        await _send(websocket, rtc.SignalResponse(leave=leave))
        await websocket.close()
        return False
    return True


async def _send(websocket: WebSocket, response: rtc.SignalResponse) -> None:
    await websocket.send_bytes(response.SerializeToString())


@dataclass(frozen=True, slots=True)
class _Joined:
    """A participant: with which token, in which room, speaking which protocol version."""

    grants: Grants
    room: Room
    info: models.ParticipantInfo
    protocol: int


def _greeting(joined: _Joined, settings: SignalSettings, secret: str) -> list[rtc.SignalResponse]:
    video = joined.grants.video
    may_subscribe = video is None or video.can_subscribe
    offers = joined.protocol >= _SUBSCRIBER_PRIMARY_PROTOCOL and may_subscribe
    frames = [
        rtc.SignalResponse(join=_join(joined, settings, subscriber_primary=offers)),
        rtc.SignalResponse(refresh_token=_refreshed(joined.grants, secret)),
    ]
    if offers and settings.candidates:
        ufrag = secrets.token_hex(8)
        frames.append(rtc.SignalResponse(offer=_offer(ufrag)))
        frames += [
            rtc.SignalResponse(trickle=_trickle(candidate, number, ufrag))
            for number, candidate in enumerate(settings.candidates, 1)
        ]
    return frames


def _join(
    joined: _Joined, settings: SignalSettings, *, subscriber_primary: bool
) -> rtc.JoinResponse:
    servers = [rtc.ICEServer(urls=list(settings.ice_servers))] if settings.ice_servers else []
    return rtc.JoinResponse(
        # The one who joins is not counted yet (measured).
        room=joined.room.describe(),
        participant=joined.info,
        other_participants=joined.room.everybody(),
        server_version=settings.version,
        server_info=models.ServerInfo(
            version=settings.version,
            protocol=_SERVER_PROTOCOL,
            node_id=settings.node_id,
            agent_protocol=1,
        ),
        ice_servers=servers,
        ping_interval=PING_INTERVAL_S,
        ping_timeout=PING_TIMEOUT_S,
        subscriber_primary=subscriber_primary,
        enabled_publish_codecs=codecs(),
        fast_publish=joined.info.permission.can_publish,
    )


def _refreshed(grants: Grants, secret: str) -> str:
    now = int(time.time())
    times = {"exp": now + _TOKEN_REFRESH_S, "nbf": now, "iat": now}
    return sign({**grants.claims, **times}, secret)


def _offer(ufrag: str) -> rtc.SessionDescription:
    """A data channel and nothing else, as an empty room gets; no DTLS stands behind it."""
    fingerprint = ":".join(f"{byte:02X}" for byte in secrets.token_bytes(32))
    lines = (
        "v=0",
        f"o=- {secrets.randbits(62)} {int(time.time())} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=extmap-allow-mixed",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=setup:actpass",
        "a=mid:0",
        "a=sendrecv",
        "a=sctp-port:5000",
        "a=max-message-size:65535",
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{secrets.token_hex(16)}",
    )
    return rtc.SessionDescription(type="offer", sdp="\r\n".join(lines) + "\r\n")


def _trickle(candidate: Candidate, number: int, ufrag: str) -> rtc.TrickleRequest:
    # Priorities of a host candidate, and the form of the line: as measured.
    priority, tail = (
        (2130706431, "") if candidate.protocol == "udp" else (1671430143, " tcptype passive")
    )
    line = (
        f"candidate:{number} 1 {candidate.protocol} {priority} "
        f"{candidate.address} {candidate.port} typ host{tail} ufrag {ufrag}"
    )
    init = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": None}
    return rtc.TrickleRequest(
        candidateInit=json.dumps(init, separators=(",", ":")),
        target=rtc.SignalTarget.SUBSCRIBER,
    )
