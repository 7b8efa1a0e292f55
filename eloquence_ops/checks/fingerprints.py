"""Who wrote an HTTP answer. Never by the Server header alone: proxies replace it or let it pass.

Measured with nginx 1.22, Caddy 2.6, HAProxy 2.6, FastAPI 0.163 on uvicorn 0.54 and
livekit-server 1.13.5; Traefik from its source, Cloudflare from its documentation.
"""

from __future__ import annotations

import json
import re
from typing import Final, Literal

from eloquence_ops.observations import HttpExchange

Author = Literal[
    "app", "livekit", "nginx", "caddy", "haproxy", "traefik", "cloudflare", "proxy", "unknown"
]

# The gateway statuses, and Cloudflare's own (520-526).
GATEWAY_STATUSES: Final = frozenset({502, 503, 504, *range(520, 527)})

GATEWAY_TIMEOUTS: Final = frozenset({504, 522, 524})
"""Those of them that say: something was there, or on the way, and never answered."""

_HAPROXY: Final = (
    "No server is available to handle this request.",
    "The server didn't respond in time.",
    "The server returned an invalid or incomplete response.",
    "The request was sent over HTTP to an HTTPS",
)
_NGINX_FOOTER: Final = re.compile(r"<hr><center>(nginx|openresty)(/[\d.]+)?</center>")
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
    server = (exchange.header("server") or "").lower()
    if _NGINX_FOOTER.search(body):
        return "nginx"
    if any(text in body for text in _HAPROXY):
        return "haproxy"
    if exchange.header("cf-ray") and exchange.status in range(520, 527):
        return "cloudflare"
    if is_app_error(exchange):
        return "app"
    if is_livekit(exchange):
        return "livekit"
    if exchange.status in GATEWAY_STATUSES:
        return _gateway(body, server, exchange)
    if server.startswith("uvicorn") or _content_type(exchange) == "application/json":
        return "app"
    return "unknown"


def gateway_outcome(exchange: HttpExchange) -> Literal["bad-gateway", "gateway-timeout"] | None:
    """What a proxy said of its upstream; None where the answer is no proxy's apology."""
    if exchange.status not in GATEWAY_STATUSES or is_app_error(exchange) or is_livekit(exchange):
        return None
    return "gateway-timeout" if exchange.status in GATEWAY_TIMEOUTS else "bad-gateway"


def _gateway(body: str, server: str, exchange: HttpExchange) -> Author:
    if exchange.header("proxy-status"):
        return "proxy"
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
    if _content_type(exchange) != "application/json":
        return False
    try:
        document = json.loads(exchange.body)
    except ValueError:
        return False
    return isinstance(document, dict) and "detail" in document


def is_router_404(exchange: HttpExchange) -> bool:
    """FastAPI's 404 for an unknown path; a handler's `HTTPException(404)` may be the same bytes."""
    return exchange.status == 404 and is_app_error(exchange)


def is_livekit(exchange: HttpExchange) -> bool:
    """A word that only LiveKit says. `OK` alone is not one: any health page says it."""
    body = exchange.body.strip()
    if exchange.status == 406 and body.startswith("Not Ready"):
        return True
    return any(body.startswith(text) for text in _LIVEKIT_TEXTS)
