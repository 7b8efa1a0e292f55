"""The real peers of tests: a missing one is skipped here, and a failure in CI."""

import os
import shutil
from typing import NoReturn

import pytest

REQUIRE = "ELOQUENCE_REQUIRE_REAL"

_INSTALL = {
    "livekit-server": (
        "go install github.com/livekit/livekit-server/cmd/server@v1.13.5, "
        "then put the binary on PATH as livekit-server"
    ),
    "nginx": "apt-get install nginx-light",
    "caddy": "apt-get install caddy",
    "haproxy": "apt-get install haproxy",
    "turnserver": "apt-get install coturn",
    "openssl": "apt-get install openssl",
    "ip": "apt-get install iproute2",
    "nc": "apt-get install netcat-openbsd",
    "nft": "apt-get install nftables",
    "iptables": "apt-get install iptables",
    "iptables-legacy": "apt-get install iptables",
    "ufw": "apt-get install ufw",
    "tcsh": "apt-get install tcsh",
    "unshare": "apt-get install util-linux",
    "sysctl": "apt-get install procps",
    "strace": "apt-get install strace",
    "apt-get": "the test host is a Debian, built with apt's own mirror",
    "chroot": "apt-get install coreutils",
    "curl": "apt-get install curl",
    "debootstrap": "apt-get install debootstrap",
    "nsenter": "apt-get install util-linux",
    "setpriv": "apt-get install util-linux",
    "nsd": "apt-get install nsd",
    "unbound": "apt-get install unbound",
    "ldns-signzone": "apt-get install ldnsutils",
    "ssh": "apt-get install openssh-client",
    "systemd-nspawn": "apt-get install systemd-container",
    "sshd": "apt-get install openssh-server (and /usr/sbin on PATH)",
    "sudo": "apt-get install sudo",
    "uv": "pip install uv, in a venv of its own, and put that one's uv on PATH",
}


def require(binary: str) -> str:
    """The path of a real program; without it the test is skipped, saying what to install.

    With `ELOQUENCE_REQUIRE_REAL=1` in the environment it fails instead.
    """
    path = shutil.which(binary)
    if path is None:
        how = _INSTALL.get(binary, "install the package that has it")
        give_up(f"This test needs the real {binary}, which is not on PATH: {how}.")
    return path


def require_namespaces() -> None:
    """Root, `ip` and `nft`: what a network of our own is made with."""
    for binary in ("ip", "nft", "sysctl"):
        require(binary)
    if os.geteuid() != 0:
        give_up("This test makes network namespaces, which needs root: run it with sudo.")


def require_host() -> str:
    """What the test host is built and booted with; returns the path of its livekit-server."""
    require_namespaces()
    for binary in (
        *("apt-get", "chroot", "debootstrap"),
        *("systemd-nspawn", "nsenter", "setpriv", "unshare"),
        *("ssh", "curl"),
    ):
        require(binary)
    return require("livekit-server")


def give_up(sentence: str) -> NoReturn:
    """Skips the test; with `ELOQUENCE_REQUIRE_REAL=1` it fails instead."""
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
