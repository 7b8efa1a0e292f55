"""Where settings are written, and what is wrong with them: file, line, key, what is allowed."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from eloquence_ops import endpoints
from eloquence_ops.endpoints import Role
from eloquence_ops.errors import SettingsError, UsageError
from eloquence_ops.settings import (
    KEYS,
    LIST_KEYS,
    ONE_OR_MORE,
    Target,
    Value,
    WrongValue,
    build_target,
    expand_path,
)

FILE_NAME: Final = "eloquence.toml"
_LARGEST_BYTES: Final = 1024 * 1024
# People put a secret where they would look for it; these are the names they try.
_SECRET_KEYS: Final = {
    "api_key": "api_key_file / ELOQUENCE_API_KEY",
    "livekit_api_key": "livekit_keys_file / ELOQUENCE_LIVEKIT_API_KEY",
    "livekit_api_secret": "livekit_keys_file / ELOQUENCE_LIVEKIT_API_SECRET",
    "sudo_password": "ELOQUENCE_SUDO_PASSWORD",
    "turn_password": "turn_login_file / ELOQUENCE_TURN_PASSWORD",
    "ssh_key": "ELOQUENCE_SSH_KEY",
}
_KEY_PART: Final = re.compile(r"""\"[^\"]*\"|'[^']*'|[\w-]+""")
_TOML_TYPES: Final[Mapping[type, str]] = {
    str: "string",
    int: "integer",
    float: "float",
    bool: "boolean",
    list: "array",
    dict: "table",
}


@dataclass(frozen=True)
class Written:
    """A value and where it stands, `file:line`, `--flag` or the name of a variable."""

    value: Value
    where: str


@dataclass(frozen=True)
class SettingsFile:
    """One file, checked key by key."""

    path: Path
    default: str | None = None
    targets: Mapping[str, Mapping[str, Written]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """Everything that settings may come from; the files in order of precedence.

    `flags` and `environ` hold only what was given. `url` is doctor's argument. `may_be_empty`:
    there is something to examine even where no setting says so.
    """

    flags: Mapping[str, Value]
    environ: Mapping[str, str]
    files: tuple[SettingsFile, ...]
    target: str | None = None
    url: str | None = None
    may_be_empty: bool = False


def find(start: Path, environ: Mapping[str, str]) -> tuple[SettingsFile, ...]:
    """The project's file, upwards from `start`, and the user's. Raises `SettingsError`."""
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or "/")
    base = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    user = base / "eloquence" / FILE_NAME
    project = next(
        (folder / FILE_NAME for folder in (start, *start.parents) if _is_file(folder / FILE_NAME)),
        None,
    )
    paths = dict.fromkeys(path for path in (project, user) if path is not None and _is_file(path))
    return tuple(read(path) for path in paths)


def _is_file(path: Path) -> bool:
    """A folder that this user may not look into holds no file for this user."""
    try:
        return path.is_file()
    except OSError:
        return False


def read(path: Path) -> SettingsFile:
    """One file. Raises `SettingsError` with file, line, key and what is allowed."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as refusal:
        reason = getattr(refusal, "strerror", None) or refusal
        raise SettingsError("settings.unreadable", file=path, reason=reason) from None
    if len(raw) > _LARGEST_BYTES:
        raise SettingsError("settings.large", file=path, limit=_LARGEST_BYTES // 2**20)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise SettingsError("settings.not-utf8", where=f"{path}:{line}") from None
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        found = re.search(r"\(at line (\d+)", str(problem))
        where = f"{path}:{found[1]}" if found else str(path)
        reason = re.sub(r" \(at .*\)$", "", str(problem))
        raise SettingsError("settings.syntax", where=where, reason=reason) from None
    return _Reader(path, text.splitlines()).read(document)


class _Reader:
    def __init__(self, path: Path, lines: list[str]) -> None:
        self._path = path
        self._lines = lines

    def read(self, document: dict[str, Any]) -> SettingsFile:
        for key in document:
            if key not in ("default", "targets"):
                self._unknown(key, ("default", "targets"), self._where((), key))
        default = document.get("default")
        if default is not None and not isinstance(default, str):
            self._wrong("default", default, "allowed.default", self._where((), "default"))
        tables = document.get("targets", {})
        if not isinstance(tables, dict):
            self._wrong("targets", tables, "allowed.targets", self._where((), "targets"))
        targets = {name: dict(self._target(name, table)) for name, table in tables.items()}
        if default is not None and default not in targets:
            known = ", ".join(targets) or "–"
            problem = UsageError("settings.no-target", name=default, known=known)
            where = self._where((), "default")
            raise WrongValue(where, "default", problem, "allowed.default")
        return SettingsFile(self._path, default, targets)

    def _target(self, name: str, table: object) -> Iterator[tuple[str, Written]]:
        if not isinstance(table, dict):
            self._wrong(name, table, "allowed.targets", self._where(("targets",), name))
        for key, value in table.items():
            where = self._where(("targets", name), key)
            if key in _SECRET_KEYS:
                raise SettingsError(
                    "settings.secret-in-file", where=where, key=key, instead=_SECRET_KEYS[key]
                )
            if key not in KEYS:
                self._unknown(key, tuple(KEYS), where)
            yield key, Written(self._value(key, value, where), where)

    def _value(self, key: str, value: object, where: str) -> Value:
        if key in LIST_KEYS and isinstance(value, list):
            if all(isinstance(item, str) for item in value):
                return tuple(value)
        elif isinstance(value, str) and key not in LIST_KEYS - ONE_OR_MORE:
            try:
                is_path = KEYS[key].is_path and value
                return expand_path(value, self._path.parent) if is_path else value
            except RuntimeError:  # ~somebody who does not exist
                problem = UsageError("settings.no-home", value=value)
                raise WrongValue(where, key, problem, KEYS[key].allowed) from None
        return self._wrong(key, value, KEYS[key].allowed, where)

    def _unknown(self, key: str, known: tuple[str, ...], where: str) -> NoReturn:
        near = difflib.get_close_matches(key, known, n=1)
        raise SettingsError(
            "settings.unknown-key-near" if near else "settings.unknown-key",
            where=where,
            key=key,
            near=near[0] if near else "",
            allowed=", ".join(known),
        )

    def _wrong(self, key: str, value: object, allowed: str, where: str) -> NoReturn:
        kind = _TOML_TYPES.get(type(value), "date")
        raise WrongValue(where, key, UsageError("settings.type", found=kind), allowed)

    def _where(self, table: tuple[str, ...], key: str) -> str:
        """`file:line` of a key; of its table, or of its first mention, when it stands in another
        way than `key = …` below `[table]`."""
        inside: tuple[str, ...] = ()
        table_line = 0
        for number, line in enumerate(self._lines, start=1):
            if header := re.match(r"\s*\[([^\[\]]+)\]", line):
                inside = tuple(part.strip("\"'") for part in _KEY_PART.findall(header[1]))
                if inside in (table, (*table, key)):
                    table_line = number
            elif inside == table and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[.=]""", line):
                return f"{self._path}:{number}"
        mention = re.compile(rf"^[^#]*(?<![\w-]){re.escape(key)}(?![\w-])")
        mentions = (n for n, line in enumerate(self._lines, start=1) if mention.search(line))
        number = table_line or next(mentions, 0)
        return f"{self._path}:{number}" if number else str(self._path)


