"""Bodies: bounded in bytes, in time and in memory, compressed or not."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
import zlib

import pytest

from eloquence_ops.probes.http import Answer
from tests.probes.http_client import OK, ROOT, answer_of, client_on, road_to, seen_of
from tests.probes.peers import (
    Handler,
    peer,
    repeats,
    request_head,
    says,
)


def peak_of(handler: Handler) -> tuple[Answer, int]:
    tracemalloc.start()
    try:
        answer = answer_of(handler)
        return answer, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_endless_body_is_cut_at_the_limit() -> None:
    answer, peak = peak_of(repeats(b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 65536))
    assert (answer.observation.outcome, answer.observation.body_state) == ("answered", "cut")
    assert len(answer.body) == answer.observation.body_bytes == 64 * 1024
    assert len(answer.observation.body) == 2000
    assert peak < 8 << 20


def gzip_bomb() -> bytes:
    """100 MB of zeros, compressed twice over what is read of it."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(100)) + squeeze.flush()


def test_a_gzip_bomb_never_exceeds_the_limit() -> None:
    bomb = gzip_bomb()
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    answer, peak = peak_of(says(head + bomb))
    assert (answer.observation.body_state, len(answer.body)) == ("cut", 64 * 1024)
    assert peak < 8 << 20


RAW_DEFLATE = zlib.compressobj(9, zlib.DEFLATED, -15)
RAW = RAW_DEFLATE.compress(b"plain text") + RAW_DEFLATE.flush()


@pytest.mark.parametrize(
    ("coding", "body", "state", "expected"),
    [
        ("gzip", gzip.compress(b"plain text"), "whole", b"plain text"),
        ("x-gzip", gzip.compress(b"plain ") + gzip.compress(b"text"), "whole", b"plain text"),
        ("deflate", zlib.compress(b"plain text"), "whole", b"plain text"),
        ("deflate", RAW, "whole", b"plain text"),
        ("gzip", gzip.compress(b"plain text" * 50)[:-9], "broken", None),
        ("gzip", b"this is no gzip", "broken", b"this is no gzip"),
        ("br", b"left as it is", "whole", b"left as it is"),
        ("gzip", b"", "whole", b""),
        ("gzip", gzip.compress(b"") * 4000, "cut", b""),
    ],
    ids=[
        "gzip",
        "two of gzip",
        "deflate",
        "raw deflate",
        "half of gzip",
        "no gzip",
        "unknown",
        "nothing",
        "thousands of nothing",
    ],
)
def test_a_server_that_compresses_anyway(
    coding: str, body: bytes, state: str, expected: bytes | None
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = answer_of(says(head.encode() + body))
    assert answer.observation.body_state == state
    if expected:
        assert answer.body == expected
    assert len(answer.body) <= 64 * 1024


def test_a_raw_deflate_body_may_come_byte_by_byte() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n")
        for byte in RAW:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.002)
        writer.close()
        await writer.wait_closed()

    assert answer_of(drip).body == b"plain text"


@pytest.mark.parametrize(("length", "state"), [(99, "whole"), (100, "whole"), (101, "cut")])
def test_the_limit_itself_is_still_whole(length: int, state: str) -> None:
    for coding, body in ((b"identity", b"x" * length), (b"gzip", gzip.compress(b"x" * length))):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
        head %= (coding, len(body))
        answer = answer_of(says(head + body), body_limit=100)
        assert (answer.observation.body_state, len(answer.body)) == (state, min(length, 100))


def test_one_request_may_have_a_limit_of_its_own() -> None:
    async def story() -> Answer:
        async with peer(says(OK)) as port, client_on(road_to(port)) as client:
            return await client.send(ROOT, body_limit=1)

    answer = asyncio.run(story())
    assert (answer.body, answer.observation.body_state) == (b"o", "cut")


def test_one_byte_at_a_time_ends_at_the_deadline_of_the_whole_exchange() -> None:
    begun = time.monotonic()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    seen = seen_of(repeats(head, b"a", pause_s=0.05), timeout_s=0.8)
    assert (seen.outcome, seen.status, seen.body_state) == ("answered", 200, "slow")
    assert 0 < seen.body_bytes < 100
    assert set(seen.body) == {"a"}
    assert time.monotonic() - begun < 10


def test_a_body_that_breaks_off_says_so() -> None:
    for broken in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ):
        seen = seen_of(says(broken))
        assert (seen.outcome, seen.body, seen.body_state) == ("answered", "half", "broken")
        assert seen.detail
