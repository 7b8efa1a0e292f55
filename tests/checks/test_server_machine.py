"""The server as a machine: its disks, memory, clock and limits, at the edges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.checks.registry import Judge, Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.checks.server_callers import old_callers
from eloquence_ops.checks.server_clock import clock
from eloquence_ops.checks.server_disk import disk
from eloquence_ops.checks.server_limits import limits
from eloquence_ops.checks.server_memory import api_memory, memory
from eloquence_ops.observations import (
    AnyObservation,
    KernelLog,
    LiveKitConfig,
    MachineClock,
    ServerClock,
    ServerMachine,
    ServerTraffic,
    UnitJournal,
    UnitState,
)
from eloquence_ops.observations.server import Unknown
from eloquence_ops.observations.server_livekit import Setting
from eloquence_ops.observations.server_machine import Disk, KernelSize, Memory, ServiceLimits
from eloquence_ops.observations.server_proxy import AccessLog, RequestCount
from eloquence_ops.observations.server_units import RecognisedLine
from eloquence_ops.settings import Target

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MIB = 2**20
GIB = 2**30
API = "eloquence-api.service"


def judged(judge: Judge, *observations: AnyObservation) -> dict[str, Verdict]:
    """Every verdict by its outcome."""
    seen = Seen(Target("t"), Asked(frozenset({"server"})), NOW, observations)
    verdicts = list(judge("server", seen))
    found = {verdict.outcome: verdict for verdict in verdicts}
    assert len(found) == len(verdicts)
    return found


def machine(*disks: Disk, **known: Any) -> ServerMachine:
    known = {"services": (), "memory": None} | known
    return ServerMachine(python="3.11.2", disks=disks, **known)


def file_system(
    size: int = 20 * GIB,
    free: int = 10 * GIB,
    inodes: int = 1_000_000,
    free_inodes: int = 900_000,
    read_only: bool = False,
    paths: tuple[str, ...] = ("/var/log",),
) -> Disk:
    return Disk(
        paths=paths,
        bytes=size,
        free_bytes=free,
        inodes=inodes,
        free_inodes=free_inodes,
        read_only=read_only,
    )


# Disks


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (file_system(), "ok"),
        (file_system(free=0), "full"),
        (file_system(free=15 * MIB), "full"),
        (file_system(free=17 * MIB), "nearly-full"),
        (file_system(free=900 * MIB), "nearly-full"),
        (file_system(size=2000 * GIB, free=50 * GIB), "ok"),  # a fortieth, and plenty
        (file_system(size=24 * MIB, free=2 * MIB), "ok"),  # small by design, and a tenth is free
        (file_system(size=24 * MIB, free=0), "full"),
        (file_system(free_inodes=0), "no-inodes"),
        (file_system(free_inodes=40_000), "few-inodes"),
        (file_system(inodes=0, free_inodes=0), "ok"),  # btrfs
        (file_system(size=0, free=0, inodes=0, free_inodes=0), "ok"),
        (file_system(read_only=True), "read-only"),
        (file_system(read_only=True, free=0), "read-only"),  # an image is full by nature
        (file_system(read_only=True, paths=("/",)), "ok"),  # the folders that matter are elsewhere
    ],
)
def test_a_disk(found: Disk, outcome: str) -> None:
    assert list(judged(disk, machine(found))) == [outcome]


def test_each_disk_is_told_of_once_and_by_its_worst() -> None:
    found = judged(
        disk,
        machine(
            file_system(free=0, paths=("/var/log",)),
            file_system(free=0, free_inodes=0, paths=("/srv",)),
            file_system(free=100 * MIB, paths=("/", "/home/ubuntu/api")),
        ),
    )
    assert found["full"].evidence == {"places": ("/var/log", "/srv")}
    assert found["nearly-full"].evidence == {"places": ("/",), "percent": 100}
    assert set(found) == {"full", "nearly-full"}


def test_a_disk_that_is_hidden_is_unknown_unless_another_one_is_full() -> None:
    gap = Unknown(fact="disks", reason="permission-denied", detail="/home/ubuntu")
    assert list(judged(disk, machine(file_system(), unknown=(gap,)))) == ["not-told"]
    assert list(judged(disk, machine(file_system(free=0), unknown=(gap,)))) == ["full"]


# Memory


def unit(state: str = "active", **more: Any) -> UnitState:
    values: dict[str, Any] = dict.fromkeys(UnitState.model_fields, "")
    values |= {
        "kind": "server.unit",
        "vantage": "server",
        "at_s": 0.0,
        "duration_s": 0.0,
        "unknown": (),
        "name": API,
        "id": API,
        "load_state": "loaded",
        "active_state": state,
        "result": "success",
        "start_limit_hit": False,
        "restarts": 0,
        "main_pid": None,
        "last_main_pid": 185,
        "ended": "",
        "exit_status": None,
        "environment_files": (),
        "drop_ins": (),
        "needs_daemon_reload": False,
        "sockets": (),
        "file_limit": None,
        "active_since": NOW - timedelta(hours=2),
        "inactive_since": NOW if state != "active" else None,
        "started_at": NOW - timedelta(hours=2),
    }
    return UnitState(**(values | more))


def kernel(
    ago: timedelta = timedelta(), group: str = API, pid: int = 185, source: Any = "journal"
) -> KernelLog:
    victim = f"oom-kill:constraint=x,task_memcg=/system.slice/{group},task=uvicorn,pid={pid},uid=1"
    killed = f"Memory cgroup out of memory: Killed process {pid} (uvicorn) total-vm:39972kB"
    return KernelLog(
        source=source,
        recognised=(
            RecognisedLine(at=NOW - ago, found="oom-victim", text=victim),
            RecognisedLine(at=NOW - ago, found="oom-kill", text=killed),
        ),
    )


def journal(*found: str, ago: timedelta = timedelta(), says: str = "it says") -> UnitJournal:
    return UnitJournal(
        unit=API,
        lines_read=10,
        first_at=NOW,
        runs=1,
        decisive=None,
        recognised=tuple(
            RecognisedLine(at=NOW - ago, found=name, text=f"{name} {says}") for name in found
        ),
        last=(),
    )


def counted(kills: int | None) -> ServerMachine:
    return machine(services=(ServiceLimits(unit=API, oom_kills=kills),))


QUIET = KernelLog(recognised=())
KILLED: dict[str, Any] = {"result": "signal", "ended": "killed", "exit_status": 9}
HOURS = timedelta(hours=3)

MEMORY: list[tuple[str, tuple[AnyObservation, ...], str]] = [
    ("nothing happened", (unit(), counted(0), QUIET, journal()), "ok"),
    ("systemd says so", (unit("failed", result="oom-kill"), QUIET), "killed"),
    ("the journal says so", (unit("failed", **KILLED), QUIET, journal("oom-killed")), "killed"),
    ("the kernel says so", (unit("failed", **KILLED), kernel(), journal()), "killed"),
    ("again and again", (unit(), kernel(timedelta(seconds=30)), journal()), "killed"),
    ("hours ago, and it runs", (unit(), kernel(HOURS), journal()), "killed-before"),
    ("a week ago", (unit(), kernel(timedelta(days=7)), journal()), "ok"),
    ("hours ago, and stopped since", (unit("inactive"), kernel(HOURS), journal()),
     "killed-before"),
    ("a worker of it", (unit(), counted(2), QUIET, journal()), "killed-before"),
    ("another unit's", (unit(), kernel(group="redis.service", pid=9), journal()), "ok"),
    ("a unit with a longer name", (unit(), kernel(group=f"old-{API}", pid=9), journal()), "ok"),
    ("SIGKILL, the kernel is silent", (unit("failed", **KILLED), QUIET, journal()), "ok"),
    ("SIGKILL, the kernel is hidden", (unit("failed", **KILLED), journal()), "by-whom"),
    ("SIGKILL before this run", (unit(), counted(0), journal("killed", says="status=9/KILL")),
     "by-whom"),
    ("all is hidden", (unit(), counted(None)), "not-told"),
    ("only this run is counted", (unit(restarts=3), counted(0)), "not-told"),
    ("counted, and the first run", (unit(), counted(0)), "ok"),
    ("there is no unit", (unit("inactive", load_state="not-found"),), "no-unit"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("observations", "outcome"),
    [pytest.param(seen, outcome, id=name) for name, seen, outcome in MEMORY],
)
def test_a_unit_and_memory(observations: tuple[AnyObservation, ...], outcome: str) -> None:
    assert list(judged(api_memory, *observations)) == [outcome]


@pytest.mark.parametrize("check", ["server.api-memory", "server.livekit-memory"])
def test_of_a_unit_that_was_killed_before_no_text_says_that_it_runs(check: str) -> None:
    """It may have been stopped since, and that is another's to say."""
    told = catalogue().checks[check].outcomes["killed-before"]
    assert told.meaning is not None
    for text in (told.summary, told.meaning):
        assert not re.search(r"\b(?:runs|is running|tourne|en marche)\b", text.en + text.fr)


