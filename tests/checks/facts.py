"""A server's facts by hand, healthy unless said otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from eloquence_ops.checks.registry import Judge, Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.observations import (
    AnyObservation,
    ServerClock,
    ServerListeners,
    UnitJournal,
    UnitState,
)
from eloquence_ops.observations.server_sockets import Listener, Process
from eloquence_ops.observations.server_units import RecognisedLine
from eloquence_ops.settings import Target

NOW: Final = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
LONG_AGO: Final = NOW - timedelta(days=3)
API_UNIT, LIVEKIT_UNIT = "eloquence-api.service", "livekit.service"
_COMMAND: Final = "/srv/.venv/bin/uvicorn api:app --host 0.0.0.0 --port 8083"


def unit(name: str = API_UNIT, **different: Any) -> UnitState:
    """A unit that runs since long ago."""
    fields: dict[str, Any] = {
        "name": name,
        "id": name,
        "load_state": "loaded",
        "active_state": "active",
        "sub_state": "running",
        "unit_file_state": "enabled",
        "result": "success",
        "start_limit_hit": False,
        "restarts": 0,
        "restart": "always",
        "type": "simple",
        "main_pid": 10,
        "last_main_pid": 10,
        "ended": "",
        "exit_status": None,
        "command": _COMMAND,
        "user": "ubuntu",
        "working_directory": "/home/ubuntu/eloquence_backend_py",
        "environment_files": (),
        "fragment_path": f"/etc/systemd/system/{name}",
        "drop_ins": (),
        "needs_daemon_reload": False,
        "sockets": (),
        "file_limit": None,
        "active_since": LONG_AGO,
        "inactive_since": None,
        "started_at": LONG_AGO,
    }
    return UnitState(at_s=0.0, **(fields | different))


def journal(
    *lines: tuple[str, str], name: str = API_UNIT, of_last_run: bool = True, place: str = ""
) -> UnitJournal:
    """(found, text) of each recognised line; the last one decides."""
    recognised = tuple(
        RecognisedLine(at=NOW, found=found, text=text, place=place, of_last_run=of_last_run)
        for found, text in lines
    )
    return UnitJournal(
        at_s=0.0,
        unit=name,
        lines_read=40,
        first_at=LONG_AGO,
        runs=1,
        decisive=recognised[-1] if recognised else None,
        recognised=recognised,
        last=(),
    )


def listening(
    *addresses: str, port: int = 8083, unit: str = API_UNIT, name: str = "uvicorn", pid: int = 10
) -> ServerListeners:
    """One process on one port; without `pid` nobody knows whose it is."""
    process = Process(
        pid=pid or 1,
        name=name,
        command=name,
        user="ubuntu",
        cwd="/home/ubuntu",
        started_at=LONG_AGO,
        unit=unit,
    )
    return ServerListeners(
        at_s=0.0,
        listeners=tuple(
            Listener(
                protocol="tcp",
                address=address,
                port=port,
                user="ubuntu",
                backlog=0,
                holders=(pid,) if pid else (),
            )
            for address in addresses
        ),
        left_out=0,
        processes=(process,) if pid else (),
    )


def seen(*observations: AnyObservation, api: str = "https://api.éloquence.test") -> Seen:
    """A run that saw these on the server."""
    clock = ServerClock(at_s=0.0, now=NOW, zone="UTC", daemons=(), timesync_marker=False)
    target = Target(
        "t",
        api=parse(api, "api"),
        livekit=parse("wss://livekit.éloquence.test", "livekit"),
        server="ubuntu@203.0.113.10",
    )
    asked = Asked(frozenset({"api", "livekit", "server"}))
    return Seen(target, asked, NOW, (clock, *observations))


def judged(judge: Judge, run: Seen) -> Verdict | None:
    """The only verdict, or none where there was nothing to judge."""
    verdicts = list(judge("subject", run))
    assert len(verdicts) <= 1
    return verdicts[0] if verdicts else None


def outcome(judge: Judge, run: Seen) -> str | None:
    found = judged(judge, run)
    return found.outcome if found else None
