"""LiveKit access tokens, judged as livekit-server judges them, in its own words.

Written out by hand because the words are the point: a diagnosis reads them. Texts and order of
the checks: livekit-server v1.13.5 (golang-jwt v5), measured.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

LEEWAY_S = 60
"""How far a token's times may be off, either way (livekit-server v1.13.5, measured)."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
# What golang-jwt knows; LiveKit then accepts HS256 alone, with another text for the others.
_KNOWN_ALGORITHMS = {"none", "EdDSA"} | {
    family + bits for family in ("HS", "RS", "ES", "PS") for bits in ("256", "384", "512")
}
_JSON_KINDS = {str: "string", bool: "bool", int: "number", float: "number", list: "array"}


class TokenRefused(Exception):
    """The token is refused; the text is the body of the 401. It may contain the whole token."""


@dataclass(frozen=True, slots=True)
class VideoGrant:
    """The `video` claim: what the bearer may do. A permission left out is granted."""

    room_join: bool = False
    room_list: bool = False
    room: str = ""
    can_publish: bool = True
    can_subscribe: bool = True


@dataclass(frozen=True, slots=True)
class Grants:
    """A verified token. `claims` is its payload, unchanged; `video` is None without the claim."""

    key: str
    identity: str
    video: VideoGrant | None
    claims: Mapping[str, object]


class _Undecodable(Exception):
    """The token is no token at all; nothing is said about why."""


def verify(token: str, keys: Mapping[str, str], *, now: float | None = None) -> Grants:
    """Check a token against `keys` (key to secret) at `now` (Unix seconds, default the clock).

    Raises:
        TokenRefused: with the text livekit-server answers.
    """
    try:
        algorithm, claims, signature = _decode(token)
    except _Undecodable:
        raise TokenRefused("invalid authorization token") from None
    key = _text(claims, "iss")
    secret = keys.get(key, "")
    if not secret:
        raise TokenRefused(f"invalid API key: {key}")
    try:
        _verify_signature(token, algorithm, signature, secret)
        _verify_times(claims, time.time() if now is None else now)
        video = _video(claims.get("video"))
    except TokenRefused as refusal:
        raise TokenRefused(f"invalid token: {token}, error: {refusal}") from None
    return Grants(key, _text(claims, "sub") or _text(claims, "jti"), video, claims)


def sign(claims: Mapping[str, object], secret: str) -> str:
    """An HS256 token with exactly these claims, valid or not."""
    header = {"alg": "HS256", "typ": "JWT"}
    signed = ".".join(
        _encode_segment(json.dumps(part, separators=(",", ":")).encode())
        for part in (header, dict(claims))
    )
    return f"{signed}.{_encode_segment(_signature(signed, secret))}"


def _decode(token: str) -> tuple[str, dict[str, object], bytes]:
    segments = token.split(".")
    if len(segments) != 3:
        raise _Undecodable
    header = _json_object(segments[0])
    claims = _json_object(segments[1])
    for name in ("iss", "sub", "jti"):
        if not isinstance(claims.get(name, ""), str | None):
            raise _Undecodable
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise _Undecodable
    algorithm = header.get("alg")
    if algorithm not in _KNOWN_ALGORITHMS:
        raise _Undecodable
    return str(algorithm), claims, _decode_segment(segments[2])


def _json_object(segment: str) -> dict[str, object]:
    try:
        value = json.loads(_decode_segment(segment))
    except (ValueError, RecursionError):
        raise _Undecodable from None
    if not isinstance(value, dict):
        raise _Undecodable
    return value


def _decode_segment(segment: str) -> bytes:
    # Python's decoder skips characters it does not know; Go's refuses them, and padding too.
    if not _BASE64URL.fullmatch(segment):
        raise _Undecodable
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error:
        raise _Undecodable from None


def _encode_segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _signature(signed: str, secret: str) -> bytes:
    return hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)


def _verify_signature(token: str, algorithm: str, signature: bytes, secret: str) -> None:
    if algorithm != "HS256":
        raise TokenRefused(f"token signature is invalid: signing method {algorithm} is invalid")
    signed = token.rpartition(".")[0]
    if not hmac.compare_digest(signature, _signature(signed, secret)):
        raise TokenRefused("token signature is invalid: signature is invalid")


def _verify_times(claims: Mapping[str, object], now: float) -> None:
    expires, begins = claims.get("exp"), claims.get("nbf")
    faults = []
    if isinstance(expires, int | float) and now >= expires + LEEWAY_S:
        faults.append("token is expired")
    if isinstance(begins, int | float) and now < begins - LEEWAY_S:
        faults.append("token is not valid yet")
    if faults:
        raise TokenRefused("token has invalid claims: " + ", ".join(faults))


def _video(claim: object) -> VideoGrant | None:
    if claim is None:
        return None
    if not isinstance(claim, dict):
        raise _wrong_type(claim, "video", "auth.VideoGrant")
    return VideoGrant(
        room_join=_flag(claim, "roomJoin", False),
        room_list=_flag(claim, "roomList", False),
        room=_room(claim),
        can_publish=_flag(claim, "canPublish", True),
        can_subscribe=_flag(claim, "canSubscribe", True),
    )


def _flag(claim: Mapping[str, object], name: str, default: bool) -> bool:
    value = claim.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _wrong_type(value, f"video.{name}", "bool")
    return value


def _room(claim: Mapping[str, object]) -> str:
    value = claim.get("room")
    if not isinstance(value, str | None):
        raise _wrong_type(value, "video.room", "string")
    return value or ""


def _wrong_type(value: object, field: str, wanted: str) -> TokenRefused:
    kind = _JSON_KINDS.get(type(value), "object")
    struct = "VideoGrant.ClaimGrants" if "." in field else "tokenClaims.ClaimGrants"
    return TokenRefused(
        "token is malformed: could not JSON decode claim: json: cannot unmarshal "
        f"{kind} into Go struct field {struct}.{field} of type {wanted}"
    )


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
