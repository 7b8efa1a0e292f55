"""The lab with the real livekit-server and the real nginx, wherever a fault lets them stand."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import websockets
from livekit.api import AccessToken, VideoGrants
from livekit.protocol import rtc

from eloquence_ops.lab.at_place import lab_at
from eloquence_ops.lab.expectation import judge
from eloquence_ops.lab.faults import Fault, all_faults, combined, named
from eloquence_ops.lab.places import Place, place_of
from eloquence_ops.lab.plan import LabPlan
from eloquence_ops.lab.real import RealServers, find
from eloquence_ops.lab.services import programs
from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET
from eloquence_ops.lab.services.programs import NotStarted, program
from eloquence_ops.lab.services.real_livekit import (
    LivekitServer,
    Media,
    find_livekit_server,
    real_livekit,
)
from eloquence_ops.lab.services.real_nginx import Nginx
from eloquence_ops.lab.system import LabSystem, lab
from eloquence_ops.run.recording import Recording
from tests.cli.command import run, start
from tests.lab.faulty import record, record_of
from tests.real import require

# What a real server of today does not do when it is told to.
LIVEKIT_CANNOT = {
    "livekit-breaks-off",
    "livekit-hanging",
    "livekit-not-ready",
    "livekit-outdated",
    "livekit-refuses-rooms",
    "own-clock-wrong",
}
NGINX_CANNOT = {"own-clock-wrong", "http2-breaks-websocket"}


@pytest.fixture(scope="module")
def servers() -> RealServers:
    for name in ("livekit-server", "nginx"):
        require(name)
    return asyncio.run(find())


async def examined(fault: Fault, servers: RealServers) -> tuple[str, Recording | None]:
    """The real servers in a lab with this fault, and what doctor saw where there are any."""
    async with lab(combined((fault,)), servers=servers) as system:
        real = " ".join(server.name for server in system.real)
        return real, await record_of(system) if real else None


@pytest.mark.real
@pytest.mark.parametrize("fault", all_faults().values(), ids=lambda fault: fault.id)
def test_a_fault_of_real_servers_is_named_as_that_of_the_stand_ins(
    fault: Fault, servers: RealServers
) -> None:
    real, recording = asyncio.run(examined(fault, servers))
    stopped = combined((fault,)).livekit.process == "stopped"
    assert ("livekit-server" in real) is (fault.id not in LIVEKIT_CANNOT and not stopped)
    assert ("nginx" in real) is (fault.id not in NGINX_CANNOT)
    if recording is None:
        return  # as in test_faults
    outcome = judge(recording, [fault])
    assert outcome.right, outcome


@pytest.mark.real
def test_a_healthy_system_of_real_servers_is_healthy(servers: RealServers) -> None:
    outcome = judge(asyncio.run(record([], servers=servers)), [])
    assert outcome.right, outcome


@pytest.mark.real
@pytest.mark.parametrize("name", ["desktop", "emulator"])
@pytest.mark.parametrize("fault", [None, "agent-absent", "token-wrong-secret"])
def test_an_app_meets_a_fault_with_the_real_livekit_too(
    name: str, fault: str | None, servers: RealServers
) -> None:
    faults = named([fault]) if fault else []
    made = asyncio.run(record(faults, place=place_of(name), servers=servers))
    outcome = judge(made, faults)
    assert outcome.right, outcome


@pytest.mark.real
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.2.2"])
def test_an_app_is_told_where_the_media_of_a_real_livekit_are(
    address: str, servers: RealServers
) -> None:
    """One candidate, at the address that leads here from the app; and no STUN server elsewhere."""
    place = Place("desktop", address)

    async def story() -> tuple[list[str], list[str], int]:
        async with lab_at(place, LabPlan(), servers=servers) as system:
            host, port = system.upstreams["livekit"]
            told = await what_a_client_is_told(f"ws://{host}:{port}")
            return *told, system.media_port

    ice, candidates, media_port = asyncio.run(story())
    assert candidates == [f"udp {address} {media_port}"]
    assert all(url.startswith("stun:127.0.0.1:") for url in ice)


async def what_a_client_is_told(livekit: str) -> tuple[list[str], list[str]]:
    """ICE servers, and candidates as transport, address and port."""
    token = AccessToken(LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET).with_identity("somebody")
    bearer = token.with_grants(VideoGrants(room_join=True, room="a-room")).to_jwt()
    ice: list[str] = []
    candidates: list[str] = []
    async with (
        asyncio.timeout(10),
        websockets.connect(
            f"{livekit}/rtc?protocol=15&auto_subscribe=1",
            additional_headers={"Authorization": f"Bearer {bearer}"},
            proxy=None,
        ) as websocket,
    ):
        while True:
            said = await websocket.recv()
            assert isinstance(said, bytes)
            response = rtc.SignalResponse.FromString(said)
            ice += [url for server in response.join.ice_servers for url in server.urls]
            found = re.search(r"candidate:\S+ 1 (\S+ )\d+ (\S+ \d+) typ", str(response.trickle))
            candidates += [found[1] + found[2]] if found else []
            if response.trickle.final:
                return ice, candidates


@pytest.mark.real
@pytest.mark.parametrize("stays_here", [True, False])
def test_media_are_taken_at_one_address_only(
    stays_here: bool, servers: RealServers, tmp_path: Path
) -> None:
    """The lab's keys are known to everybody: at no other address may anybody reach it."""
    sockets = Path("/proc/net/udp")
    if not sockets.exists():
        pytest.skip("only Linux lists its sockets in /proc")
    assert servers.livekit is not None
    media = Media("127.0.0.1", stays_here=stays_here)

    async def story(server: LivekitServer) -> list[str]:
        keys = {LAB_LIVEKIT_KEY: LAB_LIVEKIT_SECRET}
        async with real_livekit(server, tmp_path, keys=keys, media=media) as (_, port):
            return bound(port)

    (place,) = asyncio.run(story(servers.livekit))
    assert place.startswith("0100007F:")


