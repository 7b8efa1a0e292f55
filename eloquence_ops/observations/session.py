"""The API's routes, and the session it opened."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.endpoints import Scope
from eloquence_ops.observations.base import Observation, Record


class ApiRoutes(Observation):
    """The routes that `/openapi.json` lists, as `METHOD /path`, sorted, at most 200.

    `bases`: the paths under which it says that it is served (`servers`, FastAPI's root_path), at
    most three, none where that is the root.
    """

    kind: Literal["api.routes"] = "api.routes"
    endpoint: str
    title: str
    routes: tuple[str, ...]
    bases: tuple[str, ...] = ()


class TokenClaims(Record):
    """What a session's token says: LiveKit's video grants, and times in seconds since 1970.

    `issuer` is its `iss`, the name of the LiveKit API key that signed it: empty where there is
    none, None in recordings from before it was read. `room` is None where there is none, or one
    that is no text. `no_times`: those of `nbf` and `exp` that are there and are no times at all.
    """

    issuer: str | None = None
    room: str | None = None
    may_join: bool = False
    not_before: int | None = None
    expires: int | None = None
    no_times: tuple[str, ...] = ()


class SessionAnswer(Observation):
    """The body of a successful `POST /api/sessions`, field by field; the token itself is left out.

    `field_types` maps each field of the body to its JSON type. `url_endpoint` is the
    address handed out in canonical form, None when it is no ws/wss address; `url_scope` says from
    how far it can be used, `api_scope` the same of the API, None when unresolved; `url_lookup`
    is how its host resolved.
    """

    kind: Literal["api.session"] = "api.session"
    endpoint: str
    field_types: tuple[tuple[str, str], ...]
    session_id: str = ""
    room_name: str = ""
    url: str = ""
    url_endpoint: str | None = None
    url_lookup: Literal["found", "no-name", "no-address", "no-answer"] | None = None
    url_scope: Scope | None = None
    api_scope: Scope | None = None
    token_is_jwt: bool = False
    token: TokenClaims | None = None


class SessionLeftOpen(Observation):
    """A session that was, or may have been, opened and could not be closed again."""

    kind: Literal["api.session-left-open"] = "api.session-left-open"
    endpoint: str
    session_id: str
    interrupted: bool = False
    detail: str = ""
