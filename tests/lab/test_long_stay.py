"""A connection that stays idle for long: kept alive by pings, and ended as a short one is."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.observations import LivekitSignal
from eloquence_ops.probes import signalling
from eloquence_ops.probes.http import HttpClient
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.room_service import KeyPair, Rooms
from eloquence_ops.secrets import Redactor, Secret
from tests.lab.livekit_requests import KEY, SECRET
from tests.lab.real_livekit import real_livekit

_ROOM = "eloquence-doctor-a-long-stay"
_HOUR_S = 3600.0


async def stay(folder: Path, seconds: float) -> tuple[LivekitSignal, bool, int]:
    """The visit; whether the room is gone after it was removed, and how many were in it before."""
    async with real_livekit(folder) as (address, port):
        road = Road(Endpoint("ws", address, port), Family.IPV4, address, port)
        pair, redactor = KeyPair(KEY, Secret(SECRET)), Redactor()
        client = HttpClient(
            road, tls=None, redactor=redactor, timeout_s=5, started=time.monotonic()
        )
        async with client:
            rooms = Rooms(client, pair, redactor)
            await rooms.make(_ROOM)
            visit = await signalling.visit(
                road,
                pair.token(_ROOM, _ROOM),
                context=None,
                redactor=redactor,
                timeout_s=5,
                started=time.monotonic(),
                room="own",
                stay_s=seconds,
            )
            gone = await rooms.remove(_ROOM)
            listed = await rooms.listed()
    return visit, gone, listed.people


def assert_stayed(visit: LivekitSignal, seconds: float) -> None:
    assert visit.outcome == "joined"
    assert visit.stayed_s >= seconds
    assert visit.wait_was_whole, visit.detail


@pytest.mark.real
@pytest.mark.soak
def test_an_hour_of_an_idle_connection_is_kept_alive_and_ends_cleanly(tmp_path: Path) -> None:
    visit, gone, people = asyncio.run(stay(tmp_path, _HOUR_S))
    assert_stayed(visit, _HOUR_S)
    assert (gone, people) == (True, 0)
