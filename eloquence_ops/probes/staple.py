"""Asks for a stapled OCSP answer in the handshake (RFC 6066, 8), which the ssl module cannot.

Only where a certificate demands it (RFC 7633): that is rare, and pyOpenSSL is not loaded before.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.x509 import ocsp
from OpenSSL import SSL

from eloquence_ops.endpoints import ip_address
from eloquence_ops.observations.certificates import StapleAnswer, StapleStatus
from eloquence_ops.probes import remote_text
from eloquence_ops.probes.channel import Channel
from eloquence_ops.probes.http_request import tls_name
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tcp import describe
from eloquence_ops.secrets import Redactor

_AT_ONCE: Final = 64 * 1024
_STATUS: Final[dict[ocsp.OCSPCertStatus, StapleStatus]] = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unlisted",
}


@dataclass
class _Asked:
    """`answer` is what was stapled, as it came; None until the handshake has come so far."""

    answer: bytes | None = None
    detail: str = ""


async def ask(road: Road, *, timeout_s: float, started: float, redactor: Redactor) -> StapleAnswer:
    """One handshake of at most `timeout_s` seconds; nothing is sent over what it opens, and the
    chain is not verified. Never raises for what a server does."""
    begun = time.monotonic()
    asked = await _shake(road, timeout_s)
    status, until = _read(asked.answer) if asked.answer else ("", None)
    return StapleAnswer(
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=str(road.endpoint),
        family=road.family,
        address=road.address,
        is_known=asked.answer is not None,
        status=status,
        next_update=until,
        detail=remote_text.line(asked.detail, redactor, limit=200),
    )


async def _shake(road: Road, timeout_s: float) -> _Asked:
    asked = _Asked()
    channel: Channel | None = None
    try:
        async with asyncio.timeout(timeout_s):
            channel = await Channel.open(road.family, road.address, road.port)
            await _handshake(channel, _connection(tls_name(road.endpoint), asked))
    except TimeoutError:
        asked.detail = "silent"
    except OSError as error:
        asked.detail = describe(error)
    except SSL.Error as error:
        asked.detail = str(error) or "the handshake failed"
    finally:
        if channel is not None:
            channel.close()
    if asked.detail:
        asked.answer = None  # where the handshake did not pass, that none came says nothing
    return asked


def _connection(name: str, asked: _Asked) -> SSL.Connection:
    def note(_connection: SSL.Connection, answer: bytes, _data: object) -> bool:
        asked.answer = answer
        return True

    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_ocsp_client_callback(note)
    connection = SSL.Connection(context, None)
    if ip_address(name) is None:
        connection.set_tlsext_host_name(name.encode("ascii", errors="ignore"))
    connection.request_ocsp()
    connection.set_connect_state()
    return connection


async def _handshake(channel: Channel, connection: SSL.Connection) -> None:
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            pass
        else:
            return
        await _flush(channel, connection)
        data = await channel.receive(_AT_ONCE)
        if not data:
            raise ConnectionResetError("the server closed the connection during the handshake")
        connection.bio_write(data)


async def _flush(channel: Channel, connection: SSL.Connection) -> None:
    try:
        while True:
            await channel.send(connection.bio_read(_AT_ONCE))
    except SSL.WantReadError:
        return


def _read(answer: bytes) -> tuple[StapleStatus, datetime | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = ocsp.load_der_ocsp_response(answer)
            if found.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                return "unreadable", None
            until = found.next_update_utc
            return _STATUS[found.certificate_status], until.astimezone(UTC) if until else None
        except (ValueError, TypeError, KeyError):
            return "unreadable", None
