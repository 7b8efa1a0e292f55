"""How a destination is reached by this person's ssh configuration: its host, and those before it.

System-wide files count too, as for ssh. Not followed, and noted where it occurs: `Match exec` (no
command is run to read a file), names made canonical, certificates and tokens of hardware.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.endpoints import a_label
from eloquence_ops.errors import UsageError
from eloquence_ops.server import destination
from eloquence_ops.server.destination import Destination
from eloquence_ops.server.errors import SshConfigError
from eloquence_ops.server.ssh_options import Note, Options, Source, options_for

_MOST_HOPS: Final = 8
_PORT: Final = 22
# ssh tries them in an order of its own; the kind that is made by default nowadays comes first here.
_DEFAULT_KEYS: Final = ("id_ed25519", "id_ecdsa", "id_rsa")
_SYSTEM: Final = Path("/etc/ssh")


@dataclass(frozen=True)
class Account:
    """Who uses ssh on this machine."""

    name: str
    home: Path
    environ: Mapping[str, str]
    system: Path = _SYSTEM
    """Where the system-wide configuration and known hosts are."""

    @classmethod
    def of_this_process(cls, environ: Mapping[str, str]) -> Account:
        return cls(getpass.getuser(), Path.home(), environ)

    @property
    def configuration(self) -> tuple[Source, ...]:
        own = self.home / ".ssh"
        return (
            Source(own / "config", own),
            Source(self.system / "ssh_config", self.system),
        )


@dataclass(frozen=True, slots=True)
class Host:
    """One hop. `alias` is what was asked for, `name` what is connected to: an A-label or address.

    `known_as` is looked up in the files `known_hosts`. `agent` is a socket's path; `proxy_command`
    a command of the local shell, that speaks with the host on its standard input and output.
    """

    alias: str
    name: str
    port: int
    user: str
    known_as: str
    known_hosts: tuple[Path, ...]
    identity_files: tuple[Path, ...]
    identities_only: bool
    agent: str | None
    proxy_command: str | None
    notes: tuple[Note, ...] = ()

    def __str__(self) -> str:
        """user@name[:port], for messages."""
        return str(Destination(self.name, self.user, None if self.port == _PORT else self.port))


def route(to: Destination, account: Account) -> tuple[Host, ...]:
    """The hosts to go through, the destination itself last.

    Raises `SshConfigError` where hops lead in a circle, and `UsageError` for a name that is none.
    """
    return _route(to, account, jumps=None, before=())


def notes(to: Destination, account: Account) -> tuple[Note, ...]:
    """What of the configuration is not followed on the way, each once; raises as `route` does."""
    hosts = route(to, account)
    return tuple(dict.fromkeys(note for host in hosts for note in host.notes))


def _route(
    to: Destination, account: Account, jumps: list[Destination] | None, before: tuple[str, ...]
) -> tuple[Host, ...]:
    """`jumps` are those that `to` is reached by, where another host's ProxyJump said so."""
    if str(to) in before or len(before) >= _MOST_HOPS:
        raise SshConfigError("sshconfig.circle", hops=" → ".join((*before, str(to))))
    options = options_for(
        to.host,
        account.configuration,
        given={
            **({"user": to.user} if to.user else {}),
            **({"port": str(to.port)} if to.port else {}),
            # `ssh -J a b`: a jump is no longer for the file to say.
            **({"proxyjump": "none"} if jumps else {}),
        },
        local_user=account.name,
        home=account.home,
    )
    host = _host(to, options, account)
    hops = jumps or _jumps(options.one("proxyjump"), host)
    if not hops:
        return (host,)
    *earlier, last = hops
    return (*_route(last, account, earlier or None, (*before, str(to))), host)


def _jumps(written: str | None, host: Host) -> list[Destination]:
    if written is None or written.lower() == "none":
        return []
    tokens = {"%": "%", "h": host.name, "n": host.alias, "p": str(host.port), "r": host.user}
    try:
        return [destination.parse(hop) for hop in _filled(written, tokens).split(",")]
    except UsageError:
        raise SshConfigError("sshconfig.not-a-jump", value=written) from None


def _host(to: Destination, options: Options, account: Account) -> Host:
    name = _hostname(options.one("hostname"), to.host)
    user = options.one("user") or account.name
    port = _port_number(options.one("port"))
    known_as = options.one("hostkeyalias") or name
    tokens = {
        "%": "%",
        "d": str(account.home),
        "h": name,
        "i": str(os.getuid()) if hasattr(os, "getuid") else "",
        "k": known_as,
        "L": socket.gethostname().partition(".")[0],
        "l": socket.gethostname(),
        "n": to.host,
        "p": str(port),
        "r": user,
        "u": account.name,
    }

    def expanded(text: str) -> str:
        text = re.sub(r"\$\{(\w+)\}", lambda found: account.environ.get(found[1], ""), text)
        text = _filled(text, tokens)
        return str(account.home / text[2:]) if text.startswith("~/") else text

    own, system = account.home / ".ssh", account.system
    command = options.one("proxycommand")
    return Host(
        alias=to.host,
        name=name,
        port=port,
        user=user,
        known_as=known_as.lower(),
        known_hosts=tuple(
            Path(expanded(file))
            for keyword, default in (
                ("userknownhostsfile", (own / "known_hosts", own / "known_hosts2")),
                ("globalknownhostsfile", (system / "ssh_known_hosts", system / "ssh_known_hosts2")),
            )
            for file in options.values.get(keyword, [str(path) for path in default])
            if file.lower() != "none"
        ),
        identity_files=tuple(
            Path(expanded(file))
            for file in options.values.get(
                "identityfile",
                [str(own / name) for name in _DEFAULT_KEYS if (own / name).exists()],
            )
            if file.lower() != "none"
        ),
        identities_only=(options.one("identitiesonly") or "no").lower() in ("yes", "true"),
        agent=_agent(options.one("identityagent"), account, expanded),
        proxy_command=expanded(command) if command and command.lower() != "none" else None,
        notes=tuple(options.notes),
    )


def _filled(text: str, tokens: Mapping[str, str]) -> str:
    """ssh_config(5), TOKENS; one that is not known stays."""
    return re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), text)


def _hostname(configured: str | None, asked: str) -> str:
    name = asked if configured is None else _filled(configured, {"h": asked, "%": "%"})
    # People write the name with its accents; addresses and what IDNA refuses stay as they are.
    return name if name.isascii() else a_label(name)


def _port_number(written: str | None) -> int:
    if written is None:
        return _PORT
    if not re.fullmatch(r"[0-9]{1,5}", written) or not 1 <= int(written) <= 65535:
        raise SshConfigError("sshconfig.not-a-port", value=written)
    return int(written)


def _agent(written: str | None, account: Account, expanded: Callable[[str], str]) -> str | None:
    """IdentityAgent: a path, `none`, `SSH_AUTH_SOCK`, or a variable that holds the path."""
    if written is None or written == "SSH_AUTH_SOCK":
        return account.environ.get("SSH_AUTH_SOCK") or None
    if written.lower() == "none":
        return None
    if written.startswith("$") and not written.startswith("${"):
        return account.environ.get(written[1:]) or None
    return expanded(written)
