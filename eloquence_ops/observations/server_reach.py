"""Whether the server could be looked at from inside."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.server import ServerObservation

ReachOutcome = Literal["reached", "host-key", "login", "settings", "sudo", "failed"]


class ServerReach(ServerObservation):
    """How we came to the server. `way` is SSH, or this very machine.

    `host-key`: it could not prove who it is; `login`: none of our keys was taken; `settings`: the
    configuration of ssh leads nowhere; `sudo`: the password was not taken. `said` is the whole
    sentence, in English and in French. `privilege` is the way to root that was found there, in
    the words of `server.sudo`; empty where nobody looked. `notes` tell what of the configuration of
    ssh was not followed on the way, in both languages too.
    """

    kind: Literal["server.reach"] = "server.reach"
    outcome: ReachOutcome
    way: Literal["ssh", "here"]
    host: str
    said: tuple[str, str] | None = None
    privilege: str = ""
    notes: tuple[tuple[str, str], ...] = ()
