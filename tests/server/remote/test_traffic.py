"""What users got, out of the proxy's logs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from eloquence_ops.server.remote import request_counts, traffic
from eloquence_ops.server.remote.gaps import Gaps
from tests.server.remote import recorded

NOW = 1795172100.0
AGENT = "Dart/3.3 (dart:io)"


def counted(*lines: str) -> dict[str, object]:
    return traffic.count(list(lines), NOW)


def access(stamp: str, request: str, status: int, agent: str = AGENT) -> str:
    return f'203.0.113.9 - - [{stamp}] "{request} HTTP/1.1" {status} 157 "-" "{agent}"'


def test_the_log_of_a_broken_server() -> None:
    found = counted(*recorded.text("access.log").splitlines())
    assert found["classes"] == [{"name": "5xx", "last_hour": 10, "last_day": 10}]
    assert found["not_understood"] == 0
    assert isinstance(found["requests"], list)
    by_path = {(entry["method"], entry["path"]): entry for entry in found["requests"]}
    assert set(by_path) == {
        (method, path)
        for method in ("GET", "POST")
        for path in ("/", "/api/sessions", "/api/sessions/{id}", "/api/session/start", "/rtc")
    }
    assert by_path["GET", "/api/session/start"]["old_endpoint"] is True
    assert by_path["GET", "/api/sessions"]["agents"] == [AGENT]
    assert by_path["GET", "/rtc"]["first_at"] == 1795172048


def test_the_hour_is_apart_from_the_day_and_what_is_older_is_left_out() -> None:
    found = counted(
        access("20/Nov/2026:10:50:00 +0000", "POST /api/sessions", 200),
        access("20/Nov/2026:07:50:00 +0000", "POST /api/sessions", 200),
        access("18/Nov/2026:07:50:00 +0000", "POST /api/sessions", 200),
    )
    assert found["classes"] == [{"name": "2xx", "last_hour": 1, "last_day": 2}]
    assert found["since"] == 1794988200


FAILED, WELL = 502, 200


@pytest.mark.parametrize(
    ("requests", "began", "times"),
    [
        # One of yesterday, all well meanwhile, and tonight's outage.
        ([(0, FAILED), (1, WELL), (1300, FAILED), (1301, FAILED)], 1300, 2),
        # Nobody asked for the whole day.
        ([(0, FAILED), (1300, FAILED), (1301, FAILED)], 1300, 2),
        # Nobody asked for two hours: nothing says that it was well meanwhile.
        ([(0, FAILED), (120, FAILED)], 0, 2),
        ([(0, FAILED), (1, WELL), (120, FAILED)], 120, 1),
        # Now and then.
        ([(0, FAILED), (1, WELL), (10, FAILED), (11, WELL), (20, FAILED)], 0, 3),
        ([(0, FAILED), (1, 404), (120, FAILED)], 0, 2),
    ],
)
def test_since_when_something_fails(
    requests: list[tuple[int, int]], began: int, times: int
) -> None:
    start = int(NOW) - 82800
    lines = [
        access(
            time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(start + minute * 60)),
            "POST /api/sessions",
            status,
        )
        for minute, status in requests
    ]
    found = counted(*lines)["requests"]
    assert isinstance(found, list)
    (failures,) = (entry for entry in found if entry["status"] == FAILED)
    assert ((failures["run_first_at"] - start) / 60, failures["run"]) == (began, times)


def test_time_zones_count() -> None:
    one = traffic.parse(access("20/Nov/2026:11:54:08 +0100", "GET /", 200))
    other = traffic.parse(access("20/Nov/2026:05:24:08 -0530", "GET /", 200))
    assert one is not None
    assert other is not None
    assert one.at == other.at == 1795172048


def test_our_own_requests_are_no_users() -> None:
    line = access("20/Nov/2026:10:50:00 +0000", "POST /api/sessions", 200, "eloquence/0.1.0")
    assert counted(line)["classes"] == []


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/rtc?access_token=eyJhbGciOiJIUzI1NiJ9.a.b", "/rtc"),
        ("/api/sessions/550e8400-e29b-41d4-a716-446655440000", "/api/sessions/{id}"),
        ("/api/session/42/end", "/api/session/{id}/end"),
        ("/ws/simple/deadbeefdeadbeef01", "/ws/simple/{id}"),
        ("/t/eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln", "/t/{id}"),
        ("http://host/api/sessions", "/api/sessions"),
        ("/", "/"),
        ("/a#b", "/a"),
    ],
)
def test_a_path_is_shown_without_what_is_only_its_own(target: str, path: str) -> None:
    assert request_counts.collapsed(target) == path


@pytest.mark.parametrize(
    ("path", "old"),
    [
        ("/api/session/start", True),
        ("/api/session/{id}/end", True),
        ("/livekit/token", True),
        ("/ws/simple/{id}", True),
        ("/api/sessions", False),
        ("/api/session", False),
        ("/rtc", False),
    ],
)
def test_the_endpoints_from_before_livekit(path: str, old: bool) -> None:
    assert bool(request_counts.OLD_ENDPOINTS.match(path)) is old


@pytest.mark.parametrize("line", ["", "garbage", '1.1.1.1 - - [x] "GET / HTTP/1.1" 200', "\\x00"])
def test_a_line_of_another_format_is_only_counted(line: str) -> None:
    assert counted(line)["not_understood"] == (1 if line else 0)


ISO, MSEC = "2026-11-20T10:54:08+00:00", "1795172048.123"
JSON_LINES = {
    "variables by their names": {
        "time_iso8601": ISO,
        "remote_addr": "203.0.113.9",
        "request_method": "POST",
        "request_uri": "/api/session/start?x=1",
        "status": "404",
        "http_user_agent": AGENT,
    },
    "the whole request line": {
        "msec": MSEC,
        "request": "POST /api/session/start HTTP/1.1",
        "status": 404,
        "http_user_agent": AGENT,
    },
    "local time, short names": {
        "time_local": "20/Nov/2026:11:54:08 +0100",
        "method": "POST",
        "uri": "/api/session/start",
        "status": "404",
        "user_agent": AGENT,
    },
    "Elastic Common Schema": {
        "@timestamp": "2026-11-20T10:54:08.500Z",
        "http": {"request": {"method": "POST"}, "response": {"status_code": 404}},
        "url": {"original": "/api/session/start"},
        "user_agent": {"original": AGENT},
    },
    "Caddy": {
        "ts": 1795172048.5,
        "request": {
            "method": "POST",
            "uri": "/api/session/start",
            "headers": {"User-Agent": [AGENT]},
        },
        "status": 404,
    },
}


@pytest.mark.parametrize("said", JSON_LINES.values(), ids=JSON_LINES.keys())
def test_access_lines_in_json(said: dict[str, object]) -> None:
    request = traffic.parse(json.dumps(said))
    assert request == (1795172048, "POST", "/api/session/start", 404, AGENT)


def test_json_as_nginx_writes_it_without_escape_json() -> None:
    line = (
        f'{{"time_iso8601":"{ISO}","request":"GET /a\\x22b HTTP/1.1","status":"200",'
        f'"http_user_agent":"a\\x5Cb"}}'
    )
    request = traffic.parse(line)
    assert request is not None
    assert request.agent == "a\\b"


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "{",
        '{"time":"2026-11-20T10:54:08","method":"GET","uri":"/","status":200}',
        '{"time":"yesterday","method":"GET","uri":"/","status":200}',
        f'{{"time":"{ISO}","method":"GET","uri":"/"}}',
        f'{{"time":"{ISO}","method":"GET","uri":"/","status":"OK"}}',
        f'{{"time":"{ISO}","status":200}}',
        '{"a":' * 5000,
    ],
)
def test_json_that_is_no_access_line_is_only_counted(line: str) -> None:
    found = counted(line)
    assert (found["understood"], found["not_understood"]) == (0, 1)


def test_bytes_that_are_no_request_are_no_line_of_another_format() -> None:
    line = access("20/Nov/2026:10:50:00 +0000", "x", 400).replace("x HTTP/1.1", "\\x16\\x03\\x01")
    assert counted(line)["not_understood"] == 0


def test_what_the_app_calls_is_shown_before_a_scanners_paths() -> None:
    scanned = [access("20/Nov/2026:10:50:00 +0000", f"GET /x{at}.php", 404) for at in range(300)]
    found = counted(*scanned, access("20/Nov/2026:10:50:00 +0000", "POST /api/sessions", 404))
    assert isinstance(found["requests"], list)
    assert found["requests"][0]["path"] == "/api/sessions"
    assert found["left_out"] == 301 - len(found["requests"])


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_the_error_log_of_a_broken_server(in_utc: None) -> None:
    found = traffic.errors(recorded.text("error.log").splitlines(), NOW)
    assert {(entry["found"], entry["upstream"], entry["times"]) for entry in found} == {
        ("upstream-refused", "127.0.0.1:7880", 5),
        ("upstream-refused", "127.0.0.1:8083", 5),
    }
    assert "access_token" not in repr(found)


def test_a_log_that_was_just_rotated_is_read_back_into_the_old_one(tmp_path: Path) -> None:
    today = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    (tmp_path / "access.log").write_text(access(today, "GET /", 200) + "\n")
    (tmp_path / "access.log.1").write_text(access(today, "GET /", 502) + "\n")
    found = traffic.facts({str(tmp_path / "access.log"): "nginx"}, [], Gaps())
    assert isinstance(found["access"], list)
    assert [entry["name"] for entry in found["access"][0]["classes"]] == ["2xx", "5xx"]


def test_a_log_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    gaps = Gaps()
    found = traffic.facts({str(tmp_path / "gone.log"): "caddy"}, [], gaps)
    assert found["unread"] == [str(tmp_path / "gone.log")]
    assert [entry["reason"] for entry in gaps.entries] == ["not-found"]
