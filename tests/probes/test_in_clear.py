"""What speaks where TLS was expected is named by its first bytes."""

from __future__ import annotations

import pytest

from eloquence_ops.probes.in_clear import speaker


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH"),
        (b"220 mail.example.com ESMTP Postfix\r\n", "SMTP"),
        (b"220-mail.example.com ESMTP Exim 4.96\r\n", "SMTP"),
        (b"554 5.7.1 no\r\n", "SMTP"),
        (b"220 (vsFTPd 3.0.3)\r\n", "FTP"),
        (b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "IMAP"),
        (b"+OK Dovecot ready.\r\n", "POP3"),
        (b"RFB 003.008\n", "VNC"),
        (b"-ERR unknown command\r\n", "Redis"),
        (b"\x4a\x00\x00\x00\x0a8.0.36\x00", "MySQL"),
        (b'INFO {"server_id":"N"}\r\n', "NATS"),
        (b"AMQP\x00\x00\x09\x01", "AMQP"),
        (b"\x00\x00\x00\x04", "unknown-protocol"),
        (b"hello\n", "unknown-protocol"),
        # Records of TLS: an alert, and a handshake.
        (b"\x15\x03\x01\x00\x02\x02\x28", ""),
        (b"\x16\x03\x03\x00\x40", ""),
        (b"\x16", ""),
        (b"", ""),
    ],
)
def test_a_speaker_is_known_by_its_greeting(first: bytes, name: str) -> None:
    assert speaker(first) == name
