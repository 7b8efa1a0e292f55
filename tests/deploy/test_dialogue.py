"""What is said to the server's program at the same time arrives one after the other."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from eloquence_ops.deploy.conversation import Dialogue
from eloquence_ops.deploy.wire import ALIVE, DATA, Events, frame


class _InPieces:
    """A link that takes a few bytes at a time."""

    def __init__(self) -> None:
        self.taken = b""

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), 7):
            self.taken += data[at : at + 7]
            await asyncio.sleep(0)


def test_a_sign_of_life_is_never_said_within_a_frame() -> None:
    link = _InPieces()
    dialogue = Dialogue("server", cast("Any", link), Events("00"))
    data = frame(DATA, b"x" * 100)

    async def said() -> None:
        calls = (dialogue.send_raw(data), dialogue.send(ALIVE), dialogue.send_raw(data))
        await asyncio.gather(*calls)

    asyncio.run(said())
    assert link.taken == data + frame(ALIVE) + data
