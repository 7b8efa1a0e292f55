"""Keys of this person's that a server may know: the agent's, and files.

In the order in which they are tried: the file that was named for this run, the agent's keys (those
that the configuration names first), plain files, and last the files that need a passphrase, so
that nobody is asked for one that is not needed.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import paramiko
from paramiko.agent import AgentSSH

from eloquence_ops.secrets import Secret
from eloquence_ops.server import key_files
from eloquence_ops.server.key_files import NeedsPassphrase, NotAKey
from eloquence_ops.server.ssh_config import Host
from eloquence_ops.server.threads import in_thread

Ask = Callable[[Path], Awaitable[Secret | None]]
"""Asks a person for the passphrase of a file; None where they would rather not."""

_AGENT_S: Final = 30.0  # a hardware key waits for a touch
_PASSPHRASE_TRIES: Final = 3


@dataclass(frozen=True)
class Identity:
    """A key that can be tried; `name` says to its owner which one it is."""

    name: str
    key: paramiko.PKey


class Agent(AgentSSH):
    """The agent behind a socket of our choice; paramiko's own knows SSH_AUTH_SOCK only."""

    def __init__(self, path: str) -> None:
        """Raises `OSError` or `paramiko.SSHException` where no agent answers."""
        super().__init__()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_AGENT_S)
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]  # missing in the stubs
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]


class Keyring:
    """What can be tried on one host. `named` is the file that was chosen for this run.

    `unusable` fills up while identities are gone through: files, and why (the id of a phrase).
    """

    def __init__(self, host: Host, named: Path | None, ask: Ask | None) -> None:
        files = ([named] if named else []) + list(host.identity_files)
        self._host, self._named, self._ask = host, named, ask
        self._files = list(dict.fromkeys(files))
        self._agent: Agent | paramiko.Agent | None = None
        self.unusable: list[tuple[Path, str]] = []

    def close(self) -> None:
        if self._agent is not None:
            self._agent.close()

    async def identities(self) -> AsyncIterator[Identity]:
        """Each key once. Files are read when it is their turn."""
        halves = {path: key_files.public_half(path) for path in self._files}
        in_agent = await in_thread(self._agents_keys)
        encrypted: list[Path] = []
        if self._named is not None and halves[self._named] not in _blobs(in_agent):
            async for identity in self._of_file(self._named, encrypted):
                yield identity
        for key in _ordered(in_agent, [halves[path] for path in self._files]):
            if key.asbytes() in halves.values() or not self._host.identities_only:
                yield Identity(_agents_name(key), key)
        for path in self._files:
            if path != self._named and halves[path] not in _blobs(in_agent):
                async for identity in self._of_file(path, encrypted):
                    yield identity
        for path in encrypted:
            async for identity in self._of_encrypted(path):
                yield identity

    def _agents_keys(self) -> list[paramiko.AgentKey]:
        try:
            if self._host.agent is not None:
                self._agent = Agent(self._host.agent)
            elif sys.platform == "win32":
                self._agent = paramiko.Agent()  # Pageant, or the service of OpenSSH
        except (OSError, paramiko.SSHException):
            self.unusable.append((Path(self._host.agent or ""), "login.no-agent"))
        return list(self._agent.get_keys()) if self._agent else []

    async def _of_file(self, path: Path, encrypted: list[Path]) -> AsyncIterator[Identity]:
        try:
            key = await in_thread(lambda: key_files.load(path))
        except NeedsPassphrase:
            encrypted.append(path)
        except FileNotFoundError:
            self.unusable.append((path, "login.file-missing"))
        except (OSError, NotAKey, paramiko.SSHException):
            self.unusable.append((path, "login.file-unreadable"))
        else:
            yield Identity(str(path), key)

    async def _of_encrypted(self, path: Path) -> AsyncIterator[Identity]:
        if self._ask is None:
            self.unusable.append((path, "login.file-encrypted"))
            return
        for _ in range(_PASSPHRASE_TRIES):
            passphrase = await self._ask(path)
            if not passphrase:
                break
            try:
                key = await in_thread(partial(key_files.load, path, passphrase))
            except (OSError, NeedsPassphrase, NotAKey, paramiko.SSHException):
                continue
            yield Identity(str(path), key)
            return
        self.unusable.append((path, "login.file-locked"))


def _blobs(keys: Sequence[paramiko.PKey]) -> set[bytes]:
    return {key.asbytes() for key in keys}


def _ordered(
    keys: Sequence[paramiko.AgentKey], configured: Sequence[bytes | None]
) -> list[paramiko.AgentKey]:
    """Those of configured files first: a server lets through only a few tries (MaxAuthTries)."""
    return sorted(keys, key=lambda key: key.asbytes() not in configured)


def _agents_name(key: paramiko.AgentKey) -> str:
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    comment = getattr(key, "comment", "")
    return f"{comment} (agent, SHA256:{digest[:12]}…)" if comment else f"agent, SHA256:{digest}"
