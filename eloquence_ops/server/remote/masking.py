"""Secrets, taken out on the server already: what does not leave it cannot leak on the way.

Two ways, since neither is enough: values that are known (this server's own `.env.local` and
`livekit.yaml` say which), and everything that is shaped like a secret.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote

MASK = "***"
# Shorter ones would blank out ordinary words.
SHORTEST = 6
# From here on a value is no unit, state, user or address: nothing else is written like it.
UNMISTAKABLE = 16

_SECRET_NAME = re.compile(
    r"(?i)(?:key|secret|token|passw|pass(?:$|phrase|code)|pwd|credential|auth|private|salt|"
    r"signature|dsn|webhook|jwt)"
)
# `TOKEN_ISSUER`, `AUTH_MODE`, `key_file`: the last word says that it is only about a secret.
_ABOUT_A_SECRET = re.compile(
    r"(?i)(?:file|path|dir|folder|"
    r"(?:^|[-_.])(?:host|hostname|port|mode|enabled|disabled|required|issuer|audience|algorithm|"
    r"algo|alg|method|type|provider|backend|scheme|realm|region|user|username|ttl|expiry|expires|"
    r"timeout|lifetime|interval|length|size|seconds|minutes|hours|days|keepalive))$"
)
# The id of a key pair stands in every token's `iss`; it is what the two files are compared by.
PUBLIC_NAMES = frozenset({"LIVEKIT_API_KEY"})
# Nobody's secret, even where a file says so: every log is full of them, and a log without them
# no longer says what is the matter (`*** is too short, should be at least 32 characters`).
_ORDINARY = frozenset(
    """secret secrets password passwd changeme change-me apikey api_key api-key api_secret devkey
    default example enabled disabled active inactive required optional failed running livekit
    livekit-server eloquence localhost server service production development staging""".split()
)
_ORIGIN = re.compile(r"(?i)[a-z][a-z0-9+.-]*://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?/?")

# What may hold a JWT. Every pattern here is linear in the length of the text: whoever can write
# into a log could keep a backtracking one busy.
_DOTTED = re.compile(r"[A-Za-z0-9_.-]{12,}")
_JWT_START = "eyJ"  # `{"`, encoded
_USERINFO = re.compile(r"(://[^\s/@:]*:)[^\s/@]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_NAMED = re.compile(
    r"(?i)((?:api[-_]?key|api[-_]?secret|secret[-_]?key|access[-_]?key|auth[-_]?token|"
    r"access_token|refresh_token|join_request|password|passwd|secret|token|authorization)"
    r"[\"']?\]?\s{0,4}[:=]\s{0,4}[\"']?)(?!\s|bearer\b|basic\b|\*\*\*)[^\s\"',;&<>}]+"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]+-----)?")
_ENVIRONMENT_PAIR = re.compile(r"\b([A-Z][A-Z0-9_]{2,60})=('[^']*'|\"[^\"]*\"|[^\s'\";,]+)")

# livekit-server takes all of its configuration as one word, keys and passwords included.
_WHOLE_CONFIGURATION = frozenset({"config-body"})
# Behind an option that wants a value the next option can only be one, but for a value that looks
# just like it.
_OPTION = re.compile(r"-[A-Za-z]|--[a-z][a-z0-9_.-]*(?:=.*)?", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{1,60}")


def is_secret_name(name: str) -> bool:
    if name in PUBLIC_NAMES or _ABOUT_A_SECRET.search(name):
        return False
    return _SECRET_NAME.search(name) is not None


def secrets_in(name: str, value: str) -> list[str]:
    """What of a setting must not be shown: all of it, or the password in its address."""
    if is_secret_name(name):
        return [] if _is_no_secret(value) else [value]
    found = re.search(r"://[^\s/@:]*:([^\s/@]+)@", value)
    return [found.group(1), unquote(found.group(1))] if found else []


def _is_no_secret(value: str) -> bool:
    """An ordinary word, an address, a server without a path: `AUTH=127.0.0.1`."""
    if value.lower() in _ORDINARY or _ORIGIN.fullmatch(value):
        return True
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return not value.isdigit()  # which would be an address too


class Masker:
    """Takes secrets out of text."""

    def __init__(self, values: list[str]) -> None:
        self._known = _any_of([value for value in values if len(value) >= SHORTEST])
        self._unmistakable = _any_of([value for value in values if len(value) >= UNMISTAKABLE])

    def text(self, text: str) -> str:
        """Of a line that somebody wrote: whatever is known, and whatever looks like a secret."""
        return _without_shapes(text if self._known is None else self._known.sub(MASK, text))

    def fact(self, text: str) -> str:
        """Of a name, a state, an address or a rule, which a short value may equal by chance: then
        it would no longer say which unit or port it is about."""
        if self._unmistakable is not None:
            text = self._unmistakable.sub(MASK, text)
        return _without_shapes(text)

    def command_line(self, arguments: list[str]) -> str:
        """A command as one line; `--api-key VALUE`, `--keys "id: secret"` and the like masked."""
        return self.text(" ".join(without_values(arguments)))


def _any_of(values: list[str]) -> re.Pattern[str] | None:
    """In every form they may be written in. A short one counts as a word of its own only, also
    behind an escape (`%22hunter2%22`, `\\nhunter2`)."""
    forms = {
        form
        for value in values
        for form in (value, quote(value, safe=""), value.replace("\\", "\\\\"))
    }
    if not forms:
        return None
    return re.compile("|".join(map(_written, sorted(forms, key=len, reverse=True))))


def _written(form: str) -> str:
    if len(form) >= UNMISTAKABLE:
        return re.escape(form)
    begins = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
    return begins + re.escape(form) + r"(?![A-Za-z0-9])"


def _without_shapes(text: str) -> str:
    if _JWT_START in text:
        text = _DOTTED.sub(_without_jwt, text)
    if "://" in text:
        text = _USERINFO.sub(r"\1" + MASK + "@", text)
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(MASK, text)
    text = _NAMED.sub(r"\1" + MASK, text)
    if "=" in text:
        text = _ENVIRONMENT_PAIR.sub(_without_value, text)
    return _BEARER.sub(r"\1 " + MASK, text)


def without_values(arguments: list[str], *, exact: bool = True) -> list[str]:
    """The words of a command; the value behind an option that names a secret, or that is a whole
    configuration, is masked.

    Not `exact`: the words were joined by spaces and taken apart again, as systemd's ExecStart is.
    Where such a value ends is not known then: everything up to the next option is taken for it.
    """
    shown: list[str] = []
    hide_next = False
    for word in arguments:
        if hide_next and not is_option(word):
            if shown[-1] != MASK and not shown[-1].endswith("=" + MASK):
                shown.append(MASK)
            hide_next = not exact
            continue
        option, equals, _ = word.partition("=")
        named = takes_secret(option) if option.startswith("-") or equals else False
        shown.append(option + "=" + MASK if equals and named else word)
        hide_next = named and (not equals or not exact)
    return shown


def is_option(word: str) -> bool:
    return _OPTION.fullmatch(word) is not None


def takes_secret(option: str) -> bool:
    """Whether `--api-key`, or `API_KEY` of `API_KEY=…`, stands before what must not be shown.
    `--ssl-keyfile` leads to a file, whose name is worth knowing."""
    if option.startswith("-"):
        return option.lstrip("-") in _WHOLE_CONFIGURATION or is_secret_name(option)
    return _VARIABLE.fullmatch(option) is not None and is_secret_name(option)


def _without_jwt(run: re.Match[str]) -> str:
    """From the first start of a token on: its parts may be cut off, or glued to more."""
    before, start, rest = run.group(0).partition(_JWT_START)
    return before + MASK if start and "." in rest else run.group(0)


def _without_value(pair: re.Match[str]) -> str:
    name = pair.group(1)
    return "{}={}".format(name, MASK) if is_secret_name(name) else pair.group(0)
