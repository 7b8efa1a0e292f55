"""What a peer sent, made fit for an observation: redacted first, then visible, then bounded.

The order matters. Cut before it is redacted, text can end in half a secret, which no pattern
finds; made visible before, a secret with an unusual character no longer looks like itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from eloquence_ops.secrets import MASK, Redactor, Secret
from eloquence_ops.untrusted import decoded, excerpt, one_line

# Shorter beginnings of a secret are also the ends of ordinary words.
_SHORTEST_PART: Final = 4


def line(raw: bytes | str, redactor: Redactor, *, limit: int) -> str:
    """At most `limit` characters on one line."""
    return one_line(redactor.text(decoded(raw)), limit=limit)


def block(
    raw: bytes | str, redactor: Redactor, *, limit: int, unfinished: Iterable[Secret] = ()
) -> str:
    """At most `limit` characters; line breaks are kept.

    Where `raw` may end in the middle, `unfinished` are the secrets it may have been in the
    middle of.
    """
    text = redactor.text(decoded(raw))
    for secret in unfinished:
        text = _without_part(text, secret.reveal())
    return excerpt(text, limit=limit)


def _without_part(text: str, value: str) -> str:
    for form in {value, quote(value, safe=""), json.dumps(value)[1:-1]}:
        for length in range(min(len(form) - 1, len(text)), _SHORTEST_PART - 1, -1):
            if text.endswith(form[:length]):
                return text[:-length] + MASK
    return text
