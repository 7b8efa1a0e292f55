"""LiveKit's configuration on the server, without its secrets."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Record
from eloquence_ops.observations.server import ServerObservation


class Setting(Record):
    """`name` is dotted: `rtc.port_range_start`."""

    name: str
    value: bool | int | float | str | None


class UnknownKey(Record):
    """A key that LiveKit 1.13 does not have. `line` is known at the top level only."""

    name: str
    line: int | None


class KeyPair(Record):
    name: str
    secret_length: int


class LiveKitConfig(ServerObservation):
    """What the file says; a setting that it does not make is not in `settings`.

    `exists` is None where the file is hidden. `sections` are all keys at the top level.
    `not_understood` are lines that were left out of the reading; `refused_lines` those that no
    reader of YAML takes, None in a recording from before they were looked for.
    """

    kind: Literal["server.livekit-config"] = "server.livekit-config"
    path: str
    exists: bool | None
    settings: tuple[Setting, ...] | None = None
    sections: tuple[str, ...] | None = None
    unknown_keys: tuple[UnknownKey, ...] | None = None
    not_understood: tuple[int, ...] | None = None
    refused_lines: tuple[int, ...] | None = None
    keys: tuple[KeyPair, ...] | None = None

    def setting(self, name: str) -> bool | int | float | str | None:
        """None where the file does not set it, or cannot be read."""
        return next((entry.value for entry in self.settings or () if entry.name == name), None)
