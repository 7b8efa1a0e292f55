"""`.env` files: the names in them, and nothing else of them is ever shown. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# As systemd's EnvironmentFile and python-dotenv both read it.
_LINE: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.ASCII)


@dataclass(frozen=True)
class Difference:
    """`missing`: named by the example and not there; `extra`: there and not named."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    common: tuple[str, ...]


def names(text: str) -> tuple[str, ...]:
    """The names in the order of the file, each once."""
    found = (_LINE.match(line) for line in text.removeprefix("\ufeff").splitlines())
    return tuple(dict.fromkeys(match[1] for match in found if match))


def wrong_lines(text: str) -> tuple[int, ...]:
    """Numbers of lines that are neither an assignment nor a comment: systemd drops them."""
    return tuple(
        number
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith(("#", ";")) and not _LINE.match(line)
    )


def compare(example: tuple[str, ...], there: tuple[str, ...]) -> Difference:
    return Difference(
        missing=tuple(name for name in example if name not in there),
        extra=tuple(name for name in there if name not in example),
        common=tuple(name for name in example if name in there),
    )
