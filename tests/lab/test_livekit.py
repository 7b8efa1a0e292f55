"""The LiveKit stand-in answers like livekit-server, and joins like it."""

import asyncio
import base64
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator

import pytest
import websockets
from livekit.api import LiveKitAPI, TokenVerifier
from livekit.protocol import models, rtc
from livekit.protocol.room import ListRoomsRequest
from starlette.applications import Starlette

from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.livekit_signal import Candidate
from eloquence_ops.lab.services.livekit_tokens import TokenRefused, sign, verify
from eloquence_ops.lab.services.serving import Served, serving
from tests.lab.livekit_requests import KEY, SECRET, cases, mask, token
from tests.lab.loopback import request, run, send, status_and_body

KEYS = {KEY: SECRET}


@contextlib.asynccontextmanager
async def _standin(
    behaviour: LivekitBehaviour | None = None,
) -> AsyncIterator[tuple[Starlette, Served]]:
    app = build_livekit(behaviour or LivekitBehaviour(keys=KEYS))
    async with serving(app, server_header=False) as served:
        yield app, served


async def _frames(websocket: websockets.ClientConnection, count: int) -> list[rtc.SignalResponse]:
    frames = []
    for _ in range(count):
        data = await asyncio.wait_for(websocket.recv(), 5)
        assert isinstance(data, bytes)
        frames.append(rtc.SignalResponse.FromString(data))
    return frames


def test_answers() -> None:
    async def main() -> None:
        async with _standin() as (_, served):
            different = []
            for case in cases():
                status, body = status_and_body(await send(served.address, case.request))
                if (status, mask(body)) != (case.status, case.body):
                    different.append((case.name, status, mask(body)))
            assert not different

    run(main())


def test_a_server_that_is_not_ready_says_so_and_still_validates() -> None:
    async def main() -> None:
        async with _standin(LivekitBehaviour(keys=KEYS, ready=False)) as (_, served):
            status, body = status_and_body(await send(served.address, request("/")))
            assert status == 406
            assert body.startswith(b"Not Ready\nNode Updated At 20")
            assert body.endswith(b" +0000 UTC")
            validate = request(f"/rtc/validate?access_token={token()}")
            assert status_and_body(await send(served.address, validate)) == (200, b"success")

    run(main())


def test_an_older_server_does_not_know_v1() -> None:
    async def main() -> None:
        behaviour = LivekitBehaviour(keys=KEYS, generation="before-v1")
        async with _standin(behaviour) as (_, served):
            for path in ("/rtc/v1", "/rtc/v1/validate"):
                answer = status_and_body(await send(served.address, request(path)))
                assert answer == (404, b"404 page not found\n")
            assert status_and_body(await send(served.address, request("/rtc"))) == (404, b"")
            url = f"ws://127.0.0.1:{served.port}/rtc?access_token={token()}"
            async with websockets.connect(url) as websocket:
                (first,) = await _frames(websocket, 1)
                assert first.join.server_info.version == "1.9.9"

    run(main())


def test_the_first_frame_is_the_join_and_pings_are_answered() -> None:
    async def main() -> None:
        behaviour = LivekitBehaviour(keys=KEYS, ice_servers=("turns:turn.lab.test:443",))
        async with _standin(behaviour) as (app, served):
            url = f"ws://127.0.0.1:{served.port}/rtc?protocol=15&access_token={token()}"
            async with websockets.connect(url) as websocket:
                first, second = await _frames(websocket, 2)
                join = first.join
                assert (join.server_info.version, join.server_info.protocol) == ("1.13.5", 17)
                assert join.server_info.node_id.startswith("ND_")
                assert [list(server.urls) for server in join.ice_servers] == [
                    ["turns:turn.lab.test:443"]
                ]
                assert (join.ping_interval, join.ping_timeout) == (5, 15)
                assert (join.room.name, join.participant.identity) == ("r1", "alice")
                assert join.subscriber_primary
                # As the real one: a whole new token comes right behind.
                renewed = TokenVerifier(KEY, SECRET).verify(second.refresh_token)
                assert renewed.video is not None
                assert renewed.video.room == "r1"
                await websocket.send(rtc.SignalRequest(ping=1).SerializeToString())
                ping = rtc.SignalRequest(ping_req=rtc.Ping(timestamp=123, rtt=4))
                await websocket.send(ping.SerializeToString())
                pong, answer = await _frames(websocket, 2)
                assert abs(pong.pong / 1000 - time.time()) < 60
                assert answer.pong_resp.last_ping_timestamp == 123
                assert len(app.state.rooms["r1"].members) == 1
            await asyncio.sleep(0.05)
            assert not app.state.rooms

    run(main())


