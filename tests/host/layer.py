"""The overlay's layer between the bare tree and a host's own writing: what was installed by hand.

Made once for a run of the tests, with keys, certificates and an identity of its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eloquence_ops.endpoints import a_label
from eloquence_ops.lab.services.certificates import Authority
from tests.host.layout import (
    AGENT_UNIT,
    API_NAME,
    API_UNIT,
    ETC,
    LIVEKIT_NAME,
    LIVEKIT_UNIT,
    PAYLOAD,
    REMOTE_DIR,
    USERS,
)
from tests.network.namespaces import SERVER_V4

HOSTNAME: Final = "eloquence"


@dataclass(frozen=True)
class Keys:
    """The host's secrets, as its .env.local and its livekit.yaml have them."""

    api_key: str = field(default_factory=lambda: f"api-{secrets.token_hex(16)}", repr=False)
    livekit_key: str = field(default_factory=lambda: f"API{secrets.token_hex(6)}")
    livekit_secret: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)


@dataclass(frozen=True)
class Access:
    """What a client of the host needs: the key to log in with, the host's own, the CA to trust."""

    key_path: Path
    known_hosts: Path
    ca_path: Path


class Layer:
    """Files under `root`, as they will lie on the host."""

    def __init__(self, root: Path, tree: Path) -> None:
        self.root = root
        root.mkdir(mode=0o755)
        self._ids = _ids(tree / "etc/passwd")

    def put(
        self, path: str, content: str | bytes, *, mode: int = 0o644, owner: str = "root"
    ) -> None:
        """A file on the host. Directories that it needs below /home/OWNER are that user's too."""
        where = self._place(path, owner)
        where.write_bytes(content.encode() if isinstance(content, str) else content)
        where.chmod(mode)
        os.chown(where, *self._ids[owner])

    def copy(self, path: str, source: Path, *, mode: int) -> None:
        """The same from a file here."""
        where = self._place(path, "root")
        shutil.copyfile(source, where)
        where.chmod(mode)

    def link(self, path: str, target: str) -> None:
        """A symbolic link on the host."""
        self._place(path, "root").symlink_to(target)

    def _place(self, path: str, owner: str) -> Path:
        where = self.root / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        # A directory of this layer hides the attributes of the tree's.
        home = self.root / "home" / owner
        for folder in where.parents:
            if folder.is_relative_to(home):
                os.chown(folder, *self._ids[owner])
        return where


def _ids(passwd: Path) -> dict[str, tuple[int, int]]:
    rows = (line.split(":") for line in passwd.read_text(encoding="utf-8").splitlines())
    return {row[0]: (int(row[2]), int(row[3])) for row in rows}


def install(layer: Layer, folder: Path, livekit_server: Path, keys: Keys) -> Access:
    """Everything of this run; `folder` keeps what its clients need."""
    _install_system(layer)
    _install_api(layer, keys)
    _install_livekit(layer, livekit_server, keys)
    ca_path = _install_nginx(layer, folder)
    return Access(_install_logins(layer, folder), _install_host_key(layer, folder), ca_path)


def _install_system(layer: Layer) -> None:
    layer.put("etc/machine-id", f"{secrets.token_hex(16)}\n", mode=0o444)
    layer.put("etc/hostname", f"{HOSTNAME}\n")
    layer.put("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {HOSTNAME}\n::1 localhost\n")
    first = Path(__file__).parent / "first-process.sh"
    layer.copy("usr/local/sbin/first-process", first, mode=0o755)


def _install_api(layer: Layer, keys: Keys) -> None:
    for source in sorted(PAYLOAD.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            place = f"{REMOTE_DIR}/{source.relative_to(PAYLOAD)}"
            layer.put(place, source.read_bytes(), owner="ubuntu")
    layer.put(
        f"{REMOTE_DIR}/.env.local",
        f"API_KEY={keys.api_key}\n"
        f"LIVEKIT_URL=wss://{a_label(LIVEKIT_NAME)}\n"
        f"LIVEKIT_API_KEY={keys.livekit_key}\n"
        f"LIVEKIT_API_SECRET={keys.livekit_secret}\n",
        mode=0o600,
        owner="ubuntu",
    )
    for unit in (API_UNIT, AGENT_UNIT):
        _install_unit(layer, unit, (PAYLOAD / unit).read_text(encoding="utf-8"))


def _install_livekit(layer: Layer, server: Path, keys: Keys) -> None:
    layer.copy("usr/local/bin/livekit-server", server, mode=0o755)
    config = (ETC / "livekit.yaml").read_text(encoding="utf-8")
    for name, value in (
        ("ADDRESS", SERVER_V4),
        ("LIVEKIT_KEY", keys.livekit_key),
        ("LIVEKIT_SECRET", keys.livekit_secret),
    ):
        config = config.replace(name, value)
    layer.put("etc/livekit.yaml", config, mode=0o600)
    unit = (ETC / "systemd/system" / LIVEKIT_UNIT).read_text(encoding="utf-8")
    _install_unit(layer, LIVEKIT_UNIT, unit)


def _install_unit(layer: Layer, name: str, text: str) -> None:
    """As `systemctl enable` leaves it."""
    layer.put(f"etc/systemd/system/{name}", text)
    wanted = f"etc/systemd/system/multi-user.target.wants/{name}"
    layer.link(wanted, f"/etc/systemd/system/{name}")


def _install_nginx(layer: Layer, folder: Path) -> Path:
    authority = Authority(folder / "ca", name="Eloquence test host")
    issued = authority.issue((API_NAME, LIVEKIT_NAME))
    layer.put("etc/ssl/eloquence/chain.pem", issued.chain_path.read_bytes())
    layer.put("etc/ssl/eloquence/key.pem", issued.key_path.read_bytes(), mode=0o600)
    site = (ETC / "nginx/sites-available/eloquence").read_text(encoding="utf-8")
    site = site.replace("API_NAME", a_label(API_NAME))
    site = site.replace("LIVEKIT_NAME", a_label(LIVEKIT_NAME))
    layer.put("etc/nginx/sites-available/eloquence", site)
    layer.link("etc/nginx/sites-enabled/eloquence", "/etc/nginx/sites-available/eloquence")
    return authority.root_path


def _install_logins(layer: Layer, folder: Path) -> Path:
    """One key for all users; returns its path."""
    key = _new_key(folder / "id_ed25519", "test")
    public = key.with_suffix(".pub").read_bytes()
    for user in USERS:
        home = f"home/{user.name}/.ssh"
        layer.put(f"{home}/authorized_keys", public, mode=0o600, owner=user.name)
        (layer.root / home).chmod(0o700)
    return key


def _install_host_key(layer: Layer, folder: Path) -> Path:
    """Returns a known_hosts file with it."""
    key = _new_key(folder / "host_ed25519", HOSTNAME)
    public = key.with_suffix(".pub").read_text(encoding="ascii")
    layer.put("etc/ssh/ssh_host_ed25519_key", key.read_bytes(), mode=0o600)
    layer.put("etc/ssh/ssh_host_ed25519_key.pub", public)
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"{SERVER_V4} {public}", encoding="ascii")
    return known_hosts


def _new_key(path: Path, comment: str) -> Path:
    words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path))
    subprocess.run(words, check=True, capture_output=True, timeout=30)
    return path
