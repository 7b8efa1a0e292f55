"""Letters that a stream's encoding does not have: a no-break space becomes a plain one, and any
other letter is written as an escape, so that nothing ends for want of it."""

from __future__ import annotations

import codecs
from typing import Final

from eloquence_ops.typography import NARROW, WIDE

AS_SHOWN: Final = "eloquence-as-shown"
"""The name by which `errors=` takes it."""


def _as_shown(refusal: UnicodeError) -> tuple[str, int]:
    if not isinstance(refusal, UnicodeEncodeError):
        raise refusal
    missing = refusal.object[refusal.start : refusal.end]
    return "".join(map(_one, missing)), refusal.end


def _one(letter: str) -> str:
    if letter in (NARROW, WIDE):
        return " "
    return letter.encode("ascii", errors="backslashreplace").decode("ascii")


codecs.register_error(AS_SHOWN, _as_shown)
