"""Ports that lead into a container: by Docker's proxy, or by nothing but a rule of the firewall."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import ServerFirewall, ServerProcesses

# As Docker writes them: `-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8083 -j DNAT
# --to-destination 172.17.0.2:8083`.
_RULE: Final = re.compile(r"^-A (?:DOCKER|PREROUTING)\b(.*) -j DNAT (?:.* )?--to-destination (\S+)")
_PORT: Final = re.compile(r" --dports? (\S+)")
_TCP: Final = re.compile(r" -p tcp\b")
_LOOPBACK_ALONE: Final = re.compile(r" -d (?:127\.|::1)")


def leads_to(port: int, seen: Seen) -> str | None:
    """Where a TCP port of the server leads instead of to a program of its own: `172.17.0.2:8083`.
    None where nothing leads on, or nobody may read the rules."""
    processes = seen.one(ServerProcesses)
    for entry in processes.published_by_docker if processes else ():
        if entry.port == port and entry.protocol in ("", "tcp"):
            return entry.to
    firewall = seen.one(ServerFirewall)
    if firewall is None:
        return None
    saved = (firewall.iptables, firewall.iptables_legacy)
    found = [to for text in saved for at, to in _of_iptables(text or "") if at == port]
    found += [to for at, to in _of_nft(firewall.nft or "") if at == port]
    return next(iter(found), None)


def _of_iptables(saved: str) -> Iterator[tuple[int, str]]:
    _, _, nat = saved.partition("*nat\n")
    for line in nat.partition("\nCOMMIT")[0].split("\n"):
        rule = _RULE.match(line)
        if rule is None or not _TCP.search(rule[1]) or _LOOPBACK_ALONE.search(rule[1]):
            continue
        for number in _numbers(_PORT.search(rule[1])):
            yield number, rule[2]


def _numbers(found: re.Match[str] | None) -> Iterator[int]:
    """Of `8083` and `80,443`; a range as a whole is nothing that Docker writes for one port."""
    for part in found[1].split(",") if found else ():
        if part.isdigit():
            yield int(part)


def _of_nft(ruleset: str) -> Iterator[tuple[int, str]]:
    """`tcp dport 8083 dnat ip to 172.17.0.2:8083`, in nft's JSON."""
    try:
        entries = json.loads(ruleset)["nftables"] if ruleset else []
        rules = [entry["rule"]["expr"] for entry in entries if "rule" in entry]
        for expressions in rules:
            ports = [port for one in expressions for port in _matched(one)]
            for one in expressions:
                to = one.get("dnat")
                if isinstance(to, dict):
                    yield from (
                        (port, f"{to.get('addr')}:{to.get('port', port)}") for port in ports
                    )
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def _matched(expression: dict[str, Any]) -> Iterator[int]:
    match = expression.get("match", {})
    payload = match.get("left", {}).get("payload", {}) if isinstance(match, dict) else {}
    right = match.get("right") if isinstance(match, dict) else None
    if payload == {"protocol": "tcp", "field": "dport"} and match.get("op") == "==":
        ports = right["set"] if isinstance(right, dict) and "set" in right else [right]
        yield from (port for port in ports if isinstance(port, int))
