"""The stand-in and a real livekit-server, asked the same: equal statuses and bodies."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from livekit.protocol import rtc

from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.livekit_signal import Candidate
from eloquence_ops.lab.services.serving import listening_socket, serving
from tests.lab.livekit_requests import KEY, SECRET, cases, mask, token
from tests.lab.loopback import request, run, send, status_and_body
from tests.real import require

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


@contextlib.asynccontextmanager
async def _real(folder: Path) -> AsyncIterator[tuple[str, int]]:
    binary = require("livekit-server")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(listening_socket()) for _ in range(3)]
        port, tcp_port, udp_port = (int(sock.getsockname()[1]) for sock in sockets)
    configuration = folder / "livekit.yaml"
    configuration.write_text(
        f'port: {port}\nbind_addresses: ["127.0.0.1"]\nkeys:\n  {KEY}: {SECRET}\n'
        f"rtc:\n  tcp_port: {tcp_port}\n  udp_port: {udp_port}\n  node_ip: 127.0.0.1\n"
    )
    with (folder / "livekit.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            binary, "--config", str(configuration), stdout=log, stderr=log
        )
        try:
            async with asyncio.timeout(20):
                await _until_healthy(process, ("127.0.0.1", port))
            yield "127.0.0.1", port
        finally:
            if process.returncode is None:
                # Not terminate: that one waits for participants without end.
                process.kill()
            await process.wait()


async def _until_healthy(process: asyncio.subprocess.Process, address: tuple[str, int]) -> None:
    while process.returncode is None:
        with contextlib.suppress(OSError):
            if status_and_body(await send(address, request("/"))) == (200, b"OK"):
                return
        await asyncio.sleep(0.05)
    pytest.fail(f"livekit-server ended at once with {process.returncode}")


def _relevant(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    fields = dict(line.split(": ", 1) for line in lines)
    found = {name.lower(): value for name, value in fields.items()}
    return {name: found[name] for name in HEADERS if name in found}


def test_both_give_the_answers_of_the_table(tmp_path: Path) -> None:
    async def main() -> None:
        app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}))
        async with _real(tmp_path) as real, serving(app, server_header=False) as served:
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
        async with _real(tmp_path) as real, serving(app, server_header=False) as served:
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
        async with _real(tmp_path) as real, serving(app, server_header=False) as served:
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
