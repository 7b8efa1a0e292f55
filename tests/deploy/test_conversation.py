"""An apply as the client follows it, over links that end when they like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from eloquence_ops.deploy.conversation import Apply, Dialogue, Server
from eloquence_ops.deploy.failures import DeployRefused, WentOn
from eloquence_ops.deploy.wire import END, Events, frame

NONCE = "0123456789abcdef"
REQUEST = {
    "api_unit": "eloquence-api.service",
    "livekit_unit": "livekit.service",
    "remote_dir": "/srv/api",
    "asgi_app": "api:app",
    "port": 8083,
    "host": "0.0.0.0",
    "release": "r1",
}
RECEIVED = {"event": "step", "step": "receive", "state": "done", "n": 1}
LOCKED = {"event": "step", "step": "lock", "state": "begun", "n": 2}
ENDED = {"event": "ended", "outcome": "undone", "release": "r1"}


class Link:
    """Says its events, and is lost then; it says nothing before it has heard `first`."""

    def __init__(self, events: Sequence[dict[str, Any]], first: bytes = b"") -> None:
        self._may_say = asyncio.Event()
        self._says = [f"{NONCE} {json.dumps(event)}\n".encode() for event in events]
        self._first = first
        self.heard = b""

    async def write(self, data: bytes) -> None:
        self.heard += data
        if self._first in self.heard:
            self._may_say.set()

    async def read(self) -> bytes:
        if self._first:
            await self._may_say.wait()
        return self._says.pop(0) if self._says else b""

    def said(self) -> bytes:
        return b""

    async def close(self) -> None:
        pass


class Links(Server):
    """One link after the other."""

    def __init__(self, *links: Link) -> None:
        super().__init__("server", cast("Any", None))
        self._links = list(links)

    async def begin(self, *_: Any, **__: Any) -> Dialogue:
        return Dialogue("server", cast("Any", self._links.pop(0)), Events(NONCE))

    async def drop(self) -> None:
        pass


class Silent:
    def event(self, event: dict[str, Any]) -> None: ...
    def note(self, phrase_id: str, **values: object) -> None: ...
    def sent(self, size: int) -> None: ...


def run(*links: Link, **how: Any) -> dict[str, Any]:
    return asyncio.run(Apply(Links(*links), REQUEST, Silent(), **how).run())


def test_nothing_begins_before_what_was_there_has_been_looked_at() -> None:
    link = Link([ENDED], first=frame(END))
    heard_before: list[bytes] = []

    async def ready() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        heard_before.append(link.heard)

    run(link, frames=lambda: iter([b"files"]), ready=ready)
    assert heard_before == [b"files"]
    assert link.heard == b"files" + frame(END)


def test_the_end_is_taken_from_whoever_tells_it() -> None:
    """After a power cut another one tells it, whose events are counted from the first."""
    found = run(Link([RECEIVED, LOCKED]), Link([{**ENDED, "n": 0}]))
    assert found["outcome"] == "undone"


@pytest.mark.parametrize(
    ("seen", "ends"), [([RECEIVED], DeployRefused), ([RECEIVED, LOCKED], WentOn)]
)
def test_that_nothing_was_changed_is_said_only_where_nothing_began(
    seen: list[dict[str, Any]], ends: type[Exception]
) -> None:
    with pytest.raises(ends):
        run(Link(seen), Link([{"event": "nothing"}]))
