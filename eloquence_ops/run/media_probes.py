"""Sound through LiveKit: a session's whole call, and the transport alone in a room of our own.

Both are only asked for by name: they take ten seconds, and a coach that answers costs its owner
money. Everything is taken back in `finish`: the process, the room, the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from eloquence_ops.checks.media import takes_tcp
from eloquence_ops.observations.media import MediaCall, MediaReconnect, MediaSetup, MediaWay
from eloquence_ops.probes import remote_text
from eloquence_ops.probes import session as sessions
from eloquence_ops.probes import websocket as websockets
from eloquence_ops.probes.http import HttpRequest
from eloquence_ops.probes.media.child import Crashed, Peer
from eloquence_ops.probes.media.doorway import Doorway
from eloquence_ops.run.facts import APP_USES, SESSION, Role, client_of, token_taken_by
from eloquence_ops.run.media_library import has_library
from eloquence_ops.run.session_visit import SessionVisit
from eloquence_ops.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from eloquence_ops.probes.road import Road
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan

# Long enough for the melody to be known from every other one.
_LISTEN_S: Final = 1.5
_ROOMS: Final = "/twirp/livekit.RoomService/"
_OWN: Final = "eloquence-doctor-"
# An agent worker without a name is sent into every new room that asks for none by name: ours asks
# for one that nobody is (livekit/livekit v1.13.5, pkg/rtc/room.go, read in source).
_NOBODY: Final = "eloquence-doctor-nobody"
_LIFETIME: Final = timedelta(minutes=10)
_EMPTY_S: Final = 20
_MOST_TURN: Final = 8
_SHOWN: Final = 300
_SILENT: Final = ("not-heard", "no-path")
_JOIN_PATH: Final = "/rtc?protocol=15&auto_subscribe=0"


class MediaProbes:
    """The probes of one plan that exchange sound with the LiveKit of one role."""

    def __init__(self, plan: Plan, role: Role) -> None:
        self._plan, self._role = plan, role

    def all(self) -> list[Probe]:
        plan, role, client = self._plan, self._role, client_of(self._role)
        transport, call = _Transport(plan, role), _Call(plan, role)
        taken = (SESSION, token_taken_by(role), APP_USES)
        found = [
            plan.probe(
                f"{role}.media", transport.measure, 18, needs=(client,), finish=transport.finish
            )
        ]
        if not plan.read_only:
            needs = (client, *taken)
            found.append(
                plan.probe(f"{role}.call", call.measure, 9, needs=needs, finish=call.finish)
            )
        return found


class Exchange:
    """What both have in common: the process, and the door through which it reaches LiveKit."""

    def __init__(self, plan: Plan, role: Role) -> None:
        self._plan, self._role = plan, role
        self._open = contextlib.AsyncExitStack()
        self._peer: Peer | None = None
        self._doorway: Doorway | None = None
        self._since = 0.0

    async def _reports(
        self, job: Mapping[str, object], road: Road, board: Board
    ) -> AsyncIterator[dict[str, Any]]:
        plan = self._plan
        context = plan.tls_context if road.endpoint.secure else None
        self._doorway = await self._open.enter_async_context(Doorway(road, context, plan.timeout_s))
        common = {"url": self._doorway.url, "timeout_s": plan.timeout_s}
        self._peer = Peer({**job, **common}, plan.environ)
        self._since = time.monotonic()
        async for report in self._peer.reports():
            yield await self.in_our_words(report, board)

    async def in_our_words(self, report: dict[str, Any], board: Board) -> dict[str, Any]:
        """The report in our words. A server that has stopped looks like a way that is blocked:
        where nothing was heard, it is asked whether it is still there."""
        if "detail" in report:
            report = report | {"detail": self._words(report["detail"])}
        if report.get("outcome") in _SILENT or report.get("reconnect") == "not-back":
            answer = await self._plan.get(self._role, board, "media-alive", "/")
            if answer.observation.status is None:
                gone = {"outcome": "ended", "detail": answer.observation.outcome}
                report = report | gone if "outcome" in report else report
        return report

    def _common(self, road: Road, board: Board) -> dict[str, object]:
        begun, self._since = self._since, time.monotonic()
        return {
            "endpoint": str(road.endpoint),
            "at_s": begun - board.started,
            "duration_s": self._since - begun,
        }

    async def _leave(self) -> None:
        """The process leaves its rooms through the door, which is closed behind it."""
        try:
            if self._peer is not None:
                await self._peer.end()
        finally:
            await self._open.aclose()

    def _words(self, text: object) -> str:
        """What the library says may hold the whole token."""
        return remote_text.line(str(text), self._plan.redactor, limit=_SHOWN)


class _Transport(Exchange):
    """Two participants of our own in a room of our own; needs LiveKit's key pair."""

    def __init__(self, plan: Plan, role: Role) -> None:
        super().__init__(plan, role)
        self._room = _OWN + secrets.token_hex(6)
        self._is_made = False

    async def measure(self, board: Board) -> None:
        plan = self._plan
        road = board.get(client_of(self._role)).road
        has_pair = plan.livekit_key is not None and plan.livekit_secret is not None
        setup = MediaSetup(endpoint=str(road.endpoint), library=has_library(), key_pair=has_pair)
        if plan.read_only or not (setup.library and setup.key_pair):
            board.note(setup)
            return
        await asyncio.to_thread(import_module, "livekit.api")
        if not await self._make_room(board):
            board.note(setup)
            return
        turn = await self._turn_servers(road)
        board.note(setup.model_copy(update={"turn": turn}))
        await self._try_ways(road, turn or (), board)

    async def _try_ways(self, road: Road, turn: tuple[str, ...], board: Board) -> None:
        ways = [self._way("free", force_tcp=True)]
        if turn:
            ways.append(self._way("relay", needs_udp=not takes_tcp(turn)))
        job = {"kind": "ways", "listen_s": _LISTEN_S, "ways": ways}
        try:
            async for report in self._reports(job, road, board):
                if report.get("please") == "cut" and self._doorway is not None:
                    await self._doorway.cut()
                else:
                    self._note(report, road, board)
        except Crashed as crash:
            known = {seen.way for seen in board.observations if isinstance(seen, MediaWay)}
            lost = next((way for way in ("free", "tcp", "relay") if way not in known), "free")
            self._note(
                {"way": lost, "outcome": "crashed", "detail": self._words(crash)}, road, board
            )
        finally:
            if self._peer is not None:
                self._peer.dismiss()

    def _way(
        self, name: str, *, force_tcp: bool = False, needs_udp: bool = False
    ) -> dict[str, object]:
        tokens = [self._token(f"{name}-{who}").reveal() for who in ("speaker", "listener")]
        is_relay = name == "relay"
        return {
            "name": name,
            "tokens": tokens,
            "relay": is_relay,
            "force_tcp": force_tcp,
            "needs_udp": needs_udp,
            "cut": not is_relay,
        }

    def _note(self, report: dict[str, Any], road: Road, board: Board) -> None:
        common = self._common(road, board)
        if "reconnect" in report:
            fields = {"outcome": report.pop("reconnect"), **report}
            board.note(MediaReconnect.model_validate({**fields, **common}))
            return
        delay_s = report.pop("delay_s", None)
        report["delay_ms"] = None if delay_s is None else round(1000 * delay_s, 1)
        board.note(MediaWay.model_validate({**report, **common}))

    async def finish(self, board: Board) -> None:
        try:
            await self._leave()
        finally:
            if self._is_made:
                request = self._service("DeleteRoom", "media-room-gone", {"room": self._room})
                board.note((await board.get(client_of(self._role)).send(request)).observation)

    async def _make_room(self, board: Board) -> bool:
        """Made by hand, so that it is gone soon after us whatever happens to us, and empty."""
        wanted = {
            "name": self._room,
            "emptyTimeout": _EMPTY_S,
            "departureTimeout": 2,
            "agents": [{"agentName": _NOBODY}],
        }
        request = self._service("CreateRoom", "media-room", wanted)
        # From here on there may be one, also where its answer does not come.
        self._is_made = True
        seen = (await board.get(client_of(self._role)).send(request)).observation
        board.note(seen)
        self._is_made = seen.status is None or seen.status == 200
        return seen.status == 200

    def _service(self, method: str, purpose: str, body: Mapping[str, object]) -> HttpRequest:
        bearer = Secret(f"Bearer {self._token('service', manages=True).reveal()}")
        headers = (("Authorization", bearer), ("Content-Type", "application/json"))
        return HttpRequest(purpose, "POST", _ROOMS + method, headers, json.dumps(body).encode())

    def _token(self, who: str, *, manages: bool = False) -> Secret:
        from livekit.api import AccessToken, VideoGrants

        plan = self._plan
        if plan.livekit_key is None or plan.livekit_secret is None:
            raise ValueError("there is no key pair to sign with")
        grants = VideoGrants(room=self._room, room_join=not manages, room_create=manages)
        made = AccessToken(plan.livekit_key, plan.livekit_secret.reveal()).with_ttl(_LIFETIME)
        token = Secret(made.with_identity(_OWN + who).with_grants(grants).to_jwt())
        plan.redactor.add(token)
        return token

    async def _turn_servers(self, road: Road) -> tuple[str, ...] | None:
        """Those that LiveKit hands out with a join; None where it did not come to one."""
        await asyncio.to_thread(import_module, "eloquence_ops.probes.signalling")
        from eloquence_ops.probes.channel import Channel
        from eloquence_ops.probes.http_request import tls_name
        from eloquence_ops.probes.room import Left, NotSignalling, Room, farewell

        plan, room, channel = self._plan, Room(self._plan.redactor), None
        try:
            async with asyncio.timeout(plan.timeout_s):
                channel = await Channel.open(road.family, road.address, road.port)
                if road.endpoint.secure:
                    await channel.start_tls(plan.tls_context, tls_name(road.endpoint))
                socket = await websockets.Websocket.open(
                    channel, road.endpoint, _JOIN_PATH, self._token("first")
                )
                while room.join is None:
                    room.take_in(await socket.receive())
                await socket.send(farewell())
        except (*websockets.FAULTS, Left, NotSignalling):
            pass
        finally:
            if channel is not None:
                channel.close()
        if room.join is None:
            return None
        urls = [url for server in room.join.ice_servers for url in server.urls]
        turns = dict.fromkeys(self._words(url) for url in urls if url.startswith("turn"))
        return tuple(turns)[:_MOST_TURN]