def test_the_line_that_decides_is_the_kernels_without_its_figures() -> None:
    (verdict,) = judged(api_memory, unit("failed", **KILLED), kernel(), journal()).values()
    assert verdict.evidence == {
        "unit": API,
        "at": "12:00:00",
        "line": "Memory cgroup out of memory: Killed process 185 (uvicorn)",
    }


def test_an_old_kernel_that_names_no_group_is_believed_by_the_process() -> None:
    lines = kernel().recognised[1:]
    (verdict,) = judged(
        api_memory, unit("failed", **KILLED), KernelLog(recognised=lines), journal()
    ).values()
    assert verdict.outcome == "killed"


@pytest.mark.parametrize(
    ("observations", "outcome"),
    [
        ((unit("failed", **KILLED), journal()), "killed"),
        ((unit(restarts=3), journal("killed", says="status=9/KILL")), "killed"),
        ((unit("active"), journal()), "ok"),  # a neighbour's unit of the same name
        ((unit("failed", inactive_since=NOW - HOURS, **KILLED), journal()), "ok"),
        ((unit(), journal("killed", says="status=15/TERM")), "ok"),
    ],
)
def test_in_a_whole_machines_ring_the_unit_must_have_been_killed_just_then(
    observations: tuple[AnyObservation, ...], outcome: str
) -> None:
    assert list(judged(api_memory, *observations, kernel(source="ring"))) == [outcome]


