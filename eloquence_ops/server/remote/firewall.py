"""The firewall as raw material: the kernel's own rules, and what ufw was told.

A text is whole or unknown: half a rule set says the opposite of what the whole does.
"""

from __future__ import annotations

import os
import re

from eloquence_ops.server.remote import commands
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import KIB, Unreadable, read_text, text

LARGEST = 256 * KIB
_COMMANDS = {
    "nft": ["nft", "-j", "list", "ruleset"],
    "iptables": ["iptables-save"],
    "ip6tables": ["ip6tables-save"],
}
_LEGACY = {
    "iptables_legacy": ("/proc/net/ip_tables_names", ["iptables-legacy-save"]),
    "ip6tables_legacy": ("/proc/net/ip6_tables_names", ["ip6tables-legacy-save"]),
}
# As nft itself says it.
_NO_TABLES = '{"nftables": []}'
_SETTING = re.compile(r'^\s*([A-Z_]+)\s*=\s*"?([^"#\n]*?)"?\s*$', re.MULTILINE)
_TUPLE = re.compile(r"^### tuple ### (.+)$", re.MULTILINE)


def facts(gaps: Gaps) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, words in _COMMANDS.items():
        with gaps.around(name):
            try:
                found[name] = _rules(words)
            except Unreadable as error:
                if not (name == "nft" and error.reason == "no-such-program" and _no_nftables()):
                    raise
                found[name] = _NO_TABLES
    for name, (tables, words) in _LEGACY.items():
        # The older kind of tables is empty nearly everywhere; asking would load its modules.
        with gaps.around(name):
            try:
                in_use = read_text(tables, 4 * KIB).split()
            except Unreadable as error:
                if error.reason == "not-found":
                    continue
                raise
            if in_use:
                found[name] = _rules(words)
    found["ufw"] = _ufw(gaps)
    return found


def _rules(words: list[str]) -> str:
    """What a program wrote. It warns of legacy tables on its other stream: those are looked for in
    the kernel's own list instead."""
    if os.geteuid() != 0:
        # iptables-save answers an ordinary user with nothing, as if there were no rules.
        raise Unreadable("permission-denied", words[0] + " needs root")
    return text(commands.output(words, limit=LARGEST))


def _no_nftables() -> bool:
    """Whether the kernel cannot have a rule of nftables; False where that is not certain."""
    try:
        built_in = "/lib/modules/{}/modules.builtin".format(os.uname().release)
        return lacks("nf_tables", read_text("/proc/modules"), read_text(built_in))
    except Unreadable:
        return False


def lacks(module: str, loaded: str, built_in: str) -> bool:
    """By /proc/modules, where each line begins with a name, and modules.builtin, of paths."""
    names = {line.partition(" ")[0] for line in loaded.split("\n")}
    names |= {os.path.basename(line).partition(".ko")[0] for line in built_in.split("\n")}
    return module not in names


def _ufw(gaps: Gaps) -> dict[str, object] | None:
    """None where ufw is not installed. `rules` are ufw's own words for them."""
    try:
        settings = dict(_SETTING.findall(read_text("/etc/ufw/ufw.conf", 64 * KIB)))
    except Unreadable as error:
        if error.reason != "not-found":
            gaps.note("ufw", error.reason, error.detail)
        return None
    found: dict[str, object] = {"enabled": settings.get("ENABLED", "").lower() == "yes"}
    with gaps.around("ufw.defaults"):
        defaults = dict(_SETTING.findall(read_text("/etc/default/ufw", 64 * KIB)))
        found["default_input"] = defaults.get("DEFAULT_INPUT_POLICY", "")
        found["ipv6"] = defaults.get("IPV6", "").lower() == "yes"
    for name, path in (("rules", "/etc/ufw/user.rules"), ("rules6", "/etc/ufw/user6.rules")):
        with gaps.around("ufw." + name):
            found[name] = _TUPLE.findall(read_text(path, LARGEST))[:200]
    return found
