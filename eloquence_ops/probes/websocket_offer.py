"""Asks for a websocket as clients do that offer protocols in the TLS handshake: browsers offer
HTTP/1.1, or take the HTTP/2 connection that they have."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from typing import Final

from eloquence_ops.observations.websocket_offer import OfferOutcome, WebsocketOffer
from eloquence_ops.probes import http2, remote_text
from eloquence_ops.probes.channel import Channel
from eloquence_ops.probes.http_failures import tls_detail
from eloquence_ops.probes.http_request import USER_AGENT, WEBSOCKET_UPGRADE, tls_name, without_zone
from eloquence_ops.probes.road import Road
from eloquence_ops.secrets import Redactor

OFFERS: Final = ((), ("http/1.1",), ("h2", "http/1.1"))
"""Each is asked with once. Nothing offered is what Dart does."""

_PATH: Final = "/rtc"
_HEAD: Final = 4 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_MOST_FRAMES: Final = 50
_SHOWN: Final = 200


async def ask(
    road: Road,
    offered: tuple[str, ...],
    *,
    context: ssl.SSLContext,
    redactor: Redactor,
    timeout_s: float,
    started: float,
) -> WebsocketOffer:
    """Never raises for what a server does."""
    begun = time.monotonic()
    attempt = _Attempt(road, offered)
    try:
        async with asyncio.timeout(timeout_s):
            await attempt.make(context)
    except TimeoutError:
        attempt.outcome = "silent"
    except ssl.SSLError as error:
        attempt.outcome = "failed" if attempt.is_shaken else "refused"
        attempt.detail = tls_detail(error)
    except OSError as error:
        attempt.outcome, attempt.detail = "closed", tls_detail(error)
    finally:
        attempt.close()
    return WebsocketOffer(
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=str(road.endpoint),
        family=road.family,
        address=road.address,
        offered=offered,
        outcome=attempt.outcome,
        chosen=attempt.chosen,
        status=attempt.status,
        detail=remote_text.line(attempt.detail, redactor, limit=_SHOWN),
    )


class _Attempt:
    def __init__(self, road: Road, offered: tuple[str, ...]) -> None:
        self._road, self._offered = road, offered
        self._channel: Channel | None = None
        self._unread = b""
        self.outcome: OfferOutcome = "closed"
        self.is_shaken = False
        self.chosen, self.detail = "", ""
        self.status: int | None = None

    async def make(self, context: ssl.SSLContext) -> None:
        road = self._road
        self._channel = await Channel.open(road.family, road.address, road.port)
        name = tls_name(road.endpoint)
        tls = await self._channel.start_tls(context, name, offers=self._offered)
        self.is_shaken = True
        self.chosen = "" if (chosen := tls.selected_alpn_protocol()) is None else chosen[:20]
        await (self._over_http2() if self.chosen == "h2" else self._over_http1())

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    async def _over_http1(self) -> None:
        fields = (("Host", self._authority), ("User-Agent", USER_AGENT), *WEBSOCKET_UPGRADE)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        request = f"GET {self._path} HTTP/1.1\r\n{head}\r\n"
        await self._send(request.encode("ascii", errors="ignore"))
        while b"\n" not in self._unread and len(self._unread) < _HEAD:
            if not await self._more():
                break
        found = _STATUS.match(self._unread)
        if found:
            self.outcome, self.status = "answered", int(found[1])
        elif self._unread:
            self.outcome, self.detail = "failed", "the answer is not HTTP/1.1"

    async def _over_http2(self) -> None:
        await self._send(http2.PREFACE + http2.Frame(http2.SETTINGS, 0, 0, b"").wire())
        for _ in range(_MOST_FRAMES):
            frame = await self._frame()
            if frame is None:
                return
            if frame.kind == http2.SETTINGS and not frame.flags & http2.ACK:
                if dict(http2.settings(frame)).get(http2.ENABLE_CONNECT) != 1:
                    self.outcome = "no-http2-websocket"
                    return
                block = http2.extended_connect(self._authority, self._path, USER_AGENT)
                request = http2.Frame(http2.HEADERS, http2.END_HEADERS, 1, block)
                accepted = http2.Frame(http2.SETTINGS, http2.ACK, 0, b"")
                await self._send(accepted.wire() + request.wire())
            elif frame.kind == http2.HEADERS and frame.stream == 1:
                self.outcome, self.status = "answered", http2.status_of(frame)
                return
            elif frame.kind in (http2.RST_STREAM, http2.GOAWAY):
                return

    async def _frame(self) -> http2.Frame | None:
        """The next one; None where the connection ended or a frame is larger than allowed."""
        head = await self._exactly(http2.HEAD_BYTES)
        length, frame = http2.head_of(head) if len(head) == http2.HEAD_BYTES else (-1, None)
        if frame is None or length > http2.LARGEST_FRAME:
            return None
        payload = await self._exactly(length)
        if len(payload) < length:
            return None
        return http2.Frame(frame.kind, frame.flags, frame.stream, payload)

    async def _exactly(self, length: int) -> bytes:
        while len(self._unread) < length and await self._more():
            pass
        taken, self._unread = self._unread[:length], self._unread[length:]
        return taken

    async def _more(self) -> bool:
        data = await self._channel.receive(_HEAD) if self._channel else b""
        self._unread += data
        return bool(data)

    async def _send(self, data: bytes) -> None:
        if self._channel is not None:
            await self._channel.send(data)

    @property
    def _authority(self) -> str:
        return without_zone(self._road.endpoint.authority)

    @property
    def _path(self) -> str:
        return self._road.endpoint.path + _PATH
