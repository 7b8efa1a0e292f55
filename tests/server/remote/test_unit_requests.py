"""What the API's own journal tells of failed requests."""

from __future__ import annotations

import json

import pytest

from eloquence_ops.server.remote import journal, unit_requests
from eloquence_ops.server.remote.journal import Line

NOW = 1795172100.0
FAILED = 'INFO:     127.0.0.1:5000 - "POST /api/sessions?x=1 HTTP/1.1" 500 Internal Server Error'
WELL = 'INFO:     127.0.0.1:5000 - "POST /api/sessions HTTP/1.1" 200 OK'
GUNICORN = (
    '127.0.0.1 - - [20/Nov/2026:10:54:08 +0000] "GET /api/sessions/42 HTTP/1.1" 503 9 "-" "a"'
)
TRACEBACK = "Traceback (most recent call last):"
CHAINED = "During handling of the above exception, another exception occurred:"


def described(*lines: tuple[float, str]) -> dict[str, object]:
    """`lines` are minutes before now, and messages."""
    written = [Line(NOW - ago * 60, 6, "uvicorn", message, "") for ago, message in lines]
    return unit_requests.described("api.service", written, NOW)


def test_errors_of_the_server_are_counted_as_uvicorn_and_gunicorn_write_them() -> None:
    found = described((3, FAILED), (2, FAILED), (2, WELL), (1, GUNICORN))
    assert isinstance(found["requests"], list)
    assert [
        (entry["method"], entry["path"], entry["status"], entry["run"])
        for entry in found["requests"]
    ] == [("POST", "/api/sessions", 500, 2), ("GET", "/api/sessions/{id}", 503, 1)]


def test_what_was_asked_wrongly_is_not_since_it_may_have_been_us() -> None:
    assert described((1, WELL.replace("200 OK", "401 Unauthorized")))["requests"] == []


def test_exceptions_are_counted_once_each_however_many_led_to_another() -> None:
    found = described((9, TRACEBACK), (9, CHAINED), (9, TRACEBACK), (8, TRACEBACK))
    assert (found["exceptions"], found["first_exception_at"]) == (2, int(NOW) - 540)


def test_exceptions_of_an_earlier_outage_do_not_count() -> None:
    assert described((1200, TRACEBACK), (9, TRACEBACK))["exceptions"] == 1
    assert described((90, TRACEBACK), (80, WELL), (9, TRACEBACK))["exceptions"] == 1
    assert described((90, TRACEBACK), (9, TRACEBACK))["exceptions"] == 2


OLD = "/api/session/start"


def counted(found: dict[str, object]) -> list[tuple[str, int, int, list[str]]]:
    assert isinstance(found["requests"], list)
    return [
        (entry["path"], entry["status"], entry["last_day"], entry["agents"])
        for entry in found["requests"]
    ]


@pytest.mark.parametrize("status", ["404 Not Found", "200 OK"])
def test_calls_of_old_endpoints_count_whatever_came(status: str) -> None:
    line = f'INFO:     203.0.113.9:5000 - "POST {OLD} HTTP/1.1" {status}'
    found = described((2, line), (1, WELL))
    assert counted(found) == [(OLD, int(status[:3]), 1, [""])]
    assert found["understood"] == 2


@pytest.mark.parametrize(
    ("captured", "agent"),
    [
        ("", ""),
        ("{Dart/3.3 (dart:io)} ", "Dart/3.3 (dart:io)"),
        ("{api.test|Dart/3} {} ", "Dart/3"),
    ],
)
def test_lines_of_haproxy(captured: str, agent: str) -> None:
    """`option httplog`, with the headers that it was told to capture."""
    line = (
        "203.0.113.9:39020 [30/Nov/2026:20:25:00.123] public~ api/api1 0/0/1/2/3 404 157 - - ---- "
        f'1/1/0/0/0 0/0 {captured}"POST {OLD}?x=1 HTTP/1.1"'
    )
    assert counted(described((1, line))) == [(OLD, 404, 1, [agent])]


