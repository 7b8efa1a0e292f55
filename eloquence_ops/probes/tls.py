"""TLS: a handshake verified as a strict client does it, and the certificate whatever came of it."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from dataclasses import dataclass, field
from typing import Final

from eloquence_ops.errors import UsageError
from eloquence_ops.findings import Vantage
from eloquence_ops.observations.certificates import (
    AddressAnswer,
    NamelessAnswer,
    SentCertificate,
    TlsChain,
)
from eloquence_ops.observations.transport import Certificate, TlsHandshake, TlsOutcome
from eloquence_ops.probes import certificates, chains, in_clear, remote_text
from eloquence_ops.probes.chains import Shown
from eloquence_ops.probes.channel import Channel
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.tcp import connect, describe
from eloquence_ops.secrets import Redactor

SECOND_LOOK_S: Final = 3.0
"""A failed handshake is followed by one more connection, of at most this many seconds."""

# X509_V_ERR_… of OpenSSL's x509_vfy.h. All others mean that the chain leads to no trusted root,
# or that the certificates in it are not fit for it.
_VERIFY_CODES: Final[dict[int, TlsOutcome]] = {
    9: "not-yet-valid",
    10: "expired",
    62: "name-mismatch",
    64: "name-mismatch",  # of an IP address
}
_NO_VERSION: Final = frozenset(
    {
        "NO_PROTOCOLS_AVAILABLE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_SSL_VERSION",
    }
)


def client_context(ca: str | None) -> ssl.SSLContext:
    """How clients of the system verify: the system's roots, TLS 1.2 at least, names from the SAN.

    `ca` is a PEM file trusted in addition. Raises `UsageError` where it cannot be read.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python 3.13 asks for more than TLS clients do (RFC 5280 to the letter) and lets a trusted
    # intermediate end a chain. One answer whatever Python this runs on: the clients'.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if ssl.HAS_NEVER_CHECK_COMMON_NAME:
        # RFC 9525: a name in the subject counts for nothing; browsers and Dart agree.
        context.hostname_checks_common_name = False
    if ca is not None:
        try:
            context.load_verify_locations(cafile=ca)
        except (OSError, ValueError) as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else error
            if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
                reason = describe(error)
            raise UsageError("settings.ca", file=ca, reason=reason) from None
    return context


def given_roots(ca: str | None) -> frozenset[str]:
    """The fingerprints (SHA-256, hex) of what `client_context` trusts because of `ca`."""
    if ca is None:
        return frozenset()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=ca)
    return frozenset(hashlib.sha256(der).hexdigest() for der in context.get_ca_certs(True))


@dataclass
class _Tried:
    """How one handshake ended. `first_bytes` are the peer's first, before decryption."""

    outcome: TlsOutcome
    detail: str = ""
    version: str = ""
    shown: Shown | None = None
    verify_code: int = 0
    first_bytes: bytes = field(default=b"", repr=False)
    connected: bool = True


async def handshake(
    road: Road,
    *,
    context: ssl.SSLContext,
    timeout_s: float,
    started: float,
    vantage: Vantage = Vantage.HERE,
    redactor: Redactor | None = None,
    given: frozenset[str] = frozenset(),
) -> tuple[TlsHandshake, TlsChain | None]:
    """One handshake for the endpoint's name, at most `timeout_s` seconds, and what was shown.

    Where it fails, one more connection looks why (at most `SECOND_LOOK_S` longer): it reads the
    certificates that were refused, or what is spoken instead of TLS. OpenSSL tells the first
    of several faults of a chain; `detail` has its words. `given` are the fingerprints of
    `given_roots`. Never raises for what a server does.
    """
    begun = time.monotonic()
    redactor = redactor or Redactor()
    name = road.endpoint.host.partition("%")[0]
    tried = await _try(road, context, name, timeout_s)
    look_s = min(timeout_s, SECOND_LOOK_S)
    speaker = ""
    if tried.outcome in ("expired", "not-yet-valid", "name-mismatch", "untrusted"):
        tried.shown = (await _try(road, _reading_only(), name, look_s)).shown
    elif tried.connected and tried.outcome in ("failed", "closed", "silent"):
        tried.first_bytes = await _said_in_clear(road, tried.first_bytes, look_s)
        speaker = in_clear.speaker(tried.first_bytes)
        if speaker:
            tried.outcome = "plaintext" if speaker == "HTTP" else "other-protocol"
    certificate: Certificate | None = None
    if tried.shown is not None:
        described = certificates.describe(tried.shown.sent[0], redactor, name)
        if isinstance(described, Certificate):
            certificate = described
        else:
            tried.detail = f"{tried.detail}; {described}" if tried.detail else described
    made = TlsHandshake(
        vantage=vantage,
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=str(road.endpoint),
        family=road.family,
        address=road.address,
        server_name=name,
        outcome=tried.outcome,
        version=tried.version,
        certificate=certificate,
        detail=remote_text.line(tried.detail, redactor, limit=300),
        protocol=speaker,
        excerpt=remote_text.line(
            tried.first_bytes[: in_clear.SHOWN], redactor, limit=in_clear.SHOWN
        )
        if speaker
        else "",
    )
    if tried.shown is None:
        return made, None
    return made, chains.observed(tried.shown, made, tried.verify_code, given, redactor)


