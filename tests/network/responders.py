"""A link to a network namespace, as if it were a server: what it runs, runs there."""

from __future__ import annotations

import os
from pathlib import Path

from eloquence_ops.server.link import Command, Running, words
from eloquence_ops.server.local import LocalLink
from tests.network.namespaces import Host


class LinkInto(LocalLink):
    """`before` is put before every command: `setpriv …` takes privileges away."""

    def __init__(self, host: Host, *before: str) -> None:
        super().__init__(os.environ, Path.home())
        self._before = ("ip", "netns", "exec", host.name, *before)

    async def start(self, command: Command, *, stdin: bytes = b"") -> Running:
        return await super().start((*self._before, *words(command)), stdin=stdin)
