"""What a plan means for each part of a lab: names, keys, behaviours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eloquence_ops.endpoints import Role, a_label
from eloquence_ops.lab.plan import ApiPlan, LabPlan, LivekitPlan, Upstream
from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET, ApiBehaviour
from eloquence_ops.lab.services.livekit import LivekitBehaviour
from eloquence_ops.lab.services.livekit_signal import Candidate
from eloquence_ops.lab.services.proxy import ProxyBehaviour

API_NAME: Final = "api.éloquence.test"
LIVEKIT_NAME: Final = "livekit.éloquence.test"
# Leads to the same LiveKit as its own name.
ALIAS_NAME: Final = "rtc.éloquence.test"
# Somebody else's, and there in a healthy lab too: that it exists is no fault.
LOOK_ALIKE_NAME: Final = "livekit.eloquence.test"
# Where an address that redirects leads; nothing is there, and nobody follows.
_MOVED_TO: Final = "www.éloquence.test"
NAMES: Final[Mapping[Role, tuple[str, ...]]] = {
    "api": (a_label(API_NAME),),
    "livekit": (a_label(LIVEKIT_NAME), a_label(ALIAS_NAME)),
}
# Everybody who reads this knows it.
API_KEY: Final = "lab-api-key"
_OTHER_SECRET: Final = "the-secret-of-another-livekit-server"  # noqa: S105  # the lab only


_HANDED_OUT: Final = {
    "public": f"wss://{a_label(LIVEKIT_NAME)}",
    "alias": f"wss://{a_label(ALIAS_NAME)}",
}


def api_behaviour(api: ApiPlan) -> ApiBehaviour:
    failure = None if api.session == "opens" else api.session
    return ApiBehaviour(
        api_key=API_KEY,
        livekit_url=_HANDED_OUT.get(api.url, api.url),
        livekit_key=LAB_LIVEKIT_KEY if api.livekit_key == "right" else "key-of-another-livekit",
        livekit_secret=_OTHER_SECRET if api.livekit_secret == "another" else LAB_LIVEKIT_SECRET,  # noqa: S105
        generation=api.generation,
        failure="other-service" if api.process == "other-service" else failure,
        session_takes_s=api.session_takes_s,
        room_join=api.room_join,
        token_clock_s=api.token_clock_s,
        other_keys=api.also_accepts,
        asks_for_key=api.asks_for_key,
        takes_any_key=api.takes_any_key,
        takes_nulls=api.takes_nulls,
        removes_sessions=api.removes_sessions,
        cors_origins=("*",) if api.allows_web else (),
        prefix=api.prefix,
        slash=api.slash,
    )


def livekit_behaviour(livekit: LivekitPlan) -> LivekitBehaviour:
    return LivekitBehaviour(
        ready=livekit.process != "not-ready",
        clock_s=livekit.clock_s,
        generation=livekit.generation,
        development=livekit.development,
        places_rooms=livekit.rooms == "placed",
        # Where the stand-in is reached itself; no media are behind it.
        candidates=(Candidate("udp", "127.0.0.1", 7882), Candidate("tcp", "127.0.0.1", 7881)),
    )


def proxy_behaviour(
    plan: LabPlan,
    upstreams: Mapping[Upstream, tuple[str, int]],
    names: Mapping[Role, tuple[str, ...]],
) -> ProxyBehaviour:
    """The proxy of this plan; `names` are the hosts (A-labels) under which it knows each role."""
    leads: dict[Role, Upstream] = {
        "api": plan.proxy.api_upstream,
        "livekit": plan.proxy.livekit_upstream,
    }
    redirects: dict[Role, str] = {
        "api": plan.proxy.api_redirects,
        "livekit": plan.proxy.livekit_redirects,
    }
    return ProxyBehaviour(
        routes={name: upstreams[leads[role]] for role in names for name in names[role]},
        deny=frozenset(name for role in plan.proxy.deny for name in names.get(role, ())),
        redirect={
            name: f"https://{a_label(_MOVED_TO)}"
            for role, place in redirects.items()
            if place == "elsewhere"
            for name in names.get(role, ())
        },
        loop=frozenset(
            name
            for role, place in redirects.items()
            if place == "itself"
            for name in names.get(role, ())
        ),
        clock_s=plan.proxy.clock_s,
        only={name: frozenset(paths) for name in names.get("livekit", ())}
        if (paths := plan.proxy.livekit_paths)
        else {},
        drop_upgrade=not plan.proxy.passes_upgrade,
        read_timeout_s=plan.proxy.read_timeout_s,
        http2=plan.proxy.http2,
    )
