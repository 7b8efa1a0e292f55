"""How long LiveKit's secrets are."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.server_livekit_secret import livekit_secret
from eloquence_ops.observations import LiveKitConfig
from eloquence_ops.observations.server_livekit import KeyPair, Setting
from tests.checks.facts import judged, outcome, seen

DEVELOPMENT = (Setting(name="development", value=True),)


def config(*lengths: int, **different: Any) -> LiveKitConfig:
    keys = tuple(KeyPair(name=f"API{at}", secret_length=long) for at, long in enumerate(lengths))
    fields: dict[str, Any] = {"path": "/etc/livekit.yaml", "exists": True, "settings": ()}
    return LiveKitConfig(at_s=0.0, **(fields | {"keys": keys} | different))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (config(32), "ok"),
        (config(31), "short"),
        (config(48, 6), "short"),
        (config(6, settings=DEVELOPMENT), "ok"),
        (config(keys=None), "not-told"),
        (config(), "not-told"),
        (config(exists=None, keys=None), "not-told"),
        (config(exists=False, keys=None), "not-here"),
    ],
)
def test_each_has_at_least_as_many_characters_as_the_hash_has_bytes(
    found: LiveKitConfig, expected: str
) -> None:
    assert outcome(livekit_secret, seen(found)) == expected


def test_the_short_ones_are_named_by_their_keys() -> None:
    found = judged(livekit_secret, seen(config(48, 6)))
    assert found is not None
    assert found.evidence == {"keys": ("API1",)}
