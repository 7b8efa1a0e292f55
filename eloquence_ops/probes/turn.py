"""One STUN or TURN server, asked as a call would: does it answer, and does it relay for us?

An allocation is made and given back at once. The first request carries no password, as TURN has
it: the server answers with its realm, and a server that allocates then and there relays for
anybody. The password itself never goes over the wire (RFC 8489, 9.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from dataclasses import dataclass
from typing import Any, Final

from aioice import stun
from aioice.turn import UDP_TRANSPORT, make_integrity_key

from eloquence_ops.findings import Family
from eloquence_ops.ice_urls import IceUrl, Login
from eloquence_ops.observations.ice import IceTrial, TrialOutcome, named
from eloquence_ops.probes import remote_text
from eloquence_ops.probes.http_failures import tls_detail
from eloquence_ops.probes.http_request import tls_name
from eloquence_ops.probes.stun import NotStun, Way, over_stream, over_udp
from eloquence_ops.probes.tcp import outcome_of
from eloquence_ops.secrets import Redactor

SILENT_UDP_S: Final = 2.2
"""How long UDP is asked at most: four packets. Silence then says nothing."""

_LIFETIME_S: Final = 60
_GIVE_BACK_S: Final = 0.4
_LONGEST_DETAIL: Final = 160
_UNAUTHORIZED, _STALE_NONCE = 401, 438
# To a signed request. LiveKit's own TURN (pion) says 400 where RFC 8489, 9.2.4 has 401 (v1.13.5,
# measured); without a password it had understood the very same request.
_PASSWORD_REFUSED: Final = frozenset({_UNAUTHORIZED, 441, 400})


async def trial(
    url: IceUrl,
    family: Family,
    address: str,
    login: Login | None,
    *,
    port: int,
    context: ssl.SSLContext,
    redactor: Redactor,
    timeout_s: float,
    started: float,
    endpoint: str = "",
) -> IceTrial:
    """`address` is one of the host's, `port` where it is reached there.

    Whatever the server does becomes an observation; nothing is raised.
    """
    begun, asked = time.monotonic(), _Asked(url, login)
    outcome, detail = await _outcome(asked, (family, address, port), context, timeout_s)
    return IceTrial(
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=endpoint,
        family=family,
        address=address,
        outcome=outcome,
        code=asked.code,
        detail=remote_text.line(detail, redactor, limit=_LONGEST_DETAIL),
        mapped=asked.mapped,
        relay=asked.relay,
        **named(url),
    )


async def _outcome(
    asked: _Asked, where: tuple[Family, str, int], context: ssl.SSLContext, timeout_s: float
) -> tuple[TrialOutcome, str]:
    url, deadline = asked.url, asyncio.timeout(timeout_s)
    is_datagram = url.transport == "udp" and not url.secure
    if is_datagram:
        deadline = asyncio.timeout(min(timeout_s, SILENT_UDP_S))
        way = over_udp(*where)
    else:
        way = over_stream(
            *where,
            context=context if url.secure else None,
            name=tls_name(url.endpoint),
        )
    try:
        async with deadline, way as server:
            asked.connected = True
            return await asked.whole(server)
    except TimeoutError:
        return ("not-turn" if asked.connected and not is_datagram else "silent"), ""
    except ssl.SSLCertVerificationError as error:
        return "untrusted", tls_detail(error)
    except ssl.SSLError as error:
        return "no-tls", tls_detail(error)
    except NotStun as error:
        return "not-turn", str(error)
    except OSError as error:
        return _failed(error, where[0], where[1], asked)


def _failed(
    error: OSError, family: Family, address: str, asked: _Asked
) -> tuple[TrialOutcome, str]:
    if asked.connected and not isinstance(error, ConnectionRefusedError):
        return "not-turn", tls_detail(error)
    match outcome_of(error, family, address):
        case "refused":
            return "closed", ""
        case "silent":
            return "silent", ""
        case _:
            return "unreachable", tls_detail(error)


@dataclass
class _Asked:
    """The questions to one server, and what is known so far."""

    url: IceUrl
    login: Login | None
    connected: bool = False
    code: int | None = None
    mapped: str = ""
    relay: str = ""

    async def whole(self, server: Way) -> tuple[TrialOutcome, str]:
        if not self.url.relays:
            answer = await server.ask(_request(stun.Method.BINDING))
            self.mapped = _place(answer, "XOR-MAPPED-ADDRESS") or _place(answer, "MAPPED-ADDRESS")
            return ("bound", "") if self.mapped else self._refused(answer)
        first = await server.ask(_allocation())
        if first.message_class == stun.Class.RESPONSE:
            self._take(first)
            await _give_back(server, {}, None)
            return "open", ""
        realm, nonce = first.attributes.get("REALM"), first.attributes.get("NONCE")
        if first.error_code != _UNAUTHORIZED or realm is None or nonce is None:
            return self._refused(first)
        if self.login is None:
            return "challenged", ""
        return await self._with_password(server, self.login, realm, nonce)

    async def _with_password(
        self, server: Way, login: Login, realm: str, nonce: bytes
    ) -> tuple[TrialOutcome, str]:
        key = make_integrity_key(login.username, realm, login.password.reveal())
        signed = {"USERNAME": login.username, "REALM": realm, "NONCE": nonce}
        answer = await server.ask(_signed(_allocation(), signed, key), key)
        if answer.error_code == _STALE_NONCE:
            signed["NONCE"] = answer.attributes.get("NONCE", nonce)
            answer = await server.ask(_signed(_allocation(), signed, key), key)
        if answer.message_class == stun.Class.RESPONSE:
            self._take(answer)
            await _give_back(server, signed, key)
            return "relayed", ""
        if answer.error_code in _PASSWORD_REFUSED:
            _, detail = self._refused(answer)
            return "wrong-credentials", detail
        return self._refused(answer)

    def _refused(self, answer: stun.Message) -> tuple[TrialOutcome, str]:
        code, reason = answer.attributes.get("ERROR-CODE", (None, ""))
        self.code = code
        return ("refused", reason) if code is not None else ("not-turn", "an answer without sense")

    def _take(self, answer: stun.Message) -> None:
        self.mapped = _place(answer, "XOR-MAPPED-ADDRESS")
        self.relay = _place(answer, "XOR-RELAYED-ADDRESS")


def _request(method: stun.Method, **attributes: Any) -> stun.Message:
    return stun.Message(method, stun.Class.REQUEST, attributes=attributes)


def _allocation() -> stun.Message:
    request = _request(stun.Method.ALLOCATE)
    request.attributes |= {"LIFETIME": _LIFETIME_S, "REQUESTED-TRANSPORT": UDP_TRANSPORT}
    return request


def _signed(request: stun.Message, signed: dict[str, Any], key: bytes | None) -> stun.Message:
    request.attributes |= signed
    if key is not None:
        request.add_message_integrity(key)
    return request


async def _give_back(server: Way, signed: dict[str, Any], key: bytes | None) -> None:
    """A lifetime of 0 ends the allocation (RFC 8656, 8); unheard, it ends by itself in a minute."""
    request = _request(stun.Method.REFRESH)
    request.attributes["LIFETIME"] = 0
    with contextlib.suppress(OSError, NotStun, TimeoutError):
        async with asyncio.timeout(_GIVE_BACK_S):
            await server.ask(_signed(request, signed, key), key)


def _place(answer: stun.Message, attribute: str) -> str:
    """`203.0.113.1:49152`; empty where the answer holds none."""
    found = answer.attributes.get(attribute)
    if found is None:
        return ""
    host, port = found
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
