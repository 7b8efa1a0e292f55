"""The language, the formats and the places of what a command prints."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from eloquence_ops import language as languages
from eloquence_ops.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from eloquence_ops.language import Language

FORMATS: Final = ("console", "json", "short")


def language(asked: str | None) -> Language:
    """`--lang`, or the environment's. Raises `UsageError`."""
    if asked is None:
        return languages.of_environment(os.environ)
    if asked not in ("en", "fr"):
        raise UsageError("cli.lang", value=asked)
    return "fr" if asked == "fr" else "en"


@dataclass(frozen=True)
class Destination:
    """One `--output`: a format, and a file or standard output."""

    format: str
    file: Path | None = None


def destinations(asked: list[str] | None) -> tuple[Destination, ...]:
    """Raises `UsageError` for an unknown format, a missing folder, two formats on one stream."""
    found = []
    for text in asked or ["console"]:
        kind, equals, file = text.partition("=")
        if kind not in FORMATS or (equals and not file):
            raise UsageError("cli.format", value=text, known=", ".join(FORMATS))
        found.append(Destination(kind, writable(file) if equals else None))
    if sum(entry.file is None for entry in found) > 1:
        raise UsageError("cli.one-stream")
    return tuple(found)


def here() -> Path:
    """The folder that the command runs in. Raises `UsageError` when it was removed meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("cli.folder-gone") from None


def writable(file: str) -> Path:
    """A path that can be written later, said before the work and not after it."""
    path = Path(file)
    if path.is_dir():
        raise UsageError("write.is-folder", file=file)
    if not path.parent.is_dir():
        raise UsageError("write.no-folder", file=file)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError("write.no-permission", file=file)
    return path


def console(*, stderr: bool = False, file: IO[str] | None = None) -> Console:
    """Rich, without its guesses about what a text means. NO_COLOR is respected by rich itself."""
    from eloquence_ops.cli.terminal import Terminal

    return Terminal(
        stderr=stderr,
        file=file,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def on_terminal() -> bool:
    return sys.stderr.isatty()
