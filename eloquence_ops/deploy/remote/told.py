"""What happens, as events: a line of JSON each, in a file that any number of doors may read."""

from __future__ import annotations

import json
import os
import sys
import time

_LONGEST = 400
_MOST_SAID = 2000


class Told:
    """Appends to the events of one job, numbered from 0; the journal gets a line to read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._n = len(read(path))
        self._said: dict[str, int] = {}

    def event(self, event: str, **what: object) -> None:
        line = {"event": event, "n": self._n, "at": round(time.time(), 3), **what}
        self._n += 1
        data = json.dumps(line).encode("ascii") + b"\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)
        words = [event, *(str(value) for value in what.values() if isinstance(value, str))]
        print(" ".join(words)[:_LONGEST], file=sys.stderr, flush=True)

    def step(self, step: str, state: str) -> None:
        self.event("step", step=step, state=state)

    def undo_step(self, step: str, state: str) -> None:
        self.event("undo-step", step=step, state=state)

    def said(self, step: str, line: str) -> None:
        """Of a step that says very much, the beginning: whoever asks later reads all of it."""
        self._said[step] = self._said.get(step, 0) + 1
        if self._said[step] <= _MOST_SAID:
            self.event("said", step=step, line=line[:_LONGEST])
        elif self._said[step] == _MOST_SAID + 1:
            self.event("said", step=step, line="…")

    def note(self, note: str, **what: object) -> None:
        self.event("note", note=note, **what)


def read(path: str, since: int = 0) -> list[bytes]:
    """The whole lines from number `since` on."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return []
    return [line for line in data.split(b"\n")[:-1] if line][since:]


def events(path: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in read(path)]
