"""What users got, since when, and what changed just before."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.language import Language
from eloquence_ops.observations import (
    AnyObservation,
    ServerChanges,
    ServerClock,
    ServerMachine,
    ServerTraffic,
    UnitState,
)
from eloquence_ops.observations.server_machine import ChangedFile, PackageChange, PythonPackage
from eloquence_ops.observations.server_proxy import AccessLog, JournalRequests, RequestCount
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.report.history import history, told
from eloquence_ops.report.trouble import Failures, Stop
from eloquence_ops.run import recording
from eloquence_ops.run.examine import examine
from eloquence_ops.settings import Target

NOW = datetime(2026, 11, 20, 3, 10, tzinfo=UTC)
BROKE = datetime(2026, 11, 20, 2, 41, tzinfo=UTC)
RECORDING = Path(__file__).parents[1] / "recordings" / "host-server-out-of-memory.json"


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def count(
    times: int,
    status: int = 502,
    first: datetime = BROKE,
    last: datetime = NOW,
    path: str = "/api/sessions",
    method: str = "POST",
    *,
    old: bool = False,
) -> RequestCount:
    return RequestCount(
        method=method,
        path=path,
        status=status,
        last_hour=times,
        last_day=times,
        first_at=first,
        last_at=last,
        old_endpoint=old,
        agents=("Dart/3.5",),
    )


def traffic(*counts: RequestCount) -> ServerTraffic:
    log = AccessLog(
        path="/var/log/nginx/access.log",
        since=NOW - timedelta(days=2),
        not_understood=0,
        classes=(),
        requests=counts,
        left_out=0,
    )
    return ServerTraffic(access=(log,), errors=())


def api(*counts: RequestCount, raised: int = 0, first: datetime = BROKE) -> ServerTraffic:
    """What the API's journal tells; nginx has none of it."""
    told_by_it = JournalRequests(
        unit="eloquence-api.service",
        since=NOW - timedelta(hours=20),
        requests=counts,
        left_out=0,
        exceptions=raised,
        first_exception_at=first if raised else None,
        last_exception_at=NOW if raised else None,
    )
    return ServerTraffic(access=(), errors=(), journals=(told_by_it,))


def files(**ago: datetime) -> ServerChanges:
    """Files by name, with an underscore for the dot, and when they changed."""
    return ServerChanges(
        files=tuple(
            ChangedFile(
                path=f"/etc/{name.replace('_', '.')}",
                what="livekit",
                modified_at=BROKE - timedelta(days=300),
                changed_at=at,
            )
            for name, at in ago.items()
        ),
        packages=(
            PackageChange(
                at=BROKE - minutes(20), action="upgrade", name="nginx", before="1", after="2"
            ),
        ),
    )


def unit(**known: Any) -> UnitState:
    values: dict[str, Any] = dict.fromkeys(UnitState.model_fields, "")
    for name in ("restarts", "main_pid", "last_main_pid", "exit_status", "file_limit"):
        values[name] = None
    for name in ("active_since", "inactive_since", "started_at"):
        values[name] = None
    values |= dict.fromkeys(("unknown", "environment_files", "drop_ins", "sockets"), ())
    values |= {"kind": "server.unit", "vantage": "server", "at_s": 0.0, "duration_s": 0.0}
    values |= {"start_limit_hit": False, "needs_daemon_reload": False, "name": "livekit.service"}
    return UnitState(**(values | known))


def seen(*observations: AnyObservation) -> Seen:
    clock = ServerClock(
        now=NOW, zone="UTC", daemons=(), timesync_marker=False, at_s=0.0, duration_s=0.1
    )
    asked = Asked(frozenset({"server"}))
    return Seen(Target("t"), asked, NOW - timedelta(hours=9), (clock, *observations))


def test_since_when_and_how_many() -> None:
    found = history(seen(traffic(count(300), count(12, path="/rtc", method="GET"))))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert (found.trouble.times, found.trouble.first_at) == (312, BROKE)
    assert found.trouble.paths == ("POST /api/sessions 502", "GET /rtc 502")
    assert found.trouble.ongoing


