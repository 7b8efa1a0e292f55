"""Addresses as people type and paste them: made exact, or refused with a sentence."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eloquence_ops.endpoints import (
    Endpoint,
    Role,
    a_label,
    host_part,
    narrower,
    parse,
    scope_of,
    u_label,
)
from eloquence_ops.errors import UsageError
from eloquence_ops.settings_files import role_of
from tests.sentences import is_safe

A_LABEL = "api.xn--loquence-90a.com"
NFD = "e\u0301loquence"  # as macOS writes it


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://api.éloquence.com", Endpoint("https", A_LABEL, 443)),
        (f"https://api.{NFD}.com", Endpoint("https", A_LABEL, 443)),
        ("https://API.ÉLOQUENCE.COM", Endpoint("https", A_LABEL, 443)),
        ("HTTPS://api.xn--loquence-90a.com/", Endpoint("https", A_LABEL, 443)),
        ("https://API.XN--LOQUENCE-90A.COM", Endpoint("https", A_LABEL, 443)),
        ("https://api.éloquence.com.", Endpoint("https", A_LABEL, 443)),
        ("  https://api.éloquence.com\n", Endpoint("https", A_LABEL, 443)),
        ("http://51.159.110.4:8083", Endpoint("http", "51.159.110.4", 8083)),
        ("http://localhost:8083/", Endpoint("http", "localhost", 8083)),
        ("http://[2001:DB8:0::1]:8083", Endpoint("http", "2001:db8::1", 8083)),
        ("http://[::1]", Endpoint("http", "::1", 80)),
        ("http://[fe80::1%eth0]:8083", Endpoint("http", "fe80::1%eth0", 8083)),
        ("http://[fe80::1%25eth0]", Endpoint("http", "fe80::1%eth0", 80)),
        ("http://api_old.local", Endpoint("http", "api_old.local", 80)),
        ("http://１２７.０.０.１", Endpoint("http", "127.0.0.1", 80)),
        ("http://faß.de", Endpoint("http", "xn--fa-hia.de", 80)),
        ("https://api.test:8443/backend/", Endpoint("https", "api.test", 8443, "/backend")),
        ("https://api.test:", Endpoint("https", "api.test", 443)),
    ],
)
def test_an_address_is_made_exact(text: str, expected: Endpoint) -> None:
    assert parse(text, "api") == expected


@pytest.mark.parametrize(
    ("text", "api", "livekit"),
    [
        ("api.test", "https://api.test", "wss://api.test"),
        ("api.test:8083", "http://api.test:8083", "ws://api.test:8083"),
        ("127.0.0.1:7880", "http://127.0.0.1:7880", "ws://127.0.0.1:7880"),
        ("localhost:8443", "https://localhost:8443", "wss://localhost:8443"),
        ("[::1]:8083/x", "http://[::1]:8083/x", "ws://[::1]:8083/x"),
        ("éloquence.com:8083", "http://éloquence.com:8083", "ws://éloquence.com:8083"),
    ],
)
def test_a_missing_scheme_is_the_likely_one(text: str, api: str, livekit: str) -> None:
    assert str(parse(text, "api")) == api
    assert str(parse(text, "livekit")) == livekit


@pytest.mark.parametrize(
    "pasted",
    [
        "POST http://51.159.110.4:8083/api/sessions",
        "POST http://51.159.110.4:8083/api/sessions HTTP/1.1",
        "delete  http://51.159.110.4:8083/api/sessions/5b1c",
        '"http://51.159.110.4:8083/api/sessions"',
        "'http://51.159.110.4:8083'",
        "`http://51.159.110.4:8083/api/sessions`",
        "«\u00a0http://51.159.110.4:8083/api/sessions\u00a0»",
        "«http://51.159.110.4:8083»",
        "“http://51.159.110.4:8083”",
        "<http://51.159.110.4:8083/>",
        "(51.159.110.4:8083)",
        '"POST http://51.159.110.4:8083/api/sessions HTTP/1.1"',
        " GET «http://51.159.110.4:8083/docs»\n",
    ],
)
def test_what_stands_around_a_pasted_address_is_taken_off(pasted: str) -> None:
    assert parse(pasted, "api") == Endpoint("http", "51.159.110.4", 8083)


@pytest.mark.parametrize(
    ("pasted", "phrase"),
    [
        ('""', "address.empty"),
        ("« »", "address.empty"),
        ("POST /api/sessions", "address.no-host"),
        ("POST https://a.test https://b.test", "address.characters"),
        ('"https://api.test', "address.scheme"),
        ("«" * 3000, "address.long"),
        ('"https://user:s3cret-w0rd@api.test"', "address.userinfo"),
        ("PUT https://user:s3cret-w0rd@api.test", "address.userinfo"),
    ],
)
def test_what_is_more_than_an_address_is_refused(pasted: str, phrase: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(pasted, "api")
    assert refused.value.phrase_id == phrase
    assert "s3cret" not in refused.value.sentence("fr")


@pytest.mark.parametrize(
    ("pasted", "role"),
    [
        ("wss://livekit.test", "livekit"),
        ("«\u00a0WSS://livekit.test\u00a0»", "livekit"),
        ("GET ws://livekit.test/rtc HTTP/1.1", "livekit"),
        ("'https://api.test'", "api"),
        ("POST http://api.test/api/sessions", "api"),
        ("ws://api.test:8083/ws/simple/5b1c", "api"),
        ("wss://api.test/backend/ws/simple", "api"),
        ("wss://livekit.test/ws/simpler", "livekit"),
    ],
)
def test_whose_a_pasted_address_is_shows_behind_its_quotes(pasted: str, role: Role) -> None:
    assert role_of(pasted) == role
    assert parse(pasted, role).host.endswith(".test")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("https://api.test/api/sessions", ""),
        ("https://api.test/api/sessions/", ""),
        ("https://api.test/api/sessions/5b1c?x=1#top", ""),
        ("https://api.test/api/session/start", ""),
        ("https://api.test/livekit/token", ""),
        ("wss://api.test/ws/simple/5b1c", ""),
        ("ws://api.test/backend/ws/simple/5b1c", "/backend"),
        ("https://api.test/docs", ""),
        ("https://api.test/docs/", ""),
        ("https://api.test/docs/docs", ""),
        ("https://api.test/openapi.json", ""),
        ("https://api.test/backend/api/sessions", "/backend"),
        ("https://api.test/documents", "/documents"),
        ("https://api.test/apis", "/apis"),
    ],
)
def test_a_known_route_at_the_end_is_taken_off(text: str, path: str) -> None:
    assert parse(text, "api").path == path


def test_livekit_is_the_same_over_http_and_over_ws() -> None:
    assert parse("https://livekit.test/rtc/validate?access_token=x", "livekit") == Endpoint(
        "wss", "livekit.test", 443
    )
    assert parse("http://livekit.test", "livekit").http_url == "http://livekit.test"


def test_an_endpoint_reads_with_the_u_label_and_goes_out_with_the_a_label() -> None:
    endpoint = parse("wss://livekit.éloquence.com:7443/lk", "livekit")
    assert str(endpoint) == "wss://livekit.éloquence.com:7443/lk"
    assert endpoint.url == "wss://livekit.xn--loquence-90a.com:7443/lk"
    assert endpoint.http_url == "https://livekit.xn--loquence-90a.com:7443/lk"
    assert endpoint.authority == "livekit.xn--loquence-90a.com:7443"


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("", "address.empty"),
        (" \t\n", "address.empty"),
        ("https://" + "a" * 65536, "address.long"),
        ("https://" + "a" * 400 + ".com", "address.host"),
        ("https://" + "é" * 400 + ".com", "address.idn"),
        ("https://api.te st", "address.characters"),
        ("https://api.test\x00", "address.characters"),
        ("https://api\r\nX-Evil: 1", "address.characters"),
        ("https://api\x1b[31m.test", "address.characters"),
        ("https://api.test/\u202egnp.exe", "address.characters"),
        ("https://api\u200b.test", "address.characters"),
        ("https://api.test/\udcff", "address.characters"),
        ("ftp://api.test", "address.scheme"),
        ("file:///etc/passwd", "address.scheme"),
        ("wss://api.test", "address.scheme"),
        ("https:/api.test", "address.slashes"),
        ("https//api.test", "address.slashes"),
        ("https://", "address.no-host"),
        ("https://:8083", "address.no-host"),
        ("https:///api/sessions", "address.no-host"),
        ("http://api.test:0", "address.port"),
        ("http://api.test:65536", "address.port"),
        ("http://api.test:99999999999999999999", "address.port"),
        ("http://api.test:http", "address.port"),
        ("http://api.test:-1", "address.port"),
        ("http://api.test:８０", "address.port"),
        ("javascript:alert(1)", "address.port"),
        ("http://2001:db8::1:8083", "address.malformed"),
        ("::1", "address.malformed"),
        ("http://[::1", "address.malformed"),
        ("http://[::1]x", "address.malformed"),
        ("http://[v1.x]", "address.malformed"),
        ("http://[127.0.0.1]", "address.malformed"),
        ("http://[fe80::1%e th]", "address.characters"),
        ("http://a:80:80", "address.malformed"),
        ("http://%C3%A9loquence.com", "address.percent"),
        ("http://ex%61mple.com", "address.percent"),
        ("http://127.0.0.1%eth0", "address.percent"),
        ("http://a..b", "address.host"),
        ("http://.a", "address.host"),
        ("http://-a.com", "address.host"),
        ("http://1.2.3", "address.host"),
        ("http://１.２.３", "address.host"),
        ("http://256.1.1.1", "address.host"),
        ("http://0x7f.1", "address.host"),
        ("http://a\\b", "address.host"),
        ("http://xn--.com", "address.idn"),
        ("http://٣.com", "address.idn"),
        ("https://user:s3cret-w0rd@api.test", "address.userinfo"),
        ("user@api.test", "address.userinfo"),
        # However else it is wrong: what holds a password is not repeated.
        ("ftp://user:s3cret-w0rd@api.test", "address.userinfo"),
        ("https://user:s3cret-w0rd/x@api.test", "address.userinfo"),
        ("https://user:s3cret-w0rd @api.test", "address.userinfo"),
        ("https://user:s3cret-w0rd@[::1", "address.userinfo"),
        ("https://user:s3cret-w0rd@api.test:99999", "address.userinfo"),
        ("https:/user:s3cret-w0rd@api.test", "address.userinfo"),
    ],
)
def test_a_wrong_address_is_refused_with_a_sentence(text: str, phrase: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text, "api")
    assert refused.value.phrase_id == phrase
    for sentence in (refused.value.sentence("en"), refused.value.sentence("fr")):
        assert "s3cret" not in sentence
        assert len(sentence) < 1200
        assert is_safe(sentence)


def test_livekit_refuses_what_is_no_way_to_it_and_says_what_is() -> None:
    with pytest.raises(UsageError) as refused:
        parse("sip://livekit.test", "livekit")
    assert "ws:// wss:// http:// https://" in refused.value.sentence("fr")


def test_an_address_within_a_path_may_hold_an_at_sign() -> None:
    assert parse("https://api.test/@me", "api").path == "/@me"


@pytest.mark.parametrize("name", ["éloquence.com", "例え.テスト", "faß.de", "localhost", "a_b.c"])
def test_a_name_has_one_a_label_and_comes_back_from_it(name: str) -> None:
    assert a_label(name).isascii()
    assert u_label(a_label(name)) == name


def test_a_name_that_is_no_u_label_stays_as_it_is() -> None:
    assert u_label("xn--a.com") == "xn--a.com"


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("0.0.0.0", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("10.0.2.2", "private"),
        ("192.168.1.4", "private"),
        ("169.254.1.1", "private"),
        ("fe80::1%eth0", "private"),
        ("fd00::1", "private"),
        ("51.159.110.4", "public"),
        ("203.0.113.10", "public"),
        ("2001:db8::1", "public"),
        ("2a01:e0a::1", "public"),
        ("api.test", None),
        ("", None),
    ],
)
def test_from_how_far_an_address_can_be_used(address: str, scope: str | None) -> None:
    assert scope_of(address) == scope


def test_loopback_is_narrower_than_private_and_private_than_public() -> None:
    assert narrower("loopback", than="private")
    assert narrower("private", than="public")
    assert not narrower("public", than="public")
    assert not narrower("public", than="loopback")


@pytest.mark.parametrize(
    ("pasted", "host"),
    [
        ("éloquence.com", "éloquence.com"),
        ("ÉLOQUENCE.com", "ÉLOQUENCE.com"),
        ("https://éloquence.com/api/sessions?x=1", "éloquence.com"),
        ("wss://user:pw@éloquence.com:7880/rtc", "éloquence.com"),
        ("«https://éloquence.com»", "éloquence.com"),
        ("éloquence.com:443", "éloquence.com"),
        ("%C3%A9loquence.com", "%C3%A9loquence.com"),
        ("2001:db8::1", "2001:db8::1"),
        ("https://[2001:db8::1]:443/", "2001:db8::1"),
        ("::1", "::1"),
        (":1", ":1"),
        ("", ""),
    ],
)
def test_the_host_of_what_was_pasted_letter_by_letter(pasted: str, host: str) -> None:
    assert host_part(pasted) == host


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        (f"https://{NFD}.com/x", f"{NFD}.com"),
        ("https://ÉLOQUENCE.com:8443", "ÉLOQUENCE.com"),
        ("XN--LOQUENCE-90A.com", "XN--LOQUENCE-90A.com"),
    ],
)
def test_an_endpoint_knows_how_its_host_was_typed_and_is_the_same_all_the_same(
    text: str, typed: str
) -> None:
    endpoint = parse(text, "api")
    assert endpoint.typed_host == typed
    assert endpoint == parse(endpoint.url, "api")


ROLES: st.SearchStrategy[Role] = st.sampled_from(["api", "livekit"])
PIECES = st.sampled_from(
    [
        *("http://", "https:", "wss://", "//", "/", "@", ":", "[", "]", "%", "%25", "?", "#", "."),
        *("xn--", "xn--loquence-90a", "éloquence", NFD, "a", "_", "-", "1", "25", "::1", "fe80::1"),
        *("127.0.0.1", "１２７", "8083", "٣", "ß", "ﷺ", "/api/sessions", "/docs", "/rtc", "com"),
        *("\u202e", "\x00", " ", "。", "İ", "\u0338", "\ud800"),
        *("POST ", "«", "»", '"', "'", "<", ">", " HTTP/1.1"),
    ]
)
ADDRESSES = st.one_of(
    st.text(),
    st.text(st.characters()).map(lambda text: f"https://{text}"),
    st.lists(PIECES, max_size=8).map("".join),
    st.lists(PIECES, max_size=8).map(lambda pieces: "http://" + "".join(pieces)),
)


def parsed(text: str, role: Role) -> Endpoint | UsageError:
    try:
        return parse(text, role)
    except UsageError as refusal:
        return refusal


@given(ADDRESSES, ROLES)
@example("http://[fe80::1%2525]", "api")
@example("http://a/docs/api/sessions/docs", "api")
def test_any_text_is_an_endpoint_that_reads_back_the_same_or_a_sentence(
    text: str, role: Role
) -> None:
    endpoint = parsed(text, role)
    if isinstance(endpoint, UsageError):
        assert is_safe(endpoint.sentence("en"))
        assert is_safe(endpoint.sentence("fr"))
        return
    assert parse(str(endpoint), role) == endpoint
    assert parse(endpoint.url, role) == endpoint
    assert endpoint.host.isascii()
    assert (endpoint.authority + endpoint.path).encode()
