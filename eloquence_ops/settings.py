"""What is examined: a target, from flags, environment, `eloquence.toml` and the user's own file.

Precedence, first wins: flags, environment, the nearest `eloquence.toml` upwards
from here, `eloquence/eloquence.toml` in the XDG configuration. A secret is never
a value in a file: it comes from the environment or from a file named there
(`credentials.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops import endpoints
from eloquence_ops.endpoints import Endpoint, Role
from eloquence_ops.errors import UsageError
from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase

Value = str | tuple[str, ...]
"""A setting as it is written: text, or a list of texts."""


@dataclass(frozen=True, slots=True)
class Redirection:
    """`host:port` is reached at `address:port` instead, as curl's --connect-to does."""

    host: str
    port: int
    address: str
    to_port: int


@dataclass(frozen=True, slots=True)
class Target:
    """What is examined or deployed to; every value parsed and valid.

    `resolver`: the first is asked for every name, the others are compared with it. `server_key`:
    fingerprints, of the server and of the hosts on the way to it, in any order. `shared_paths`:
    what the app writes in its folder, relative to it, and keeps from release to release;
    `before_switch` and `after_switch` are shell commands that a deploy runs on the server.
    """

    name: str
    api: Endpoint | None = None
    livekit: Endpoint | None = None
    server: str | None = None
    server_key: tuple[str, ...] = ()
    app: str | None = None
    media_ports: tuple[int, int] = (50000, 60000)
    remote_dir: str = "/home/ubuntu/eloquence_backend_py"
    asgi_app: str = "api:app"
    api_unit: str = "eloquence-api.service"
    livekit_unit: str = "livekit.service"
    shared_paths: tuple[str, ...] = ()
    before_switch: tuple[str, ...] = ()
    after_switch: tuple[str, ...] = ()
    ca: str | None = None
    resolver: tuple[tuple[str, int], ...] = ()
    connect_to: tuple[Redirection, ...] = ()
    api_key_file: str | None = None
    livekit_keys_file: str | None = None
    written: tuple[tuple[str, Value], ...] = ()
    """The values as they were written, for reports and recordings; of an address only what it
    leads to, since what people paste may end in `?access_token=…`."""

    def value(self, key: str) -> str | None:
        """A single value as it was written."""
        return next((str(value) for name, value in self.written if name == key), None)

    def endpoint(self, role: Role) -> Endpoint | None:
        return self.api if role == "api" else self.livekit

    def redirection(self, endpoint: Endpoint) -> Redirection | None:
        for entry in self.connect_to:
            if entry.host == endpoint.host and entry.port == endpoint.port:
                return entry
        return None


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: how it is read, which phrase says what is allowed, where else it may come from.

    `parse` raises `UsageError` or `ValueError` with a phrase id.
    """

    name: str
    parse: Callable[[str], object]
    allowed: str
    environment: str | None = None
    is_path: bool = False


def _server(text: str) -> str:
    if not re.fullmatch(r"(?:[\w.-]+@)?(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?", text):
        raise UsageError("settings.not-a-server", value=text)
    if text.startswith("-"):  # would be read as an option by ssh
        raise UsageError("settings.not-a-server", value=text)
    return text


def _fingerprint(text: str) -> str:
    if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}=?", text):
        raise UsageError("settings.not-a-fingerprint", value=text)
    return text.rstrip("=")


def _plain(text: str) -> str:
    if not text:
        raise UsageError("settings.empty")
    if not text.isprintable():
        raise UsageError("settings.control")
    return text


def _remote_dir(text: str) -> str:
    if not _plain(text).startswith("/"):
        raise UsageError("settings.not-absolute", value=text)
    return text.rstrip("/") or "/"


def _port_range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if found:
        first, last = int(found[1]), int(found[2])
        if 1 <= first <= last <= 65535:
            return first, last
    raise UsageError("settings.not-a-port-range", value=text)


def _asgi_app(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", text):
        raise UsageError("settings.not-an-app", value=text)
    return text


def _unit(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.@\\:-]*\.service", text):
        raise UsageError("settings.not-a-unit", value=text)
    return text


def _shared_path(text: str) -> str:
    path = _plain(text).rstrip("/")
    parts = path.split("/")
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise UsageError("settings.not-inside", value=text)
    return path


def _address_and_port(text: str, default_port: int | None) -> tuple[str, int]:
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+)|([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:.*))", text)
    with_port = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+)):(\d{1,5})", text)
    if with_port:
        host, port = with_port[1] or with_port[2], int(with_port[3])
    elif found and default_port is not None:
        host, port = found[1] or found[2] or found[3], default_port
    else:
        raise UsageError("settings.not-an-address", value=text)
    address = endpoints.ip_address(host)
    if address is None or not 1 <= port <= 65535:
        raise UsageError("settings.not-an-address", value=text)
    return address.compressed, port


def _resolver(text: str) -> tuple[str, int]:
    return _address_and_port(text, 53)


def _redirection(text: str) -> Redirection:
    name, equals, to = text.partition("=")
    host, _, port = name.rpartition(":")
    if not equals or not host or not re.fullmatch(r"\d{1,5}", port):
        raise UsageError("settings.not-a-redirection", value=text)
    address, to_port = _address_and_port(to, None)
    found = endpoints.ip_address(host.strip("[]"))
    exact = found.compressed if found else endpoints.a_label(host)
    return Redirection(exact, int(port), address, to_port)


KEYS: Final[Mapping[str, Key]] = {
    key.name: key
    for key in (
        Key("api", lambda text: endpoints.parse(text, "api"), "allowed.api", "ELOQUENCE_API"),
        Key(
            "livekit",
            lambda text: endpoints.parse(text, "livekit"),
            "allowed.livekit",
            "ELOQUENCE_LIVEKIT",
        ),
        Key("server", _server, "allowed.server", "ELOQUENCE_SERVER"),
        Key("server_key", _fingerprint, "allowed.server_key"),
        Key("app", _plain, "allowed.path", "ELOQUENCE_APP", is_path=True),
        Key("media_ports", _port_range, "allowed.media_ports"),
        Key("remote_dir", _remote_dir, "allowed.remote_dir"),
        Key("asgi_app", _asgi_app, "allowed.asgi_app"),
        Key("api_unit", _unit, "allowed.unit"),
        Key("livekit_unit", _unit, "allowed.unit"),
        Key("shared_paths", _shared_path, "allowed.shared_paths"),
        Key("before_switch", _plain, "allowed.commands"),
        Key("after_switch", _plain, "allowed.commands"),
        Key("ca", _plain, "allowed.path", is_path=True),
        Key("resolver", _resolver, "allowed.resolver"),
        Key("connect_to", _redirection, "allowed.connect_to"),
        Key("api_key_file", _plain, "allowed.path", is_path=True),
        Key("livekit_keys_file", _plain, "allowed.path", is_path=True),
    )
}
LIST_KEYS: Final = frozenset(
    {
        *("connect_to", "resolver", "server_key"),
        *("shared_paths", "before_switch", "after_switch"),
    }
)
ONE_OR_MORE: Final = LIST_KEYS - {"connect_to"}
"""Of those, the ones whose only value may be written without the list."""


def build_target(name: str, values: Mapping[str, Value], *, origin: Callable[[str], str]) -> Target:
    """A target out of written values.

    `origin(key)` names the place a value came from, for the error. Raises
    `UsageError` with that place, the key, what is wrong and what is allowed.
    """
    parsed: dict[str, object] = {}
    for key_name, value in values.items():
        key = KEYS[key_name]
        try:
            if key_name in LIST_KEYS:
                items = (value,) if isinstance(value, str) else value
                parsed[key_name] = tuple(key.parse(item) for item in items)
            else:
                parsed[key_name] = key.parse(value if isinstance(value, str) else "")
        except UsageError as problem:
            raise WrongValue(origin(key_name), key_name, problem, key.allowed) from None
    shown = {role: str(parsed[role]) for role in ("api", "livekit") if role in parsed}
    written = tuple(sorted((dict(values) | shown).items()))
    return Target(name=name, written=written, **parsed)  # type: ignore[arg-type]  # each parser yields its field's type


class WrongValue(UsageError):
    """A value that is not allowed: where it stands, which key, why, and what is allowed."""

    def __init__(self, where: str, key: str, problem: UsageError, allowed: str) -> None:
        self.problem, self.allowed = problem, allowed
        super().__init__("settings.wrong-value", where=where, key=key)

    def sentence(self, language: Language) -> str:
        return phrase(
            self.phrase_id,
            language,
            problem=self.problem.sentence(language),
            allowed=phrase(self.allowed, language),
            **self.values,
        )


def expand_path(text: str, relative_to: Path) -> str:
    """`~` and paths relative to the file they are written in."""
    path = Path(text).expanduser()
    return str(path if path.is_absolute() else relative_to / path)
