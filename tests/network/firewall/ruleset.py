"""One firewall to be asked: what loads it, and whether every answer about it must be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from eloquence_ops.checks.firewall.sources import Said
from tests.network.firewall.arena import Namespace

Tool = Literal[
    "nft",
    "iptables",
    "ip6tables",
    "iptables-legacy",
    "ip6tables-legacy",
    "ufw",
    "iptables-after",
    "open",
]
_TOOLS: Final[dict[str, Tool]] = {tool: tool for tool in get_args(Tool)}
FOLDER: Final = Path(__file__).with_name("rulesets")

_ON_NFTABLES: Final[tuple[Tool, ...]] = ("iptables", "ip6tables")
_LEGACY: Final[tuple[Tool, ...]] = ("iptables-legacy", "ip6tables-legacy")
# iptables-restore leaves a policy that it is not told of.
_TABLES: Final = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
# ufw writes to /etc and /run: what it writes there is in memory, and gone when its shell ends.
_IN_ITS_OWN_ETC: Final = """
set -e
mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
mount -t tmpfs none /run
"""


@dataclass(frozen=True)
class Ruleset:
    """`texts` by the tool that reads them. `features`: what it was made to hold.

    `is_open`: something in it cannot be told from the outside, so that answers may be unknown.
    """

    name: str
    texts: Mapping[Tool, str]
    features: frozenset[str] = frozenset()
    is_open: bool = False

    def load(self, server: Namespace) -> None:
        """Instead of whatever was there before. Raises `RuntimeError` if a tool refuses."""
        server.run("nft", "-f", "-", given="flush ruleset\n" + self.texts.get("nft", ""))
        for tool in _ON_NFTABLES:
            if tool in self.texts:
                server.run(f"{tool}-nft-restore", given=self.texts[tool])
        for tool in _LEGACY:
            if tool in self.texts or _has_legacy(server, tool):
                server.run(f"{tool}-restore", given=_emptied() + self.texts.get(tool, ""))
        if "ufw" in self.texts:
            script = _IN_ITS_OWN_ETC + _commands(self.texts["ufw"]) + "ufw --force enable\n"
            server.run("unshare", "--mount", "bash", "-c", script)
        if "iptables-after" in self.texts:
            server.run("iptables-nft-restore", "--noflush", given=self.texts["iptables-after"])


def said_of(server: Namespace) -> Said:
    """What the firewall says of itself, as a diagnosis reads it."""
    texts = {}
    for tool in _ON_NFTABLES:
        texts[tool] = server.run(f"{tool}-save")
        if _has_legacy(server, f"{tool}-legacy"):
            texts[tool] += server.run(f"{tool}-legacy-save")
    return Said(server.run("nft", "-j", "list", "ruleset"), texts["iptables"], texts["ip6tables"])


def _commands(text: str) -> str:
    """What comes after `ufw`, a line each; a line that begins with `!` is the shell's."""
    lines = filter(None, text.splitlines())
    return "".join(f"{line[1:] if line.startswith('!') else 'ufw ' + line}\n" for line in lines)


def _has_legacy(server: Namespace, tool: str) -> bool:
    names = "ip_tables_names" if tool.startswith("iptables") else "ip6_tables_names"
    listing = server.run("cat", f"/proc/self/net/{names}")
    return bool(listing.strip())


def _emptied() -> str:
    return "".join(
        f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains) + "COMMIT\n"
        for table, chains in _TABLES.items()
    )


def written() -> list[Ruleset]:
    """Those written by hand: `rulesets/*.txt`, parts headed `== TOOL`, `== open` if it may be."""
    return [_read(path) for path in sorted(FOLDER.glob("*.txt"))]


def _read(path: Path) -> Ruleset:
    texts: dict[Tool, str] = {}
    for part in path.read_text(encoding="utf-8").split("\n== ")[1:]:
        tool, _, text = part.partition("\n")
        texts[_TOOLS[tool]] = text + "\n"
    return Ruleset(path.stem, texts, frozenset({path.stem}), is_open="open" in texts)
