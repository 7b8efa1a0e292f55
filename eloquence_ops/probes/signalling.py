"""Joins a room as the app does, reads what LiveKit says of its media, and leaves again.

With the session's own token in the session's own fresh room, where the coach is waited for; or with
a token of ours in a room of ours. Nobody else has this identity there, and nobody is thrown out. No
media: what is seen is who takes part, and where media would go.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from eloquence_ops.findings import Vantage
from eloquence_ops.observations.signal import LivekitSignal, SignalOutcome
from eloquence_ops.probes import remote_text
from eloquence_ops.probes import websocket as websockets
from eloquence_ops.probes.channel import Channel
from eloquence_ops.probes.http_failures import tls_detail
from eloquence_ops.probes.http_request import tls_name
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.room import IceServer, Left, NotSignalling, Room, farewell, ping
from eloquence_ops.probes.websocket import Websocket
from eloquence_ops.secrets import Redactor, Secret

COACH_S: Final = 5.0
"""How long a coach is waited for at most; LiveKit itself may hold its news back for three."""

MEDIA_S: Final = 1.0
"""How long its candidates are waited for; they follow the join within milliseconds."""

# The protocol version of today's clients; nothing is subscribed to, so nothing is sent for us.
_PATH: Final = "/rtc?protocol=15&auto_subscribe=0"
_PING_S: Final = 5
# A grace for leaving, short enough for after Ctrl-C too.
_FAREWELL_S: Final = 0.4
_SHOWN: Final = 300
_FAULTS: Final = (*websockets.FAULTS, Left, NotSignalling)


async def visit(
    road: Road,
    token: Secret,
    *,
    context: ssl.SSLContext | None,
    redactor: Redactor,
    timeout_s: float,
    started: float,
    vantage: Vantage = Vantage.HERE,
    room: Literal["session", "own"] = "session",
    hand_out: Callable[[tuple[IceServer, ...]], None] = lambda _servers: None,
    stay_s: float = 0.0,
) -> LivekitSignal:
    """Until it is known where media would go, and in a session's room somebody else is seen, or
    for `COACH_S`, or `timeout_s` where that is less.

    `timeout_s` also bounds everything up to the join. `hand_out` is given the ICE servers as soon
    as they are known. `stay_s`: how long to stay idle after that, kept alive as clients do it.
    Whatever the server does becomes an observation; nothing is raised.
    """
    made = _Visit(road, token, Room(redactor), room, time.monotonic())
    try:
        await made.enter(context, timeout_s)
        if made.room.join is not None:
            hand_out(made.room.ice_servers)
        await made.wait_for_media(min(timeout_s, MEDIA_S))
        if room == "session":
            await made.wait_for_coach(min(timeout_s, COACH_S))
        await made.stay(stay_s)
    finally:
        await made.leave()
    return made.observation(redactor, started, vantage)


@dataclass
class _Visit:
    """One stay. `failure` is what ended it early."""

    road: Road
    token: Secret
    room: Room
    whose: Literal["session", "own"]
    begun: float
    failure: Exception | None = None
    _channel: Channel | None = None
    _websocket: Websocket | None = None
    _joined_at: float | None = None
    _coach_at: float | None = None
    _waited_s: float = 0.0
    _stayed_s: float = 0.0

    async def enter(self, context: ssl.SSLContext | None, timeout_s: float) -> None:
        road = self.road
        try:
            async with asyncio.timeout(timeout_s):
                self._channel = await Channel.open(road.family, road.address, road.port)
                if road.endpoint.secure and context is not None:
                    await self._channel.start_tls(context, tls_name(road.endpoint))
                self._websocket = await Websocket.open(
                    self._channel, road.endpoint, _PATH, self.token
                )
                while self.room.join is None:
                    self.room.take_in(await self._websocket.receive())
        except _FAULTS as failure:
            self.failure = failure
        else:
            self._joined_at = time.monotonic()

    async def wait_for_media(self, at_most_s: float) -> None:
        await self._listen(at_most_s, lambda: self.room.candidates_whole)

    async def wait_for_coach(self, at_most_s: float) -> None:
        if self._joined_at is None:
            return
        spent = time.monotonic() - self._joined_at
        await self._listen(at_most_s - spent, lambda: self.room.has_coach)
        self._waited_s = time.monotonic() - self._joined_at

    async def stay(self, for_s: float) -> None:
        """As clients do, who miss the server when no pong comes for `ping_timeout` seconds. The
        server itself ends nobody who does not ping (40 s, v1.13.5, measured); proxies do."""
        join, begun = self.room.join, time.monotonic()
        if join is None or self._websocket is None:
            return
        while (left_s := begun + for_s - time.monotonic()) > 0 and self.failure is None:
            await self._listen(min(left_s, join.ping_interval or _PING_S), lambda: False)
            try:
                await self._websocket.send(ping())
            except _FAULTS as failure:
                self.failure = failure
        self._stayed_s = time.monotonic() - begun

    async def _listen(self, at_most_s: float, known: Callable[[], bool]) -> None:
        """Takes in what comes, until something is known or the time is over."""
        if self._websocket is None or self._joined_at is None or self.failure is not None:
            return
        deadline = asyncio.timeout(max(at_most_s, 0.0))
        try:
            async with deadline:
                self._note_coach()
                while not known():
                    self.room.take_in(await self._websocket.receive())
                    self._note_coach()
        except _FAULTS as failure:
            # The kernel has a TimeoutError too: its own, of a dead connection.
            if not deadline.expired():
                self.failure = failure

    def _note_coach(self) -> None:
        if self.room.has_coach and self._coach_at is None:
            self._coach_at = time.monotonic()

    async def leave(self) -> None:
        """Says so and reads on until the server closes.

        Closed with something unread, the connection would be reset, and the farewell lost.
        """
        if self._channel is None:
            return
        try:
            if self._websocket is not None and self.failure is None:
                with contextlib.suppress(*websockets.FAULTS):
                    async with asyncio.timeout(_FAREWELL_S):
                        await self._websocket.send(farewell())
                        while True:
                            await self._websocket.receive()
        finally:
            self._channel.close()

    def observation(self, redactor: Redactor, started: float, vantage: Vantage) -> LivekitSignal:
        road, join, failure = self.road, self.room.join, self.failure
        refused = failure if isinstance(failure, websockets.Refused) else None
        return LivekitSignal(
            vantage=vantage,
            at_s=self.begun - started,
            duration_s=time.monotonic() - self.begun,
            endpoint=str(road.endpoint),
            family=road.family,
            address=road.address,
            path=remote_text.line(road.endpoint.path + _PATH, redactor, limit=_SHOWN),
            outcome="joined" if join is not None else self._outcome(),
            status=refused.status if refused else None,
            # A refusal of LiveKit's quotes the token, and may be cut within it.
            excerpt=remote_text.block(
                refused.body, redactor, limit=_SHOWN, unfinished=(self.token,)
            )
            if refused
            else "",
            detail=remote_text.line(self._detail(), redactor, limit=_SHOWN),
            version=remote_text.line(join.server_version, redactor, limit=40) if join else "",
            protocol=join.server_info.protocol if join else None,
            ping_interval_s=join.ping_interval if join else None,
            ice_servers=len(join.ice_servers) if join else 0,
            ice_urls=tuple(
                remote_text.line(server.url, redactor, limit=_SHOWN)
                for server in self.room.ice_servers
            ),
            room=self.whose,
            region=remote_text.line(join.server_info.region, redactor, limit=40) if join else "",
            node_id=remote_text.line(join.server_info.node_id, redactor, limit=40) if join else "",
            ping_timeout_s=join.ping_timeout if join else None,
            offered=self.room.offered if join else None,
            candidates=tuple(self.room.candidates),
            candidates_whole=self.room.candidates_whole,
            others=tuple(self.room.others.values()),
            joined_s=self._joined_at - self.begun if self._joined_at else None,
            coach_s=self._coach_at - self._joined_at
            if self._coach_at and self._joined_at
            else None,
            waited_s=self._waited_s,
            stayed_s=self._stayed_s,
            wait_was_whole=self._joined_at is not None and failure is None,
        )

    def _outcome(self) -> SignalOutcome:
        match self.failure:
            case websockets.Refused():
                return "rejected"
            case TimeoutError():
                return "silent"
            case websockets.Ended() | Left():
                return "closed"
            case OSError() as error if self._channel is None or isinstance(error, ssl.SSLError):
                return "failed"
            case OSError():
                return "closed"
            case _:
                return "not-signalling"

    def _detail(self) -> str:
        match self.failure:
            case None | websockets.Refused() | TimeoutError():
                return ""
            case OSError() as error:
                return tls_detail(error)
            case Left() as left:
                return f"LiveKit ended the visit: {left}"
            case failure:
                return str(failure)
