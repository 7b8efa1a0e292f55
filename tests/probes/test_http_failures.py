"""What each misbehaviour of a server becomes: peers on loopback that really do it."""

from __future__ import annotations

import asyncio
import time

import pytest

from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes.http import HttpRequest
from tests.probes.http_client import ROOT, client_on, road_to, seen_of
from tests.probes.peers import (
    Handler,
    closes_at_once,
    free_port,
    repeats,
    request_head,
    resets,
    says,
    silent,
)


def test_refused() -> None:
    async def story() -> HttpExchange:
        async with client_on(road_to(free_port())) as client:
            return (await client.send(ROOT)).observation

    seen = asyncio.run(story())
    assert seen.outcome == "refused"
    assert "ECONNREFUSED" in seen.detail
    assert seen.body_state == "whole"


@pytest.mark.parametrize(
    ("handler", "outcome", "detail"),
    [
        (silent, "silent", ""),
        (closes_at_once, "closed", "c"),  # an end or a reset: both happen
        (resets, "closed", "ECONNRESET"),
        (says(b"HTTP/1.1 200 OK\r\nServer: x"), "closed", "unfinished answer"),
        (says(b"HTTP/1.1 200 OK\r\nServer: x", then_wait=True), "silent", "unfinished answer"),
        (says(b""), "closed", "closed the connection"),
        (says(b"HTT"), "not-http", ""),
        (says(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), "not-http", "header"),
        (says(b"HTTP/1.1 two OK\r\n\r\n"), "not-http", "status"),
        (repeats(b"HTTP/1.1 200 OK\r\n", b"X-Header: yes\r\n" * 100), "too-large", "headers"),
        (repeats(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 4096), "too-large", "headers"),
        (repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "too-large", "headers"),
        (repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0.1), "silent", "unfinished"),
    ],
)
def test_no_answer(handler: Handler, outcome: str, detail: str) -> None:
    seen = seen_of(handler, timeout_s=1.0)
    assert seen.outcome == outcome
    assert detail in seen.detail
    assert seen.status is None


@pytest.mark.parametrize(
    ("banner", "shown"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        (b"\x15\x03\x03\x00\x02\x02\x16", "\\x15\\x03\\x03"),
        (b"garbage with no line at all", "garbage with no line at all"),
        (b"\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    ],
)
def test_what_is_not_http_is_shown_and_not_waited_for(banner: bytes, shown: str) -> None:
    begun = time.monotonic()
    seen = seen_of(says(banner, then_wait=True), timeout_s=30)
    assert seen.outcome == "not-http"
    assert shown in seen.body
    assert "\x1b" not in seen.body
    assert time.monotonic() - begun < 10


def test_a_banner_that_comes_byte_by_byte_is_seen_whole() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"220 mail":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.005)
        await asyncio.Event().wait()

    seen = seen_of(drip)
    assert (seen.outcome, seen.body) == ("not-http", "220 mail")


def test_ten_thousand_headers_are_counted_down_to_sixty_four() -> None:
    headers = b"".join(b"a%d:\r\n" % number for number in range(5000))
    seen = seen_of(says(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n"))
    assert (seen.outcome, len(seen.headers)) == ("answered", 64)
    headers = b"".join(b"x-header-%d: value\r\n" % number for number in range(10_000))
    assert seen_of(says(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n")).outcome == "too-large"


def test_a_long_header_is_cut() -> None:
    raw = b"HTTP/1.1 200 OK\r\nX-Long: " + b"v" * 5000 + b"\r\nContent-Length: 0\r\n\r\n"
    value = seen_of(says(raw)).header("x-long")
    assert value is not None
    assert len(value) == 300
    assert value.endswith("…")


def test_a_refusal_before_the_body_was_read_is_still_seen() -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.write_eof()
        await asyncio.sleep(1)

    seen = seen_of(early, HttpRequest("big", "POST", "/", (), b"x" * 20_000_000))
    assert (seen.outcome, seen.status) == ("answered", 413)
