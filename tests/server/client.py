"""A person with a home folder of their own, and links made by them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eloquence_ops.server import ssh
from eloquence_ops.server.destination import Destination
from eloquence_ops.server.ssh import SshLink
from eloquence_ops.server.ssh_config import Account
from tests.server.machines import Machine


@dataclass(frozen=True)
class Client:
    home: Path
    environ: dict[str, str]

    @classmethod
    def new(cls, home: Path) -> Client:
        (home / ".ssh").mkdir(parents=True)
        return cls(home, {})

    @property
    def account(self) -> Account:
        return Account("somebody", self.home, self.environ, system=self.home / "etc")

    def configure(self, text: str) -> None:
        (self.home / ".ssh" / "config").write_text(text)

    def key(self, name: str = "id_ed25519", *, passphrase: str = "", kind: str = "ed25519") -> str:
        """A new key in ~/.ssh; its public half."""
        path = self.home / ".ssh" / name
        command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", name, "-f", str(path)]
        subprocess.run(command, check=True)
        return Path(f"{path}.pub").read_text().strip()

    def know(self, line: str) -> None:
        with (self.home / ".ssh" / "known_hosts").open("a") as file:
            file.write(f"{line}\n")

    def trust(self, machine: Machine, kind: str = "ed25519", *, port: int = 0) -> None:
        self.know(f"[127.0.0.1]:{port or machine.port} {machine.host_keys[kind]}")

    @contextlib.asynccontextmanager
    async def link(self, port: int, *, user: str = "root", **how: Any) -> AsyncIterator[SshLink]:
        """A link to 127.0.0.1, closed at the end."""
        link = await ssh.connect(Destination("127.0.0.1", user, port), self.account, **how)
        try:
            yield link
        finally:
            await link.close()
