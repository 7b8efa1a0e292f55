"""What of LiveKit is open to everybody and need not be: its own port, and its debug pages.

Only at public addresses: on one's own machine and in a private network both are a convenience.
"""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.fingerprints import is_livekit
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint, Scope
from eloquence_ops.observations import HttpExchange, TcpConnect
from eloquence_ops.settings import Target

_OWN_PORT: Final = 7880


def own_port(livekit: Endpoint, scope: Scope | None, target: Target) -> Endpoint | None:
    """Where LiveKit itself would answer beside its TLS proxy; None where that is not asked.

    Neither of an address that is LiveKit's own, nor of one that nobody named, nor where another
    machine stands in for this one (`connect_to`): the real one would say nothing of it.
    """
    if scope != "public" or not livekit.secure or livekit.port == _OWN_PORT:
        return None
    if not is_named(livekit, target):
        return None
    plain = Endpoint("ws", livekit.host, _OWN_PORT)
    if target.redirection(livekit) and not target.redirection(plain):
        return None
    return plain


def is_named(livekit: Endpoint, target: Target) -> bool:
    """Whether somebody here named this host, or one beside it: an API may hand out any address, and
    would have us knock at its ports."""
    named = [end.host for end in (target.api, target.livekit) if end is not None]
    return livekit.host in named or (
        not livekit.is_address and any(_site(host) == _site(livekit.host) for host in named)
    )


def _site(host: str) -> tuple[str, ...]:
    return tuple(host.split(".")[-2:])


@check("livekit.port", feeds=("port",), outcomes={"ok": "", "public": "addresses", "not-asked": ""})
def port(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether LiveKit's plain port is reached past the proxy: only by LiveKit's own words."""
    plain = own_port(livekit, seen.scope(livekit.host), seen.target)
    if plain is None:
        yield Verdict("not-asked")
        return
    asked = [entry for entry in seen.about(HttpExchange, plain) if entry.purpose == "livekit-port"]
    taken = [entry for entry in seen.about(TcpConnect, plain) if entry.outcome == "connected"]
    if open_at := tuple(entry.address for entry in asked if _is_livekits(entry)):
        yield Verdict("public", {"addresses": open_at})
    elif seen.about(TcpConnect, plain) and len(asked) == len(taken):
        yield Verdict("ok")


def _is_livekits(exchange: HttpExchange) -> bool:
    return is_livekit(exchange) or (exchange.status == 200 and exchange.body.strip() == "OK")


@check("livekit.debug", feeds=("pages",), outcomes={"ok": "", "public": "paths", "not-asked": ""})
def debug(livekit: Endpoint, seen: Seen) -> Judgement:
    """Whether Go's profiler or Prometheus' figures are there for everybody.

    LiveKit has the profiler on its own port with `development: true`, on another one with
    `debug_handler`; the figures always on another (v1.13.5). A proxy may lead there.
    """
    asks = is_named(livekit, seen.target) and not seen.asked.read_only
    if seen.scope(livekit.host) != "public" or not asks:
        yield Verdict("not-asked")
        return
    asked = [seen.exchange(livekit, purpose) for purpose in ("livekit-debug", "livekit-metrics")]
    answered = [entry for entry in asked if entry is not None and entry.outcome == "answered"]
    if paths := tuple(entry.path for entry in answered if _shows_the_inside(entry)):
        yield Verdict("public", {"paths": paths})
    elif len(answered) == len(asked):
        yield Verdict("ok")


def _shows_the_inside(exchange: HttpExchange) -> bool:
    """The profiler's table of contents, or Prometheus' text format (version 0.0.4)."""
    if exchange.status != 200:
        return False
    profiler = "/debug/pprof/" in exchange.body and "Types of profiles" in exchange.body
    return profiler or exchange.body.startswith("# HELP ")
