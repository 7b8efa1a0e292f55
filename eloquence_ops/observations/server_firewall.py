"""The server's packet filter, as it was told."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Record
from eloquence_ops.observations.server import ServerObservation


class Ufw(Record):
    """`rules` are ufw's own words: `allow tcp 8083 0.0.0.0/0 any 0.0.0.0/0 in`."""

    enabled: bool
    default_input: str | None = None
    ipv6: bool | None = None
    rules: tuple[str, ...] | None = None
    rules6: tuple[str, ...] | None = None


class ServerFirewall(ServerObservation):
    """Rule sets as text, whole or None: `nft -j list ruleset`, `iptables-save`, `ip6tables-save`.

    Without the program, `nft` is an empty list where the kernel has no nf_tables either. The
    `legacy` ones are of the tables before nftables, None where those are empty too. `ufw` is None
    where it is not installed.
    """

    kind: Literal["server.firewall"] = "server.firewall"
    nft: str | None = None
    iptables: str | None = None
    ip6tables: str | None = None
    iptables_legacy: str | None = None
    ip6tables_legacy: str | None = None
    ufw: Ufw | None = None
