"""LiveKit's configuration: what it says of ports and addresses, the lengths of its secrets.

LiveKit reads strictly: a key that it does not know (`livekit_keys` has those that it does) keeps it
from starting, and it exits with status 0 then, so that systemd calls the unit stopped, not failed,
and does not start it again.
"""

from __future__ import annotations

import os

from eloquence_ops.server.remote import yaml_subset
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.livekit_keys import SECTIONS
from eloquence_ops.server.remote.reading import Unreadable, read_text
from eloquence_ops.server.remote.units import Unit
from eloquence_ops.server.remote.yaml_subset import Value

DEFAULT_PATH = "/etc/livekit.yaml"
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
        for name, known in SECTIONS.items()
        for values in _mappings(document.value, name)
        for key in values
        if key not in known
    ]
    return found[:40]


def _mappings(document: dict[str, Value], name: str) -> list[dict[str, Value]]:
    """What stands at `redis.tls` of a configuration, or in each entry of `rtc.turn_servers[]`."""
    places: list[Value] = [document]
    for part in name.split(".") if name else []:
        key = part.replace("[]", "")
        inner = [place[key] for place in places if isinstance(place, dict) and key in place]
        lists = [entries for entries in inner if isinstance(entries, list)]
        places = [entry for entries in lists for entry in entries] if "[]" in part else inner
    return [place for place in places if isinstance(place, dict)]