def sizes(available: int | None, swap: int = 0, swap_free: int = 0) -> ServerMachine:
    known = Memory(total=8 * GIB, available=available, swap_total=swap, swap_free=swap_free)
    return machine(memory=known)


@pytest.mark.parametrize(
    ("observations", "outcomes"),
    [
        ((sizes(4 * GIB), QUIET), ["ok"]),
        ((sizes(300 * MIB), QUIET), ["low"]),
        ((sizes(300 * MIB, swap=4 * GIB, swap_free=3 * GIB), QUIET), ["ok"]),
        ((sizes(None), QUIET), ["not-told"]),
        ((machine(), QUIET), ["not-told"]),
        ((sizes(4 * GIB), unit(), kernel(group="worker.service", pid=9)), ["others-killed"]),
        ((sizes(4 * GIB), unit(), kernel()), ["ok"]),  # the API's own check says it
        ((sizes(4 * GIB), kernel(timedelta(days=2), group="x.service")), ["ok"]),
        ((sizes(4 * GIB), kernel(group="x.service", source="ring")), ["ok"]),  # a neighbour's
    ],
)
def test_the_machines_memory(observations: tuple[AnyObservation, ...], outcomes: list[str]) -> None:
    assert list(judged(memory, *observations)) == outcomes


# The clock


def server_clock(
    ahead_s: float, *, kept: bool | None = True, took_s: float = 0.4, daemons: tuple[str, ...] = ()
) -> ServerClock:
    return ServerClock(
        at_s=1.0,
        duration_s=took_s,
        now=NOW + timedelta(seconds=1.0 + took_s / 2 + ahead_s),
        zone="UTC",
        daemons=daemons,
        timesync_marker=False,
        synchronised=kept,
    )


@pytest.mark.parametrize(
    ("ahead_s", "there", "here", "outcome"),
    [
        (0.0, True, None, "ok"),
        (0.0, None, None, "not-known-kept"),
        (0.0, False, True, "not-kept"),
        (59.0, True, None, "ok"),
        (900.0, True, False, "apart-kept"),
        (900.0, True, None, "apart-kept"),
        (-900.0, False, True, "apart-adrift"),
        (-900.0, None, True, "apart-adrift"),
        (900.0, True, True, "apart"),
        (900.0, False, False, "apart"),
        (900.0, None, None, "apart"),
    ],
)
def test_two_clocks(ahead_s: float, there: bool | None, here: bool | None, outcome: str) -> None:
    own = MachineClock(synchronised=here)
    assert list(judged(clock, server_clock(ahead_s, kept=there), own)) == [outcome]


