"""LiveKit's configuration: what it says of ports and addresses, the lengths of its secrets.

The keys that exist are those of livekit-server 1.13.5 (pkg/config/config.go and rtcconfig). LiveKit
reads strictly: a key that it does not know keeps it from starting, and it exits with status 0 then,
so that systemd calls the unit stopped, not failed, and does not start it again.
"""

from __future__ import annotations

import os

from eloquence_ops.server.remote import yaml_subset
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import Unreadable, read_text
from eloquence_ops.server.remote.units import Unit
from eloquence_ops.server.remote.yaml_subset import Value

DEFAULT_PATH = "/etc/livekit.yaml"
TOP_LEVEL = frozenset(
    """port bind_addresses prometheus_port prometheus debug_handler rtc redis audio video room turn
    ingress sip webhook node_selector key_file keys region signal_relay psrpc log_level logging
    limit agents development metric trace node_stats enable_data_tracks enable_participant_data_blob
    api""".split()
)
RTC = frozenset(
    """udp_port tcp_port port_range_start port_range_end use_stun_port_as_ice node_ip stun_servers
    use_external_ip skip_external_ip_validation advertise_internal_ip use_ice_lite interfaces ips
    enable_loopback_candidate use_mdns external_ip_only batch_io sctp_min_cwnd sctp_fast_rtx_wnd
    sctp_cwnd_ca_step host_acceptance_min_wait srflx_acceptance_min_wait prflx_acceptance_min_wait
    relay_acceptance_min_wait force_tcp turn_servers strict_acks packet_buffer_size
    packet_buffer_size_video packet_buffer_size_audio pli_throttle congestion_control
    allow_tcp_fallback tcp_fallback_rtt_threshold allow_udp_unstable_fallback
    reconnect_on_publication_error reconnect_on_subscription_error reconnect_on_data_channel_error
    data_channel_max_buffered_amount datachannel_slow_threshold datachannel_lossy_target_latency
    datachannel_data_track_target_latency forward_stats enable_rtp_stream_restart_detection
    """.split()
)
TURN = frozenset(
    """enabled domain cert_file key_file tls_port udp_port relay_range_start relay_range_end
    external_tls bind_addresses ttl_seconds allow_restricted_peer_cidrs deny_peer_cidrs""".split()
)
_KNOWN = {"": TOP_LEVEL, "rtc": RTC, "turn": TURN}
# Told as they are; of everything else only that it is there.
_SHOWN = {
    "": ("port", "bind_addresses", "prometheus_port", "key_file", "log_level", "development",
         "region"),
    "rtc": ("udp_port", "tcp_port", "port_range_start", "port_range_end", "node_ip", "force_tcp",
            "use_external_ip", "external_ip_only", "use_ice_lite", "advertise_internal_ip",
            "enable_loopback_candidate", "stun_servers"),
    "turn": ("enabled", "domain", "cert_file", "tls_port", "udp_port", "external_tls",
             "relay_range_start", "relay_range_end"),
    "room": ("auto_create",),
    "prometheus": ("port",),
    "debug_handler": ("enabled", "port"),
}  # fmt: skip


def path_of(unit: Unit | None) -> str:
    """Where the unit's command takes its configuration from."""
    words = unit.arguments if unit is not None else []
    for at, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in ("--config", "-config", "-c"):
            found = value if equals else "".join(words[at + 1 : at + 2])
            folder = unit.get("WorkingDirectory").lstrip("-!") if unit is not None else ""
            return os.path.join(folder or "/", found)
    return DEFAULT_PATH


def key_pairs(value: dict[str, Value]) -> dict[str, str]:
    """`keys:` of a configuration, or the whole of a key file."""
    return {name: str(secret) for name, secret in value.items() if secret is not None}


def section(document: dict[str, Value], name: str) -> dict[str, Value]:
    found = document.get(name) if name else document
    return found if isinstance(found, dict) else {}


def load(path: str) -> yaml_subset.Document:
    return yaml_subset.parse(read_text(path))


def load_keys(document: yaml_subset.Document) -> dict[str, str]:
    """The key pairs, from `keys` or from `key_file`. Raises `Unreadable`."""
    pairs = key_pairs(section(document.value, "keys"))
    key_file = document.value.get("key_file")
    if not pairs and isinstance(key_file, str) and key_file:
        pairs = key_pairs(yaml_subset.parse(read_text(key_file)).value)
    return pairs


def facts(path: str, gaps: Gaps) -> dict[str, object]:
    found: dict[str, object] = {"path": path, "exists": os.path.exists(path)}
    try:
        document = load(path)
    except Unreadable as error:
        if error.reason != "not-found":
            gaps.note("configuration", error.reason, error.detail)
            found["exists"] = None if error.reason == "permission-denied" else found["exists"]
        return found
    found["settings"] = _settings(document.value)
    found["sections"] = sorted(map(str, document.value))[:80]
    found["unknown_keys"] = _unknown(document)
    found["not_understood"] = document.not_understood[:40]
    found["refused_lines"] = document.refused[:40]
    with gaps.around("keys"):
        found["keys"] = [
            {"name": name, "secret_length": len(secret)}
            for name, secret in list(load_keys(document).items())[:40]
        ]
    return found


def _settings(document: dict[str, Value]) -> list[dict[str, object]]:
    return [
        {"name": "{}.{}".format(name, key) if name else key, "value": _plain(values[key])}
        for name, keys in _SHOWN.items()
        for values in (section(document, name),)
        for key in keys
        if key in values
    ]


def _plain(value: Value) -> Value:
    """A list or a mapping as one text: what is compared is single values."""
    if isinstance(value, list):
        return ", ".join(str(part) for part in value[:20])
    if isinstance(value, dict):
        return ", ".join("{}: {}".format(name, part) for name, part in list(value.items())[:20])
    return value


def _unknown(document: yaml_subset.Document) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {
            "name": "{}.{}".format(name, key) if name else str(key),
            "line": document.lines.get(key) if not name else None,
        }
        for name, known in _KNOWN.items()
        for key in section(document.value, name)
        if key not in known
    ]
    return found[:40]