@pytest.mark.parametrize(
    "counts",
    [
        (),
        (count(5, status=200),),
        (count(5, path="/wp-login.php"),),
        (count(5, path="/api/sessions-old"),),
        (count(5, status=405, method="GET"),),  # somebody's browser
    ],
)
def test_what_is_no_failure_of_a_user(counts: tuple[RequestCount, ...]) -> None:
    assert history(seen(traffic(*counts))) is None


def test_without_a_look_at_the_server_nothing_is_said() -> None:
    assert history(seen()) is None


def test_a_refused_key_of_last_evening_did_not_begin_tonights_outage() -> None:
    evening = BROKE - timedelta(hours=8)
    found = history(seen(traffic(count(3, status=401, first=evening, last=evening), count(9))))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert (found.trouble.times, found.trouble.first_at) == (9, BROKE)


def test_errors_of_the_server_stand_before_those_of_who_asked() -> None:
    found = history(seen(traffic(count(90, status=401), count(2))))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert found.trouble.times == 2


def test_an_outage_that_is_over_has_an_end() -> None:
    found = history(seen(traffic(count(9, last=NOW - timedelta(hours=2)))))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert not found.trouble.ongoing


def test_a_failure_that_was_over_long_before_did_not_begin_tonights_outage() -> None:
    """One 502 of a restart yesterday, and three hundred of the last minutes."""
    yesterday = BROKE - timedelta(hours=20)
    log = count(301, first=yesterday).model_copy(update={"run": 300, "run_first_at": BROKE})
    found = history(
        seen(
            traffic(log),
            files(nginx_conf=BROKE - minutes(1), earlier_conf=yesterday - minutes(1)),
        )
    )
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert (found.trouble.times, found.trouble.first_at) == (300, BROKE)
    assert [change.name for change in found.changes] == ["nginx.conf", "nginx"]


def test_old_endpoints_count_too() -> None:
    found = history(seen(traffic(count(4, status=404, path="/api/session/start", old=True))))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert not found.trouble.by_server


def test_what_changed_in_the_hour_before_the_latest_first() -> None:
    found = history(
        seen(
            traffic(count(9)),
            files(
                livekit_yaml=BROKE - minutes(1),
                nginx_conf=BROKE - minutes(61),
                later_conf=BROKE + minutes(5),
            ),
            unit(active_state="failed", inactive_since=BROKE - minutes(0.5)),
            unit(name="nginx.service", active_state="active", started_at=BROKE - minutes(19)),
            ServerMachine(
                python="3.11", disks=(), services=(), booted_at=BROKE - timedelta(days=9)
            ),
        )
    )
    assert found is not None
    assert [(change.what, change.name) for change in found.changes] == [
        ("stopped", "livekit.service"),
        ("changed", "livekit.yaml"),
        ("started", "nginx.service"),
        ("installed", "nginx"),
    ]


def test_of_many_changes_the_last_ones_are_told_and_the_others_counted() -> None:
    found = history(
        seen(traffic(count(9)), files(**{f"f{n}_conf": BROKE - minutes(n) for n in range(1, 9)}))
    )
    assert found is not None
    assert [change.name for change in found.changes] == ["f1.conf", "f2.conf", "f3.conf", "f4.conf"]
    assert found.left_out == 5


def test_without_a_proxys_log_the_apis_own_journal_tells() -> None:
    found = history(seen(api(count(40, status=500), raised=40)))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert (found.trouble.log, found.trouble.times) == ("eloquence-api.service", 40)
    assert found.trouble.paths == ("POST /api/sessions 500",)


def test_an_api_that_fails_before_it_answers_leaves_exceptions() -> None:
    found = history(seen(api(raised=7)))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert (found.trouble.times, found.trouble.paths) == (7, ("Traceback",))


def test_what_users_met_stands_before_what_the_api_noted_unless_it_is_over() -> None:
    nginx = traffic(count(9, last=NOW - timedelta(hours=2)))
    both = nginx.model_copy(update={"journals": api(count(3, status=500)).journals})
    found = history(seen(both))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert found.trouble.log == "eloquence-api.service"
    still = traffic(count(9)).model_copy(update={"journals": both.journals})
    found = history(seen(still))
    assert found is not None
    assert isinstance(found.trouble, Failures)
    assert found.trouble.log == "nginx"


