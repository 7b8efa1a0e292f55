"""Where to connect, as people write it: `user@host`, `user@host:port`, an alias, `ssh://…`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from eloquence_ops.errors import UsageError

_FORM: Final = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^\s/]+)@)?"
    r"(?:\[(?P<address>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<name>[^\s:@\[\]/-][^\s:@\[\]/]*))"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)


@dataclass(frozen=True, slots=True)
class Destination:
    """`host` is a name, an address without brackets, or an alias; None is left to ~/.ssh/config."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{user}{host}:{self.port}" if self.port else f"{user}{host}"


def parse(text: str) -> Destination:
    """The setting `server`, or one hop of a ProxyJump. Raises `UsageError`."""
    found = _FORM.fullmatch(text)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 1 <= port <= 65535):
        raise UsageError("settings.not-a-server", value=text)
    return Destination(found["address"] or found["name"], found["user"], port)
