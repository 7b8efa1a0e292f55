"""What a hostile LiveKit can do to whoever joins a room, as data."""

from __future__ import annotations

from typing import Final

from websockets.frames import Opcode

from tests.systems.by_hand import TOKEN, joined, refreshed, reply, upgraded
from tests.systems.hostility import EVIL, FLOOD, GB, HEAD, Attack, joining, piece

IN_THE_ROOM: Final = (
    Attack(
        "escapes in who is in the room",
        ("livekit.join.ok", "livekit.agent.ok"),
        "healthy",
        livekit=joining(lambda asked: upgraded(asked, joined(server_version=EVIL, others=[EVIL]))),
    ),
    Attack(
        "ten thousand in the room",
        ("livekit.agent.ok",),
        "healthy",
        livekit=joining(lambda asked: upgraded(asked, joined(others=["x"] * 10_000))),
    ),
    Attack(
        "a join refused with the token",
        ("livekit.join.rejected",),
        livekit=joining(lambda asked: reply(403, f"{EVIL} {TOKEN}".encode())),
    ),
    Attack(
        "a join refused with half of the token",
        ("livekit.join.rejected",),
        livekit=joining(lambda asked: reply(403, b"A" * 4050 + TOKEN.encode())),
    ),
    Attack(
        "a new token after the join",
        ("livekit.agent.cut-short",),
        "healthy",
        livekit=joining(lambda asked: upgraded(asked, joined(others=[]), refreshed(TOKEN))),
    ),
    Attack(
        "words instead of a new token",
        ("livekit.join.ok", "livekit.agent.cut-short"),
        "healthy",
        livekit=joining(lambda asked: upgraded(asked, joined(others=[]), refreshed("LiveKit"))),
    ),
    Attack(
        "a websocket of garbage",
        ("livekit.join.broken",),
        livekit=joining(lambda asked: upgraded(asked, b"\xff\xfe\x00" * 40, ends=False)),
    ),
    Attack(
        "a websocket that says nothing",
        ("livekit.join.silent",),
        livekit=joining(lambda asked: upgraded(asked, ends=False)),
    ),
    Attack(
        "a websocket that closes with escapes",
        ("livekit.join.broken",),
        livekit=joining(lambda asked: upgraded(asked, because=EVIL[:40])),
    ),
    Attack(
        "a message of 1 GB",
        ("livekit.join.broken",),
        livekit=joining(
            lambda asked: upgraded(asked, ends=False) + b"\x82\x7f" + GB.to_bytes(8), FLOOD
        ),
    ),
    Attack(
        "a message in endless pieces",
        ("livekit.join.broken",),
        livekit=joining(
            lambda asked: upgraded(asked, ends=False) + piece(Opcode.BINARY, b"x", fin=False),
            piece(Opcode.CONT, b"x", fin=False) * 1000,
        ),
    ),
    Attack(
        "endless pings",
        ("livekit.join.broken",),
        livekit=joining(
            lambda asked: upgraded(asked, ends=False), piece(Opcode.PING, b"A" * 100) * 100
        ),
    ),
    Attack(
        "endless messages after the join",
        ("livekit.join.ok", "livekit.agent.cut-short"),
        "healthy",
        livekit=joining(
            lambda asked: upgraded(asked, joined(others=[]), ends=False),
            piece(Opcode.BINARY, refreshed("x")) * 100,
        ),
    ),
    Attack(
        "a websocket that was not asked for",
        ("livekit.join.broken",),
        livekit=joining(
            lambda asked: reply(101, headers=b"Upgrade: h2c\r\nConnection: Upgrade\r\n")
        ),
    ),
    Attack(
        "an endless refusal of the join",
        ("livekit.join",),
        livekit=joining(lambda asked: HEAD + b"\r\n", FLOOD),
    ),
)
"""Met at LiveKit's address once the token was called good; the API is a good one."""