def bound(port: int) -> list[str]:
    """The local addresses, as the kernel writes them, with this UDP port."""
    lines = Path("/proc/net/udp").read_text() + Path("/proc/net/udp6").read_text()
    places = (line.split()[1] for line in lines.splitlines())
    return [place for place in places if place.endswith(f":{port:04X}")]


# What this machine has


def pretended(folder: Path, says: str, then: str = "exit 1") -> str:
    """A program that answers `--version` with this, and otherwise does that."""
    program = folder / "livekit-server"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{says}" && exit\n{then}\n')
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("says", "usable"),
    [
        ("livekit-server version 1.10.0", True),
        ("livekit-server version 2.0.0-rc1", True),
        ("livekit-server version 1.9.9", False),
        ("usage: livekit-server", False),
        ("", False),
    ],
)
def test_only_a_livekit_that_today_s_apps_expect_is_used(
    says: str, usable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended(tmp_path, says)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = asyncio.run(find_livekit_server())
    assert (found is not None) is usable


def test_where_real_servers_do_not_start_the_stand_ins_do(tmp_path: Path) -> None:
    broken = pretended(tmp_path, "", "echo 'no such thing' >&2; exit 1")
    servers = RealServers(LivekitServer(broken, "1.13.5"), Nginx(broken, "1.22.1"))

    async def story() -> LabSystem:
        async with lab(LabPlan(), servers=servers) as system:
            return system

    system = asyncio.run(story())
    assert system.real == ()
    assert {server.reason for server in system.missing} == {"no such thing"}
    assert judge(asyncio.run(record([], servers=servers)), []).right


@pytest.mark.real
def test_a_demo_says_what_was_real_in_it(servers: RealServers, tmp_path: Path) -> None:
    shown = run("demo", "livekit-debug-exposed", cwd=tmp_path)
    assert shown.code == 0
    assert servers.livekit is not None
    assert f"livekit-server {servers.livekit.version}, nginx " in shown.complaint


@pytest.mark.real
@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGKILL])
def test_real_servers_end_with_the_lab_however_it_ends(
    ends: signal.Signals, servers: RealServers, tmp_path: Path
) -> None:
    require("setpriv")
    # What a killed lab leaves of its folder goes with the test's.
    process = start("lab", "up", cwd=tmp_path, environ={"TMPDIR": str(tmp_path)})
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"Ctrl-C "):
            break
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    children = [Path("/proc", pid) for task in tasks for pid in task.read_text().split()]
    names = {(child / "comm").read_text().strip() for child in children}
    assert names == {"livekit-server", "nginx"}
    process.send_signal(ends)
    process.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while any(child.exists() for child in children):
        assert time.monotonic() < deadline, names
        time.sleep(0.05)


SET_ELSEWHERE = {
    "LIVEKIT_CONFIG": "port: 1",
    "LIVEKIT_KEYS": "another: a-secret-of-somebody-else-that-is-long-enough",
    "REDIS_HOST": "127.0.0.1:1",
    "NODE_IP": "192.0.2.1",
}


@pytest.mark.real
def test_what_this_machine_sets_for_its_own_livekit_is_not_the_labs(
    servers: RealServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SET_ELSEWHERE.items():
        monkeypatch.setenv(name, value)
    (fault,) = (entry for entry in all_faults().values() if entry.id == "livekit-debug-exposed")
    real, recording = asyncio.run(examined(fault, servers))
    assert "livekit-server" in real
    assert recording is not None
    outcome = judge(recording, [fault])
    assert outcome.right, outcome


# A program that is waited for


async def entered(command: list[str], until: Callable[[], Awaitable[bool]], folder: Path) -> None:
    async with program(command, until=until, log=folder / "log"):
        pass


def test_what_somebody_else_answers_is_no_start(tmp_path: Path) -> None:
    async def answers() -> bool:
        await asyncio.sleep(0.3)
        return True

    with pytest.raises(NotStarted):
        asyncio.run(entered(["false"], answers, tmp_path))


def test_who_never_answers_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_STARTING_S", 0.2)

    async def hangs() -> bool:
        await asyncio.Event().wait()
        return True

    with pytest.raises(NotStarted):
        asyncio.run(entered(["sleep", "60"], hangs, tmp_path))