def test_our_own_requests_in_haproxys_log_are_no_users() -> None:
    line = (
        "203.0.113.9:39020 [30/Nov/2026:20:25:00.123] public api/<NOSRV> 0/-1/-1/-1/3 503 157 - - "
        'SC-- 1/1/0/0/0 0/0 {eloquence/0.1.0} "POST /api/sessions HTTP/1.1"'
    )
    assert counted(described((1, line))) == []
    assert counted(described((1, line.replace("eloquence", "Dart")))) == [
        ("/api/sessions", 503, 1, ["Dart/0.1.0"])
    ]


LIVEKITS = '{"status": 500, "method": "GET", "path": "/rtc/validate", "error": "no response"}'


@pytest.mark.parametrize(
    "line",
    [
        # As livekit-server 1.13.5 writes it, in both of its forms.
        "2026-11-30T20:24:59.437Z\tWARN\tlivekit\tservice/utils.go:84\t"
        f"error handling request\t{LIVEKITS}",
        '{"level":"warn","ts":1796070303.4,"logger":"livekit","caller":"service/utils.go:84",'
        f'"msg":"error handling request",{LIVEKITS[1:]}',
    ],
)
def test_what_livekit_could_not_answer(line: str) -> None:
    assert counted(described((1, line))) == [("/rtc/validate", 500, 1, [""])]
    # Without a token, as we ask too.
    assert counted(described((1, line.replace("500", "401")))) == []


@pytest.mark.parametrize("rest", ["", "{", "{}", "[1]", '{"status": "500"}'])
def test_what_looks_like_livekits_and_is_not(rest: str) -> None:
    assert counted(described((1, f"WARN error handling request {rest}"))) == []


def test_old_endpoints_that_caddy_passed_on() -> None:
    line = caddys("http.log.access.log0", 404).replace("/api/sessions", OLD)
    assert counted(described((1, line))) == [(OLD, 404, 1, ["Dart/3"])]


def test_errors_of_the_api_behind_caddy_are_in_its_access_log_alone() -> None:
    assert counted(described((1, caddys("http.log.access", 500)))) == [
        ("/api/sessions", 500, 1, ["Dart/3"])
    ]


def caddys(logger: str, status: int, agent: str = "Dart/3") -> str:
    """As Caddy 2.6 writes it."""
    return json.dumps(
        {
            "level": "error",
            "logger": logger,
            "msg": "dial tcp 127.0.0.1:8083: connect: connection refused",
            "request": {
                "method": "POST",
                "host": "api.test",
                "uri": "/api/sessions?x=1",
                "headers": {"User-Agent": [agent]},
            },
            "status": status,
        }
    )


def test_what_caddy_could_not_pass_on_is_counted_once_and_without_us() -> None:
    found = described(
        (3, caddys("http.log.error", 502)),
        (3, caddys("http.log.access.log0", 502)),
        (2, caddys("http.log.error", 502, agent="eloquence/0.1.0")),
        (1, caddys("http.log.access.log0", 200)),
    )
    assert isinstance(found["requests"], list)
    (entry,) = found["requests"]
    assert (entry["path"], entry["status"], entry["last_day"]) == ("/api/sessions", 502, 1)
    assert entry["agents"] == ["Dart/3"]


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "{}",
        '{"logger":"http.log.error","status":"502","request":{"method":"GET","uri":"/"}}',
        '{"logger":"http.log.error","status":502,"request":[]}',
        '{"logger":"http.log.error","status":502,"request":{"method":1,"uri":2,"headers":[]}}',
        '{"a":' * 5000,
    ],
)
def test_what_looks_like_caddys_and_is_not(message: str) -> None:
    assert described((1, message))["requests"] == []


def test_a_journal_without_lines() -> None:
    found = described()
    assert (found["since"], found["requests"], found["exceptions"]) == (None, [], 0)


def test_the_short_form_of_the_journal() -> None:
    raw = (
        b"1795172048.123456 host uvicorn[42]: INFO: a: b\n"
        b"                                 its second line\n"
        b"1795172049.000001 host systemd[1]: Started x.\n"
        b"-- Boot 0123 --\n-- No entries --\n"
    )
    assert [(line.at, line.source, line.message) for line in journal.parse_short(raw)] == [
        (1795172048.123456, "uvicorn", "INFO: a: b"),
        (1795172049.000001, "systemd", "Started x."),
    ]
