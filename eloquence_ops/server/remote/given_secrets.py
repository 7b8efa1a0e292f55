"""Secrets given to a unit or a process: on its command line, in its environment.

They are only collected, so that they can be masked wherever else they stand: LiveKit's own
journal, an exception, the path of a request.
"""

from __future__ import annotations

from eloquence_ops.server.remote import masking, yaml_subset
from eloquence_ops.server.remote.yaml_subset import Value

# What livekit-server takes as YAML in one word (its `--keys` and `--config-body`).
_LIVEKIT_KEYS = frozenset({"LIVEKIT_KEYS", "--keys", "-keys"})
_LIVEKIT_CONFIGURATION = frozenset({"LIVEKIT_CONFIG", "--config-body", "-config-body"})


def in_words(words: list[str], *, exact: bool = True) -> list[str]:
    """The secrets among the words of a command. Not `exact`: see `masking.without_values`."""
    found: list[str] = []
    option, value = "", []  # type: str, list[str]
    for word in [*words, "--end"]:
        if option and value and (exact or masking.is_option(word)):
            found += _behind(option, " ".join(value))
            option = ""
        if option and not masking.is_option(word):
            value.append(word)
            continue
        name, equals, rest = word.partition("=")
        taken = masking.takes_secret(name) and (bool(equals) or name.startswith("-"))
        option, value = (name, [rest] if equals else []) if taken else ("", [])
    return found


def in_variables(pairs: list[tuple[str, str]]) -> list[str]:
    return [secret for name, value in pairs for secret in _behind(name, value)]


def in_settings(value: Value) -> list[str]:
    """Whatever a configuration keeps under a secret's name, at any depth: `redis.password`."""
    found: list[str] = []
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                # `webhook.api_key` is the name of a key pair, as is each name under `keys`.
                found += [] if name == "api_key" else masking.secrets_in(name, inner)
            else:
                found += in_settings(inner)
    elif isinstance(value, list):
        for inner in value:
            found += in_settings(inner)
    return found


def _behind(name: str, value: str) -> list[str]:
    """The secrets in what an option or a variable of this name was given."""
    if name in _LIVEKIT_KEYS:
        return list(_texts(yaml_subset.parse(_block(value)).value))
    if name in _LIVEKIT_CONFIGURATION:
        settings = yaml_subset.parse(value).value
        keys = settings.get("keys")
        return [*in_settings(settings), *(_texts(keys) if isinstance(keys, dict) else [])]
    return masking.secrets_in(name, value)


def _texts(pairs: dict[str, Value]) -> list[str]:
    return [secret for secret in pairs.values() if isinstance(secret, str)]


def _block(keys: str) -> str:
    """`APIx: secret`, several of them apart by a line's end, which may be written as `\\n`."""
    return keys.replace("\\n", "\n")
