"""What is left of a plan where an app sees the lab by address, in plain HTTP. Pure.

No app trusts the lab's certificate authority or asks its name server, so neither is there. A fault
of which nothing is left cannot be shown to an app: that is read from its plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from eloquence_ops.endpoints import Role, a_label, parse, scope_of
from eloquence_ops.errors import UsageError
from eloquence_ops.idn.siblings import are_look_alikes, are_near
from eloquence_ops.lab.behaviours import LIVEKIT_NAME
from eloquence_ops.lab.faults import Fault, combined
from eloquence_ops.lab.places import Place
from eloquence_ops.lab.plan import ApiPlan, ClientPlan, Front, LabPlan
from eloquence_ops.lab.system import FIXED_PORTS

# With these no TLS handshake comes as far as a certificate, so the address can stay https.
_ENDS_EARLY: Final[frozenset[Front]] = frozenset(
    {"plain-service", "nobody", "tcp-closes", "tls-1.1"}
)
# What is usual behind a name, with a proxy or without; at a place, 8083 stands for all of them.
_USUAL_PORTS: Final = frozenset({None, 80, 443, FIXED_PORTS["api"]})
_HEALTHY: Final = LabPlan()


def in_clear(plan: LabPlan, place: Place) -> LabPlan:
    """The same plan without certificates, names and this machine's environment, and without what
    is a fault at public addresses only.

    Its scheme is https only where no handshake can succeed. `url` is "public" where the LiveKit
    address that is handed out is the place's own.
    """
    return LabPlan(
        api=_api(plan.api, place),
        agent=plan.agent,
        livekit=plan.livekit.model_copy(update={"port_is_public": False, "development": False}),
        proxy=plan.proxy.model_copy(update={"http2": False}),
        client=ClientPlan(api_key=plan.client.api_key),
    )


def ends_early(front: Front) -> bool:
    """Whether a TLS handshake with it fails before any certificate is shown."""
    return front in _ENDS_EARLY


def _api(api: ApiPlan, place: Place) -> ApiPlan:
    port = None if api.port in _USUAL_PORTS else api.port
    # Where only the port is wrong, the scheme is that of the API at the right one.
    secure = api.scheme == "https" and ends_early(api.front) and port is None
    # A service that is asked as it expects to be is what the proxy leads to, too.
    front: Front = "proxy" if api.front == "plain-service" and not secure else api.front
    changed = {
        "scheme": "https" if secure else "http",
        "front": front,
        "url": _handed_out(api.url, place),
        "port": port,
        "also_accepts": (),
    }
    return api.model_copy(update=changed)


def _handed_out(url: str, place: Place) -> str:
    if url in ("public", "alias"):
        return "public"  # a place has one address
    try:
        endpoint = parse(url, "livekit")
    except UsageError:
        return url  # handing out what is no address is a fault anywhere
    own = endpoint.host == a_label(LIVEKIT_NAME) or _is_sibling(url)
    near = endpoint.host == "localhost" or scope_of(endpoint.host) == "loopback"
    at_home = near and place.is_this_machine and endpoint.port == FIXED_PORTS["livekit"]
    return "public" if own or at_home else url


def _is_sibling(url: str) -> bool:
    """Whether the name of this LiveKit is one that is taken for the right one: its fault shows in
    names alone, which an app at a place does not see."""
    try:
        host = parse(url, "livekit").host
    except UsageError:
        return False
    own = a_label(LIVEKIT_NAME)
    return are_look_alikes(host, own) or are_near(host, own)


# Why nothing is left of a plan, by what differs in it from the healthy one.
_REASONS: Final[tuple[tuple[Callable[[LabPlan], object], str], ...]] = (
    (lambda plan: plan.certificate, "lab.not-in-clear-certificate"),
    (lambda plan: plan.dns, "lab.not-in-clear-name"),
    (lambda plan: _is_sibling(plan.api.url), "lab.not-in-clear-name"),
    (lambda plan: plan.client.environ, "lab.not-in-clear-machine"),
    (lambda plan: plan.api.url, "lab.not-in-clear-url"),
)


def refuse_what_is_lost(faults: Iterable[Fault], place: Place) -> None:
    """Raises `UsageError` for the first fault that an app at this place would not meet, with why
    and with what shows it instead."""
    healthy = in_clear(_HEALTHY, place)
    for fault in faults:
        plan = combined((fault,))
        if in_clear(plan, place) == healthy:
            reasons = (why for part, why in _REASONS if part(plan) != part(_HEALTHY))
            which = next(reasons, "lab.not-in-clear-scope")
            raise UsageError(which, fault=fault.id, address=place.address)


def urls(plan: LabPlan, place: Place, ports: dict[Role, int]) -> dict[Role, str]:
    """What the app is given: a plan in clear, and the ports that it is served at."""
    schemes: dict[Role, str] = {
        "api": plan.api.scheme,
        "livekit": "wss" if ends_early(plan.livekit.front) else "ws",
    }
    return {role: f"{schemes[role]}://{place.address}:{ports[role]}" for role in ports}
