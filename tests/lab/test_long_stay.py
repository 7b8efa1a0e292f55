"""A connection that stays idle for long: kept alive by pings, and ended as a short one is.

The real LiveKit ends whoever connects no media after a minute (v1.13.5, `AddParticipant` in its
rtc/room.go), so that the hour is one of the stand-in, behind a real proxy.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest

from eloquence_ops.endpoints import Endpoint, a_label
from eloquence_ops.findings import Family
from eloquence_ops.lab.services.certificates import Authority
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.livekit_signal import Candidate
from eloquence_ops.lab.services.serving import serving
from eloquence_ops.observations import LivekitSignal
from eloquence_ops.probes import signalling
from eloquence_ops.probes.http import HttpClient
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.room_service import KeyPair, Rooms
from eloquence_ops.secrets import Redactor, Secret
from tests.lab.livekit_requests import KEY, SECRET
from tests.lab.real_livekit import real_livekit
from tests.systems.proxies import Site, nginx

pytestmark = [pytest.mark.real, pytest.mark.soak]

_ROOM = "eloquence-doctor-a-long-stay"
_NAME = "livekit.éloquence.test"
_HOUR_S = 3600.0
PAIR = KeyPair(KEY, Secret(SECRET))


async def visit(road: Road, context: ssl.SSLContext | None, seconds: float) -> LivekitSignal:
    return await signalling.visit(
        road,
        PAIR.token(_ROOM, _ROOM),
        context=context,
        redactor=Redactor(),
        timeout_s=5,
        started=time.monotonic(),
        room="own",
        stay_s=seconds,
    )


async def behind_nginx(folder: Path, seconds: float) -> tuple[LivekitSignal, list[str]]:
    """The visit, and the rooms in which somebody still is."""
    authority = Authority(folder / "ca")
    certificate = authority.issue((_NAME,))
    behaviour = LivekitBehaviour(
        keys={KEY: SECRET}, candidates=(Candidate("udp", "127.0.0.1", 7882),)
    )
    app = build_livekit(behaviour)
    context = ssl.create_default_context(cafile=str(authority.root_path))
    async with serving(app, server_header=False) as served:
        with nginx(folder, certificate, [Site(_NAME, served.port)]) as port:
            endpoint = Endpoint("wss", a_label(_NAME), 443)
            made = await visit(Road(endpoint, Family.IPV4, "127.0.0.1", port), context, seconds)
        await asyncio.sleep(1)
        return made, list(app.state.rooms)


def test_an_hour_of_an_idle_connection_is_kept_alive_and_ends_cleanly(tmp_path: Path) -> None:
    made, rooms = asyncio.run(behind_nginx(tmp_path, _HOUR_S))
    assert made.outcome == "joined"
    assert (made.wait_was_whole, made.detail) == (True, "")
    assert made.stayed_s >= _HOUR_S
    assert rooms == []


def test_the_real_livekit_ends_a_stay_without_media_after_a_minute(tmp_path: Path) -> None:
    """And says so; what remains of the room is removed."""

    async def story() -> tuple[LivekitSignal, bool, int]:
        async with real_livekit(tmp_path) as (address, port):
            road = Road(Endpoint("ws", address, port), Family.IPV4, address, port)
            client = HttpClient(
                road, tls=None, redactor=Redactor(), timeout_s=5, started=time.monotonic()
            )
            async with client:
                rooms = Rooms(client, PAIR, Redactor())
                await rooms.make(_ROOM)
                made = await visit(road, None, 90)
                gone = await rooms.remove(_ROOM)
                return made, gone, (await rooms.listed()).people

    made, gone, people = asyncio.run(story())
    assert 55 < made.stayed_s < 70
    assert not made.wait_was_whole
    assert made.detail
    assert (gone, people) == (True, 0)
