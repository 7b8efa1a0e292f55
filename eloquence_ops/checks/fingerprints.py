"""Who wrote an HTTP answer. Never by the Server header alone: proxies replace it or let it pass.

Measured with nginx 1.22, Caddy 2.6, HAProxy 2.6, FastAPI 0.163 on uvicorn 0.54 and
livekit-server 1.13.5; Traefik from its source, Cloudflare from its documentation.
"""

from __future__ import annotations

import json
import re
from typing import Final, Literal

from eloquence_ops.checks.proxy_status import told
from eloquence_ops.observations import HttpExchange

Author = Literal[
    "app", "livekit", "nginx", "caddy", "haproxy", "traefik", "cloudflare", "proxy", "go", "unknown"
]

# The gateway statuses, and Cloudflare's own (520-526).
GATEWAY_STATUSES: Final = frozenset({502, 503, 504, *range(520, 527)})

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

GATEWAY_TIMEOUTS: Final = frozenset({504, 522, 524})
"""Those of them that say: something was there, or on the way, and never answered."""

_HAPROXY: Final = (
    "No server is available to handle this request.",
    "The server didn't respond in time.",
    "The server returned an invalid or incomplete response.",
    "The request was sent over HTTP to an HTTPS",
    "Request forbidden by administrative rules.",
    "The resource could not be found.",
)
# Servers that name themselves in a page of their own.
_NAMED: Final[tuple[Author, ...]] = ("nginx", "caddy", "cloudflare")
# net/http's own 404: LiveKit, Traefik without a route, and any other program in Go.
_GO_404: Final = "404 page not found"
_NGINX_FOOTER: Final = re.compile(r"<hr><center>(nginx|openresty)(/[\d.]+)?</center>")
_TLS_WANTED: Final = (
    "The plain HTTP request was sent to HTTPS port",
    "Client sent an HTTP request to an HTTPS server",
)
_LIVEKIT_TEXTS: Final = (
    "no permissions to access the room",
    "permissions denied",
    "invalid API key:",
    "invalid authorization",
    "requested room does not exist",
    "join_request is required",
    "could not find any available nodes",
)


def author(exchange: HttpExchange) -> Author:
    """Who wrote this answer, by its body first and its headers second."""
    body = exchange.body.strip()
    servers = tuple(value.lower() for name, value in exchange.headers if name == "server")
    server = servers[0] if servers else ""
    if _NGINX_FOOTER.search(body):
        return "nginx"
    if told(exchange):
        return "proxy"
    if any(text in body for text in _HAPROXY):
        return "haproxy"
    if exchange.header("cf-ray") and exchange.status in GATEWAY_STATUSES and not is_json(exchange):
        return "cloudflare"
    return _service(exchange, body, servers) or _front(exchange, body, server)


def _service(exchange: HttpExchange, body: str, servers: tuple[str, ...]) -> Author | None:
    """One that speaks for itself. Caddy adds its name to the one of whoever is behind it."""
    if is_livekit(exchange):
        return "livekit"
    # A service's own 503 is JSON, or uvicorn's; default pages of proxies are neither.
    if is_json(exchange) or any(name.startswith("uvicorn") for name in servers):
        return "app"
    return "go" if body == _GO_404 and not servers else None


def _front(exchange: HttpExchange, body: str, server: str) -> Author:
    """A proxy, as far as it gives itself away."""
    if exchange.status in GATEWAY_STATUSES:
        return _gateway(body, server)
    return next((name for name in _NAMED if server.startswith(name)), "unknown")


def gateway_outcome(exchange: HttpExchange) -> Literal["bad-gateway", "gateway-timeout"] | None:
    """What a proxy said of its upstream; None where the answer is no proxy's apology."""
    if exchange.status not in GATEWAY_STATUSES or author(exchange) in ("app", "livekit"):
        return None
    said = told(exchange)
    late = exchange.status in GATEWAY_TIMEOUTS or (said is not None and said.hop == "timeout")
    return "gateway-timeout" if late else "bad-gateway"


def _gateway(body: str, server: str) -> Author:
    if not body and server == "caddy":
        return "caddy"
    if body in ("Bad Gateway", "Gateway Timeout") and not server:
        return "traefik"
    if server.startswith(("nginx", "openresty")):
        return "nginx"
    return "unknown"


def _content_type(exchange: HttpExchange) -> str:
    return (exchange.header("content-type") or "").partition(";")[0].strip().lower()


def is_app_error(exchange: HttpExchange) -> bool:
    """FastAPI's own error shape: a JSON object with `detail`."""
    if exchange.invalid_fields:
        return True
    if not is_json(exchange):
        return False
    try:
        document = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "detail" in document


def is_json(exchange: HttpExchange) -> bool:
    return _content_type(exchange) == "application/json"


def is_page(exchange: HttpExchange) -> bool:
    """HTML, by what it says of itself or how it begins."""
    return _content_type(exchange) == "text/html" or exchange.body.lstrip().startswith("<")


def is_foreign(exchange: HttpExchange) -> bool:
    """A page or a 404 that FastAPI does not write. A refusal or a failure may be anybody's."""
    return exchange.status in (200, 404) and not is_json(exchange)


def wants_tls(exchange: HttpExchange) -> bool:
    """A TLS port that was spoken to in plain HTTP.

    nginx and Go's net/http (Caddy, Traefik) say so with a 400; others send a TLS alert, whose
    record type is 21 (RFC 8446 §5.1).
    """
    if exchange.outcome == "not-http":
        return exchange.body.startswith(("\\x15\\x03", "\x15\x03"))
    return exchange.status == 400 and any(text in exchange.body for text in _TLS_WANTED)


def is_livekit(exchange: HttpExchange) -> bool:
    """A word that only LiveKit says. `OK` alone is not one: any health page says it."""
    body = exchange.body.strip()
    if exchange.status == 406 and body.startswith("Not Ready"):
        return True
    return any(body.startswith(text) for text in _LIVEKIT_TEXTS)
