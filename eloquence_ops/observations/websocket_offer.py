"""A websocket asked for after offering protocols during the TLS handshake."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation

OfferOutcome = Literal["answered", "no-http2-websocket", "refused", "closed", "silent", "failed"]


class WebsocketOffer(Observation):
    """One handshake of a websocket at `/rtc`, without a token, and what was offered before (ALPN,
    RFC 7301).

    `chosen` is what the server chose, empty for nothing. Where that is `h2`, the websocket was
    asked for over HTTP/2 if the server announces that it can (RFC 8441); `no-http2-websocket`: it
    does not. `refused`: the TLS handshake ended because of the offer. `status` is the answer's.
    """

    kind: Literal["transport.websocket-offer"] = "transport.websocket-offer"
    endpoint: str
    family: Family
    address: str
    offered: tuple[str, ...]
    outcome: OfferOutcome
    chosen: str = ""
    status: int | None = None
    detail: str = ""
