"""Where the judgements of each area are, loaded when the first of them is asked for.

There are some sixty modules, of which most runs need a third.
"""

from __future__ import annotations

from eloquence_ops.checks.registry import REGISTRY, Registered

# ruff: noqa: F401  # a judgement registers itself where it is loaded


def judgement_of(check_id: str) -> Registered:
    """Raises KeyError for a check that no module judges."""
    if check_id not in REGISTRY:
        load(check_id.partition(".")[0])
    return REGISTRY[check_id]


def load(area: str) -> None:
    """Every judgement of an area; their modules' names begin with it."""
    match area:
        case "machine":
            from eloquence_ops.checks import (
                machine,
            )
        case "dns":
            from eloquence_ops.checks import (
                dns,
                dns_addresses,
                dns_app,
                dns_around,
                dns_certificate,
                dns_connects,
                dns_dnssec,
                dns_labels,
                dns_resolvers,
                dns_zone,
            )
        case "tls":
            from eloquence_ops.checks import (
                tls,
                tls_addresses,
                tls_certificate,
                tls_chain,
                tls_elsewhere,
                tls_http,
                tls_renewal,
                tls_versions,
                tls_vouching,
                tls_websocket,
            )
        case "api":
            from eloquence_ops.checks import (
                api,
                api_contract,
                api_old_way,
                api_session,
                api_token,
            )
        case "livekit":
            from eloquence_ops.checks import (
                ice_servers,
                livekit,
                livekit_exposure,
                livekit_media,
                livekit_own,
                livekit_room,
            )
        case "media":
            from eloquence_ops.checks import (
                media,
            )
        case "ports":
            from eloquence_ops.checks import (
                ports,
                ports_udp,
            )
        case "server":
            from eloquence_ops.checks import (
                server,
                server_callers,
                server_certificate,
                server_clock,
                server_disk,
                server_firewall,
                server_http,
                server_installation,
                server_limits,
                server_livekit_config,
                server_livekit_secret,
                server_media,
                server_memory,
                server_ports,
                server_proxied,
                server_proxy,
                server_starts,
                server_units,
            )
