"""What an API answers to `POST /api/sessions` is read without trusting any of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from eloquence_ops.observations.session import TokenClaims
from eloquence_ops.probes.session import OpenedSession, describe, read_answer
from eloquence_ops.secrets import Redactor, Secret

KEY = "sk-live-0123456789"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJsYWIifQ.c2lnbmF0dXJl"
GOOD = {
    "session_id": "5b1c",
    "room_name": "room",
    "token": JWT,
    "url": "wss://livekit.éloquence.test",
}


def answered(**changes: object) -> tuple[OpenedSession | None, Any]:
    """The session, and what the observation of it says."""
    redactor = Redactor(Secret(KEY))
    body = json.dumps(GOOD | changes).encode()
    session, types = read_answer(body, redactor)
    seen = describe(session, types, body, endpoint="https://a.test", at_s=0.0, redactor=redactor)
    return session, seen


def test_a_session_is_read_and_its_token_is_kept_out_of_the_observation() -> None:
    session, seen = answered()
    assert session is not None
    assert session.token == Secret(JWT)
    assert session.close_path == "/api/sessions/5b1c"
    assert seen.url_endpoint == "wss://livekit.éloquence.test"
    assert seen.token_is_jwt
    assert JWT not in seen.model_dump_json()


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"3", b"{", b"\xff", b"[" * 100_000, b'{"session_id": 3}']
)
def test_what_is_no_session_is_none(body: bytes) -> None:
    session, types = read_answer(body, Redactor())
    assert session is None
    assert set(types) <= {"session_id"}


@pytest.mark.parametrize("session_id", ["", "x" * 201, "\ud800", 3, None, ["a"]])
def test_an_id_that_cannot_be_one_is_none(session_id: object) -> None:
    assert answered(session_id=session_id)[0] is None


@pytest.mark.parametrize("session_id", ["../../admin", "a/b?c#d", "a b\r\nX: y", "é"])
def test_an_id_is_only_ever_one_segment_of_a_path(session_id: str) -> None:
    session, _ = answered(session_id=session_id)
    assert session is not None
    segment = session.close_path.removeprefix("/api/sessions/")
    assert segment.isascii()
    assert not set(segment) & set("/?# \r\n")


@pytest.mark.parametrize(
    "url",
    [
        "l.test",
        "ftp://l.test",
        "wss://",
        "wss://a..b",
        "ws://u:p@l.test",
        "",
        3,
        None,
        f"ws://l.test/{KEY}",
    ],
)
def test_an_address_that_is_none_or_holds_our_key_is_not_used(url: object) -> None:
    session, seen = answered(url=url)
    assert session is not None
    assert session.url is None
    assert seen.url_endpoint is None


@pytest.mark.parametrize("token", ["\ud800 half", "", 3, None, "opaque"])
def test_a_token_that_is_no_jwt_is_told_as_such(token: object) -> None:
    _, seen = answered(token=token)
    assert not seen.token_is_jwt
    assert "opaque" not in seen.model_dump_json()


def test_an_echo_of_our_key_is_masked_wherever_it_stands() -> None:
    _, seen = answered(**{f"field {KEY}": 1, "room_name": f"r {KEY}", "session_id": f"s {KEY}"})
    assert KEY not in seen.model_dump_json()
    assert ("field ***", "number") in seen.field_types


def claimed(**claims: object) -> TokenClaims:
    """What is read of a token with these claims."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    _, seen = answered(token=f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2ln")
    assert isinstance(seen.token, TokenClaims)
    return seen.token


@pytest.mark.parametrize(
    ("value", "expires", "no_times"),
    [
        (1767225600, 1767225600, ()),
        (1767225600.9, 1767225600, ()),
        (None, None, ()),
        (10**20, None, ()),
        # Over in 1970 as much as before it.
        (-5, 0, ()),
        (-1e300, 0, ()),
        ("soon", None, ("exp",)),
        (True, None, ("exp",)),
        ([], None, ("exp",)),
        (float("inf"), None, ("exp",)),
        (float("nan"), None, ("exp",)),
    ],
)
def test_an_end_is_a_number_or_is_told_to_be_none(
    value: object, expires: int | None, no_times: tuple[str, ...]
) -> None:
    found = claimed(exp=value)
    assert (found.expires, found.no_times) == (expires, no_times)


@pytest.mark.parametrize("video", [{}, {"room": 5}, {"room": None}, [], "r"])
def test_a_room_that_is_no_text_is_none(video: object) -> None:
    assert claimed(video=video).room is None
