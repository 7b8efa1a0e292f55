"""Addresses of STUN and TURN servers as they are handed out and typed (RFC 7064, RFC 7065)."""

from __future__ import annotations

import pytest

from eloquence_ops.errors import UsageError
from eloquence_ops.ice_urls import parse


@pytest.mark.parametrize(
    ("text", "host", "port", "transport", "shown"),
    [
        ("turn:t.test", "t.test", 3478, "udp", "turn:t.test:3478?transport=udp"),
        ("turn:t.test?transport=tcp", "t.test", 3478, "tcp", "turn:t.test:3478?transport=tcp"),
        ("turns:t.test", "t.test", 5349, "tcp", "turns:t.test:5349?transport=tcp"),
        ("TURNS:t.test:443?transport=TCP", "t.test", 443, "tcp", "turns:t.test:443?transport=tcp"),
        ("stun:stun.test:19302", "stun.test", 19302, "udp", "stun:stun.test:19302"),
        ("stun:[2001:DB8::1]", "2001:db8::1", 3478, "udp", "stun:[2001:db8::1]:3478"),
        (
            "turn:turn.éloquence.test:3478",
            "turn.xn--loquence-90a.test",
            3478,
            "udp",
            "turn:turn.éloquence.test:3478?transport=udp",
        ),
    ],
)
def test_what_is_left_out_has_its_default(
    text: str, host: str, port: int, transport: str, shown: str
) -> None:
    found = parse(text)
    assert (found.host, found.port, found.transport) == (host, port, transport)
    assert str(found) == shown
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t.test:3478",
        "turn:",
        "turn://t.test",
        "turn:t.test:0",
        "turn:t.test:65536",
        "turn:user@t.test",
        "turn:t.test?transport=quic",
        "turns:t.test:5349?transport=udp",  # DTLS
        "turn:t.test:3478?transport=udp\n",
        "turn:a b",
        "turn:" + "a" * 400,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)
