"""A process that was started by hand, started again: same words, folder, user and variables."""

from __future__ import annotations

import os
from typing import cast

from eloquence_ops.deploy.remote.identity import becoming, identity
from eloquence_ops.deploy.remote.writing import read_json, remove, write_json

_FILE = "again.json"


def prepare(folder: str, process: dict[str, object]) -> None:
    """Its variables are secrets: root alone reads the file, and it is gone when it was read."""
    write_json(os.path.join(folder, _FILE), process)


def main(folder: str) -> None:
    path = os.path.join(folder, _FILE)
    process = read_json(path)
    remove(path)
    if process is None:
        return
    words = cast("list[str]", process["words"])
    variables = dict(cast("list[tuple[str, str]]", process["variables"]))
    becoming(identity(str(process["uid"])))()
    os.chdir(str(process["folder"]))
    os.execvpe(words[0], words, variables)  # noqa: S606  # as it was