def test_a_difference_within_the_time_that_asking_took_is_none() -> None:
    """Asked for twenty seconds, the server may have looked at its clock at any of them."""
    (verdict,) = judged(clock, server_clock(65.0, took_s=20.0)).values()
    assert verdict.outcome == "ok"
    assert verdict.evidence == {"seconds": 64.5, "error": 10.5}


def test_which_way_the_server_is_off() -> None:
    (verdict,) = judged(clock, server_clock(-900.0, kept=False)).values()
    assert verdict.evidence == {"seconds": 900.5, "error": 0.7, "direction": "behind"}


def test_a_daemon_that_was_just_started_needs_a_while() -> None:
    booted = machine(booted_at=NOW - timedelta(minutes=2))
    daemon = server_clock(0.0, kept=False, daemons=("chronyd",))
    assert list(judged(clock, daemon, booted)) == ["ok"]
    assert list(judged(clock, server_clock(0.0, kept=False), booted)) == ["not-kept"]


# Limits


def files(open_files: int | None, limit: int, unit_name: str = API, size: int = 8 * MIB) -> Any:
    services = (ServiceLimits(unit=unit_name, file_limit=limit, open_files=open_files),)
    return machine(services=services, socket_buffers=(KernelSize(name="rmem_max", bytes=size),))


PORTS = LiveKitConfig(
    path="/etc/livekit.yaml",
    exists=True,
    settings=(
        Setting(name="rtc.port_range_start", value=50000),
        Setting(name="rtc.port_range_end", value=60000),
    ),
)


@pytest.mark.parametrize(
    ("observations", "outcomes"),
    [
        ((files(7, 1024),), ["ok"]),
        ((files(922, 1024),), ["nearly-used"]),
        ((files(921, 1024),), ["ok"]),
        ((files(None, 1024),), ["not-told"]),
        ((files(7, 1024, size=212_992),), ["small-buffers"]),
        ((files(14, 1024, "livekit.service"), PORTS), ["fewer-than-ports"]),
        ((files(14, 20_000, "livekit.service"), PORTS), ["ok"]),
        ((machine(),), ["ok"]),
    ],
)
def test_open_files_and_buffers(
    observations: tuple[AnyObservation, ...], outcomes: list[str]
) -> None:
    assert list(judged(limits, *observations)) == outcomes


# Old apps


def calls(*counts: tuple[str, int, str]) -> ServerTraffic:
    def requests() -> Iterator[RequestCount]:
        for path, status, agent in counts:
            yield RequestCount(
                method="POST",
                path=path,
                status=status,
                last_hour=1,
                last_day=3,
                first_at=NOW,
                last_at=NOW,
                old_endpoint=path != "/api/sessions",
                agents=(agent,),
            )

    log = AccessLog(
        path="/var/log/nginx/access.log",
        since=NOW,
        not_understood=0,
        classes=(),
        requests=tuple(requests()),
        left_out=0,
    )
    return ServerTraffic(access=(log,), errors=())


START = "/api/session/start"


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (calls(), "ok"),
        (calls(("/api/sessions", 404, "Dart/3.5")), "ok"),
        (calls((START, 200, "Dart/3.1")), "served"),
        (calls((START, 404, "Dart/3.1")), "refused"),
        (calls(("/livekit/token", 405, "app/1.4 (Dart/3.1)")), "refused"),
        (calls((START, 502, "Dart/3.1")), "served"),  # the API is down: another matter
        (calls((START, 404, "curl/7.88.1")), "ok"),  # a person, with the guide
        (ServerTraffic(access=(), errors=()), "no-log"),
    ],
)
def test_who_calls_the_old_endpoints(seen: ServerTraffic, outcome: str) -> None:
    assert list(judged(old_callers, seen)) == [outcome]


def test_apps_are_told_by_their_names_and_how_often() -> None:
    seen = calls((START, 404, "app/1.4"), ("/livekit/token", 404, "app/1.3"))
    assert judged(old_callers, seen)["refused"].evidence == {
        "times": 6,
        "agents": ("app/1.4", "app/1.3"),
        "paths": (START, "/livekit/token"),
    }


def test_of_several_services_the_one_that_is_nearest_to_its_limit_is_named() -> None:
    services = (
        ServiceLimits(unit=API, open_files=190, file_limit=200),
        ServiceLimits(unit="nginx.service", open_files=199, file_limit=200),
    )
    (near,) = judged(limits, machine(services=services)).values()
    assert near.evidence == {"unit": "nginx.service", "open": 199, "limit": 200}
