"""What an exception of an HTTP exchange says about the server, the network or the request."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpcore

from eloquence_ops.observations.http import HttpOutcome
from eloquence_ops.observations.transport import TcpOutcome
from eloquence_ops.probes.http_wire import HEAD_LIMIT, HeadTooLarge, NotHttp, Wire
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tcp import describe, outcome_of


class StaleAnswer(Exception):
    """On a kept-alive connection an answer was there before its request was sent."""


FAULTS: Final = (
    OSError,  # ssl.SSLError is one
    httpcore.NetworkError,
    httpcore.ProtocolError,
    HeadTooLarge,
    NotHttp,
    StaleAnswer,
)
"""What a peer, the network or the request's own words can make happen; all else is our defect."""

_CONNECTING: Final[dict[TcpOutcome, HttpOutcome]] = {
    "refused": "refused",
    "silent": "connect-timeout",
    "unreachable": "unreachable",
    "no-route-here": "unreachable",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """`detail` may hold the peer's words: redact it."""

    outcome: HttpOutcome
    detail: str


def at_deadline(wire: Wire) -> Failure:
    match wire.stage:
        case "connect":
            return Failure("connect-timeout", "")
        case "tls":
            return Failure("tls-failed", "the server was silent during the TLS handshake")
        case "exchange" if wire.received:
            return Failure("silent", f"only {wire.received} bytes of an unfinished answer came")
        case "exchange":
            return Failure("silent", "")


def of(error: Exception, wire: Wire, road: Road) -> Failure:
    """One of `FAULTS`, by the stage at which it happened."""
    system = next((cause for cause in _chain(error) if isinstance(cause, OSError)), None)
    if isinstance(error, httpcore.LocalProtocolError):
        # h11's message quotes the header, which may be the key.
        return Failure("failed", "the request holds characters that HTTP does not allow")
    if wire.stage == "connect" and system is not None:
        connecting = outcome_of(system, road.family, road.address)
        return Failure(_CONNECTING.get(connecting, "failed"), describe(system))
    if wire.stage == "tls":
        return Failure("tls-failed", tls_detail(system) if system else str(error))
    if isinstance(error, HeadTooLarge):
        return Failure("too-large", f"no end of the headers within {HEAD_LIMIT} bytes")
    if isinstance(error, NotHttp):
        return Failure("not-http", "the answer does not begin with HTTP/")
    if isinstance(error, StaleAnswer):
        return Failure("not-http", "an answer was there before the request was sent")
    if isinstance(error, httpcore.RemoteProtocolError) and wire.received and not wire.ended:
        # h11 quotes what it could not read; the body shows it, properly redacted.
        return Failure("not-http", str(error).partition(": bytearray(")[0])
    part = f"; {wire.received} bytes of an unfinished answer had come" if wire.received else ""
    how = describe(system) if system else "the server closed the connection"
    return Failure("closed", how + part)


def tls_detail(error: OSError) -> str:
    """What ended a TLS handshake, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLEOFError):
        return "the server closed the connection during the TLS handshake"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error)
    return describe(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from: httpcore wraps what the socket said."""
    seen: set[int] = set()
    step: BaseException | None = error
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        step = step.__cause__ or step.__context__
