"""HTTP: one request on one road, and exactly what came back.

Built on httpcore, the engine of httpx, without the client above it: that one keeps cookies from
one request to the next, refuses IPv6 zones and normalises paths, and a measurement must do none
of this. No proxy, no redirect and no environment variable has a say.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import httpcore

from eloquence_ops.findings import Vantage
from eloquence_ops.observations.http import HttpExchange, Timings
from eloquence_ops.probes import http_failures, remote_text
from eloquence_ops.probes.http_body import Body
from eloquence_ops.probes.http_failures import FAULTS, Failure, StaleAnswer
from eloquence_ops.probes.http_request import HttpRequest, built, origin_of, tls_name
from eloquence_ops.probes.http_wire import Wire
from eloquence_ops.probes.road import Road
from eloquence_ops.secrets import MASK, Redactor

__all__ = ["BODY_LIMIT", "Answer", "HttpClient", "HttpRequest"]

BODY_LIMIT: Final = 64 * 1024
_SHOWN_BODY: Final = 2000
_SHOWN_HEADERS: Final = 64
_SHOWN_VALUE: Final = 300
_SHOWN_NAME: Final = 100
# Headers whose whole value lets somebody in.
_CREDENTIALS: Final = frozenset(
    {b"set-cookie", b"cookie", b"authorization", b"proxy-authorization"}
)


@dataclass(frozen=True)
class Answer:
    """`body` is what the observation must not keep: unredacted, decompressed, bounded.

    For parsing in memory. Empty where no answer came.
    """

    observation: HttpExchange
    body: bytes = field(repr=False)


class HttpClient:
    """Requests on one road; connections are kept open and used again.

    `started` is the run's `time.monotonic()`; `timeout_s` holds for a whole exchange, connecting
    and the last byte of the body included; `body_limit` is in bytes. `tls` is required where the
    endpoint is secure (`ValueError`) and verifies the endpoint's own name.
    """

    def __init__(
        self,
        road: Road,
        *,
        tls: ssl.SSLContext | None,
        redactor: Redactor,
        timeout_s: float,
        started: float,
        vantage: Vantage = Vantage.HERE,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        if road.endpoint.secure and tls is None:
            raise ValueError("a secure endpoint needs a TLS context")
        self._road, self._tls, self._redactor = road, tls, redactor
        self._timeout_s, self._started = timeout_s, started
        self._vantage, self._body_limit = vantage, body_limit
        self._idle: list[_Connection] = []

    @property
    def road(self) -> Road:
        return self._road

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._idle:
            self._idle.pop().close()

    async def send(self, request: HttpRequest, *, body_limit: int | None = None) -> Answer:
        """One exchange. Whatever the server does becomes an observation; nothing is raised.

        A GET on a kept-alive connection that the server had meanwhile closed is sent once more
        on a new one. Nothing else is ever sent twice.
        """
        begun = time.monotonic()
        came = _Came(Body(self._body_limit if body_limit is None else body_limit))
        connection = self._connection()
        failure: Failure | None = None
        deadline = asyncio.timeout(self._timeout_s)
        try:
            async with deadline:
                try:
                    await connection.exchange(request, came)
                except FAULTS:
                    if not (connection.may_have_been_closed and request.method == "GET"):
                        raise
                    connection.close()
                    connection = _Connection(self._road, self._tls)
                    await connection.exchange(request, came)
        except FAULTS as error:
            # The kernel has a TimeoutError too: its own, after many SYNs.
            late = isinstance(error, TimeoutError) and deadline.expired()
            failure = (
                http_failures.at_deadline(connection.wire)
                if late
                else http_failures.of(error, connection.wire, self._road)
            )
            if came.status is not None:
                came.body.interrupted("slow" if late else "broken")
        finally:
            if connection.is_reusable:
                self._idle.append(connection)
            else:
                connection.close()
        if came.status is None:
            came.body.unreadable(connection.wire.first)
        observation = self._observation(request, came, failure, connection.wire, begun)
        return Answer(observation, came.body.content)

    def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                connection.used = True
                return connection
            connection.close()
        return _Connection(self._road, self._tls)

    def _observation(
        self,
        request: HttpRequest,
        came: _Came,
        failure: Failure | None,
        wire: Wire,
        begun: float,
    ) -> HttpExchange:
        def line(text: str | bytes, limit: int) -> str:
            return remote_text.line(text, self._redactor, limit=limit)

        road, body = self._road, came.body
        duration = time.monotonic() - begun
        # Of megabytes only the beginning is looked through, or that alone would outlast deadlines.
        start = body.content[:BODY_LIMIT]
        whole = (
            came.status is not None and body.state == "whole" and len(body.content) <= BODY_LIMIT
        )
        return HttpExchange(
            vantage=self._vantage,
            at_s=begun - self._started,
            duration_s=duration,
            purpose=request.purpose,
            endpoint=str(road.endpoint),
            family=road.family,
            address=road.address,
            method=request.method,
            path=line(road.endpoint.path + request.path, _SHOWN_VALUE),
            outcome="answered" if came.status is not None or failure is None else failure.outcome,
            status=came.status,
            http_version=came.http_version,
            headers=tuple(self._header(*entry) for entry in came.headers[:_SHOWN_HEADERS]),
            body=remote_text.block(
                start,
                self._redactor,
                limit=_SHOWN_BODY,
                unfinished=() if whole else request.secrets,
            ),
            body_bytes=len(body.content),
            body_state=body.state,
            timings=Timings(
                connect=wire.connect_s,
                tls=wire.tls_s,
                first_byte=wire.first_byte_s,
                total=duration,
            ),
            detail=line(failure.detail, _SHOWN_VALUE) if failure else "",
        )

    def _header(self, name: bytes, value: bytes) -> tuple[str, str]:
        # Together, so that `X-Api-Key: …` is known for what it is.
        if name.lower() in _CREDENTIALS:
            return _text(name).lower(), MASK
        both = self._redactor.text(f"{_text(name)}: {_text(value)}")
        shown_name, _, shown_value = both.partition(": ")
        return (
            remote_text.line(shown_name.lower(), self._redactor, limit=_SHOWN_NAME),
            remote_text.line(shown_value, self._redactor, limit=_SHOWN_VALUE),
        )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="backslashreplace")


class _Came:
    """What has come back so far; the deadline may strike at any moment."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.status: int | None = None
        self.http_version = ""
        self.headers: list[tuple[bytes, bytes]] = []

    def head(self, response: httpcore.Response) -> None:
        self.status = response.status
        self.http_version = response.extensions["http_version"].decode()
        self.headers = response.headers
        codings = [value for name, value in self.headers if name.lower() == b"content-encoding"]
        self.body.coded(", ".join(map(_text, codings)))


class _Connection:
    """One connection to the road, for one exchange at a time."""

    def __init__(self, road: Road, tls: ssl.SSLContext | None) -> None:
        self._endpoint = road.endpoint
        self.wire = Wire(road, tls_name(road.endpoint))
        self._http = httpcore.AsyncHTTPConnection(
            origin_of(road.endpoint), ssl_context=tls, network_backend=self.wire
        )
        self.used = False

    @property
    def is_reusable(self) -> bool:
        return self._http.is_idle() and not self._http.is_closed() and not self._http.has_expired()

    @property
    def may_have_been_closed(self) -> bool:
        """A connection kept open that gave nothing at all: its server may have left long ago."""
        return self.used and self.wire.received == 0

    def close(self) -> None:
        self.wire.close()

    async def exchange(self, request: HttpRequest, came: _Came) -> None:
        self.wire.begin()
        response = await self._http.handle_async_request(built(request, self._endpoint))
        try:
            if self.wire.received == 0:
                raise StaleAnswer
            came.head(response)
            self.wire.in_head = False
            async for data in response.aiter_stream():
                if not came.body.feed(data):
                    return
            came.body.finish()
        finally:
            await response.aclose()
