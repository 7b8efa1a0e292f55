"""The real peers of tests: a missing one is skipped here, and a failure in CI."""

import os
import shutil

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
    "ip": "apt-get install iproute2",
    "nft": "apt-get install nftables",
    "sysctl": "apt-get install procps",
}


def require(binary: str) -> str:
    """The path of a real program; without it the test is skipped, saying what to install.

    With `ELOQUENCE_REQUIRE_REAL=1` in the environment it fails instead.
    """
    path = shutil.which(binary)
    if path is not None:
        return path
    how = _INSTALL.get(binary, "install the package that has it")
    sentence = f"This test needs the real {binary}, which is not on PATH: {how}."
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def require_namespaces() -> None:
    """Root, `ip` and `nft`: what a network of our own is made with."""
    for binary in ("ip", "nft", "sysctl"):
        require(binary)
    if os.geteuid() != 0:
        sentence = "This test makes network namespaces, which needs root: run it with sudo."
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
