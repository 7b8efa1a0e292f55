"""LiveKit's media and the server's own firewall: UDP, and TCP for networks that have no UDP."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.server_firewall import Met, asked, left_open, met_at, rule_of
from eloquence_ops.checks.service_ports import ICE_TCP_PORT
from eloquence_ops.observations import LiveKitConfig, ServerFirewall

# So many ports of a range are asked about, both ends among them.
_SAMPLES: Final = 9


@check(
    "server.media-firewall",
    feeds=("facts",),
    outcomes={
        "ok": "",
        "denied": "tcp udp rule",
        "udp-denied": "udp rule",
        "tcp-denied": "tcp rule",
        "other-range": "udp let_in rule",
        "open": "feature detail",
        "not-read": "reason",
        "not-needed": "",
    },
)
def media_firewall(_server: str, seen: Seen) -> Judgement:
    """Whether the server lets media in: UDP, and TCP for those whose network has no UDP."""
    endpoint, told = seen.target.livekit or seen.handed_out, seen.one(ServerFirewall)
    met = list(met_at(endpoint, seen)) if endpoint else []
    if not met:
        yield Verdict("not-needed")
        return
    if told is None:
        return
    for one in met:
        yield _media(one, told, seen)


def _media(met: Met, told: ServerFirewall, seen: Seen) -> Verdict:
    tcp_port, (first, last) = media_ports(seen)
    over_tcp = [asked(met, port, "tcp", told) for port in ([tcp_port] if tcp_port else [])]
    over_udp = [asked(met, port, "udp", told) for port in _sampled(first, last)]
    answers = [*over_tcp, *over_udp]
    if unknown := next((given for given in answers if given.verdict == "unknown"), None):
        return left_open(unknown, {}, met.family, told)
    denied = [given for given in answers if given.verdict != "accepted"]
    if not denied:
        return Verdict("ok", {}, met.family)
    ports: dict[str, str | int] = {
        "tcp": tcp_port,
        "udp": f"{first}-{last}" if first != last else str(first),
    }
    evidence: dict[str, str | int] = {"rule": rule_of(denied[0])}
    no_udp = any(given.verdict != "accepted" for given in over_udp)
    no_tcp = all(given.verdict != "accepted" for given in over_tcp)
    if no_udp and not no_tcp and _lets_in_the_settings(met, told, seen):
        let_in = "-".join(map(str, seen.target.media_ports))
        return Verdict(
            "other-range", {"udp": ports["udp"], "let_in": let_in, **evidence}, met.family
        )
    if no_udp and no_tcp:
        return Verdict("denied", {**ports, **evidence}, met.family)
    name = "udp" if no_udp else "tcp"
    return Verdict(f"{name}-denied", {name: ports[name], **evidence}, met.family)


def _lets_in_the_settings(met: Met, told: ServerFirewall, seen: Seen) -> bool:
    """Whether the whole range of the settings is let in, where livekit.yaml has another one."""
    _, (first, last) = media_ports(seen)
    other = seen.target.media_ports
    return (first, last) != other and all(
        asked(met, port, "udp", told).verdict == "accepted" for port in _sampled(*other)
    )


def media_ports(seen: Seen) -> tuple[int, tuple[int, int]]:
    """The port for ICE over TCP (0: none), and the range for UDP, as livekit.yaml has them."""
    config = seen.one(LiveKitConfig)

    def written(name: str) -> int | None:
        value = config.setting(name) if config else None
        return value if isinstance(value, int) and 0 <= value < 65536 else None

    tcp = written("rtc.tcp_port")
    single = written("rtc.udp_port")
    first, last = written("rtc.port_range_start"), written("rtc.port_range_end")
    if single:
        udp = (single, single)
    elif first and last and first <= last:
        udp = (first, last)
    else:
        udp = seen.target.media_ports
    return (ICE_TCP_PORT if tcp is None else tcp), udp


def media_name(seen: Seen) -> str:
    """`UDP 50000-60000 + TCP 7881`, in every language."""
    tcp, (first, last) = media_ports(seen)
    udp = f"UDP {first}" if first == last else f"UDP {first}-{last}"
    return f"{udp} + TCP {tcp}" if tcp else udp


def _sampled(first: int, last: int) -> list[int]:
    steps = _SAMPLES - 1
    return sorted({first + (last - first) * step // steps for step in range(_SAMPLES)})
