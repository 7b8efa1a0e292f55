"""Where the data that travels with the code lies: `checks/` and `templates/`.

In a checkout (also an editable install) they are folders at the top level, where
people read and edit them; in a wheel they are package data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def folder(name: Literal["checks", "templates"]) -> Path:
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