class _Call(Exchange):
    """A session of its own, opened as every other one: nobody else joins its room, as whoever
    leaves it may take the coach along."""

    def __init__(self, plan: Plan, role: Role) -> None:
        super().__init__(plan, role)
        self._visit = SessionVisit(plan, "call", sessions.request_body())

    async def measure(self, board: Board) -> None:
        if board.get(APP_USES) != self._role:
            return
        road = board.get(client_of(self._role)).road
        if not has_library():
            return
        seen, session = await self._visit.answer(board)
        if session is None:
            came_to = f"HTTP {seen.status}" if seen.status else seen.outcome
            self._note({"outcome": "no-session", "detail": came_to}, road, board)
            return
        job = {
            "kind": "call",
            "token": session.token.reveal(),
            "answer_s": 2 * self._plan.timeout_s,
        }
        try:
            async for report in self._reports(job, road, board):
                self._note(report, road, board)
        except Crashed as crash:
            self._note({"outcome": "crashed", "detail": self._words(crash)}, road, board)
        finally:
            if self._peer is not None:
                self._peer.dismiss()

    def _note(self, report: dict[str, Any], road: Road, board: Board) -> None:
        common = self._common(road, board)
        board.note(MediaCall.model_validate({**report, **common}))

    async def finish(self, board: Board) -> None:
        try:
            await self._leave()
        finally:
            await self._visit.close(board)
