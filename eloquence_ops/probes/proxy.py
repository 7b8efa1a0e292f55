"""Proxy variables: which of them other tools would follow, and whether that proxy lets through."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from eloquence_ops.endpoints import Endpoint, a_label, ip_address
from eloquence_ops.errors import UsageError
from eloquence_ops.findings import Vantage
from eloquence_ops.observations.machine import ProxyTrial
from eloquence_ops.probes import remote_text
from eloquence_ops.probes.http_request import USER_AGENT
from eloquence_ops.probes.tcp import describe
from eloquence_ops.secrets import Redactor, Secret

_SPOKEN: Final = ("http", "https")
_DEFAULT_PORT: Final = {
    **{"http": 80, "https": 443},
    **dict.fromkeys(("socks", "socks4", "socks4a", "socks5", "socks5h"), 1080),
}
_PROXY_AUTHENTICATION: Final = 407


def proxy_for(endpoint: Endpoint, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable and the proxy URL that curl, Python and most tools take for `endpoint`.

    ws goes as http, wss as https. Lower case wins, and set to nothing it switches the upper case
    off, as in Python's urllib. The URL may hold a password.
    """
    if _is_exempt(endpoint, environ.get("no_proxy", environ.get("NO_PROXY", ""))):
        return None
    for prefix in ("https" if endpoint.secure else "http", "all"):
        lower = f"{prefix}_proxy"
        name = lower if lower in environ else lower.upper()
        if url := environ.get(name, "").strip():
            return name, url
    return None


def _is_exempt(endpoint: Endpoint, no_proxy: str) -> bool:
    """As `urllib.request.proxy_bypass_environment` reads NO_PROXY, and networks as curl does."""
    host = endpoint.host.partition("%")[0]
    address = ip_address(host)
    for entry in _entries(no_proxy):
        if entry == "*":
            return True
        if address is not None and "/" in entry:
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
        name = entry.strip("[]").lstrip(".")
        for candidate in (host, f"{host}:{endpoint.port}", f"[{host}]:{endpoint.port}"):
            if name and (candidate == name or candidate.endswith(f".{name}")):
                return True
    return False


def _entries(no_proxy: str) -> Iterator[str]:
    for part in no_proxy.split(","):
        entry = part.strip().lower()
        if not entry.isascii():
            # Written with its accents; endpoints compare by the A-label.
            dot = "." if entry.startswith(".") else ""
            try:
                entry = dot + a_label(entry.lstrip("."))
            except UsageError:
                continue
        if entry:
            yield entry


@dataclass(frozen=True)
class _Proxy:
    """A proxy URL in its parts; `host` is an A-label or an IP address without brackets."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))

    @classmethod
    def parse(cls, url: str) -> _Proxy | None:
        """None for what is no proxy URL. Without a scheme it is http, as for curl."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            # A password with an unescaped `/`, `?` or `#` would make half of it the port.
            if "@" in parts.path + parts.query + parts.fragment:
                return None
            address = ip_address(parts.hostname or "")
            host = address.compressed if address else a_label(parts.hostname or "")
            port = parts.port or _DEFAULT_PORT[parts.scheme]
        except (ValueError, KeyError, UsageError):
            return None
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, host, port, user, Secret(password))

    @property
    def display(self) -> str:
        """`host:port`, never a login."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def trial(
    endpoint: Endpoint,
    variable: str,
    proxy_url: str,
    *,
    context: ssl.SSLContext,
    timeout_s: float,
    started: float,
    redactor: Redactor,
) -> ProxyTrial:
    """GET on the endpoint's root through the proxy, without any key. Never raises for the proxy.

    `answered` is any answer of the far end, and over plain HTTP also a 5xx that the proxy wrote:
    the two look alike there. What the proxy itself refuses is `failed`. `not-tried` where it
    speaks a protocol that this probe does not. `redactor` learns the proxy's password.
    """
    begun = time.monotonic()
    proxy = _Proxy.parse(proxy_url)
    outcome: Literal["answered", "failed", "not-tried"] = "failed"
    status: int | None = None
    if proxy is None:
        detail = "the variable holds no proxy URL that can be read"
    elif proxy.scheme not in _SPOKEN:
        outcome, detail = "not-tried", f"proxies of this kind are not spoken here: {proxy.scheme}"
    elif "%" in endpoint.host:
        outcome, detail = "not-tried", "a link-local address means nothing to a proxy"
    else:
        redactor.add(proxy.password)
        status, detail = await _get(endpoint, proxy, context, timeout_s)
        if status == _PROXY_AUTHENTICATION:
            status, detail = None, "the proxy asks for a login: 407"
        outcome = "failed" if status is None else "answered"
    return ProxyTrial(
        vantage=Vantage.HERE,
        at_s=begun - started,
        duration_s=time.monotonic() - begun,
        endpoint=str(endpoint),
        variable=variable,
        proxy=proxy.display if proxy else "",
        outcome=outcome,
        status=status,
        detail=remote_text.line(detail, redactor, limit=300),
    )


async def _get(
    endpoint: Endpoint, proxy: _Proxy, context: ssl.SSLContext, timeout_s: float
) -> tuple[int | None, str]:
    """The status, or None and why there is none."""
    import httpx

    status: int | None = None
    try:
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(
                proxy=httpx.Proxy(
                    f"{proxy.scheme}://{proxy.display}",
                    ssl_context=context if proxy.scheme == "https" else None,
                    auth=(proxy.user, proxy.password.reveal()) if proxy.user else None,
                ),
                verify=context,
                trust_env=False,
                follow_redirects=False,
                timeout=None,  # noqa: S113  # one deadline holds for the whole exchange
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            ) as client,
            client.stream("GET", f"{endpoint.http_url}/") as response,
        ):
            status = response.status_code  # the headers are enough
    except TimeoutError:
        return status, "" if status else f"no answer through the proxy within {timeout_s:g} s"
    except httpx.ProxyError as refusal:
        return None, f"the proxy refused: {refusal}"
    except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
        return status, "" if status else _why(error)
    return status, ""


def _why(error: BaseException) -> str:
    """What the socket or TLS said, below what httpx and httpcore made of it."""
    step: BaseException | None = error
    words = str(error) or type(error).__name__
    while step is not None:
        if isinstance(step, ssl.SSLCertVerificationError):
            return step.verify_message
        if isinstance(step, OSError):
            words = describe(step)
        step = step.__cause__ or step.__context__
    return words
