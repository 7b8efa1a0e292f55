"""What a plan is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from eloquence_ops.deploy.requirements import PackageChange
from eloquence_ops.deploy.source import Entry
from eloquence_ops.deploy.survey import Listener, Survey

Gap = Literal["none", "first-move", "other-socket", "restart"]
"""Whether requests are refused for a moment: never behind the socket; once on the way to it or to
another one, or without one (`--bind`) at each restart."""


class Rendered(Protocol):
    """What would lie in /etc/systemd/system; the candidate's units, and the launcher."""

    @property
    def units(self) -> Mapping[str, str]: ...
    @property
    def candidate(self) -> Mapping[str, str]: ...
    @property
    def serve(self) -> str: ...


@dataclass(frozen=True)
class LiveKitFiles:
    """None: left as it is. `keys_change`: the key pair is another one than lies there."""

    unit: str | None = None
    yaml: str | None = None
    yaml_path: str = "/etc/livekit.yaml"
    key_file: str = "/etc/livekit-keys.yaml"
    user: str = "root"
    keys_change: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A remark for the person: `deploy.note-<id>` in the phrases, and what it is filled with."""

    id: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class FileChanges:
    """By content; a file that moved is one removed and one added."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True)
class TextChange:
    """A unit or a file of configuration; `diff` as `diff -u` shows it, without secrets."""

    name: str
    kind: Literal["new", "changed", "removed"]
    diff: tuple[str, ...]


@dataclass(frozen=True)
class Packages:
    """`reuse` is the environment that serves again; otherwise one is built. `why`: a word of
    `deploy.packages-…`."""

    why: str
    reuse: str | None = None
    changes: tuple[PackageChange, ...] = ()


@dataclass(frozen=True)
class Plan:
    """`send`: the paths whose content the server does not have. `refusals`: why it is not done;
    the first is said. `source_unit`: how ours differs from the one that the source brings along."""

    release: str
    survey: Survey
    files: FileChanges
    send: tuple[Entry, ...]
    units: tuple[TextChange, ...]
    texts: Mapping[str, str]
    packages: Packages
    gap: Gap
    livekit: LiveKitFiles | None = None
    livekit_restarts: bool = False
    adopts: bool = False
    takes_over: Listener | None = None
    nothing: bool = False
    notes: tuple[Note, ...] = ()
    refusals: tuple[Note, ...] = ()
    source_unit: TextChange | None = None

    @property
    def send_bytes(self) -> int:
        return sum(entry.size for entry in self.send)


def some(paths: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(paths[:most])
    return shown if len(paths) <= most else f"{shown}, …"
