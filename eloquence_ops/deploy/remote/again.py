"""A process that was started by hand, started again: same words, folder, user and variables."""

from __future__ import annotations

import os
from typing import cast

from eloquence_ops.deploy.remote.identity import becoming, identity
from eloquence_ops.deploy.remote.job import load
from eloquence_ops.deploy.remote.ledger import open_ledger
from eloquence_ops.deploy.remote.place import place_of


def main(folder: str) -> None:
    """What it was is in the journal of the apply that ended it."""
    ledger = open_ledger(place_of(load(folder).request))
    if ledger is None:
        return
    before = cast("dict[str, object]", ledger.data["before"])
    process = cast("dict[str, object]", before["process"])
    words = cast("list[str]", process["words"])
    variables = dict(cast("list[tuple[str, str]]", process["variables"]))
    becoming(identity(str(process["uid"])))()
    os.chdir(str(process["folder"]))
    os.execvpe(words[0], words, variables)  # noqa: S606  # as it was
