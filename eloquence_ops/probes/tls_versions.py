"""Which versions of TLS a server takes, each offered alone."""

from __future__ import annotations

import asyncio
import ssl
import time
import warnings
from typing import Final, Literal

from eloquence_ops.observations.certificates import TlsVersions
from eloquence_ops.probes.channel import Channel
from eloquence_ops.probes.http_request import tls_name
from eloquence_ops.probes.road import Road

VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
# What our own OpenSSL says where it cannot offer a version, without a byte from the server.
_OURS: Final = frozenset({"NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE", "UNSUPPORTED_PROTOCOL"})

# Some servers take many handshakes at the same moment for an attack.
_AT_ONCE: Final = 2

_Answer = Literal["taken", "refused", "unknown"]


async def ask(road: Road, *, timeout_s: float, started: float) -> TlsVersions:
    """One handshake a version, two at a time, each of at most `timeout_s` seconds. Nothing is sent
    over what they open. Never raises for what a server does."""
    begun = time.monotonic()
    few = asyncio.Semaphore(_AT_ONCE)

    async def one(version: ssl.TLSVersion) -> _Answer:
        async with few:
            return await _try(road, version, timeout_s)

    answers = await asyncio.gather(*map(one, VERSIONS.values()))

    def those(answer: _Answer) -> tuple[str, ...]:
        return tuple(name for name, said in zip(VERSIONS, answers, strict=True) if said == answer)

    return TlsVersions(
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=str(road.endpoint),
        family=road.family,
        address=road.address,
        taken=those("taken"),
        refused=those("refused"),
        unknown=those("unknown"),
    )


async def _try(road: Road, version: ssl.TLSVersion, timeout_s: float) -> _Answer:
    context = _offering(version)
    if context is None:
        return "unknown"
    channel: Channel | None = None
    try:
        async with asyncio.timeout(timeout_s):
            channel = await Channel.open(road.family, road.address, road.port)
            await channel.start_tls(context, tls_name(road.endpoint))
    except TimeoutError:
        return "unknown"
    except ssl.SSLError as error:
        is_ours = error.reason in _OURS and channel is not None and not channel.first_bytes
        return "unknown" if is_ours else "refused"
    except OSError:
        # Once connected, many a server closes without a word.
        return "refused" if channel is not None else "unknown"
    else:
        return "taken"
    finally:
        if channel is not None:
            channel.close()


def _offering(version: ssl.TLSVersion) -> ssl.SSLContext | None:
    """None where this OpenSSL was built without it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Keys and digests of old versions count as too weak for any other level.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context.minimum_version = context.maximum_version = version
        except (ValueError, ssl.SSLError):
            return None
    return context
