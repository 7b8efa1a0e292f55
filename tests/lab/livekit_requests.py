"""Requests that tell LiveKit servers apart: the table for the stand-in and for the real one."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.lab.loopback import request

KEY = "testkey"
SECRET = "a-secret-of-the-tests-with-more-than-32-characters"
LIST_ROOMS = "/twirp/livekit.RoomService/ListRooms"


@dataclass(frozen=True)
class Case:
    """A request, and what livekit-server v1.13.5 answered: `<JWT>` stands for any token."""

    name: str
    request: str
    status: int
    body: str


def token(
    changes: Mapping[str, object] | None = None,
    *,
    secret: str = SECRET,
    algorithm: str = "HS256",
    video: Mapping[str, object] | None = None,
) -> str:
    """A token that may join a room, with these claims changed (None takes one out)."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": KEY,
        "sub": "alice",
        "nbf": now - 5,
        "exp": now + 600,
        "video": {"roomJoin": True, "room": "r1"} if video is None else dict(video),
    }
    claims |= changes or {}
    kept = {name: value for name, value in claims.items() if value is not None}
    signed = f"{_segment({'alg': algorithm, 'typ': 'JWT'})}.{_segment(kept)}"
    signature = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def mask(body: bytes) -> str:
    """A body with its tokens masked."""
    return re.sub(r"eyJ[\w.-]+", "<JWT>", body.decode())


def _with(bearer: str, path: str = "/rtc/validate", method: str = "GET") -> str:
    return request(path, method=method, headers=f"Authorization: Bearer {bearer}\r\n")


