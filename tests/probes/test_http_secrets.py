"""What a server may echo or smuggle in never enters an observation."""

from __future__ import annotations

import pytest

from eloquence_ops.probes.http import HttpRequest
from eloquence_ops.secrets import Secret
from tests.probes.http_client import KEY, OK, answer_of, seen_of
from tests.probes.peers import (
    says,
)


def test_escape_sequences_and_bad_text_are_made_visible() -> None:
    raw = "\x1b[2J\u202eevil\nline\ttab ".encode() + b"\xff\xfe"
    head = b"HTTP/1.1 200 OK\r\nX-E: a\x1b]0;t\x07\xe2\x80\xaeb\xff\r\nContent-Length: %d\r\n\r\n"
    seen = seen_of(says(head % len(raw) + raw))
    assert seen.body == "\\x1b[2J\\u202eevil\nline\ttab \\xff\\xfe"
    assert seen.header("x-e") == "a\\x1b]0;t\\x07\\u202eb\\xff"


ECHO = HttpRequest("echo", "GET", "/", (("X-API-Key", Secret(KEY)),))


@pytest.mark.parametrize("before", [0, 100, 1980, 1999, 2000])
def test_our_own_key_never_enters_the_observation(before: int) -> None:
    body = b"." * before + KEY.encode() + b" and on"
    head = b"HTTP/1.1 401 X\r\nX-Echo: got %s\r\nX-%s: 1\r\nContent-Length: %d\r\n\r\n"
    answer = answer_of(says(head % (KEY.encode(), KEY.encode(), len(body)) + body), ECHO)
    text = answer.observation.model_dump_json()
    assert KEY[:8] not in text
    assert KEY.lower() not in text
    assert answer.observation.header("x-echo") == "got ***"
    assert KEY.encode() in answer.body
    assert KEY not in repr(answer)


@pytest.mark.parametrize("limit", range(300 - len(KEY), 301, 7))
def test_a_key_across_the_limit_of_a_header_leaves_no_half(limit: int) -> None:
    head = b"HTTP/1.1 401 X\r\nX-Echo: %s%s\r\nContent-Length: 0\r\n\r\n"
    seen = seen_of(says(head % (b"." * limit, KEY.encode())), ECHO)
    assert KEY[:5] not in seen.model_dump_json()


@pytest.mark.parametrize("sent", [5, 20, len(KEY) - 1])
@pytest.mark.parametrize("how", ["slow", "broken", "cut", "not-http"])
def test_a_body_that_ends_in_the_middle_of_the_key_shows_no_half(sent: int, how: str) -> None:
    part = KEY[:sent].encode()
    raw = b"HTTP/1.1 401 X\r\nContent-Length: 999\r\n\r\nyour key is " + part
    limit = 64 * 1024
    match how:
        case "not-http":
            raw = b"your key is " + part
        case "cut":
            raw = raw[: -len(part)] + KEY.encode() * 9
            limit = len("your key is ") + sent
    answer = answer_of(says(raw, then_wait=how == "slow"), ECHO, timeout_s=0.5, body_limit=limit)
    assert answer.observation.body == "your key is ***"
    expected = "whole" if how == "not-http" else how
    assert answer.observation.body_state == expected


def test_a_key_that_no_header_can_hold_fails_without_being_told() -> None:
    # Quoted in an error, the accent is written as an escape: no longer what is known as secret.
    request = HttpRequest("p", "GET", "/", (("X-API-Key", Secret("clé-123456\r\nX-Evil: 1")),))
    seen = seen_of(says(OK), request)
    assert seen.outcome == "failed"
    assert "123456" not in seen.model_dump_json()
