"""Secrets do not show themselves, and are taken out of whatever others wrote."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eloquence_ops.credentials import Credentials
from eloquence_ops.secrets import MASK, Redactor, Secret

VALUE = "s3cr3t/value+with=signs&more"
JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJpc3MiOiJsYWJrZXkiLCJzdWIiOiJlbG9xdWVuY2UifQ"
    ".c2lnbmF0dXJlLW5vdC1yZWFs"
)


# The type


SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": lambda secret: format(secret, ">40"),
    "f-string": lambda secret: f"{secret} {secret!r} {secret!s} {secret:>9}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "str.format": lambda secret: "{} {0!r}".replace("{}", "{0}").format(secret),
    "in a list": lambda secret: repr([secret, (secret,), {"key": secret}]),
    "in a dataclass": lambda secret: repr(Credentials(secret, "name", secret)),
    "json with default": lambda secret: json.dumps({"key": secret}, default=str),
    "an exception": lambda secret: repr(ValueError(secret)) + str(ValueError(secret)),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_a_secret_prints_as_stars(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(VALUE))
    assert MASK in shown
    assert "s3cr3t" not in shown


LOST: dict[str, Callable[[Secret], object]] = {
    "json": json.dumps,
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": lambda secret: copy.deepcopy([secret]),
    "join": lambda secret: "".join([secret]),  # type: ignore[list-item]
    "add": lambda secret: "key: " + secret,  # type: ignore[operator]
    "vars": vars,
}


@pytest.mark.parametrize("attempt", LOST.values(), ids=LOST)
def test_what_would_carry_a_secret_away_is_refused(attempt: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as refused:
        attempt(Secret(VALUE))
    assert "s3cr3t" not in str(refused.value)


def test_a_traceback_with_locals_does_not_show_it() -> None:
    def fails(secret: Secret) -> None:
        held = {"secret": secret}
        raise RuntimeError(f"{held}")

    with pytest.raises(RuntimeError) as failed:
        fails(Secret(VALUE))
    told = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    text = "".join(told.format())
    assert "held = " in text
    assert "s3cr3t" not in text


def test_a_log_line_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("key %s %r", Secret(VALUE), Secret(VALUE))
    assert "s3cr3t" not in caplog.text


def test_secrets_compare_by_value_and_only_with_secrets() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a")
    assert not Secret("")
    assert Secret(VALUE).reveal() == VALUE


# The redactor


FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "url-encoded": lambda value: quote(value, safe=""),
    "url-encoded in lower case": lambda value: quote(value, safe="").lower(),
    "form-encoded": lambda value: quote(value, safe="").replace("%20", "+"),
    "JSON": lambda value: json.dumps(value)[1:-1],
    "JSON with escaped slashes": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
    "HTML": html.escape,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 without padding": lambda value: base64.b64encode(value.encode()).decode().rstrip("="),
    "base64url": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "repr": lambda value: value.encode("unicode_escape").decode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("value", [VALUE, 'clé "à" l\'été', "back\\slash\x07", "tabs\tand/slash"])
def test_a_known_secret_is_masked_in_each_form(form: Callable[[str], str], value: str) -> None:
    shown = form(value)
    text = Redactor(Secret(value)).text(f"before {shown} after")
    assert text.rstrip("= after") == f"before {MASK}"
    assert shown not in text


def test_all_known_secrets_are_masked_the_longer_one_first() -> None:
    redactor = Redactor(Secret("abcd"))
    redactor.add(Secret("abcd-efgh"))
    assert redactor.text("abcd-efgh abcd abcd-xy") == f"{MASK} {MASK} {MASK}-xy"


def test_a_secret_too_short_to_be_one_blanks_nothing_out() -> None:
    assert Redactor(Secret("the"), Secret("")).text("the weather") == "the weather"


def test_a_secret_that_is_no_text_can_be_known() -> None:
    value = b"key-\xff-more".decode(errors="surrogateescape")
    assert Redactor(Secret(value)).text(f"<{value}>") == f"<{MASK}>"


SHAPES = [
    (JWT, MASK),
    (f"token: {JWT}, error", f"token: {MASK}, error"),
    (f"?access_token={JWT}&x=1", f"?access_token={MASK}&x=1"),
    (f"access_token%3D{JWT}%26", f"access_token%3D{MASK}%26"),
    (f'{{"token":"{JWT}"}}', f'{{"token":"{MASK}"}}'),
    (f"two: {JWT} {JWT}", f"two: {MASK} {MASK}"),
    (f"cut: {JWT[:90]}", f"cut: {MASK}"),
    (f"cut: {JWT[:60]}", f"cut: {MASK}"),
    (f"cut: {JWT.rpartition('.')[0]}.", f"cut: {MASK}"),
    (f"...{JWT}", f"...{MASK}"),
    (f"eyJ.{JWT}", f"eyJ.{MASK}"),
    ("Authorization: Bearer abc", f"Authorization: {MASK}"),
    ("authorization: basic dXNlcjpwYXNz", f"authorization: {MASK}"),
    ("Authorization: abc", f"Authorization: {MASK}"),
    ("with Bearer abcdefgh.ijkl and", f"with Bearer {MASK} and"),
    ("X-API-Key: abc", f"X-API-Key: {MASK}"),
    (r'body "{\"api_secret\": \"abc', rf'body "{{\"api_secret\": \"{MASK}'),
    ("X-Api-Key=abc; path=/", f"X-Api-Key={MASK}; path=/"),
    ('{"api_key": "two words", "a": 1}', f'{{"api_key": "{MASK}", "a": 1}}'),
    ('{"token": "opaque \\" quoted"}', f'{{"token": "{MASK}"}}'),
    ('{"token": "cut of', f'{{"token": "{MASK}'),
    ("LIVEKIT_API_SECRET=abc", f"LIVEKIT_API_SECRET={MASK}"),
    ("ELOQUENCE_API_KEY: 'abc'", f"ELOQUENCE_API_KEY: '{MASK}'"),
    ("password = abc", f"password = {MASK}"),
    ("https://user:pw@host/path", f"https://{MASK}@host/path"),
    ("to http://user:p%40w@[::1]:3128!", f"to http://{MASK}@[::1]:3128!"),
    ("wss://token@host", f"wss://{MASK}@host"),
]


@pytest.mark.parametrize(("text", "expected"), SHAPES)
def test_whatever_is_shaped_like_a_secret_is_masked(text: str, expected: str) -> None:
    assert Redactor().text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "invalid token: go-jose/go-jose: error in cryptographic primitive",
        "token: missing",
        '{"detail":"Invalid API key"}',
        '{"detail":[{"loc":["header","X-API-Key"],"msg":"Field required"}]}',
        "no permissions to access the room",
        "https://api.éloquence.com/api/sessions?x=1",
        "mail me@example.com",
        "secretary: away; basic idea: bearer of news",
        "eyJ is how a token begins.",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor(Secret(VALUE)).text(text) == text


PIECES = st.sampled_from(
    [
        *(
            "eyJ",
            "eyJhbGciOiJI",
            ".",
            "a",
            "-",
            "_",
            "://",
            "@",
            "/",
            " ",
            '"',
            "\\",
            ":",
            "=",
            ",",
        ),
        *("authorization", "Bearer ", "basic ", "x-api-key", "secret", "password", "token", "http"),
        *("abcdefghij", VALUE, MASK, "*", "%2F", "\n", "É", "ı", "İ", "ſ"),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))
# A secret made of stars would be taken for a mask; no key is.
SECRETS = st.text(min_size=4).filter(lambda value: "*" not in value).map(Secret)


@given(TEXTS, st.lists(SECRETS, max_size=2))
@example('secret:"secret":"secret:', [])
@example("bearer bearer abcdefgh abcdefgh", [])
def test_redacting_again_changes_nothing(text: str, secrets: list[Secret]) -> None:
    redactor = Redactor(Secret(VALUE), *secrets)
    once = redactor.text(text)
    assert redactor.text(once) == once


@given(TEXTS, TEXTS)
def test_a_known_secret_is_gone_wherever_it_stands(before: str, after: str) -> None:
    assert VALUE not in Redactor(Secret(VALUE)).text(f"{before}{VALUE}{after}")


SOME = 256 * 1024


@pytest.mark.parametrize(
    "piece",
    [
        *("eyJ", "eyJ.", "eyJaaaaaaa.", "a.", "a-", "secret ", "secret:", 'secret" ', 'token":"\\'),
        *("bearer ", "bearer aaaaaaa ", "x://", "\t", "secret:\t", "basic\t"),
    ],
)
def test_a_hostile_text_does_not_keep_it_busy(piece: str) -> None:
    """With a backtracking pattern this takes minutes, during which Ctrl-C is not heard either."""
    text = piece * (SOME // len(piece))
    assert Redactor(Secret(VALUE)).text(text)
    assert Redactor(Secret(VALUE)).text(piece[:-1] + piece[-1] * SOME)
