"""What a person chose for one deploy, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.errors import UsageError
from eloquence_ops.settings import Target

Activation = Literal["socket", "bind"]
DEFAULT_PORT: Final = 8083
_PUBLIC_PORTS: Final = (80, 443)


@dataclass(frozen=True)
class Choices:
    """Seconds, and numbers of releases. `bind`: host and port of the guide's plain form.
    `brings_env`: the file that becomes `.env.local` goes along."""

    bind: tuple[str, int] | None = None
    unit_from_source: bool = False
    with_livekit: bool = False
    take_over: bool = False
    open_port: bool = False
    force: bool = False
    refresh_packages: bool = False
    wheelhouse: bool = False
    brings_env: bool = False
    public_check: bool = True
    templates: Path | None = None
    keep: int = 5
    watch_s: float = 6.0
    start_s: float = 60.0
    confirm_within_s: float = 120.0
    hook_s: float = 300.0

    @property
    def activation(self) -> Activation:
        return "bind" if self.bind or self.unit_from_source else "socket"

    @property
    def listen(self) -> tuple[str, ...]:
        return (self.bind[0],) if self.bind else ("0.0.0.0",)  # noqa: S104  # as the guide has it


def api_port(target: Target, choices: Choices) -> int:
    """The port of the API on the server: its address's, unless that is a proxy's."""
    if choices.bind:
        return choices.bind[1]
    return _own_port(target.api) or DEFAULT_PORT


def _own_port(api: Endpoint | None) -> int | None:
    if api is None or api.port in _PUBLIC_PORTS or api.secure:
        return None
    return api.port


def parse_bind(text: str) -> tuple[str, int]:
    """`HOST:PORT`, an IPv6 address in brackets. Raises `UsageError`."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+|localhost)):(\d{1,5})", text)
    if not found or not 1 <= int(found[3]) <= 65535:
        raise UsageError("deploy.not-a-bind", value=text)
    return found[1] or found[2], int(found[3])