@pytest.mark.parametrize("state", ["inactive", "failed"])
def test_a_stopped_service_that_nobody_asked_for_has_its_changes_too(state: str) -> None:
    found = history(
        seen(
            unit(active_state=state, inactive_since=BROKE),
            unit(name="nginx.service", active_state="inactive", inactive_since=BROKE - minutes(9)),
            files(livekit_yaml=BROKE - minutes(1)),
        )
    )
    assert found is not None
    assert found.trouble == Stop("livekit.service", BROKE)
    assert [change.name for change in found.changes] == ["livekit.yaml", "nginx.service", "nginx"]


def test_a_service_that_runs_again_is_not_stopped() -> None:
    assert history(seen(unit(active_state="active", inactive_since=BROKE))) is None


def test_what_pip_installed_is_a_change() -> None:
    package = PythonPackage(at=BROKE - minutes(2), name="fastapi", version="0.2")
    changes = files().model_copy(update={"python_packages": (package,)})
    found = history(seen(api(count(40, status=500)), changes))
    assert found is not None
    assert [(change.what, change.name) for change in found.changes] == [
        ("installed", "fastapi"),
        ("installed", "nginx"),
    ]


def story(language: Language, *observations: AnyObservation) -> Storyteller:
    """A real broken run, with other users' history."""
    real = recording.read(RECORDING)
    kept = tuple(
        entry
        for entry in real.observations
        if not isinstance(entry, ServerTraffic | ServerChanges | UnitState)
    )
    clock = next(entry for entry in kept if isinstance(entry, ServerClock))
    moved = tuple(
        entry.model_copy(update={"now": NOW}) if entry is clock else entry for entry in kept
    )
    changed = real.model_copy(update={"observations": (*moved, *observations), "started_at": NOW})
    return Storyteller(examine(changed, catalogue()), catalogue(), language)


FACTS: tuple[AnyObservation, ...] = (
    traffic(count(312)),
    files(livekit_yaml=BROKE - minutes(1)),
)


def test_told_in_two_lines() -> None:
    assert told(story("en", *FACTS)) == (
        "since 02:41 UTC: 312 real failures in nginx's log (POST /api/sessions 502)",
        "just before: livekit.yaml changed 02:40 · package nginx installed 02:21",
    )
    assert told(story("fr", *FACTS))[1] == (
        "juste avant : livekit.yaml modifié à 02:40 · paquet nginx installé à 02:21"
    )


@pytest.mark.parametrize(
    ("observation", "english", "french"),
    [
        (
            api(count(40, status=500)),
            "since 02:41 UTC: 40 failures in eloquence-api.service's journal "
            "(POST /api/sessions 500)",
            "depuis 02:41 UTC : 40 échecs dans le journal du service eloquence-api.service "
            "(POST /api/sessions 500)",
        ),
        (
            unit(active_state="failed", inactive_since=BROKE),
            "since 02:41 UTC: livekit.service is not running",
            "depuis 02:41 UTC : livekit.service ne tourne pas",
        ),
    ],
)
def test_where_nginx_tells_nothing(observation: AnyObservation, english: str, french: str) -> None:
    for language, line in (("en", english), ("fr", french)):
        first, _ = told(story(language, observation, files()))  # type: ignore[arg-type]
        assert first.replace("\u00a0", " ").replace("\u202f", " ") == line


@pytest.mark.parametrize("language", ["en", "fr"])
def test_on_the_screen_it_keeps_to_eighty_columns(language: Language) -> None:
    page = io.StringIO()
    Screen(Console(file=page, width=80), story(language, *FACTS)).show()
    above = page.getvalue().partition("TO DO" if language == "en" else "À FAIRE")[0]
    assert "02:41 UTC" in above
    # A command is never broken: it is there to be pasted.
    told = [line for line in above.splitlines() if not line.startswith("    eloquence ")]
    assert max(map(len, told)) <= 80


def test_another_day_has_its_date() -> None:
    yesterday = BROKE - timedelta(days=1) + timedelta(hours=3)
    (line,) = told(story("en", traffic(count(2, first=yesterday))))
    assert line.startswith("since 2026-11-19 05:41 UTC: 2 real failures")


def test_a_server_that_dates_its_log_at_the_beginning_of_time_breaks_nothing() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    found = history(seen(traffic(count(2, first=first)), files(livekit_yaml=BROKE)))
    assert found is not None
    assert found.changes == ()
