"""Running a command as root, by whichever way there is: found out and gone in one command. Pure.

A password goes to standard input. In argv or the environment it could be read in /proc, and a
terminal would echo it and mix both streams. There is no terminal, so `requiretty` is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from eloquence_ops.secrets import Secret
from eloquence_ops.server.errors import SudoRefused
from eloquence_ops.server.link import Command, words
from eloquence_ops.untrusted import one_line


class Privilege(StrEnum):
    """How a command ran as root, if at all."""

    ROOT = "root"
    WITHOUT_PASSWORD = "without-password"
    WITH_PASSWORD = "with-password"
    PASSWORD_MISSING = "password-missing"
    NO_SUDO = "no-sudo"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command for `Link.run`; `stdin` may begin with a password."""

    command: tuple[str, ...]
    stdin: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Went:
    """Which way it was, what sudo said of a password that it did not take, and the command's own
    standard error. `privilege` is None where the command did not come so far."""

    privilege: Privilege | None
    said: str
    stderr: bytes


# Ends the password's part of standard input.
_MARK: Final = "eloquence: what follows is for the command"
# sudo takes no password where it asks for none (NOPASSWD for this command, another way to log in).
# What then is left of it must not become the command's input, which may end up in a file.
_PAST_MARK: Final = (
    f'while IFS= read -r line; do [ "$line" = "{_MARK}" ] && exec "$@"; done; exit 1'
)
_WAY: Final = b"eloquence: as root by way of "
# Without a terminal and any cached credentials.
_ASK: Final = "LC_ALL=C sudo -k -S -p ''"
# No newline in it: a login shell that is no POSIX shell takes none within quotes. The password is
# tried by itself first, since sudo takes what follows a wrong one for further attempts.
# A rule may allow this one command and no `true`. To list what is allowed does not tell whether it
# takes a password: only running it does.
_SCRIPT: Final = (
    "password=$1; alone=$2; shift 2; "
    f"""tell() {{ printf '{_WAY.decode()}%s\\n' "$*" >&2; }}; """
    'skip() { [ "$password" = none ] || IFS= read -r unused; }; '
    f'if [ "$(id -u)" -eq 0 ]; then skip; tell {Privilege.ROOT}; exec "$@"; '
    f"elif ! command -v sudo >/dev/null 2>&1; then "
    f'skip; tell {Privilege.NO_SUDO}; exec "$@"; '
    "elif { sudo -n true || "
    """{ [ "$alone" = harmless ] && sudo -n -- "$@"; }; } </dev/null >/dev/null 2>&1; then """
    f'skip; tell {Privilege.WITHOUT_PASSWORD}; exec sudo -n -- "$@"; '
    f'elif [ "$password" = none ]; then tell {Privilege.PASSWORD_MISSING}; exec "$@"; fi; '
    "IFS= read -r secret; "
    f"""if said=$(printf '%s\\n' "$secret" | {_ASK} true 2>&1); then """
    f"tell {Privilege.WITH_PASSWORD}; "
    f"""{{ printf '%s\\n%s\\n' "$secret" "{_MARK}"; cat; }} | """
    f"""{_ASK} -- /bin/sh -c '{_PAST_MARK}' sh "$@"; """
    f'else set -f; tell {Privilege.REFUSED} $said; exec "$@"; fi'
)


def as_root(
    command: Command,
    password: Secret | None = None,
    stdin: bytes = b"",
    *,
    harmless_alone: bool = False,
) -> Prepared:
    """`command` as root if any way leads there, otherwise as the user himself; see `went`.

    The password is tried once, and only where it is asked for. `harmless_alone`: without input it
    does nothing, so that it may be run once to find out whether sudo allows just this.
    """
    known = "given" if password else "none"
    before = f"{password.reveal()}\n".encode() if password else b""
    alone = "harmless" if harmless_alone else "untried"
    told = ("/bin/sh", "-c", _SCRIPT, "sh", known, alone)
    return Prepared((*told, *words(command)), before + stdin)


def went(stderr: bytes) -> Went:
    """What a command of `as_root` tells before its own standard error."""
    before, told, rest = stderr.partition(_WAY)
    line, _, after = rest.partition(b"\n")
    way, _, said = line.decode(errors="replace").partition(" ")
    if not told or way not in list(Privilege):
        return Went(None, "", stderr)
    return Went(Privilege(way), one_line(said, limit=300), before + after)


def refusal(said: str, host: str) -> SudoRefused:
    """Why sudo did not let us, in a sentence."""
    if "incorrect password" in said:
        return SudoRefused("sudo.wrong-password", host=host)
    return SudoRefused("sudo.refused", host=host, reason=said or "—")
