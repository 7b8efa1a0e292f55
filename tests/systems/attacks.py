"""What a hostile or broken server can do, as data: who answers how, and what must be said of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from tests.probes.peers import closes_at_once, resets, silent
from tests.systems.by_hand import TOKEN, handler, replies, reply, session
from tests.systems.hostility import (
    EVIL,
    FLOOD,
    HEAD,
    MB,
    Attack,
    Made,
    Verdict,
    always,
    at,
    bomb,
    closing,
    documented,
    dribbling,
    echo,
    filled,
    hanging,
    large_json,
    large_openapi,
    many_headers,
    nested,
    opened,
    pouring,
    raw,
    redirect,
    redirection,
    to_trap,
    validating,
    with_session,
)

# At both addresses at once


def _both(name: str, made: Made, *finds: str) -> Attack:
    return Attack(name, finds, api=made, livekit=made)


_OTHER: Final = ("api.sessions-route", "livekit.site.other-site")
_REDIRECTS: Final = ("api.redirect", "livekit.redirect.elsewhere")
_SILENT: Final = ("api.answers.silent", "livekit.health.silent")
_CLOSED: Final = ("api.answers.closed", "livekit.health.closed")
_NO_HTTP: Final = ("api.answers.not-http", "livekit.health.not-http")
_TOO_LARGE: Final = ("api.answers.too-large", "livekit.health.too-large")

AT_BOTH: Final = (
    _both("an endless body", raw(handler(pouring(HEAD + b"\r\n", FLOOD))), *_OTHER),
    _both(
        "an endless chunked body",
        raw(
            handler(
                pouring(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n%b\r\n" % FLOOD)
            )
        ),
        *_OTHER,
    ),
    _both("an endless head", raw(handler(pouring(HEAD + b"X: ", FLOOD))), *_TOO_LARGE),
    _both(
        "endless interim answers",
        raw(handler(pouring(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000))),
        *_TOO_LARGE,
    ),
    _both("endless garbage", raw(handler(pouring(b"", bytes(range(256)) * 256))), *_NO_HTTP),
    _both("silence", raw(silent), *_SILENT),
    _both("one byte a second", raw(handler(dribbling(reply(200, b"OK")))), *_SILENT),
    _both("a gzip bomb", always(bomb()), *_OTHER),
    _both("10,000 long headers", always(many_headers(b"X-Header: value\r\n")), *_TOO_LARGE),
    _both("10,000 short headers", always(many_headers(b"a:\r\n")), "api.sessions-route"),
    _both("garbage", always(b"\x00\xff\xfe garbage \x1b[31m\r\n" * 40), *_NO_HTTP),
    _both("half a status line", always(b"HTTP/1.1 2"), *_SILENT),
    _both("a status line of garbage", always(b"HTTP/1.1 abc \xff\r\n\r\n"), *_NO_HTTP),
    _both("invalid UTF-8", always(reply(200, b"\xff\xfe\xc3\x28\xe2\x82" * 50)), *_OTHER),
    _both(
        "contradictory lengths",
        always(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nOK"),
        *_NO_HTTP,
    ),
    _both("nested JSON", always(reply(404, nested(100_000))), *_OTHER),
    _both("accepted and closed", raw(closes_at_once), *_CLOSED),
    _both("accepted and reset", raw(resets), *_CLOSED),
    _both("a redirect loop", redirect(307, lambda _around: "/"), *_REDIRECTS),
    _both("a redirect to a file", redirect(302, lambda _around: "file:///etc/passwd"), *_REDIRECTS),
    _both("a redirect to another host", redirect(308, to_trap), *_REDIRECTS),
    _both("escapes in a banner", always(EVIL.encode()), *_NO_HTTP),
    _both(
        "escapes in the reason, in headers and in the body",
        always(
            reply(
                404,
                EVIL.encode(),
                kind="text/html; charset=\u202e\x1b[2J",
                reason="\u202egnp\u2066\x1b[31m".encode(),
                headers="Server: \u202exnign\u2066\x9b\x1b[2J\r\nAllow: \x1b[2J\r\n".encode(),
            )
        ),
        *_OTHER,
    ),
    _both(
        "escapes in a gateway's words",
        always(
            reply(
                502,
                EVIL.encode(),
                kind="text/html",
                headers="Server: nginx\x1b[2J\r\nProxy-Status: \x1b[2J\u202e\r\n".encode(),
            )
        ),
        "api.gateway.bad-gateway",
        "livekit.gateway.bad-gateway",
    ),
)
"""Met at the API's and at LiveKit's address."""

# At the API only


_OPEN: Final = ("POST", "/api/sessions")
_CLOSE: Final = ("DELETE", "/api/sessions/")


_METHODS: Final = ("get", "put", "post", "patch", "delete", "head", "options")
_ALL_METHODS: Final = ",".join(f'"{method}":0' for method in _METHODS)
_EVIL_OPENAPI: Final = json.dumps(
    {
        "openapi": "3.1.0",
        "info": {"title": EVIL},
        "paths": {"/api/sessions": {"post": {}}, f"/{EVIL}": {"get": {}}, "/\ud800": {"get": {}}},
    }
)
_EVIL_SESSION: Final = session(
    session_id=EVIL, room_name=EVIL, url="", **{EVIL: EVIL, "\ud800": 1, "more": {EVIL: [EVIL]}}
)

AT_THE_API: Final = (
    Attack(
        "a body of one byte a second",
        ("api.session.silent",),
        api=at(*_OPEN, dribbling(reply(200, json.dumps(session()).encode()), head_first=True)),
    ),
    Attack(
        "the POST is not answered but by closing", ("api.session.broken",), api=at(*_OPEN, closing)
    ),
    Attack("nobody answers the POST", ("api.session.silent",), api=at(*_OPEN, hanging)),
    Attack(
        "100 MB of JSON for a session",
        ("api.session.too-large",),
        api=at(*_OPEN, large_json(100 * MB)),
    ),
    Attack(
        "nested JSON for a session",
        ("api.session.wrong-fields",),
        api=opened(nested(50_000)),
    ),
    Attack(
        "nested JSON in every field of a session",
        ("api.session.wrong-fields",),
        api=opened(b'{"session_id":%b,"room_name":%b,"token":%b,"url":%b}' % ((nested(300),) * 4)),
    ),
    Attack(
        "a session of 50,000 fields",
        ("api.session.wrong-fields",),
        api=opened(json.dumps({f"{number:x}": 0 for number in range(18_000)}).encode()),
    ),
    Attack(
        "numbers too large",
        ("api.session.wrong-fields",),
        api=opened(b'{"session_id":1e999,"token":NaN,"url":%b}' % (b"9" * 10_000)),
    ),
    Attack(
        "a token of garbage",
        ("api.session.wrong-fields",),
        api=with_session(token="not a token \x1b[31m\r\nX-Evil: 1"),
    ),
    Attack(
        "a token of 1 MB",
        ("api.session.too-large",),
        api=with_session(token="A" * MB),
    ),
    Attack(
        "a token of 200 KB",
        ("api.session.wrong-fields",),
        api=with_session(token="eyJ" + "A" * 200_000),
    ),
    Attack(
        "a JWT of garbage",
        ("api.token.unreadable",),
        api=with_session(token="eyJ_-_-.__--__.----"),
    ),
    Attack("a token of null", ("api.session.wrong-fields",), api=with_session(token=None)),
    Attack(
        "a token that is a number", ("api.session.wrong-fields",), api=with_session(token=12345)
    ),
    Attack(
        "a token that is a list",
        ("api.session.wrong-fields",),
        api=with_session(token=["eyJhbGciOiJIUzI1NiJ9.e30.c2ln"]),
    ),
    Attack("escapes in a session", ("api.token.wrong-room",), api=opened(_EVIL_SESSION)),
    Attack(
        "escapes in the url",
        ("api.session.wrong-fields",),
        api=with_session(url=f"wss://{EVIL}"),
    ),
    Attack(
        "a url of 1 KB in one label",
        ("api.session.wrong-fields",),
        api=with_session(url=f"wss://{'a' * 1000}.test"),
    ),
    Attack(
        "a url that is a file",
        ("api.session.wrong-fields",),
        api=with_session(url="file:///etc/passwd"),
    ),
    Attack(
        "openapi.json of 50 MB",
        (),
        "healthy",
        api=at("GET", "/openapi.json", large_openapi(50 * MB)),
    ),
    Attack("nested openapi.json", (), "healthy", api=documented(nested(900_000))),
    Attack(
        "nested title in openapi.json",
        (),
        "healthy",
        api=documented(b'{"info":{"title":%b},"paths":{"/api/sessions":{"post":0}}}' % nested(960)),
    ),
    Attack(
        "openapi.json of 300,000 routes",
        (),
        "healthy",
        api=documented(
            b'{"paths":{%b"/api/sessions":{"post":0}}}'
            % b"".join(b'"/%x":{%b},' % (n, _ALL_METHODS.encode()) for n in range(22_000))
        ),
    ),
    Attack(
        "openapi.json of the smallest objects",
        (),
        "healthy",
        api=documented(b'{"paths":{"/a":[%b{}]}}' % filled(b'{"":{}},', 2 * MB - 64)),
    ),
    Attack(
        "openapi.json of invalid UTF-8",
        (),
        "healthy",
        api=documented(filled(b"\xff", 2 * MB - 64)),
    ),
    Attack("escapes in openapi.json", (), "healthy", api=documented(_EVIL_OPENAPI.encode())),
    Attack(
        "openapi.json made for slow patterns",
        (),
        "healthy",
        api=documented(filled(b'bearer api_key api-key token" : "://eyJhbGci.', 2 * MB - 64)),
    ),
    Attack(
        "the POST is redirected to another host",
        ("api.session.redirected",),
        api=lambda around: at(*_OPEN, replies(lambda _: redirection(307, to_trap(around))))(around),
    ),
    Attack(
        "the DELETE is redirected to another host",
        ("api.session-close.failed",),
        "degraded",
        api=lambda around: at(*_CLOSE, replies(lambda _: redirection(308, to_trap(around))))(
            around
        ),
    ),
    Attack(
        "the DELETE is never answered",
        ("api.session-close.failed",),
        "degraded",
        api=at(*_CLOSE, hanging),
    ),
    Attack(
        "the DELETE is answered without end",
        ("api.session-gone.still-there",),
        "degraded",
        api=at(*_CLOSE, pouring(HEAD + b"\r\n", FLOOD)),
    ),
    Attack("an error page that echoes", ("api.session.error",), api=at(*_OPEN, replies(echo))),
    Attack(
        "escapes in an error page",
        ("api.session.error",),
        api=at(*_OPEN, replies(lambda _: reply(500, EVIL.encode(), kind="text/plain"))),
    ),
    Attack(
        "escapes in a refusal",
        ("api.session.invalid",),
        api=at(*_OPEN, replies(lambda _: reply(422, json.dumps({"detail": EVIL}).encode()))),
    ),
    Attack(
        "a nested error",
        ("api.session.error",),
        api=at(*_OPEN, replies(lambda _: reply(500, nested(5000)))),
    ),
)
"""Met at the API; LiveKit is a good one."""


@dataclass(frozen=True)
class Named:
    """An attack by what a session is called, and the requests that may follow for closing it."""

    attack: Attack
    closed_by: tuple[str, ...]


def _named(name: str, session_id: str, *closed_at: str, finds: tuple[str, ...] = ()) -> Named:
    # What cannot be closed is not used either: whether LiveKit takes its token stays open.
    verdict: Verdict = "broken" if finds else "healthy" if closed_at else "undetermined"
    finds = finds or (() if closed_at else ("api.session-close.left-open",))
    attack = Attack(
        f"a session id of {name}", finds, verdict, api=with_session(session_id=session_id)
    )
    return Named(attack, tuple(f"DELETE /api/sessions/{part}" for part in closed_at))


SESSION_IDS: Final = (
    _named("slashes", "a/b/../../admin", "a%2Fb%2F..%2F..%2Fadmin"),
    # No quoting keeps a proxy from taking them for a step upwards.
    _named("two dots", ".."),
    _named("one dot", "."),
    _named("encoded dots", "%2e%2e", "%252e%252e"),
    _named(
        "line breaks",
        "a\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\n",
        "a%0D%0AX-Evil%3A%201%0D%0A%0D%0AGET%20%2Fevil%20HTTP%2F1.1%0D%0A",
    ),
    _named("a query and a fragment", "a?b=c#d", "a%3Fb%3Dc%23d"),
    _named("blanks", " a b ", "%20a%20b%20"),
    _named("an accent", "séance", "s%C3%A9ance"),
    _named("half a character", "a\ud800b"),
    _named("escapes", "\x1b[31m\x00", "%1B%5B31m%00"),
    _named("300 characters", "s" * 300),
    _named("1 MB", "s" * MB, finds=("api.session.too-large",)),
)
"""What an API may call a session."""

AT_LIVEKIT: Final = (
    Attack(
        "a body of one byte a second at LiveKit",
        ("livekit.health.slow",),
        livekit=raw(handler(dribbling(reply(200, b"OK"), head_first=True))),
    ),
    Attack(
        "escapes in LiveKit's refusal",
        ("livekit.token-key.unknown-key",),
        livekit=validating(reply(401, b"invalid API key: " + EVIL.encode(), kind="text/plain")),
    ),
    Attack(
        "LiveKit's refusal echoes the token",
        ("livekit.token-key.unknown-key",),
        livekit=validating(reply(401, f"invalid API key: {TOKEN}, token: {TOKEN}".encode())),
    ),
    Attack(
        "escapes in LiveKit's health",
        ("livekit.ready.not-ready",),
        livekit=always(reply(406, b"Not Ready" + EVIL.encode(), kind="text/plain")),
    ),
    Attack(
        "the token is redirected to another host",
        ("livekit.token-key.inconclusive",),
        "undetermined",
        livekit=lambda around: validating(redirection(307, to_trap(around)))(around),
    ),
    Attack(
        "a health of 1 GB",
        ("livekit.site.other-site",),
        livekit=raw(handler(pouring(HEAD + b"\r\n", FLOOD, 1024 * MB))),
    ),
)
"""Met at LiveKit's address; the API is a good one."""
