"""Whether LiveKit's secrets are long enough to sign with; only their lengths leave the server."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import LiveKitConfig

# Of HS256 the key should be as long as the hash, RFC 7518, 3.2. LiveKit says so in its journal.
_SHORTEST: Final = 32
_MOST_NAMED: Final = 4


@check(
    "server.livekit-secret",
    feeds=("facts",),
    outcomes={"ok": "", "short": "keys", "not-told": "", "not-here": "path"},
)
def livekit_secret(_server: str, seen: Seen) -> Judgement:
    """LiveKit starts with a short secret, and notes an error. In its development mode not even
    that: whoever runs it so knows."""
    config = seen.one(LiveKitConfig)
    if config is None:
        return
    if config.exists is False:
        yield Verdict("not-here", {"path": config.path})
    elif not config.keys:
        yield Verdict("not-told")
    elif config.setting("development") is True:
        yield Verdict("ok")
    elif short := [pair.name for pair in config.keys if pair.secret_length < _SHORTEST]:
        yield Verdict("short", {"keys": tuple(short[:_MOST_NAMED])})
    else:
        yield Verdict("ok")
