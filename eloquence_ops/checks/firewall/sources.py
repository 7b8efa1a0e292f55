"""What the server said, put together: each rule counted once, from the text that tells it best.

On today's systems `iptables` writes nftables: its rules stand in both texts, and in nft's only as
far as nft understands them. There the text of iptables-save is taken, and nft's puts it right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from eloquence_ops.checks.firewall import iptables, nftables
from eloquence_ops.checks.firewall.answer import Doubt, Feature
from eloquence_ops.checks.firewall.model import Table
from eloquence_ops.checks.firewall.pairing import Contradiction, paired
from eloquence_ops.untrusted import one_line

Family = Literal["ip", "ip6"]
_FAMILIES: Final[tuple[Family, ...]] = ("ip", "ip6")
_PROGRAMS: Final[dict[Family, str]] = {"ip": "iptables-save", "ip6": "ip6tables-save"}


@dataclass(frozen=True)
class Said:
    """Texts as the server wrote them; None: not read, and every answer that needs it is open.

    `nft`: `nft -j list ruleset`.
    `iptables`, `ip6tables`: what iptables-save and ip6tables-save wrote; then, where there are
    legacy tables (/proc/net/ip_tables_names), what iptables-legacy-save wrote. A warning that there
    are some goes to their stderr; where it was kept, it counts. Empty: there are no rules.
    `ufw_active`: what `ufw status` says, if it is installed.
    """

    nft: str | None = None
    iptables: str | None = None
    ip6tables: str | None = None
    ufw_active: bool | None = None


@dataclass(frozen=True)
class Firewall:
    """Every table that counts, and for a family what keeps it from being known."""

    tables: tuple[Table, ...] = ()
    doubts: dict[Family, Doubt] = field(default_factory=dict)

    def doubt_about(self, family: Family) -> Doubt | None:
        return self.doubts.get(family)


def read(said: Said) -> Firewall:
    """Never raises: what cannot be read becomes a doubt."""
    doubts: dict[Family, Doubt] = {}
    shown = _of_nft(said.nft, doubts)
    tables: list[Table] = []
    for family, text in zip(_FAMILIES, (said.iptables, said.ip6tables), strict=True):
        try:
            tables += _of_iptables(text, family, shown)
        except _Doubtful as because:
            doubts.setdefault(family, because.doubt)
    if said.ufw_active and not any(_is_ufws(name) for table in tables for name in table.chains):
        lost = Doubt(Feature.CONTRADICTION, "ufw is active, and none of its chains is there")
        doubts = {family: doubts.get(family, lost) for family in _FAMILIES}
    return Firewall((*shown.values(), *tables), doubts)


class _Doubtful(Exception):
    def __init__(self, feature: Feature, detail: str) -> None:
        super().__init__(detail)
        self.doubt = Doubt(feature, detail)


def _of_nft(text: str | None, doubts: dict[Family, Doubt]) -> dict[tuple[str, str], Table]:
    try:
        if text is None:
            raise _Doubtful(Feature.NOT_READ, "nft")
        return {(table.family, table.name): table for table in nftables.read(text)}
    except nftables.Unreadable as wrong:
        doubt = Doubt(Feature.UNREADABLE, f"nft: {wrong}")
    except _Doubtful as because:
        doubt = because.doubt
    doubts.update(dict.fromkeys(_FAMILIES, doubt))
    return {}


def _of_iptables(
    text: str | None, family: Family, shown: dict[tuple[str, str], Table]
) -> list[Table]:
    """The tables of one text; those that nft shows too are taken out of `shown`."""
    program = _PROGRAMS[family]
    if text is None:
        raise _Doubtful(Feature.NOT_READ, program)
    try:
        saved = iptables.read(text, family)
    except iptables.Unreadable as wrong:
        raise _Doubtful(Feature.UNREADABLE, f"{program}: {wrong}") from wrong
    if saved.legacy_unsaid:
        raise _Doubtful(Feature.NOT_READ, f"{program}, legacy")
    tables = []
    for source, table in saved.tables:
        twice = shown.pop((family, table.name), None) if source == "iptables" else None
        try:
            tables.append(table if twice is None else paired(table, twice))
        except Contradiction as differing:
            detail = f"{program} and nft differ in {table.name} {differing}"
            raise _Doubtful(Feature.CONTRADICTION, one_line(detail, limit=80)) from differing
    return tables


def _is_ufws(chain: str) -> bool:
    return chain.startswith(("ufw-", "ufw6-"))
