"""The way from the client to the host, as it breaks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.host.machine import Host


def cut(host: Host) -> None:
    """Ends every SSH session of the host at once, as a broken link does: from the far end."""
    host.shell("pkill -KILL -f '^sshd: ubuntu'", check=False)


@contextlib.contextmanager
def silence(host: Host) -> Iterator[None]:
    """Nothing gets through, and nobody is told."""
    host.client.run("nft", "add table inet cable; add chain inet cable out { type filter hook "
                    "output priority 0; }; add rule inet cable out tcp dport 22 drop")  # fmt: skip
    try:
        yield
    finally:
        host.client.run("nft", "delete table inet cable")
