"""What can go wrong on the way to a server.

LinkError                 the server was not reached, or did not take us in
├── HostKeyRefused        its key is unknown, has changed, is revoked, or is not the accepted one
├── LoginRefused          no key of ours was taken
├── LinkLost              the link broke: silent for too long, or closed
├── CommandTooSlow        a command did not end within its deadline
├── ForwardingRefused     the server opens no connections on our behalf
└── SudoRefused           sudo did not take the password
SshConfigError            (exit 2)  ~/.ssh/config leads nowhere
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eloquence_ops.errors import EloquenceError, UsageError
from eloquence_ops.phrases import phrase

if TYPE_CHECKING:
    from eloquence_ops.language import Language
    from eloquence_ops.server.link import Completed


class LinkError(EloquenceError):
    """The server was not reached, or did not take us in."""


class HostKeyRefused(LinkError):
    """The server could not prove who it is. Nothing was sent to it."""


class LoginRefused(LinkError):
    """`remarks` are ids of phrases with their values: what would have helped."""

    def __init__(
        self, phrase_id: str, *remarks: tuple[str, dict[str, object]], **values: object
    ) -> None:
        self._remarks = tuple(EloquenceError(remark, **filled) for remark, filled in remarks)
        super().__init__(phrase_id, **values)

    def sentence(self, language: Language) -> str:
        first = phrase(self.phrase_id, language, **self.values)
        return " ".join((first, *(remark.sentence(language) for remark in self._remarks)))


class LinkLost(LinkError):
    """The link broke. What ran on the server may still run there."""


class CommandTooSlow(LinkError):
    """A command did not end within its deadline; `partial` is what it said until then."""

    def __init__(self, phrase_id: str, partial: Completed, **values: object) -> None:
        self.partial = partial
        super().__init__(phrase_id, **values)


class ForwardingRefused(LinkError):
    """The server opens no connections on our behalf."""


class SudoRefused(LinkError):
    """sudo did not take the password, or does not know the user."""


class SshConfigError(UsageError):
    """The configuration of ssh leads nowhere."""
