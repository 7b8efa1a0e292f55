"""What a lab is made of. The defaults are a healthy system; a fault is what differs from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

Upstream = Literal["api", "livekit", "other-site", "nowhere"]
Front = Literal[
    "proxy",
    "plain-service",
    "nobody",
    "tcp-closes",
    "tls-closes",
    "tls-silent",
    "tls-1.1",
    "tls-only",
]
"""What listens where an endpoint's address leads: the TLS proxy, the service itself in plain HTTP,
nobody, something that closes at once or after the request, that never answers, that is too old,
or that tells a plain request to use TLS."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ApiPlan(Part):
    """The reference API. `url` is what it hands out, `public` being LiveKit's real address.

    `scheme` is the one that people use for it, `process` what has its place, `session` what comes
    of opening one. `also_accepts` are further API keys, `allows_web` is CORS, `port` the one that
    people write in the address.
    """

    scheme: Literal["https", "http"] = "https"
    process: Literal["eloquence", "stopped", "other-service", "breaks-off"] = "eloquence"
    front: Front = "proxy"
    generation: Literal["current", "legacy", "both", "none"] = "current"
    session: Literal["opens", "unhandled-error", "wrong-status", "missing-field", "hang"] = "opens"
    url: str = "public"
    livekit_key: Literal["right", "unknown"] = "right"
    livekit_secret: Literal["right", "another"] = "right"  # noqa: S105  # a word, no secret
    room_join: bool = True
    token_clock_s: float = 0.0
    also_accepts: tuple[str, ...] = ()
    asks_for_key: bool = True
    takes_nulls: bool = True
    allows_web: bool = True
    prefix: str = "/api"
    port: int | None = None


class LivekitPlan(Part):
    process: Literal["ready", "not-ready", "stopped", "hanging"] = "ready"
    front: Front = "proxy"


class ProxyPlan(Part):
    """Where the proxy leads each name; `deny` names those it answers 403 itself, `redirect` those
    it answers 301 to another host."""

    api_upstream: Upstream = "api"
    livekit_upstream: Upstream = "livekit"
    deny: tuple[Literal["api", "livekit"], ...] = ()
    redirect: tuple[Literal["api", "livekit"], ...] = ()


class CertificatePlan(Part):
    covers: Literal["both", "look-alike"] = "both"
    validity: Literal["current", "expired", "not-yet"] = "current"
    authority: Literal["lab", "unknown"] = "lab"


class DnsPlan(Part):
    """`without`: names that have no record."""

    without: tuple[Literal["api", "livekit"], ...] = ()


class ClientPlan(Part):
    """This machine: the key it holds, its environment; `{closed}` is a port nobody listens on."""

    api_key: Literal["right", "wrong"] = "right"
    environ: Mapping[str, str] = {}


class LabPlan(Part):
    api: ApiPlan = ApiPlan()
    livekit: LivekitPlan = LivekitPlan()
    proxy: ProxyPlan = ProxyPlan()
    certificate: CertificatePlan = CertificatePlan()
    dns: DnsPlan = DnsPlan()
    client: ClientPlan = ClientPlan()
