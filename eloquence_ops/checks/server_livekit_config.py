"""What LiveKit would say of its configuration as it lies on disk, had it to start now."""

from __future__ import annotations

from typing import Final

from eloquence_ops.checks import services
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.services import Service
from eloquence_ops.observations import LiveKitConfig, ServerChanges
from eloquence_ops.observations.server_livekit import UnknownKey

_MOST_NAMED: Final = 8
_RUNNING: Final = frozenset({"running", "not-listening", "place-unknown"})


@check(
    "server.livekit-config",
    feeds=("facts",),
    outcomes={
        "ok": "path",
        "unknown-keys": "path keys",
        "refused-lines": "path lines",
        "not-followed": "path lines",
        "told-at-start": "unit",
        "not-compared": "path",
        "not-read": "path",
        "not-here": "unit",
    },
)
def livekit_config(_server: str, seen: Seen) -> Judgement:
    """Whether a LiveKit that runs would come up again with the file as it is now.

    It refuses a key that it does not know, and a file that is not YAML. One that has started with
    this very file takes it, whatever we know of its version and could follow of the file.
    """
    service, config = services.livekit(seen), seen.one(LiveKitConfig)
    if service is None or config is None:
        return
    path = {"path": config.path}
    if service.state == "absent" or config.exists is False:
        yield Verdict("not-here", {"unit": service.name})
    elif service.state not in _RUNNING:
        yield Verdict("told-at-start", {"unit": service.name})
    elif config.unknown_keys is None:
        yield Verdict("not-read", path)
    elif not _doubted(config) or (changed := _changed_since(service, config, seen)) is False:
        yield Verdict("ok", path)
    elif not (config.refused_lines or config.unknown_keys):
        yield Verdict("not-followed", path | _lines(config.not_understood))
    elif changed is None:
        yield Verdict("not-compared", path)
    elif config.refused_lines:
        yield Verdict("refused-lines", path | _lines(config.refused_lines))
    else:
        keys = tuple(map(_named, config.unknown_keys[:_MOST_NAMED]))
        yield Verdict("unknown-keys", {**path, "keys": keys})


def _doubted(config: LiveKitConfig) -> bool:
    return bool(config.refused_lines or config.unknown_keys or config.not_understood)


def _lines(numbers: tuple[int, ...] | None) -> dict[str, str]:
    return {"lines": ", ".join(map(str, (numbers or ())[:_MOST_NAMED]))}


def _changed_since(service: Service, config: LiveKitConfig, seen: Seen) -> bool | None:
    """Whether the file is newer than the process that read it; None where that is not known.

    A copy may have kept its old date, and a new owner gives the inode a new one.
    """
    changes, started = seen.one(ServerChanges), service.unit.started_at
    files = changes.files if changes else ()
    file = next((entry for entry in files if entry.path == config.path), None)
    if file is None or started is None:
        return None
    if file.modified_at > started:
        return True
    return None if file.changed_at > started else False


def _named(key: UnknownKey) -> str:
    return key.name if key.line is None else f"{key.name}:{key.line}"
