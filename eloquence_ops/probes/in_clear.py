"""What speaks on a port where TLS was expected, by the first bytes that it sent."""

from __future__ import annotations

import re
from typing import Final

SHOWN: Final = 60
"""How many bytes are kept to be shown."""

# Greetings that a server sends of itself, or its complaint about what is no request to it. MySQL:
# a packet's length, number 0, protocol 10 (Protocol::HandshakeV10).
_SPEAKERS: Final = (
    ("HTTP", rb"HTTP/"),
    ("SSH", rb"SSH-"),
    ("SMTP", rb"220[ -][^\r\n]*(?:SMTP|Postfix|Exim|Sendmail)"),
    ("FTP", rb"220[ -]"),
    ("SMTP", rb"(?:421|554)[ -]"),
    ("IMAP", rb"\* (?:OK|PREAUTH|BYE)\b"),
    ("POP3", rb"\+OK\b"),
    ("VNC", rb"RFB \d"),
    ("Redis", rb"-(?:ERR|DENIED|NOAUTH|MISCONF|LOADING)\b"),
    ("MySQL", rb".{3}\x00\x0a[0-9]"),
    ("NATS", rb"INFO \{"),
    ("AMQP", rb"AMQP"),
)
# Every TLS record starts with its type, 20 to 23, and 3 (RFC 8446, 5.1).
_RECORD: Final = re.compile(rb"[\x14-\x17](?:\x03|$)")


def is_tls(first: bytes) -> bool:
    """Or may be its beginning."""
    return _RECORD.match(first) is not None


def speaker(first: bytes) -> str:
    """The protocol's name; `unknown-protocol` for bytes that are none of those, empty for none."""
    if not first or is_tls(first):
        return ""
    for name, pattern in _SPEAKERS:
        if re.match(pattern, first, re.DOTALL | re.IGNORECASE):
            return name
    return "unknown-protocol"
