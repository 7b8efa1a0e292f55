"""Opening a coaching session as the app does, and reading what is handed out.

The token is a secret: it leaves this module as a `Secret`, never in an observation.
"""

from __future__ import annotations

import base64
import json
import math
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from eloquence_ops.endpoints import Endpoint, Scope, narrower, parse, scope_of
from eloquence_ops.errors import UsageError
from eloquence_ops.observations import AddressLookup, SessionAnswer
from eloquence_ops.observations.session import TokenClaims
from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor, Secret

PATH: Final = "/api/sessions"
OLD_START_PATH: Final = "/api/session/start"
OLD_TOKEN_PATH: Final = "/livekit/token"  # noqa: S105  # a route
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LONGEST_ID: Final = 200
_LONGEST_CLAIMS: Final = 16 * 1024
_LAST_SECOND: Final = 253402300800  # the year 10000


@dataclass(frozen=True)
class OpenedSession:
    """What is needed to go on with a session; kept in memory only. `token` may be empty."""

    session_id: str
    token: Secret
    url: Endpoint | None

    @property
    def close_path(self) -> str:
        """The id is a remote word: quoted, so that it can only ever be one path segment."""
        return f"{PATH}/{quote(self.session_id, safe='')}"


def request_body() -> bytes:
    """The migration guide's full body, with an accent in it."""
    return _body(
        language="fr",
        scenario_id="eloquence-doctor",
        goal="Vérifier que le service répond",
        agent_profile_id="coach",
        is_multi_agent=False,
    )


def minimal_body() -> bytes:
    """The debugging guide's."""
    return _body(language="fr")


def body_with_nulls() -> bytes:
    """What the Dart app sends where it has no value: the keys are there, with null."""
    return _body(
        language="fr", scenario_id=None, goal=None, agent_profile_id=None, is_multi_agent=False
    )


def old_body() -> bytes:
    """What the debugging guide's way back sends to the old endpoint."""
    return _body(language="fr", scenario_id=None, is_multi_agent=False)


def old_session_id(body: bytes) -> str | None:
    """The session that an old server has started; None where its answer names none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    session_id = _text(document, "session_id")
    return session_id if _names_one_segment(session_id) else None


def old_socket_path(session_id: str) -> str:
    return f"/ws/simple/{quote(session_id, safe='')}"


def old_end_path(session_id: str) -> str:
    return f"/api/session/{quote(session_id, safe='')}/end"


# No API can take a list for a session: whoever judges this body has let the request in.
IMPOSSIBLE_BODY: Final = b"[]"


def _body(**fields: object) -> bytes:
    """`user_id` is recognisable, so that statistics can leave it out."""
    user = {"user_id": f"eloquence-doctor-{secrets.token_hex(4)}"}
    return json.dumps(user | fields, ensure_ascii=False).encode()


def read_answer(body: bytes, redactor: Redactor) -> tuple[OpenedSession | None, dict[str, str]]:
    """The session in an answer's body, and the JSON type of each of its fields.

    No session where there is no `session_id` by which it could be closed again. The token is
    made known to `redactor`.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None, {}
    if not isinstance(document, dict):
        return None, {}
    token = Secret(_text(document, "token"))
    redactor.add(token)
    types = {
        remote_text.line(name, redactor, limit=40): _json_type(value)
        for name, value in document.items()
    }
    session_id = _text(document, "session_id")
    if session_id != document.get("session_id") or not _names_one_segment(session_id):
        return None, types
    return OpenedSession(session_id, token, _url(_text(document, "url"), redactor)), types


def describe(
    session: OpenedSession | None,
    types: dict[str, str],
    body: bytes,
    *,
    endpoint: str,
    at_s: float,
    redactor: Redactor,
) -> SessionAnswer | None:
    """The answer as an observation; None when the body was no JSON object."""
    if not types:
        return None
    document: dict[str, Any] = json.loads(body)
    url = session.url if session else _url(_text(document, "url"), redactor)

    def shown(name: str) -> str:
        return remote_text.line(_text(document, name), redactor, limit=200)

    return SessionAnswer(
        endpoint=endpoint,
        field_types=tuple(sorted(types.items())[:40]),
        session_id=shown("session_id"),
        room_name=shown("room_name"),
        url=shown("url"),
        url_endpoint=str(url) if url else None,
        token_is_jwt=_JWT.fullmatch(_text(document, "token")) is not None,
        token=_claims(_text(document, "token"), redactor),
        at_s=at_s,
    )


def _claims(token: str, redactor: Redactor) -> TokenClaims | None:
    """What a LiveKit token says of itself; its signature is LiveKit's to judge."""
    try:
        payload = token.split(".")[1][:_LONGEST_CLAIMS]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    video = claims.get("video")
    grants = video if isinstance(video, dict) else {}
    room, issuer = grants.get("room"), claims.get("iss")
    return TokenClaims(
        issuer=remote_text.line(issuer, redactor, limit=80) if isinstance(issuer, str) else "",
        room=remote_text.line(room, redactor, limit=200) if isinstance(room, str) else None,
        may_join=grants.get("roomJoin") is True,
        not_before=_seconds(claims.get("nbf")),
        expires=_seconds(claims.get("exp")),
        no_times=tuple(name for name in ("nbf", "exp") if not _is_time(claims.get(name))),
    )


def _is_time(value: object) -> bool:
    """A number or nothing: LiveKit refuses every other token as none at all (v1.13.5)."""
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        return False
    return value is None or math.isfinite(value)


def _seconds(value: object) -> int | None:
    """A NumericDate (RFC 7519 §2). Before 1970 is long ago; after the last year that a clock can
    have is never."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return max(int(value), 0) if value < _LAST_SECOND else None


def widest_scope(lookup: AddressLookup) -> Scope | None:
    """From how far the addresses of a name can be used; None when there are none."""
    widest: Scope | None = None
    for entry in lookup.addresses:
        scope = scope_of(entry.address)
        if scope is not None and (widest is None or narrower(widest, than=scope)):
            widest = scope
    return widest


def _names_one_segment(session_id: str) -> bool:
    """`.` and `..` are steps, quoted or not (RFC 3986, 5.2.4 and 6.2.2.2): a proxy would resolve
    them, and a DELETE would be for something else."""
    return 0 < len(session_id) <= _LONGEST_ID and session_id not in (".", "..")


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        return ""
    # JSON can say half of a character (`"\ud800"`), which nothing can send on.
    return value.encode(errors="replace").decode()


def _url(text: str, redactor: Redactor) -> Endpoint | None:
    """Only what the app can use: an address with its scheme written out; livekit_client takes http
    for ws and https for wss.

    One that holds a secret of this run (an echo of our key) is none: it would be shown, looked
    up and connected to.
    """
    if not text.lower().startswith(("ws://", "wss://", "http://", "https://")):
        return None
    try:
        endpoint = parse(text, "livekit")
    except UsageError:
        return None
    return endpoint if redactor.text(endpoint.url) == endpoint.url else None


def _json_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
