"""What an apply is doing, from its events. Pure: the time is the server's, which they tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from eloquence_ops.secrets import Redactor
from eloquence_ops.untrusted import one_line

State = Literal["begun", "done", "failed", "skipped"]
STEPS: Final = (
    *("receive", "lock", "recover", "base", "adopt", "assemble", "packages", "units-verify"),
    *("before-switch", "candidate", "candidate-checks", "watch", "take-over", "switch", "units"),
    *("restart", "checks", "livekit", "open-port", "after-switch", "confirm", "good", "tidy"),
)
UNDO_STEPS: Final = ("files", "firewall", "serve", "made", "proof")
"""Of the way back, besides those that have the name of what they undo."""
NOTES: Final[Mapping[str, tuple[str, ...]]] = {
    "undo-failed": ("step", "kind", "detail"),
    "no-api-key": (),
    "not-tidied": ("detail",),
    "not-kept": ("detail",),
    "flat-kept": ("because",),
    "flat-differs": ("paths",),
}
"""What the server has to say beside its steps, and the values that it says it with."""
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to show. `step` and `state` of a step that changed; `detail` is what a step says,
    or the name of a note."""

    step: str
    state: State | Literal["said", "undo", "note"]
    seconds: float | None = None
    detail: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Steps:
    """Fed with every event; knows what runs, and since when."""

    running: str | None = None
    said: str = ""
    undoing: bool = False
    done: list[tuple[str, State, float]] = field(default_factory=list)
    notes: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    _since: dict[str, float] = field(default_factory=dict)

    def feed(self, event: Mapping[str, Any]) -> Told | None:
        """What of it is worth showing, if anything."""
        step = one_line(str(event.get("step") or ""), limit=40)
        at = event.get("at")
        moment = float(at) if isinstance(at, int | float) else 0.0
        match event.get("event"):
            case "step":
                return self._step(step, event, moment)
            case "undo-step":
                self.undoing = True
                self.running = step or self.running
                return Told(step, "undo", None, _words(event.get("state")))
            case "note":
                return self._note(event)
            case "said":
                self.said = _words(event.get("line"))
                return Told(step or self.running or "", "said", None, self.said)
        return None

    def _note(self, event: Mapping[str, Any]) -> Told | None:
        """One of those that people are told; what its values are is the server's to say."""
        name = str(event.get("note"))
        if name not in NOTES:
            return None
        values = {key: _words(event.get(key)) or "–" for key in NOTES[name]}
        self.notes.append((name, values))
        return Told(self.running or "", "note", None, name, values)

    def _step(self, step: str, event: Mapping[str, Any], at: float) -> Told | None:
        state = event.get("state")
        if state == "begun":
            self.running, self.said = step, ""
            self._since[step] = at
            return Told(step, "begun")
        if state not in ("done", "failed", "skipped"):
            return None
        seconds = max(0.0, at - self._since.get(step, at))
        if self.running == step:
            self.running = None
        self.done.append((step, state, seconds))
        return Told(step, state, seconds, _words(event.get("detail")))


def _words(value: object) -> str:
    text = ", ".join(map(str, value[:20])) if isinstance(value, list) else str(value)
    return one_line(Redactor().text(text), limit=_LONGEST) if value else ""
