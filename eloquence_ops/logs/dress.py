"""Entries made fit to be shown: secrets masked, control characters made visible, length bounded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from eloquence_ops.logs.entry import Entry, Fields
from eloquence_ops.secrets import Redactor
from eloquence_ops.untrusted import visible

LONGEST_MESSAGE: Final = 16 * 1024
"""Characters. One entry must not fill a screen for minutes; the JSON says how much was cut."""
_LONGEST_FIELD: Final = 2048
# Enough of what is cut off that no secret loses its end before it is masked.
_MARGIN: Final = 4096


_PLAIN: Final = re.compile(r'[^\s"=]+')


class Shown(NamedTuple):
    """`text` is the message with its fields, on as many lines as the message has; `cut` counts the
    characters of the message that were left out."""

    entry: Entry
    message: str
    fields: Fields
    text: str
    cut: int = 0
    causes: tuple[str, ...] = ()


def with_fields(message: str, fields: Fields) -> str:
    if not fields:
        return message
    return " ".join([message, *[f"{key}={quoted(value)}" for key, value in fields]])


def quoted(value: str) -> str:
    """A value of `key=value` that can be told from the next."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class Dresser:
    """`raw_text`: control characters stay as they are. `diagnose` names the causes that a message
    points to."""

    def __init__(
        self,
        redactor: Redactor,
        *,
        raw_text: bool = False,
        diagnose: Callable[[Entry, str], tuple[str, ...]] | None = None,
    ) -> None:
        self._redactor, self._raw_text, self._diagnose = redactor, raw_text, diagnose

    def dress(self, entry: Entry) -> Shown:
        text = with_fields(entry.message, entry.fields)
        if len(text) <= LONGEST_MESSAGE and self._shows(text) and self._redactor.text(text) == text:
            shown = Shown(entry, entry.message, entry.fields, text)  # nearly all there are
        else:
            shown = self._made_fit(entry)
        if self._diagnose is None or not (causes := self._diagnose(entry, shown.text)):
            return shown
        return shown._replace(causes=causes)

    def _shows(self, text: str) -> bool:
        return self._raw_text or (text.isascii() and text.isprintable())

    def _made_fit(self, entry: Entry) -> Shown:
        cut = max(0, len(entry.message) - LONGEST_MESSAGE)
        message = self._redactor.text(entry.message[: LONGEST_MESSAGE + _MARGIN])
        message = self._made_visible(message, keep="\n\t")
        if cut:
            message = message[:LONGEST_MESSAGE]
        fields = self._fields_made_fit(entry.fields)
        return Shown(entry, message, fields, with_fields(message, fields), cut)

    def _fields_made_fit(self, fields: Fields) -> Fields:
        """As many of them as a message may be long."""
        kept: list[tuple[str, str]] = []
        left = LONGEST_MESSAGE
        for key, value in fields:
            if left <= 0:
                kept.append(("…", f"+{len(fields) - len(kept)}"))
                break
            kept.append(self._field(key, value))
            left -= len(kept[-1][0]) + len(kept[-1][1])
        return tuple(kept)

    def _field(self, key: str, value: str) -> tuple[str, str]:
        # With its name, which may say that it is a secret.
        masked = self._redactor.text(f"{key}={value[: _LONGEST_FIELD + _MARGIN]}")
        value = masked[len(key) + 1 :] if masked.startswith(f"{key}=") else masked
        return self._made_visible(key[:200]), self._made_visible(value[:_LONGEST_FIELD])

    def _made_visible(self, text: str, keep: str = "") -> str:
        return text if self._raw_text else visible(text, keep=keep)
