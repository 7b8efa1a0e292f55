"""Whether LiveKit would come up again: only what changed since its start can keep it down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eloquence_ops.checks.server_livekit_config import livekit_config
from eloquence_ops.observations import AnyObservation, LiveKitConfig, ServerChanges
from eloquence_ops.observations.server_livekit import UnknownKey
from eloquence_ops.observations.server_machine import ChangedFile
from tests.checks.facts import LIVEKIT_UNIT, LONG_AGO, judged, listening, outcome, seen, unit

PATH = "/etc/livekit.yaml"
SERVED = listening("127.0.0.1", port=7880, unit=LIVEKIT_UNIT)


def yaml(*keys: UnknownKey, **different: Any) -> LiveKitConfig:
    fields: dict[str, Any] = {
        "path": PATH,
        "exists": True,
        "settings": (),
        "unknown_keys": keys,
    }
    return LiveKitConfig(at_s=0.0, **(fields | different))


def changed(after: timedelta, path: str = PATH, inode: timedelta = timedelta.min) -> ServerChanges:
    """The file was written so long after LiveKit's start, and its inode touched."""
    written = LONG_AGO + after
    touched = LONG_AGO + max(inode, after)
    file = ChangedFile(path=path, what="livekit", modified_at=written, changed_at=touched)
    return ServerChanges(at_s=0.0, files=(file,), packages=())


KEY = UnknownKey(name="prot", line=3)
LATER, EARLIER = changed(timedelta(hours=1)), changed(timedelta(hours=-1))


@pytest.mark.parametrize(
    ("different", "observations", "expected"),
    [
        ({}, (yaml(), LATER), "ok"),
        ({}, (yaml(KEY), LATER), "unknown-keys"),
        # It has started with that key: its version has it.
        ({}, (yaml(KEY), EARLIER), "ok"),
        ({}, (yaml(KEY),), "not-compared"),
        ({}, (yaml(KEY), changed(timedelta(hours=-1), inode=timedelta(hours=1))), "not-compared"),
        ({}, (yaml(KEY), changed(timedelta(hours=1), "/etc/other.yaml")), "not-compared"),
        ({}, (yaml(refused_lines=(3,), not_understood=(3,)), LATER), "refused-lines"),
        ({}, (yaml(KEY, refused_lines=(3,)), LATER), "refused-lines"),
        ({}, (yaml(refused_lines=(3,)),), "not-compared"),
        ({}, (yaml(refused_lines=(3,)), EARLIER), "ok"),
        ({}, (yaml(not_understood=(3,)), LATER), "not-followed"),
        ({}, (yaml(not_understood=(3,)),), "not-followed"),
        ({}, (yaml(not_understood=(3,)), EARLIER), "ok"),
        ({}, (yaml(KEY, not_understood=(4,)), LATER), "unknown-keys"),
        ({"started_at": None}, (yaml(KEY), LATER), "not-compared"),
        ({}, (yaml(exists=None, settings=None, unknown_keys=None), LATER), "not-read"),
        ({}, (yaml(exists=False, settings=None, unknown_keys=None),), "not-here"),
        ({"load_state": "not-found", "active_state": "inactive"}, (yaml(KEY), LATER), "not-here"),
        ({"active_state": "failed"}, (yaml(KEY), LATER), "told-at-start"),
        ({"active_state": "inactive"}, (yaml(KEY), LATER), "told-at-start"),
    ],
)
def test_the_file_beside_the_livekit_that_runs(
    different: dict[str, Any], observations: tuple[AnyObservation, ...], expected: str
) -> None:
    run = seen(unit(LIVEKIT_UNIT, **different), SERVED, *observations)
    assert outcome(livekit_config, run) == expected


def test_the_keys_are_named_with_their_lines() -> None:
    nested = UnknownKey(name="rtc.no_such", line=None)
    found = judged(livekit_config, seen(unit(LIVEKIT_UNIT), SERVED, yaml(KEY, nested), LATER))
    assert found is not None
    assert found.evidence == {"path": PATH, "keys": ("prot:3", "rtc.no_such")}


def test_the_lines_are_named() -> None:
    run = seen(unit(LIVEKIT_UNIT), SERVED, yaml(refused_lines=(3, 7)), LATER)
    found = judged(livekit_config, run)
    assert found is not None
    assert found.evidence == {"path": PATH, "lines": "3, 7"}


def test_what_was_not_read_is_not_judged() -> None:
    assert outcome(livekit_config, seen(unit(LIVEKIT_UNIT), SERVED)) is None
    assert outcome(livekit_config, seen(yaml(KEY), SERVED)) is None
