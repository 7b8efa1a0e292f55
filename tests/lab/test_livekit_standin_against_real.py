"""The stand-in and a real livekit-server, asked the same: equal statuses and bodies."""

import asyncio
from pathlib import Path

import pytest
import websockets
from livekit.protocol import rtc

from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.livekit_signal import Candidate
from eloquence_ops.lab.services.serving import serving
from tests.lab.livekit_requests import KEY, SECRET, cases, mask, token
from tests.lab.loopback import request, run, send, status_and_body
from tests.lab.real_livekit import real_livekit

pytestmark = pytest.mark.real

# Headers that a diagnosis may read; Date and what belongs to the connection differ.
HEADERS = (
    "content-type",
    "vary",
    "location",
    "x-content-type-options",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
    "server",
)


def _relevant(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    fields = dict(line.split(": ", 1) for line in lines)
    found = {name.lower(): value for name, value in fields.items()}
    return {name: found[name] for name in HEADERS if name in found}


def test_both_give_the_answers_of_the_table(tmp_path: Path) -> None:
    async def main() -> None:
        app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}))
        async with real_livekit(tmp_path) as real, serving(app, server_header=False) as served:
            different = []
            for case in cases():
                for name, address in (("real", real), ("stand-in", served.address)):
                    status, body = status_and_body(await send(address, case.request))
                    if (status, mask(body)) != (case.status, case.body):
                        different.append((name, case.name, status, mask(body)))
            assert not different

    run(main())


def test_both_send_the_same_headers(tmp_path: Path) -> None:
    async def main() -> None:
        app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}))
        async with real_livekit(tmp_path) as real, serving(app, server_header=False) as served:
            requests = {case.name: case.request for case in cases()}
            origin = "Origin: https://a.test\r\n"
            requests["health from a page"] = request("/", headers=origin)
            requests["validate from a page"] = request("/rtc/validate", headers=origin)
            requests["preflight of what is not allowed"] = request(
                method="OPTIONS", headers=origin + "Access-Control-Request-Method: PUT\r\n"
            )
            for name, text in requests.items():
                expected = _relevant(await send(real, text))
                assert (name, _relevant(await send(served.address, text))) == (name, expected)

    run(main())


@pytest.mark.parametrize("development", [True, False])
def test_both_show_their_debug_pages_in_development_only(development: bool, tmp_path: Path) -> None:
    async def main() -> None:
        app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}, development=development))
        async with (
            real_livekit(tmp_path, development=development) as real,
            serving(app, server_header=False) as served,
        ):
            for path in ("/debug/pprof/", "/debug/rooms", "/metrics"):
                expected = await send(real, request(path))
                answer = await send(served.address, request(path))
                assert status_and_body(answer)[0] == status_and_body(expected)[0]
                assert (path, _relevant(answer)) == (path, _relevant(expected))
                for mark in (b"<title>/debug/pprof/</title>", b"Types of profiles available:"):
                    assert (
                        (mark in answer)
                        == (mark in expected)
                        == (development and path == "/debug/pprof/")
                    )

    run(main())


def test_both_join_alike(tmp_path: Path) -> None:
    async def first_frames(address: tuple[str, int]) -> tuple[rtc.JoinResponse, set[str]]:
        url = f"ws://{address[0]}:{address[1]}/rtc?protocol=15&access_token={token()}"
        join, kinds = None, set()
        async with websockets.connect(url) as websocket:
            async with asyncio.timeout(10):
                while "trickle" not in kinds or "refresh_token" not in kinds:
                    data = await websocket.recv()
                    assert isinstance(data, bytes)
                    frame = rtc.SignalResponse.FromString(data)
                    kinds.add(str(frame.WhichOneof("message")))
                    join = join or frame.join
        assert join is not None
        return join, kinds

    async def main() -> None:
        candidates = (Candidate("tcp", "127.0.0.1", 7881),)
        app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}, candidates=candidates))
        async with real_livekit(tmp_path) as real, serving(app, server_header=False) as served:
            expected, real_kinds = await first_frames(real)
            join, kinds = await first_frames(served.address)
            assert kinds == real_kinds - {"update", "room_update", "connection_quality"}
            for field in ("version", "protocol", "agent_protocol", "region"):
                assert getattr(join.server_info, field) == getattr(expected.server_info, field)
            for field in (
                "server_version",
                "ping_interval",
                "ping_timeout",
                "subscriber_primary",
                "fast_publish",
            ):
                assert getattr(join, field) == getattr(expected, field)
            assert join.participant.permission == expected.participant.permission
            for field in ("name", "empty_timeout", "departure_timeout", "num_participants"):
                assert getattr(join.room, field) == getattr(expected.room, field)
            # A real server without TURN names public STUN servers; the stand-in never does.
            assert expected.ice_servers
            assert not join.ice_servers

    run(main())