async def without_name(
    road: Road, *, timeout_s: float, started: float, redactor: Redactor
) -> NamelessAnswer:
    """What is shown to a client that says no name, as very old ones do. Never raises for what a
    server does."""
    begun = time.monotonic()
    # An address is never sent as a name.
    tried = await _try(road, _reading_only(), road.address.partition("%")[0], timeout_s)
    leaf = certificates.describe_sent(tried.shown.sent[0], redactor) if tried.shown else ""
    detail = leaf if isinstance(leaf, str) else ""
    return NamelessAnswer(
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=str(road.endpoint),
        family=road.family,
        address=road.address,
        sha256="" if isinstance(leaf, str) else leaf.sha256,
        names=() if isinstance(leaf, str) else leaf.names,
        detail=remote_text.line(detail or tried.detail, redactor, limit=300),
    )


async def at_address(
    road: Road, *, context: ssl.SSLContext, timeout_s: float, started: float, redactor: Redactor
) -> AddressAnswer:
    """One more address of a name: how its handshake ends, and which leaf it shows.

    It takes `timeout_s` for TCP, as much for TLS, and where the certificate was refused
    `SECOND_LOOK_S` more. Never raises for what a server does.
    """
    begun = time.monotonic()
    place = (str(road.endpoint), road.family, road.address)
    tried = await connect(*place, road.port, timeout_s=timeout_s, started=started)
    made: TlsHandshake | None = None
    leaf: SentCertificate | None = None
    if tried.outcome == "connected":
        made, chain = await handshake(
            road, context=context, timeout_s=timeout_s, started=started, redactor=redactor
        )
        leaf = chain.certificates[0] if chain is not None and chain.certificates else None
    return AddressAnswer(
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=str(road.endpoint),
        family=road.family,
        address=road.address,
        outcome=made.outcome if made else "no-connection",
        sha256=leaf.sha256 if leaf else "",
        not_before=leaf.not_before if leaf else None,
        not_after=leaf.not_after if leaf else None,
        detail=made.detail if made else tried.outcome,
    )


async def _try(road: Road, context: ssl.SSLContext, name: str, timeout_s: float) -> _Tried:
    channel: Channel | None = None
    deadline = asyncio.timeout(timeout_s)
    try:
        async with deadline:
            channel = await Channel.open(road.family, road.address, road.port)
            tls = await channel.start_tls(context, name)
            return _Tried("ok", version=tls.version() or "", shown=chains.shown_in(tls))
    except OSError as error:
        late = isinstance(error, TimeoutError) and deadline.expired()
        tried = _Tried("silent") if late else _classified(error, handshaking=channel is not None)
        tried.connected = channel is not None
        tried.first_bytes = channel.first_bytes if channel else b""
        return tried
    finally:
        if channel is not None:
            channel.close()


def _classified(error: OSError, *, handshaking: bool) -> _Tried:
    if isinstance(error, ssl.SSLCertVerificationError):
        outcome = _VERIFY_CODES.get(error.verify_code, "untrusted")
        return _Tried(outcome, error.verify_message, verify_code=error.verify_code)
    if isinstance(error, ssl.SSLEOFError):
        return _Tried("closed", "the server closed the connection during the handshake")
    if isinstance(error, ssl.SSLError):
        detail = str(error.reason or error)
        return _Tried("no-common-version" if error.reason in _NO_VERSION else "failed", detail)
    if handshaking and isinstance(error, ConnectionError):
        return _Tried("closed", describe(error))
    return _Tried("failed", describe(error))


def _reading_only() -> ssl.SSLContext:
    """Takes any certificate, weak ones too. Nothing is sent over what it opens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


async def _said_in_clear(road: Road, first_bytes: bytes, timeout_s: float) -> bytes:
    """What the server said to a ClientHello, and where that is nothing, what it says to a GET.

    Many an HTTP server answers a ClientHello with 400. Some wait for the end of the line, which
    a ClientHello may not have, or just close. Others greet late.
    """
    if first_bytes:
        return first_bytes
    channel: Channel | None = None
    answer = b""
    try:
        async with asyncio.timeout(timeout_s):
            channel = await Channel.open(road.family, road.address, road.port)
            await channel.send(b"GET / HTTP/1.0\r\nHost: " + _host(road) + b"\r\n\r\n")
            while len(answer) < len(b"HTTP/"):
                data = await channel.receive(in_clear.SHOWN)
                if not data:
                    break
                answer += data
    except OSError:
        pass  # what came until then is judged
    finally:
        if channel is not None:
            channel.close()
    return answer


def _host(road: Road) -> bytes:
    authority = road.endpoint.authority
    return authority.encode("ascii", errors="ignore") if "%" not in authority else b"localhost"
