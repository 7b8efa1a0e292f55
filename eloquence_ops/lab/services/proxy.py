"""A reverse proxy that terminates TLS and speaks as nginx does.

By host name it passes requests on, redirects with 301, answers 403, or answers 404. Its pages and
what it does to headers are those of nginx 1.22.1 (measured). Two differences: bodies are passed on
as they come, where nginx first takes in the whole request; and plain HTTP on its TLS port ends with
the handshake, where nginx still answers 400.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from eloquence_ops.lab.services import http2_refusal
from eloquence_ops.lab.services.forwarding import Forwarding, forward, own_page
from eloquence_ops.lab.services.http_heads import Refused, Request, parse_request
from eloquence_ops.lab.services.listening import Closing, Listener, listening_socket
from eloquence_ops.lab.services.nginx_pages import page
from eloquence_ops.lab.services.wire import Wire

_KEEPALIVE_S = 75.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyBehaviour:
    """What the proxy does, with nginx's defaults.

    `routes`: host name (A-label, lower case) to upstream (host, port). `deny`: hosts answered
    403. `redirect`: host to the scheme and host that its requests are sent on to with 301, as by
    `return 301 https://…$request_uri`; `loop`: hosts whose requests are sent on to themselves,
    as by `return 301 $scheme://$http_host$request_uri`. `only`: host to the paths that are passed
    on, as by `location = …`; its other paths are 404. Any other host is 404. Times in seconds:
    `connect_timeout_s` to the upstream, `read_timeout_s` between two reads from it, an upgraded
    connection included.
    `drop_upgrade`: the two Upgrade lines are missing from the site, so that a websocket reaches
    the upstream as a plain GET. `max_body_bytes`: more is 413.
    `clock_s`: how far its clock is ahead, in the Date of what it passes on. `http2`: it chooses
    HTTP/2 where that is offered, and passes no websocket on over it.
    """

    routes: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    deny: frozenset[str] = frozenset()
    redirect: Mapping[str, str] = field(default_factory=dict)
    loop: frozenset[str] = frozenset()
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    connect_timeout_s: float = 60.0
    read_timeout_s: float = 60.0
    drop_upgrade: bool = False
    max_body_bytes: int = 1024 * 1024
    clock_s: float = 0.0
    http2: bool = False


class Proxy(Closing):
    """The proxy; with `certificate` and `key` (PEM files, chain included) it speaks TLS only.

    The files are read once, at `start`, as nginx does.
    """

    def __init__(
        self,
        behaviour: ProxyBehaviour,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        if (certificate is None) != (key is None):
            raise ValueError("a proxy needs a certificate and its key, or neither")
        self.behaviour = behaviour
        self.host = "127.0.0.1"
        self.port = 0
        self._certificate = certificate
        self._key = key
        self._forwarding = Forwarding(
            scheme=self.scheme,
            connect_timeout_s=behaviour.connect_timeout_s,
            read_timeout_s=behaviour.read_timeout_s,
            pass_upgrade=not behaviour.drop_upgrade,
            max_body_bytes=behaviour.max_body_bytes,
            ahead_s=behaviour.clock_s,
        )
        self._listener: Listener | None = None

    @property
    def scheme(self) -> Literal["http", "https"]:
        """`https` or `http`, also told to the upstream."""
        return "http" if self._certificate is None else "https"

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `host` and `port` tell where afterwards. Port 0 is chosen by the system.

        Raises:
            OSError: the port is taken, or a file cannot be read.
            ssl.SSLError: certificate and key do not belong together.
        """
        # The files first: what is wrong with them leaves no socket behind.
        self._listener = Listener(self._connection, tls=self._tls())
        await self.open([listening_socket(port, host)])

    async def open(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on these, which are closed with the proxy; raises as `start`."""
        if self._listener is None:
            self._listener = Listener(self._connection, tls=self._tls())
        await self._listener.open(sockets)
        self.host, self.port = sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """Stop listening and cut every connection; may be called twice."""
        if self._listener is not None:
            await self._listener.close()

    async def __aenter__(self) -> Self:
        if self._listener is None:
            await self.start()
        return self

    def _tls(self) -> ssl.SSLContext | None:
        if self._certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL 3 loads no weak key at a higher level
        context.load_cert_chain(self._certificate, self._key)
        http2 = ["h2"] if self.behaviour.http2 else []
        context.set_alpn_protocols([*http2, "http/1.1"])
        return context

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Wire(reader, writer)
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        try:
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                await http2_refusal.refuse(reader, writer)
                await client.close()
                return
            while await self._exchange(client):
                pass
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            # Clients go away as they like. (ssl.SSLError is an OSError.)
            client.abort()
        except asyncio.CancelledError:
            client.abort()
            raise
        else:
            await client.close()

    def _passes(self, request: Request) -> bool:
        only = self.behaviour.only.get(request.host)
        return only is None or request.target.partition("?")[0] in only

    async def _exchange(self, client: Wire) -> bool:
        """One request and its answer; whether the connection goes on."""
        try:
            async with asyncio.timeout(_KEEPALIVE_S):
                head = await client.head()
            if head is None:
                return False
            request = parse_request(head)
            if request.framing.length > self.behaviour.max_body_bytes:
                raise Refused(413)
        except Refused as refusal:
            await client.send(page(refusal.status, keep_alive=False, detail=refusal.detail))
            await client.linger()
            return False
        upstream = self.behaviour.routes.get(request.host)
        if elsewhere := self.behaviour.redirect.get(request.host):
            location = elsewhere + request.target
            return await own_page(client, request, 301, self._forwarding, location=location)
        if request.host in self.behaviour.loop:
            location = f"{self.scheme}://{request.headers.first('host')}{request.target}"
            return await own_page(client, request, 301, self._forwarding, location=location)
        if request.host in self.behaviour.deny:
            return await own_page(client, request, 403, self._forwarding)
        if upstream is None or not self._passes(request):
            return await own_page(client, request, 404, self._forwarding)
        return await forward(client, request, upstream, self._forwarding)
