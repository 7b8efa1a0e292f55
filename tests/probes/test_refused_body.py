"""A 422 is read field by field, however long it is, and without trusting any of it."""

from __future__ import annotations

import json

import pytest

from eloquence_ops.probes.refused_body import invalid_fields
from eloquence_ops.secrets import Redactor, Secret


def refused(*details: object) -> tuple[str, ...]:
    body = json.dumps({"detail": details}).encode()
    return invalid_fields(body, Redactor(Secret("sk-live-0123456789")))


def test_every_field_is_named_though_each_entry_repeats_the_body() -> None:
    sent = {"user_id": "x" * 500}
    fields = [f"field_{number}" for number in range(8)]
    found = refused(
        *({"loc": ["body", name], "msg": "Field required", "input": sent} for name in fields)
    )
    assert found == tuple(f"{name}: Field required" for name in fields)


def test_no_more_than_sixteen_are_kept() -> None:
    assert len(refused(*({"loc": ["body", str(n)], "msg": "no"} for n in range(99)))) == 16


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"loc": ["header", "x-api-key"], "msg": "Field required"}, "x-api-key: Field required"),
        ({"loc": ["body", "a", 0, "b"], "msg": "no"}, "a.0.b: no"),
        ({"msg": "no"}, "?: no"),
        ({"loc": "body"}, "?: ?"),
        ({"loc": ["body", "\ud800"], "msg": "\x1b[2J"}, "?: \\x1b[2J"),
        ({"loc": ["body"], "msg": "sk-live-0123456789"}, ": ***"),
        ({"loc": ["body", "a"], "msg": "x" * 999}, "a: " + "x" * 79 + "…"),
    ],
)
def test_what_is_told_of_a_field(entry: object, told: str) -> None:
    assert refused(entry) == (told,)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"detail": "no"}', b'{"detail": [3]}', b"\xff", b"[" * 100_000]
)
def test_another_shape_names_no_field(body: bytes) -> None:
    assert invalid_fields(body, Redactor()) == ()
