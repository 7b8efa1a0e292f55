"""The server's clock and this machine's, and which of them somebody keeps right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.observations import MachineClock, ServerClock, ServerMachine

# LiveKit's own leeway (v1.13.5, measured).
_LEEWAY_S: Final = 60.0
# A run notes its beginning in whole seconds.
_ROUNDED_S: Final = 1.0
# A daemon that has just been started needs some answers before it trusts them.
_SETTLING: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class _Offset:
    """How far the server is ahead of here: between `least` and `most`, in seconds.

    It read its clock at some moment of the way there and back.
    """

    least: float
    most: float

    @property
    def seconds(self) -> float:
        return (self.least + self.most) / 2

    @property
    def error_s(self) -> float:
        return (self.most - self.least) / 2

    @property
    def is_beyond_leeway(self) -> bool:
        """Whatever within its error it is."""
        return self.least > _LEEWAY_S or self.most < -_LEEWAY_S


@check(
    "server.clock",
    feeds=("facts",),
    outcomes={
        "ok": "seconds error",
        "not-known-kept": "seconds error",
        "not-kept": "seconds error daemons",
        "apart": "seconds direction error",
        "apart-kept": "seconds direction error",
        "apart-adrift": "seconds direction error",
    },
)
def clock(_server: str, seen: Seen) -> Judgement:
    """Whether the two clocks agree; where they do not, which of them follows a time server."""
    there = seen.one(ServerClock)
    if there is None:
        return
    offset = _offset(there, seen)
    measured = {"seconds": round(abs(offset.seconds), 1), "error": round(offset.error_s, 1)}
    if offset.is_beyond_leeway:
        direction = "ahead" if offset.seconds > 0 else "behind"
        yield Verdict(_apart(there, seen), measured | {"direction": direction})
    elif there.synchronised is None:
        yield Verdict("not-known-kept", measured)
    elif there.synchronised or _has_just_booted(there, seen):
        yield Verdict("ok", measured)
    else:
        yield Verdict("not-kept", measured | {"daemons": there.daemons})


def _offset(there: ServerClock, seen: Seen) -> _Offset:
    sent = seen.now.timestamp() + there.at_s
    received = sent + there.duration_s + _ROUNDED_S
    now = there.now.timestamp()
    return _Offset(now - received, now - sent)


def _apart(there: ServerClock, seen: Seen) -> Literal["apart", "apart-kept", "apart-adrift"]:
    """Only one of the two can be trusted where only one follows a time server."""
    here = seen.one(MachineClock)
    here_kept = here.synchronised if here else None
    if there.synchronised and not here_kept:
        return "apart-kept"
    if here_kept and not there.synchronised:
        return "apart-adrift"
    return "apart"


def _has_just_booted(there: ServerClock, seen: Seen) -> bool:
    machine = seen.one(ServerMachine)
    booted = machine.booted_at if machine else None
    return bool(there.daemons) and booted is not None and there.now - booted < _SETTLING
