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
