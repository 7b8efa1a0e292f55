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
    """The reference API. `url` is what it hands out: `public` is LiveKit's own address, `alias`
    another name that leads to it.

    `scheme` is the one that people use for it, `process` what has its place, `session` what comes
    of opening one, `session_takes_s` when. `also_accepts` are further API keys, `allows_web` is
    CORS, `slash` stands at the end of the session route, `port` is the one that people write in the
    address. Without `removes_sessions` one that is closed stays.
    """

    scheme: Literal["https", "http"] = "https"
    process: Literal["eloquence", "stopped", "other-service", "breaks-off"] = "eloquence"
    front: Front = "proxy"
    generation: Literal["current", "legacy", "both", "none"] = "current"
    session: Literal["opens", "unhandled-error", "wrong-status", "missing-field", "hang"] = "opens"
    session_takes_s: float = 0.0
    url: str = "public"
    livekit_key: Literal["right", "unknown"] = "right"
    livekit_secret: Literal["right", "another"] = "right"  # noqa: S105  # a word, no secret
    room_join: bool = True
    token_clock_s: float = 0.0
    also_accepts: tuple[str, ...] = ()
    asks_for_key: bool = True
    takes_nulls: bool = True
    removes_sessions: bool = True
    allows_web: bool = True
    prefix: str = "/api"
    slash: bool = False
    port: int | None = None


class AgentPlan(Part):
    """The agent worker, which sends a coach into each session's room."""

    worker: Literal["running", "stopped"] = "running"


class LivekitPlan(Part):
    """LiveKit. `generation`: before `/rtc/v1`, a version up to 1.9.9. `development`: its debug
    pages are there. `port_is_public`: its own port is open beside the proxy. `clock_s`: how many
    seconds its clock is ahead. `rooms` refused: tokens are good, and nobody is let in."""

    process: Literal["ready", "not-ready", "stopped", "hanging", "breaks-off"] = "ready"
    rooms: Literal["placed", "refused"] = "placed"
    generation: Literal["current", "before-v1"] = "current"
    development: bool = False
    port_is_public: bool = False
    front: Front = "proxy"
    clock_s: float = 0.0


class ProxyPlan(Part):
    """Where the proxy leads each name; `deny` names those it answers 403 itself, `redirect` those
    it answers 301 to another host, `loop` those it answers 301 to themselves. `clock_s`: how many
    seconds its clock is ahead. `passes_upgrade`: the two Upgrade lines are in its sites.
    `read_timeout_s`: how long it waits for what is behind it. `livekit_paths`: the only ones of
    LiveKit's that it passes on, letter by letter; none means all. `http2`: it speaks that too, and
    announces websockets over it that it does not pass on.
    """

    api_upstream: Upstream = "api"
    livekit_upstream: Upstream = "livekit"
    deny: tuple[Literal["api", "livekit"], ...] = ()
    redirect: tuple[Literal["api", "livekit"], ...] = ()
    loop: tuple[Literal["api", "livekit"], ...] = ()
    clock_s: float = 0.0
    passes_upgrade: bool = True
    read_timeout_s: float = 60.0
    livekit_paths: tuple[str, ...] = ()
    http2: bool = False


class CertificatePlan(Part):
    """What the proxy shows. `ending`: five days of its ninety are left. `leaf-only`: without the
    intermediate that issued it. `must_staple`: it demands what the proxy does not send."""

    covers: Literal["both", "look-alike"] = "both"
    validity: Literal["current", "ending", "expired", "not-yet"] = "current"
    authority: Literal["lab", "unknown"] = "lab"
    chain: Literal["whole", "leaf-only"] = "whole"
    key: Literal["strong", "weak"] = "strong"
    must_staple: bool = False


class DnsPlan(Part):
    """`without`: names that have no record. `remembered`: names of which the resolver still gives
    an address that the zone no longer has. `bogus`: names whose signatures the resolver refuses.
    `proxied`: names that lead to Cloudflare.
    """

    without: tuple[Literal["api", "livekit"], ...] = ()
    remembered: tuple[Literal["api", "livekit"], ...] = ()
    bogus: tuple[Literal["api", "livekit"], ...] = ()
    proxied: tuple[Literal["api", "livekit"], ...] = ()


class ClientPlan(Part):
    """This machine: the key it holds, its environment; `{closed}` is a port nobody listens on."""

    api_key: Literal["right", "wrong"] = "right"
    environ: Mapping[str, str] = {}


class LabPlan(Part):
    api: ApiPlan = ApiPlan()
    agent: AgentPlan = AgentPlan()
    livekit: LivekitPlan = LivekitPlan()
    proxy: ProxyPlan = ProxyPlan()
    certificate: CertificatePlan = CertificatePlan()
    dns: DnsPlan = DnsPlan()
    client: ClientPlan = ClientPlan()
