"""A coach of the signalling alone is seen: with the stand-in, and with the real livekit-server."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
import websockets
from livekit.protocol import models, rtc

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.lab.services.coach import AgentWorker
from eloquence_ops.lab.services.listening import listening_socket
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.serving import serving
from eloquence_ops.observations import LivekitSignal
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.signalling import visit
from eloquence_ops.secrets import Redactor, Secret
from tests.lab.livekit_requests import KEY, SECRET, token
from tests.lab.loopback import run
from tests.lab.real_livekit import real_livekit
from tests.probes.peers import peer, silent

_ROOM = "r1"
_AGENT = models.ParticipantInfo.Kind.AGENT
_STATE = models.ParticipantInfo.State

Seen = tuple[str, int, int]
"""In which message somebody else was seen, their kind and their state."""


def _worker(address: tuple[str, int]) -> AgentWorker:
    return AgentWorker(f"ws://{address[0]}:{address[1]}", key=KEY, secret=SECRET)


@contextlib.asynccontextmanager
async def _both(folder: Path) -> AsyncIterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Addresses of the real one and of the stand-in."""
    app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}))
    async with real_livekit(folder) as real, serving(app, server_header=False) as served:
        yield real, served.address


async def _told(address: tuple[str, int], *, coach_is_first: bool) -> list[Seen]:
    """What a user is told of a coach who is there and leaves, or who comes."""
    told: list[Seen] = []
    url = f"ws://{address[0]}:{address[1]}/rtc?protocol=15"
    headers = {"Authorization": f"Bearer {token()}"}
    async with _worker(address) as agents:
        if coach_is_first:
            await agents.dispatch(_ROOM)
        async with websockets.connect(url, additional_headers=headers) as websocket:
            while not any(message == "update" for message, _, _ in told):
                data = await asyncio.wait_for(websocket.recv(), 10)
                assert isinstance(data, bytes)
                frame = rtc.SignalResponse.FromString(data)
                others = (*frame.join.other_participants, *frame.update.participants)
                message = str(frame.WhichOneof("message"))
                told += [(message, one.kind, one.state) for one in others if one.kind == _AGENT]
                if message == "join":
                    await (agents.dismiss if coach_is_first else agents.dispatch)(_ROOM)
    return told


@pytest.mark.real
@pytest.mark.parametrize(
    ("coach_is_first", "expected"),
    [
        (True, [("join", _AGENT, _STATE.JOINED), ("update", _AGENT, _STATE.DISCONNECTED)]),
        (False, [("update", _AGENT, _STATE.JOINED)]),
    ],
)
def test_both_tell_of_a_coach_alike(
    coach_is_first: bool, expected: list[Seen], tmp_path: Path
) -> None:
    async def main() -> None:
        async with _both(tmp_path) as addresses:
            for address in addresses:
                assert await _told(address, coach_is_first=coach_is_first) == expected

    run(main())


@pytest.mark.real
def test_both_are_visited_alike(tmp_path: Path) -> None:
    """Doctor's own visit, with the token in a header."""

    async def visited(address: tuple[str, int]) -> LivekitSignal:
        async with _worker(address) as agents:
            await agents.dispatch(_ROOM)
            return await visit(
                Road(Endpoint("ws", *address), Family.IPV4, *address),
                Secret(token()),
                context=None,
                redactor=Redactor(),
                timeout_s=5.0,
                started=time.monotonic(),
            )

    async def main() -> None:
        async with _both(tmp_path) as (real, stand_in):
            expected, found = await visited(real), await visited(stand_in)
            assert (expected.outcome, expected.wait_was_whole) == ("joined", True)
            assert expected.coach_s is not None
            for field in ("outcome", "version", "protocol", "ping_interval_s", "wait_was_whole"):
                assert getattr(found, field) == getattr(expected, field)
            assert [(other.kind, other.state) for other in found.others] == [
                (other.kind, other.state) for other in expected.others
            ]

    run(main())


@pytest.mark.real
def test_the_real_one_takes_our_farewell(tmp_path: Path) -> None:
    """Whoever just ends the connection is missed for four seconds more."""

    async def main() -> None:
        async with real_livekit(tmp_path) as address, _worker(address) as agents:
            await agents.dispatch(_ROOM)
            seen = await visit(
                Road(Endpoint("ws", *address), Family.IPV4, *address),
                Secret(token()),
                context=None,
                redactor=Redactor(),
                timeout_s=5.0,
                started=time.monotonic(),
            )
            assert seen.joined_s is not None
            # Less than it would be missed for: the server has answered.
            assert seen.duration_s - seen.joined_s < 4.0

    run(main())


# The worker


def test_a_session_does_not_wait_for_a_coach_who_cannot_come() -> None:
    async def main() -> None:
        closed = listening_socket()
        place: tuple[str, int] = closed.getsockname()
        closed.close()
        async with _worker(place) as agents:
            await agents.dispatch(_ROOM)
        async with peer(silent) as port, _worker(("127.0.0.1", port)) as agents:
            await agents.dispatch(_ROOM)

    run(_within(5.0, main()))


def test_a_dismissed_coach_leaves_and_so_do_all_at_the_end() -> None:
    async def main() -> None:
        app = build_livekit(LivekitBehaviour(keys={KEY: SECRET}))
        rooms = app.state.rooms
        async with serving(app, server_header=False) as served:
            async with _worker(served.address) as agents:
                for room in ("one", "two", "three"):
                    await agents.dispatch(room)
                assert set(rooms) == {"one", "two", "three"}
                await agents.dismiss("two")
                assert set(rooms) == {"one", "three"}
                await agents.dismiss("nobody was sent here")
            assert not rooms

    run(_within(10.0, main()))


async def _within(seconds: float, story: Awaitable[None]) -> None:
    async with asyncio.timeout(seconds):
        await story