@pytest.mark.parametrize(
    ("query", "video", "kinds"),
    [
        ("protocol=15", {}, ["join", "refresh_token", "offer", "trickle", "trickle", "pong"]),
        ("protocol=2", {}, ["join", "refresh_token", "pong"]),
        ("", {}, ["join", "refresh_token", "pong"]),
        ("protocol=15", {"canSubscribe": False}, ["join", "refresh_token", "pong"]),
    ],
)
def test_media_addresses_are_offered_unasked_to_those_who_may_subscribe(
    query: str, video: dict[str, object], kinds: list[str]
) -> None:
    async def main() -> None:
        candidates = (Candidate("udp", "192.0.2.7", 50000), Candidate("tcp", "192.0.2.7", 7881))
        grants = {"roomJoin": True, "room": "r1"} | video
        async with _standin(LivekitBehaviour(keys=KEYS, candidates=candidates)) as (_, served):
            bearer = token(video=grants)
            url = f"ws://127.0.0.1:{served.port}/rtc?{query}&access_token={bearer}"
            async with websockets.connect(url) as websocket:
                await websocket.send(rtc.SignalRequest(ping=1).SerializeToString())
                frames = await _frames(websocket, len(kinds))
        assert [frame.WhichOneof("message") for frame in frames] == kinds
        lines = [
            json.loads(frame.trickle.candidateInit)["candidate"].split()
            for frame in frames
            if frame.WhichOneof("message") == "trickle"
        ]
        shown = [(line[2], line[4], int(line[5])) for line in lines]
        assert shown == [(c.protocol, c.address, c.port) for c in candidates][: len(shown)]

    run(main())


@pytest.mark.parametrize("compressed", [False, True])
def test_a_join_by_v1(compressed: bool) -> None:
    async def main() -> None:
        inner = rtc.JoinRequest(metadata="m").SerializeToString()
        wrapped = rtc.WrappedJoinRequest(
            compression=rtc.WrappedJoinRequest.Compression.GZIP
            if compressed
            else rtc.WrappedJoinRequest.Compression.NONE,
            join_request=gzip.compress(inner) if compressed else inner,
        )
        parameter = base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()
        async with _standin() as (_, served):
            base = f"ws://127.0.0.1:{served.port}/rtc/v1"
            url = f"{base}?join_request={parameter}&access_token={token()}"
            async with websockets.connect(url) as websocket:
                (first,) = await _frames(websocket, 1)
                assert first.WhichOneof("message") == "join"

    run(main())


@pytest.mark.parametrize("message", ["leave", "garbage"])
def test_leaving_ends_the_session(message: str) -> None:
    async def main() -> None:
        leave = rtc.SignalRequest(
            leave=rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED)
        )
        data = leave.SerializeToString() if message == "leave" else b"\xff\xff\xff"
        async with _standin() as (app, served):
            url = f"ws://127.0.0.1:{served.port}/rtc?access_token={token()}"
            async with websockets.connect(url) as websocket:
                await _frames(websocket, 2)
                await websocket.send(data)
                if message == "leave":
                    (last,) = await _frames(websocket, 1)
                    assert last.SerializeToString() == b"B\x02\x10\x01"  # as measured
                with pytest.raises(websockets.ConnectionClosedOK):
                    await asyncio.wait_for(websocket.recv(), 5)
            await asyncio.sleep(0.05)
            assert not app.state.rooms

    run(main())


def test_livekits_own_client_lists_the_rooms() -> None:
    async def main() -> None:
        async with _standin() as (_, served):
            url = f"ws://127.0.0.1:{served.port}/rtc?access_token={token()}"
            async with (
                websockets.connect(url) as websocket,
                LiveKitAPI(f"http://127.0.0.1:{served.port}", KEY, SECRET) as api,
            ):
                await _frames(websocket, 1)
                listed = await api.room.list_rooms(ListRoomsRequest())
                assert [(room.name, room.num_participants) for room in listed.rooms] == [("r1", 1)]
                none = await api.room.list_rooms(ListRoomsRequest(names=["other"]))
                assert not none.rooms
            # aiohttp closes its connections in the next turn of the loop.
            await asyncio.sleep(0.1)

    run(main())


def test_leeway_is_a_minute_either_way() -> None:
    claims = {"iss": KEY, "sub": "a", "nbf": 1000, "exp": 2000}
    text = sign(claims, SECRET)
    for now in (940, 2059):
        assert verify(text, KEYS, now=now).identity == "a"
    for now, why in ((939, "token is not valid yet"), (2060, "token is expired")):
        with pytest.raises(TokenRefused, match=why):
            verify(text, KEYS, now=now)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "e30.e30.", "W10.e30.", "[" * 50, "é.e30.e30"]
)
def test_what_is_no_token_is_refused_without_a_reason(text: str) -> None:
    with pytest.raises(TokenRefused, match=r"^invalid authorization token$"):
        verify(text, KEYS)