def resolve(sources: Sources) -> Target:
    """The target that these sources name. Raises `UsageError`."""
    given = _given(sources)
    name, table = _table(sources, given)
    layers = [given, *table]
    merged: dict[str, Written] = {}
    for layer in layers:
        for key, written in layer.items():
            merged.setdefault(key, written)
    _keep_secrets_home(merged, table)
    target = build_target(
        name,
        {key: written.value for key, written in merged.items()},
        origin=lambda key: merged[key].where,
    )
    named = target.api or target.livekit or target.server or target.app
    if not (named or sources.may_be_empty):
        raise UsageError("settings.nothing")
    return target


def role_of(url: str) -> Role:
    """What a pasted address is of: with ws:// or wss:// LiveKit, anything else the API.

    The websocket of apps from before LiveKit is the API's too.
    """
    address = endpoints.bare(url)
    is_socket = re.match(r"(?i)wss?://", address) and not endpoints.is_of_api(address)
    return "livekit" if is_socket else "api"


def _given(sources: Sources) -> dict[str, Written]:
    """Flags and doctor's argument, then the environment."""
    given: dict[str, Written] = {}
    if sources.url is not None:
        given[role_of(sources.url)] = Written(sources.url, "URL")
    for key, value in sources.flags.items():
        given.setdefault(key, Written(value, f"--{key.replace('_', '-')}"))
    if sources.url is None:
        for known in KEYS.values():
            if known.environment and (text := sources.environ.get(known.environment)):
                given.setdefault(known.name, Written(text, known.environment))
    return given


def _table(
    sources: Sources, given: Mapping[str, Written]
) -> tuple[str, list[Mapping[str, Written]]]:
    """The chosen target's name and its tables, one a file.

    A pasted URL belongs to the target that names its host; otherwise it stands alone, so that
    nothing of another system, a key least of all, gets mixed with it.
    """
    names = dict.fromkeys(name for file in sources.files for name in file.targets)
    if sources.target is not None:
        if sources.target not in names:
            known = ", ".join(names) or "–"
            raise UsageError("settings.no-target", name=sources.target, known=known)
        chosen: str | None = sources.target
    elif sources.url is not None or "api" in given or "livekit" in given:
        chosen = _target_of_host(sources, given, names)
    else:
        default = next((file.default for file in sources.files if file.default), None)
        chosen = default or (next(iter(names)) if len(names) == 1 else None)
        if chosen is None and len(names) > 1 and not given:
            raise UsageError("settings.which-target", known=", ".join(names))
    if chosen is None:
        return _name_of(given), []
    return chosen, [file.targets[chosen] for file in sources.files if chosen in file.targets]


def _target_of_host(
    sources: Sources, given: Mapping[str, Written], names: Mapping[str, None]
) -> str | None:
    for role in ("api", "livekit"):
        if role not in given:
            continue
        host = _host(given[role], role)
        for name in names:
            for file in sources.files:
                written = file.targets.get(name, {}).get(role)
                if written is not None and host and _host(written, role) == host:
                    return name
    return None


def _host(written: Written, role: str) -> str | None:
    try:
        return endpoints.parse(str(written.value), role).host  # type: ignore[arg-type]
    except UsageError:
        return None


def _name_of(given: Mapping[str, Written]) -> str:
    for role in ("api", "livekit"):
        if role in given and (host := _host(given[role], role)):
            return endpoints.u_label(host)
    return "here"


def _keep_secrets_home(merged: dict[str, Written], table: list[Mapping[str, Written]]) -> None:
    """A key file in a settings file is for the host written beside it, and goes to no other.

    A user's own file may name the key alone, for the address that the project's file gives this
    target; an address that was typed is then another one.
    """
    for role, secret in (("api", "api_key_file"), ("livekit", "livekit_keys_file")):
        if role not in merged or secret not in merged:
            continue
        holder = next(layer for layer in table if secret in layer)
        beside = [layer[role] for layer in (holder, *table) if role in layer]
        if not beside or _host(beside[0], role) != _host(merged[role], role):
            del merged[secret]
