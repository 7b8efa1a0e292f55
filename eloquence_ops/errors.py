"""What can stop a command before it has a verdict.

    EloquenceError              (exit 3)
    ├── UsageError              (exit 2)  an option, an address or a file is wrong
    │   └── SettingsError       (exit 2)  ... in a settings file: file, line and key are named
    ├── RecordingError          (exit 2)  not a recording, truncated, edited or too new
    └── WriteError              (exit 3)  a result could not be written (disk full, no permission)

Each carries the id of a phrase (`phrases.py`) and what to fill it with, so that
the sentence is made in the reader's language at the rim. Values come from outside: they are
redacted (a pasted address may end in a token) and made safe for a terminal here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eloquence_ops.phrases import phrase
from eloquence_ops.secrets import Redactor
from eloquence_ops.untrusted import one_line

if TYPE_CHECKING:
    from eloquence_ops.language import Language


class EloquenceError(Exception):
    """A sentence for the person at the terminal; never a traceback."""

    exit_code = 3

    def __init__(self, phrase_id: str, **values: object) -> None:
        self.phrase_id = phrase_id
        self.values = {
            name: one_line(Redactor().text(str(value)), limit=400) for name, value in values.items()
        }
        super().__init__(self.sentence("en"))

    def sentence(self, language: Language) -> str:
        return phrase(self.phrase_id, language, **self.values)


class UsageError(EloquenceError):
    exit_code = 2


class SettingsError(UsageError):
    """In a file: `where` is `file:line`, `key` the dotted key."""


class RecordingError(EloquenceError):
    exit_code = 2


class WriteError(EloquenceError):
    exit_code = 3
