"""Secrets as a type, and their removal from everything that is written down.

`Secret` prints as `***` wherever it ends up by accident: f-strings, `repr`,
tracebacks with locals, `json.dumps(default=str)`. `Redactor` knows the secrets of
one run and takes them out of text that others wrote: a server may echo our key in
an error body (LiveKit's 401 contains the whole JWT, measured on v1.13.5).
"""

from __future__ import annotations

import base64
import html
import json
import re
from typing import Final, NoReturn
from urllib.parse import quote, quote_plus

MASK: Final = "***"

# Every pattern is linear in the length of the text, whatever is in it: a server may send megabytes
# made to keep a backtracking one busy for hours.

# What may hold a JWT: base64url parts joined by dots.
_DOTTED = re.compile(r"(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]++")
# The first part starts with `{"` encoded. Any part behind it may be cut off.
_JWT_START: Final = "eyJ"
_JWT_SHORTEST_START: Final = 8
_NAMES: Final = (
    "authorization|x-api-key|api[-_]?key|api[-_]?secret|access_token|refresh_token|password|secret"
)
# `LIVEKIT_API_SECRET=…` too, which an error page may show: `_` before a name is no letter.
_HEADER = re.compile(
    rf"(?i)(?<![a-z0-9])({_NAMES})(\\*+[\"']?\s*+[:=]\s*+\\*+[\"']?)(?:(bearer|basic)\s++)?[^\s\"',;&<>}}]++"
)
# The value of a JSON member is masked whole, white space included.
_MEMBER = re.compile(rf'(?i)((?:{_NAMES}|token)"\s*+:\s*+")(?:[^"\\]|\\.)*+')
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s++[A-Za-z0-9._~+/=-]{8,}+")
_USERINFO = re.compile(r"(://)[^\s/@]++@")


def _mask_jwts(run: re.Match[str]) -> str:
    """`run` with its JWT masked, which may have other characters before it and parts after it."""
    text, kept, done = run[0], [], 0
    start = text.find(_JWT_START)
    while start >= 0:
        dot = text.find(".", start)
        if dot < 0:
            break
        if dot - start < _JWT_SHORTEST_START:
            start = text.find(_JWT_START, start + 1)
            continue
        payload = text.find(".", dot + 1)
        end = text.find(".", payload + 1) if payload >= 0 else -1
        kept += [text[done:start], MASK]
        done = end if end >= 0 else len(text)
        start = text.find(_JWT_START, done)
    return "".join((*kept, text[done:]))


def _may_hold_secrets(lower: str) -> bool:
    """Whether one of the patterns above could match: each needs one of these."""
    return (
        "key" in lower
        or "token" in lower
        or "secret" in lower
        or "://" in lower
        or "eyj" in lower
        or "bearer" in lower
        or "basic" in lower
        or "password" in lower
        or "authorization" in lower
    )


class Secret:
    """A string that does not show itself. `reveal()` is the only way to its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")


class Redactor:
    """Takes the secrets of this run, and everything shaped like one, out of text."""

    # Shorter values would blank out ordinary words; such a key is itself the fault.
    MINIMUM_LENGTH: Final = 4

    def __init__(self, *secrets: Secret) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """From now on `secret` is masked, also in other case, escaped for JSON, HTML or a URL, and
        in base64."""
        value = secret.reveal()
        if len(value) < self.MINIMUM_LENGTH:
            return
        raw = value.encode(errors="surrogatepass")
        self._forms |= {
            value,
            quote(raw, safe=""),
            quote_plus(raw),
            json.dumps(value)[1:-1],
            json.dumps(value)[1:-1].replace("/", "\\/"),
            html.escape(value),
            value.encode("unicode_escape").decode(),
            base64.b64encode(raw).decode().rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        }
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def text(self, text: str) -> str:
        """`text` without secrets; applying it again changes nothing."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        if not _may_hold_secrets(text.lower()):
            return text  # the most of what is written, and logs have millions of lines
        text = _DOTTED.sub(_mask_jwts, text)
        text = _MEMBER.sub(rf"\g<1>{MASK}", text)
        text = _HEADER.sub(lambda found: f"{found[1]}{found[2]}{MASK}", text)
        text = _BEARER.sub(lambda found: f"{found[1]} {MASK}", text)
        return _USERINFO.sub(rf"\g<1>{MASK}@", text)
