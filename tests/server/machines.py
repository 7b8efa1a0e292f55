"""Real sshds on loopback, each in a mount namespace of its own with users that exist only there.

Nothing is left behind: the users, their homes, sudo's rules and its records are files and folders
that are mounted over the machine's own for that one process.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.probes.peers import free_port
from tests.real import REQUIRE, require

PASSWORD: Final = "correct horse battery staple"
USERS: Final = {"withpassword": 61001, "free": 61002, "nobodyspecial": 61003, "anybody": 61004,
                "onlypython": 61005}  # fmt: skip
"""Their sudo: with the password above, without one, not allowed, not allowed, without one for
python3 alone. The fourth has no password."""

_SUDOERS: Final = """\
Defaults env_reset, mail_badpass, use_pty, !lecture
Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
withpassword ALL=(ALL:ALL) ALL
withpassword ALL=(ALL:ALL) NOPASSWD: /usr/bin/tee
free ALL=(ALL:ALL) NOPASSWD: ALL
onlypython ALL=(root) NOPASSWD: /usr/bin/python3
"""
_SETUP: Final = """\
set -e
cd "$1"
for file in passwd shadow group sudoers; do mount --bind "$file" "/etc/$file"; done
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
install -m 644 authorized_keys /run/authorized_keys
mount -t tmpfs tmpfs /var/lib/sudo
mount -t tmpfs tmpfs /home
for user in withpassword free nobodyspecial anybody onlypython; do
  mkdir "/home/$user"
  chown "$user" "/home/$user"
done
exec "$2" -D -e -f "$1/sshd_config"
"""
PRIVATE_MOUNTS: Final = ("unshare", "--mount", "--propagation", "private")
HOST_KEYS: Final = ("ed25519", "ecdsa", "rsa")


@dataclass(frozen=True)
class Machine:
    """`host_keys` are public keys by kind, as in a .pub file: type and base64."""

    port: int
    folder: Path
    host_keys: dict[str, str]

    def log(self) -> str:
        """What sshd wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def fingerprint(self, kind: str) -> str:
        told = _run("ssh-keygen", "-l", "-f", str(self.folder / f"host_{kind}.pub"))
        return told.split()[1]


def require_sshd() -> str:
    """The path of sshd; root is needed for mount namespaces."""
    for binary in ("ssh", "sudo", "unshare"):
        require(binary)
    path = require("sshd")
    if os.geteuid() != 0:
        sentence = "This test gives an sshd users of its own, which needs root: run it with sudo."
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return path


@contextlib.contextmanager
def machine(folder: Path, *authorized: str, extra: str = "", port: int = 0) -> Iterator[Machine]:
    """An sshd that takes these public keys from root and every user; `extra` goes first in its
    configuration, where the first value of a keyword holds."""
    sshd = require_sshd()
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    shutil.copytree(_host_keys().name, folder, dirs_exist_ok=True)
    (folder / "authorized_keys").write_text("\n".join(authorized) + "\n")
    (folder / "sshd_config").write_text(
        f"{extra}\nListenAddress 127.0.0.1\nPort {port}\nPidFile none\nUsePAM no\n"
        "StrictModes no\nAuthorizedKeysFile /run/authorized_keys\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "MaxStartups 100\nLogLevel VERBOSE\n"
        + "".join(f"HostKey {folder}/host_{kind}\n" for kind in HOST_KEYS)
    )
    _accounts(folder)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*PRIVATE_MOUNTS, "sh", "-c", _SETUP, "sh", str(folder), sshd],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_listening(process, log)
        keys = {
            kind: " ".join((folder / f"host_{kind}.pub").read_text().split()[:2])
            for kind in HOST_KEYS
        }
        yield Machine(port, folder, keys)
    finally:
        process.terminate()
        process.wait(10)


@functools.cache
def _host_keys() -> tempfile.TemporaryDirectory[str]:
    """Made once: all machines have the same, and are told apart by their ports."""
    folder = tempfile.TemporaryDirectory()
    for kind in HOST_KEYS:
        _run("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", f"{folder.name}/host_{kind}")
    return folder


def _wait_until_listening(process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + 20
    while b"Server listening" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < limit, log.read_text()
        time.sleep(0.01)


def _accounts(folder: Path) -> None:
    hashed = _run("openssl", "passwd", "-6", PASSWORD).strip()
    lines = {"passwd": "", "shadow": "", "group": ""}
    for name, number in USERS.items():
        password = "" if name == "anybody" else hashed
        lines["passwd"] += f"{name}:x:{number}:{number}::/home/{name}:/bin/sh\n"
        lines["shadow"] += f"{name}:{password}:20000:0:99999:7:::\n"
        lines["group"] += f"{name}:x:{number}:\n"
    for name, added in lines.items():
        own = Path("/etc", name)
        (folder / name).write_text(own.read_text() + added)
        (folder / name).chmod(own.stat().st_mode & 0o777)
    (folder / "sudoers").write_text(_SUDOERS)
    (folder / "sudoers").chmod(0o440)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
