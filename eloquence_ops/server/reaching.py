"""The server of the settings, over SSH, as every command reaches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eloquence_ops.server import destination

if TYPE_CHECKING:
    from eloquence_ops.server.identities import Ask
    from eloquence_ops.server.link import Link


async def over_ssh(
    server: str,
    environ: Mapping[str, str],
    *,
    accepted_keys: Sequence[str] = (),
    ask: Ask | None = None,
) -> Link:
    """A link to `server`; the private key that `ELOQUENCE_SSH_KEY` names is tried first.

    `accepted_keys` and `ask` as for `ssh.connect`. Raises `LinkError` and `SshConfigError`.
    """
    from eloquence_ops.server import ssh  # paramiko takes a quarter of a second
    from eloquence_ops.server.ssh_config import Account

    return await ssh.connect(
        destination.parse(server),
        Account.of_this_process(environ),
        accepted_keys=accepted_keys,
        key_file=_key_file(environ),
        ask=ask,
    )


def _key_file(environ: Mapping[str, str]) -> Path | None:
    named = environ.get("ELOQUENCE_SSH_KEY")
    return Path(named).expanduser() if named else None
