"""The API's port through ufw, where ufw is at work.

Rules that nftables or iptables were given by hand are left alone: what is added to them is gone
with the next reboot, or with the next run of whatever wrote them. And no firewall is switched on.
"""

from __future__ import annotations

import json
from typing import Callable

from eloquence_ops.deploy.remote import systemd
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.server.remote import firewall
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import Unreadable, read_text

_RULES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")
_TIMEOUT_S = 60.0
_RULE = ["###", "tuple", "###"]
_ANYBODY = {"0.0.0.0/0", "::/0"}


def facts() -> dict[str, object]:
    """The firewall as raw material, with what could not be read of it, and the server's own
    address, which its rules may name."""
    gaps = Gaps()
    rules = dict(firewall.facts(gaps), unknown=gaps.entries)
    return {"rules": rules, "address": address()}


def address() -> str | None:
    """The first one that is for others to use."""
    try:
        done = systemd.run(["ip", "-json", "-4", "address", "show", "scope", "global"], 5.0)
        found = [entry["local"] for link in json.loads(done.stdout) for entry in link["addr_info"]]
    except (Failed, ValueError, KeyError, TypeError):
        return None
    return str(found[0]) if found else None


def let_through(port: int, ledger: Ledger, said: Callable[[str], None]) -> bool:
    """Whether ufw is at work and was told. Raises `Failed`."""
    if not _is_at_work():
        return False
    for path in _RULES:
        ledger.will_replace(path)
    ledger.set(ufw=True)
    allow = ["allow", "{}/tcp".format(port)]
    commands = [["ufw", *allow]]
    if any(_denies(path, port) for path in _RULES):
        # It would be answered first. A rule that is there already does not move: it is made anew.
        commands += [["ufw", "--force", "delete", *allow], ["ufw", "prepend", *allow]]
    for words in commands:
        said("$ " + " ".join(words))
        done = systemd.run(words, _TIMEOUT_S)
        for line in done.stdout.splitlines():
            said(line)
        if done.status != 0:
            raise Failed("firewall", (done.stderr or done.stdout).strip())
    return True


def _denies(path: str, port: int) -> bool:
    """Whether a rule of ufw's own file denies it to everybody, by whatever protocol it names."""
    try:
        text = read_text(path)
    except Unreadable:
        return False
    for line in text.split("\n"):
        words = line.split()
        if words[:3] != _RULE or len(words) < 9 or not words[3].startswith(("deny", "reject")):
            continue
        protocol, ports, to, _, source = words[4:9]
        if protocol == "any" and {to, source} <= _ANYBODY and _names(ports, port):
            return True
    return False


def _names(ports: str, port: int) -> bool:
    for span in ports.split(","):
        first, _, last = span.partition(":")
        if first.isdigit() and int(first) <= port <= int(last or first):
            return True
    return ports == "any"


def as_before(ledger: Ledger) -> None:
    """Its rules lie where they lay; now they hold again. Raises `Failed`."""
    if ledger.data.get("ufw") is True and _is_at_work():
        done = systemd.run(["ufw", "reload"], _TIMEOUT_S)
        if done.status != 0:
            raise Failed("firewall", (done.stderr or done.stdout).strip())


def _is_at_work() -> bool:
    try:
        done = systemd.run(["ufw", "status"], _TIMEOUT_S)
    except Failed:
        return False  # there is none
    return done.status == 0 and "Status: active" in done.stdout
