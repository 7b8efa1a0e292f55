"""The secrets of a target: from the environment, or from files that the settings name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.endpoints import Role, parse
from eloquence_ops.errors import UsageError
from eloquence_ops.ice_urls import Login
from eloquence_ops.secrets import Secret
from eloquence_ops.settings import Target

_LARGEST_BYTES: Final = 64 * 1024
_SECRET_VARIABLES: Final = (
    "ELOQUENCE_API_KEY",
    "ELOQUENCE_LIVEKIT_API_SECRET",
    "ELOQUENCE_SUDO_PASSWORD",
    "ELOQUENCE_TURN_PASSWORD",
)


@dataclass(frozen=True)
class Credentials:
    """What this run may use. Every value is a `Secret`, the LiveKit key's name is not."""

    api_key: Secret | None = None
    livekit_key: str | None = None
    livekit_secret: Secret | None = None
    sudo_password: Secret | None = None
    turn_login: Login | None = None

    def secrets(self) -> tuple[Secret, ...]:
        turn = self.turn_login.password if self.turn_login else None
        held = (self.api_key, self.livekit_secret, self.sudo_password, turn)
        return tuple(secret for secret in held if secret)


def of_environment(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """Every secret in the environment, whoever it is for: what no message may show."""
    return tuple(Secret(environ[name]) for name in _SECRET_VARIABLES if environ.get(name))


def of_target(target: Target, environ: Mapping[str, str]) -> Credentials:
    """The environment first, then the files. Raises `UsageError`, never with a value in it."""
    key, secret = _livekit_pair(target, environ)
    return Credentials(
        _api_key(target, environ),
        key,
        secret,
        _sudo_password(environ),
        _turn_login(target, environ),
    )


def _api_key(target: Target, environ: Mapping[str, str]) -> Secret | None:
    text = environ.get("ELOQUENCE_API_KEY")
    if text and _is_for_another("api", target, environ):
        text = None
    if text:
        source = "ELOQUENCE_API_KEY"
    elif target.api_key_file:
        source = "api_key_file"
        text = _read(target.api_key_file, "api_key_file").strip()
        if not text:
            raise UsageError("settings.key-file-empty", file=target.api_key_file, setting=source)
    else:
        return None
    # RFC 9110 §5.5: visible ASCII; a line break would start a header of its own.
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise UsageError("settings.key-characters", source=source)
    return Secret(text)


def _is_for_another(role: Role, target: Target, environ: Mapping[str, str]) -> bool:
    """A key that stands beside ELOQUENCE_API is for that host: it is not sent to a pasted URL.

    LiveKit's pair likewise, of which only what it signed is sent.
    """
    beside, endpoint = environ.get(f"ELOQUENCE_{role.upper()}"), target.endpoint(role)
    if not beside or endpoint is None:
        return False
    try:
        return parse(beside, role).host != endpoint.host
    except UsageError:
        return True


def _livekit_pair(target: Target, environ: Mapping[str, str]) -> tuple[str | None, Secret | None]:
    key = environ.get("ELOQUENCE_LIVEKIT_API_KEY")
    secret = environ.get("ELOQUENCE_LIVEKIT_API_SECRET")
    if key and secret and not _is_for_another("livekit", target, environ):
        return key, Secret(secret)
    if target.livekit_keys_file is None:
        return None, None
    text = _read(target.livekit_keys_file, "livekit_keys_file")
    for line in text.splitlines():
        if found := re.fullmatch(r"\s*([\w-]+)\s*:\s*[\"']?([^\s\"']+)[\"']?\s*", line):
            return found[1], Secret(found[2])
    raise UsageError("settings.keys-format", file=target.livekit_keys_file)


def _turn_login(target: Target, environ: Mapping[str, str]) -> Login | None:
    username = environ.get("ELOQUENCE_TURN_USERNAME")
    password = environ.get("ELOQUENCE_TURN_PASSWORD")
    if username and password:
        return Login(username, Secret(password))
    if target.turn_login_file is None:
        return None
    text = _read(target.turn_login_file, "turn_login_file")
    # A name may hold a colon, as those that expire do (`1700000000:name`); a password here not.
    if found := re.fullmatch(r"\s*(\S.*?)\s*:\s*([^\s:]+)\s*", text):
        return Login(found[1], Secret(found[2]))
    raise UsageError("settings.login-format", file=target.turn_login_file)


def _sudo_password(environ: Mapping[str, str]) -> Secret | None:
    text = environ.get("ELOQUENCE_SUDO_PASSWORD")
    # sudo reads one line: what follows would be somebody's next attempt.
    if text and {"\r", "\n", "\0"} & set(text):
        raise UsageError("settings.password-characters", source="ELOQUENCE_SUDO_PASSWORD")
    return Secret(text) if text else None


def _read(path: str, setting: str) -> str:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
        if len(raw) > _LARGEST_BYTES:
            raise UsageError("settings.key-file-large", file=path, setting=setting)
        return raw.decode("utf-8")
    except (OSError, ValueError) as refusal:
        reason = getattr(refusal, "strerror", None) or "not UTF-8"
        raise UsageError("settings.key-file", file=path, setting=setting, reason=reason) from None
