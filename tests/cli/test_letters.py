"""A terminal that lacks a letter still gets a sentence."""

from __future__ import annotations

import pytest

from eloquence_ops.cli.letters import AS_SHOWN


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "c'est «\u00a0là\u00a0»\u202f; ✓"),
        ("cp1252", "c'est «\u00a0là\u00a0» ; \\u2713"),
        ("ascii", "c'est \\xab l\\xe0 \\xbb ; \\u2713"),
    ],
)
def test_a_space_that_an_encoding_lacks_is_a_plain_one(encoding: str, shown: str) -> None:
    sentence = "c'est «\u00a0là\u00a0»\u202f; ✓"
    assert sentence.encode(encoding, AS_SHOWN).decode(encoding) == shown


def test_what_cannot_be_read_stays_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", AS_SHOWN)