def _upgrade(path: str) -> str:
    # The real server leaves a connection open after refusing a handshake, unless it is asked.
    return (
        f"GET {path} HTTP/1.1\r\nHost: lab.test\r\nConnection: Upgrade, close\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )


def _list(bearer: str | None, content_type: str = "application/json", body: str = "{}") -> str:
    headers = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    if bearer is not None:
        headers += f"Authorization: Bearer {bearer}\r\n"
    return request(LIST_ROOMS, method="POST", headers=headers, body=body)


_NOT_FOUND = "404 page not found\n"
_NO_PERMISSIONS = "no permissions to access the room"
_DENIED = "permissions denied"
_NO_TOKEN = "invalid authorization token"
_NO_BEARER = "invalid authorization header. Must start with Bearer "
_TWIRP_DENIED = '{"code":"unauthenticated","msg":"permissions denied"}'


def _invalid(why: str) -> str:
    return f"invalid token: <JWT>, error: {why}"


def cases() -> list[Case]:
    """The table; made when asked for, because tokens carry times."""
    now = int(time.time())
    good = token()
    lister = token(video={"roomList": True})
    unnamed = token(video={"roomJoin": True})
    return [
        Case("health", request("/"), 200, "OK"),
        Case("health by HEAD", request("/", method="HEAD"), 200, ""),
        Case("health by POST", request("/", method="POST"), 200, "OK"),
        Case("health with a good token", _with(good, "/"), 200, "OK"),
        Case("health with a bad token", _with("x", "/"), 401, _NO_TOKEN),
        Case("unknown path", request("/nope"), 404, _NOT_FOUND),
        Case("unknown path, bad token", _with("x", "/nope"), 401, _NO_TOKEN),
        Case("basic", request("/", headers="Authorization: Basic eA==\r\n"), 401, _NO_BEARER),
        Case("lower case", request("/", headers="Authorization: bearer x\r\n"), 401, _NO_BEARER),
        Case("token in the query", request(f"/rtc/validate?access_token={good}"), 200, "success"),
        Case("bad in the query", request("/?access_token=abc"), 401, _NO_TOKEN),
        Case("header before query", _with(good, "/?access_token=abc"), 200, "OK"),
        Case("no token", request("/rtc/validate"), 401, _NO_PERMISSIONS),
        Case("good token", _with(good), 200, "success"),
        Case("unknown key", _with(token({"iss": "nokey"})), 401, "invalid API key: nokey"),
        Case("no issuer", _with(token({"iss": None})), 401, "invalid API key: "),
        Case(
            "another secret",
            _with(token(secret="another-secret-that-is-also-long-enough")),
            401,
            _invalid("token signature is invalid: signature is invalid"),
        ),
        Case(
            "expired",
            _with(token({"nbf": now - 900, "exp": now - 300})),
            401,
            _invalid("token has invalid claims: token is expired"),
        ),
        Case("expired within leeway", _with(token({"exp": now - 45})), 200, "success"),
        Case(
            "not yet valid",
            _with(token({"nbf": now + 300})),
            401,
            _invalid("token has invalid claims: token is not valid yet"),
        ),
        Case("not yet valid within leeway", _with(token({"nbf": now + 45})), 200, "success"),
        Case(
            "both",
            _with(token({"nbf": now + 300, "exp": now - 300})),
            401,
            _invalid("token has invalid claims: token is expired, token is not valid yet"),
        ),
        Case("without times", _with(token({"nbf": None, "exp": None})), 200, "success"),
        Case("expiry is a text", _with(token({"exp": "soon"})), 401, _NO_TOKEN),
        Case(
            "unsigned",
            _with(token(algorithm="none")),
            401,
            _invalid("token signature is invalid: signing method none is invalid"),
        ),
        Case(
            "another algorithm",
            _with(token(algorithm="RS256")),
            401,
            _invalid("token signature is invalid: signing method RS256 is invalid"),
        ),
        Case("unknown algorithm", _with(token(algorithm="XX1")), 401, _NO_TOKEN),
        Case("four parts", _with(good + ".x"), 401, _NO_TOKEN),
        Case("padded", _with(good + "="), 401, _NO_TOKEN),
        Case(
            "signature cut off",
            _with(good.rpartition(".")[0] + "."),
            401,
            _invalid("token signature is invalid: signature is invalid"),
        ),
        Case(
            "grant of another type",
            _with(token(video={"roomJoin": "yes", "room": "r1"})),
            401,
            _invalid(
                "token is malformed: could not JSON decode claim: json: cannot unmarshal string "
                "into Go struct field VideoGrant.ClaimGrants.video.roomJoin of type bool"
            ),
        ),
        Case("no video grant", _with(token({"video": None})), 401, _NO_PERMISSIONS),
        Case("no join grant", _with(token(video={"room": "r1"})), 401, _DENIED),
        Case("no identity", _with(token({"sub": None})), 400, "identity cannot be empty"),
        Case("identity from jti", _with(token({"sub": None, "jti": "bob"})), 200, "success"),
        Case("no room", _with(unnamed), 400, "no room name"),
        Case("room in the query", _with(unnamed, "/rtc/validate?room=r1"), 400, "no room name"),
        Case(
            "long identity",
            _with(token({"sub": "a" * 257})),
            400,
            "participant identity length exceeds limits: max length 256",
        ),
        Case(
            "long room",
            _with(token(video={"roomJoin": True, "room": "r" * 257})),
            400,
            "room name length exceeds limits: max length 256",
        ),
        Case("v1 without token", request("/rtc/v1/validate"), 401, _NO_PERMISSIONS),
        Case("v1", _with(good, "/rtc/v1/validate"), 400, "join_request is required"),
        Case(
            "v1, not base64",
            _with(good, "/rtc/v1/validate?join_request=CAA"),
            400,
            "cannot base64 decode wrapped join request",
        ),
        Case(
            "v1, not protobuf",
            _with(good, "/rtc/v1/validate?join_request=__8="),
            400,
            "cannot unmarshal wrapped join request",
        ),
        Case(
            "v1, not gzip",
            _with(good, "/rtc/v1/validate?join_request=CAESAmFi"),
            400,
            "cannot read decompressed join request",
        ),
        Case("v1, empty", _with(good, "/rtc/v1/validate?join_request=CAA="), 200, "success"),
        Case("rtc without Upgrade", request("/rtc"), 404, ""),
        Case("rtc without Upgrade, good", _with(good, "/rtc"), 404, ""),
        Case("rtc without Upgrade, bad", _with("x", "/rtc"), 401, _NO_TOKEN),
        Case("rtc/v1 without Upgrade", request("/rtc/v1"), 404, ""),
        Case("websocket, no token", _upgrade("/rtc"), 401, _NO_PERMISSIONS),
        Case("websocket, bad token", _upgrade("/rtc?access_token=x"), 401, _NO_TOKEN),
        Case("websocket, no room", _upgrade(f"/rtc?access_token={unnamed}"), 400, "no room name"),
        Case("websocket elsewhere", _upgrade("/nope"), 404, _NOT_FOUND),
        Case("websocket on health", _upgrade("/"), 200, "OK"),
        Case(
            "websocket v1",
            _upgrade(f"/rtc/v1?access_token={good}"),
            400,
            "join_request is required",
        ),
        Case("two slashes", _with(good, "//rtc/validate"), 200, "success"),
        Case("slash at the end", request("/rtc/"), 404, _NOT_FOUND),
        Case(
            "slashes inside",
            request("/rtc//validate?a=1&b=2"),
            307,
            '<a href="/rtc/validate?a=1&amp;b=2">Temporary Redirect</a>.\n\n',
        ),
        Case(
            "preflight",
            request(
                "/rtc/validate",
                method="OPTIONS",
                headers="Origin: https://a.test\r\nAccess-Control-Request-Method: GET\r\n"
                "Access-Control-Request-Headers: authorization\r\n",
            ),
            204,
            "",
        ),
        Case("list", _list(lister), 200, '{"rooms":[]}'),
        Case("list by protobuf", _list(lister, "application/protobuf", ""), 200, ""),
        Case("list without token", _list(None), 401, _TWIRP_DENIED),
        Case("list without grant", _list(good), 401, _TWIRP_DENIED),
        Case("list with a bad token", _list("x"), 401, _NO_TOKEN),
        Case(
            "list, not JSON",
            _list(lister, body="xx"),
            400,
            '{"code":"malformed","msg":"the json request could not be decoded"}',
        ),
        Case(
            "list, not an object",
            _list(lister, body="[]"),
            400,
            '{"code":"malformed","msg":"the json request could not be decoded"}',
        ),
        Case(
            "list of another type",
            _list(lister, "text/plain"),
            404,
            '{"code":"bad_route","msg":"unexpected Content-Type: \\"text/plain\\"",'
            f'"meta":{{"twirp_invalid_route":"POST {LIST_ROOMS}"}}}}',
        ),
        Case(
            "list by GET",
            _with(lister, LIST_ROOMS),
            404,
            '{"code":"bad_route","msg":"unsupported method \\"GET\\" (only POST is allowed)",'
            f'"meta":{{"twirp_invalid_route":"GET {LIST_ROOMS}"}}}}',
        ),
    ]
