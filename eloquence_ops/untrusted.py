"""Text from outside, made safe to keep and to show.

Whatever a server sends may hold terminal escape sequences (a title change, a
clipboard write, a cleared screen), bidirectional overrides that make a line read
as another one, or megabytes of filler. Text is bounded and made visible *once*,
when an observation is made; everything after that may print it as it is.
"""

from __future__ import annotations

import unicodedata

# C0/C1 controls and escape; "Cf" holds the bidirectional overrides and zero-width
# characters (CVE-2021-42574), "Zl"/"Zp" are line breaks to some terminals.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
ELLIPSIS = "…"


def _visible(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def visible(text: str, *, keep: str = "") -> str:
    """`text` with every unsafe character written out as an escape, except those in `keep`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character in keep or unicodedata.category(character) not in _UNSAFE_CATEGORIES
        else _visible(character)
        for character in text
    )


def decoded(raw: bytes | str) -> str:
    """Bytes as UTF-8; what is not UTF-8 stays readable as `\\xNN`."""
    return raw if isinstance(raw, str) else raw.decode("utf-8", errors="backslashreplace")


def one_line(raw: bytes | str, *, limit: int) -> str:
    """At most `limit` (at least 1) characters on one line, runs of white space folded."""
    return _cut(" ".join(decoded(raw).split()), limit)


def excerpt(raw: bytes | str, *, limit: int) -> str:
    """At most `limit` (at least 1) characters; line breaks and tabs are kept."""
    # A character has at most four bytes: enough of them to see that there is one too many.
    return _cut(decoded(raw[: (limit + 1) * 4]), limit, keep="\n\t")


def _cut(text: str, limit: int, *, keep: str = "") -> str:
    text = visible(text[: limit + 1], keep=keep)
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS
