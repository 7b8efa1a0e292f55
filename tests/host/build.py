"""How the test host's Debian tree is built: debootstrap, users, the API's packages."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.host.layout import (
    MORE_PACKAGES,
    PAYLOAD,
    REMOTE_DIR,
    SUDO_PASSWORD,
    USERS,
    WHEELS,
)

_PACKAGES: Final = (
    "ca-certificates",
    "curl",
    "dbus",
    "faketime",
    "iproute2",
    "iptables",
    "libfaketime",
    "libpam-systemd",
    "logrotate",
    "net-tools",
    "netcat-openbsd",
    "nftables",
    "nginx-light",
    "openssh-server",
    "procps",
    "psmisc",
    "python3",
    "python3-venv",
    "rsync",
    "sudo",
    "systemd-sysv",
    "ufw",
)
# What would look for a network, a terminal or updates, or do something by the clock.
_MASKED: Final = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "logrotate.timer",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
)
_TIMEOUT_S: Final = 1200


class TreeNotBuilt(RuntimeError):
    """A step of the build failed; the message has the end of what it said."""


@dataclass(frozen=True)
class Release:
    """The Debian that this machine runs, and where it gets it from."""

    codename: str
    mirror: str
    components: tuple[str, ...]


def release_here() -> Release:
    """Raises `TreeNotBuilt` where apt knows no Debian of its own release."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    listed = _run(
        "apt-get",
        "indextargets",
        "--format",
        "$(CODENAME) $(ORIGIN) $(COMPONENT) $(REPO_URI)",
        "Created-By: Packages",
    )
    rows = [line.split() for line in listed.splitlines()]
    own = [row for row in rows if len(row) == 4 and row[0] == codename]
    for _, origin, _, mirror in own:
        components = tuple(dict.fromkeys(row[2] for row in own if row[3] == mirror))
        if origin in {"Debian", "Ubuntu"}:
            return Release(codename, mirror, components)
    raise TreeNotBuilt(
        f"apt has no package lists of {codename or 'this release'}: run apt-get update first."
    )


def build(root: Path, wheels: Path, release: Release) -> None:
    """A tree at `root`; `wheels` is a folder of its own to fetch packages into.

    Raises `TreeNotBuilt` with what the step said that failed.
    """
    _run(
        "debootstrap",
        "--variant=minbase",
        f"--components={','.join(release.components)}",
        f"--include={','.join(_PACKAGES)}",
        release.codename,
        str(root),
        release.mirror,
    )
    _add_users(root)
    _add_python_packages(root, wheels)
    for unit in _MASKED:
        _in(root, "systemctl", "mask", "--quiet", unit)
    _leave_out(root)


def _add_users(root: Path) -> None:
    for user in USERS:
        groups = ["--groups", ",".join(user.groups)] if user.groups else []
        _in(root, "useradd", "--create-home", "--shell", "/bin/bash", *groups, user.name)
        (root / "home" / user.name).chmod(0o755)
    _in(root, "chpasswd", stdin=f"asks:{SUDO_PASSWORD}\n")
    rule = root / "etc/sudoers.d/90-cloud-init-users"
    rule.write_text("ubuntu ALL=(ALL) NOPASSWD:ALL\n", encoding="utf-8")
    rule.chmod(0o440)


def _add_python_packages(root: Path, wheels: Path) -> None:
    """The API's packages, into its .venv: the tests themselves have no internet.

    Fetched by a pip outside, with this machine's index, proxy and certificates, for the Python
    inside; installed by the one inside.
    """
    requirements = str(PAYLOAD / "requirements.txt")
    version = _in(root, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    pip = wheels.parent / "pip"
    _run(sys.executable, "-m", "venv", str(pip))
    machine = platform.machine()
    platforms = (f"manylinux_2_28_{machine}", f"manylinux_2_17_{machine}", f"linux_{machine}")
    _run(
        str(pip / "bin/python"),
        *("-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
        *("--only-binary=:all:", "--implementation=cp", f"--python-version={version.strip()}"),
        *(f"--platform={name}" for name in (*platforms, "any")),
        *("--dest", str(wheels), "--requirement", requirements, *MORE_PACKAGES),
    )
    # They stay there: a deploy on the host builds environments from them.
    shutil.copytree(wheels, root / WHEELS.lstrip("/"))
    (root / "etc/pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {WHEELS}\n")
    shutil.copy(requirements, root / "tmp/requirements.txt")
    _in(root, "install", "-d", "-o", "ubuntu", "-g", "ubuntu", REMOTE_DIR)
    venv = f"{REMOTE_DIR}/.venv"
    _in(root, "runuser", "-u", "ubuntu", "--", "python3", "-m", "venv", venv)
    _in(
        root,
        *("runuser", "-u", "ubuntu", "--", f"{venv}/bin/pip", "install", "--quiet"),
        *("--no-cache-dir", "--requirement", "/tmp/requirements.txt"),  # noqa: S108  # inside the tree
    )


def _leave_out(root: Path) -> None:
    """What every host must have of its own, and what only the build needed."""
    for pattern in ("etc/ssh/ssh_host_*", "etc/machine-id", "etc/nginx/sites-enabled/default"):
        for path in root.glob(pattern):
            path.unlink()
    for folder in ("tmp", "var/cache/apt/archives", "var/lib/apt/lists", "var/log/journal"):
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)


def _in(root: Path, *command: str, stdin: str = "") -> str:
    """A command inside the tree, with nothing of this machine's environment."""
    clean = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8")
    return _run("chroot", str(root), *clean, *command, stdin=stdin)


def _run(*command: str, stdin: str = "") -> str:
    try:
        done = subprocess.run(
            command,
            input=stdin,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except FileNotFoundError as missing:
        raise TreeNotBuilt(f"{command[0]} is not installed.") from missing
    except subprocess.CalledProcessError as failed:
        end = "\n".join(failed.stdout.splitlines()[-15:])
        raise TreeNotBuilt(f"{_words(command)} failed ({failed.returncode}):\n{end}") from failed
    return done.stdout


def _words(command: Sequence[str]) -> str:
    return " ".join(word for word in command if "://" not in word)[:200]
