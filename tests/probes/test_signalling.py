"""A visit to a session's room: how it is entered, who is seen there, and that it is left again."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from livekit.protocol import models, rtc

from eloquence_ops.lab.services.coach import AgentWorker
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.livekit_rooms import Room
from eloquence_ops.lab.services.serving import serving
from eloquence_ops.observations import LivekitSignal
from eloquence_ops.probes.road import Road
from eloquence_ops.probes.signalling import visit
from eloquence_ops.secrets import Redactor, Secret
from tests.lab.livekit_requests import KEY, SECRET, token
from tests.probes.authority import Authority
from tests.probes.http_client import road_to
from tests.probes.peers import Handler, peer, resets, says, silent
from tests.systems.by_hand import Asked, handler, joined, refreshed, replies, reply, upgraded

_ROOM = "r1"
_SOON_S = 2.0


@contextlib.asynccontextmanager
async def livekit(
    behaviour: LivekitBehaviour | None = None,
) -> AsyncIterator[tuple[int, dict[str, Room]]]:
    """The stand-in's port, and who is in which room."""
    app = build_livekit(behaviour or LivekitBehaviour(keys={KEY: SECRET}))
    async with serving(app, server_header=False) as served:
        yield served.port, app.state.rooms


def worker(port: int) -> AgentWorker:
    return AgentWorker(f"ws://127.0.0.1:{port}", key=KEY, secret=SECRET)


async def visited(
    road: Road | int,
    *,
    bearer: str | None = None,
    context: ssl.SSLContext | None = None,
    redactor: Redactor | None = None,
    timeout_s: float = 5.0,
) -> LivekitSignal:
    return await visit(
        road_to(road, scheme="ws") if isinstance(road, int) else road,
        Secret(bearer or token()),
        context=context,
        redactor=redactor or Redactor(),
        timeout_s=timeout_s,
        started=time.monotonic(),
    )


def met(
    made: Handler,
    *,
    redactor: Redactor | None = None,
    timeout_s: float = 5.0,
) -> LivekitSignal:
    """What a visit saw of a server made by hand."""

    async def story() -> LivekitSignal:
        async with peer(made) as port:
            return await visited(port, redactor=redactor, timeout_s=timeout_s)

    return asyncio.run(story())


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(_SOON_S):
        while not there():  # noqa: ASYNC110  # what is waited for is a server's own state
            await asyncio.sleep(0.01)


# Who is there


def test_a_coach_who_is_there_already_is_seen_at_once_and_the_room_is_left() -> None:
    async def story() -> LivekitSignal:
        async with livekit() as (port, rooms), worker(port) as agents:
            await agents.dispatch(_ROOM)
            seen = await visited(port)
            await until(lambda: len(rooms[_ROOM].members) == 1)
            return seen

    seen = asyncio.run(story())
    assert (seen.outcome, seen.version, seen.protocol) == ("joined", "1.13.5", 17)
    assert (seen.ping_interval_s, seen.ice_servers) == (5, 0)
    assert [(other.kind, other.state) for other in seen.others] == [("agent", "joined")]
    assert seen.others[0].identity.startswith("agent-AJ_")
    assert seen.coach_s is not None
    assert seen.coach_s < 0.5
    assert seen.wait_was_whole


def test_a_coach_who_comes_later_is_waited_for() -> None:
    async def story() -> LivekitSignal:
        async with livekit() as (port, rooms), worker(port) as agents:
            visiting = asyncio.create_task(visited(port))
            await until(lambda: _ROOM in rooms and len(rooms[_ROOM].members) == 1)
            await agents.dispatch(_ROOM)
            return await visiting

    seen = asyncio.run(story())
    assert seen.coach_s is not None
    assert len(seen.others) == 1


def test_without_a_coach_the_wait_is_whole_and_not_longer_than_asked() -> None:
    async def story() -> LivekitSignal:
        async with livekit() as (port, _):
            return await visited(port, timeout_s=0.5)

    seen = asyncio.run(story())
    assert (seen.outcome, seen.coach_s, seen.wait_was_whole) == ("joined", None, True)
    assert seen.waited_s >= 0.5


def _participant(identity: str, sid: str, **fields: object) -> models.ParticipantInfo:
    state = models.ParticipantInfo.State.JOINED
    return models.ParticipantInfo(identity=identity, sid=sid, **({"state": state} | fields))  # type: ignore[arg-type]


def _update(*participants: models.ParticipantInfo) -> bytes:
    update = rtc.ParticipantUpdate(participants=participants)
    return rtc.SignalResponse(update=update).SerializeToString()


@pytest.mark.parametrize(
    ("somebody", "is_coach"),
    [
        pytest.param(_participant("coach", "PA_2"), True, id="anybody else"),
        pytest.param(_participant("eloquence-doctor", "PA_3"), False, id="we, once more"),
        pytest.param(_participant("other", "PA_us"), False, id="we, renamed"),
        pytest.param(
            _participant("EG_1", "PA_4", kind=models.ParticipantInfo.Kind.EGRESS),
            False,
            id="a recorder",
        ),
        pytest.param(
            _participant("coach", "PA_5", state=models.ParticipantInfo.State.DISCONNECTED),
            False,
            id="somebody who leaves",
        ),
        pytest.param(_participant("coach", "PA_6", kind=77), True, id="a kind of the future"),
    ],
)
def test_who_counts_as_the_coach(somebody: models.ParticipantInfo, is_coach: bool) -> None:
    def answer(asked: Asked) -> bytes:
        return upgraded(asked, joined(others=[]), _update(somebody), ends=False)

    assert (met(handler(replies(answer)), timeout_s=0.4).coach_s is not None) == is_coach


def test_the_name_of_somebody_who_is_no_program_is_not_kept() -> None:
    def answer(asked: Asked) -> bytes:
        return upgraded(asked, joined(others=[]), _update(_participant("jeanne@mail.test", "P")))

    seen = met(handler(replies(answer)))
    assert [(other.kind, other.identity) for other in seen.others] == [("standard", "")]
    assert "jeanne" not in seen.model_dump_json()


# How it is entered and left


def test_the_token_goes_in_a_header_and_the_name_stays_the_endpoints() -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> bytes:
        asked.append(request)
        return upgraded(request, joined())

    async def story() -> None:
        async with peer(handler(replies(answer))) as port:
            road = road_to(port, scheme="ws", host="livekit.xn--loquence-90a.test", path="/sub")
            await visited(road, bearer="the-token")

    asyncio.run(story())
    (request,) = asked
    assert request.path.startswith("/sub/rtc?")
    assert "token" not in request.path
    assert request.headers["authorization"] == "Bearer the-token"
    assert request.headers["host"] == "livekit.xn--loquence-90a.test:8083"
    assert "sec-websocket-extensions" not in request.headers


def test_tls_verifies_the_name_of_the_endpoint(
    authority: Authority, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    async def story(name: str) -> LivekitSignal:
        served = replies(lambda asked: upgraded(asked, joined()))
        server = authority.leaf("livekit.test").context(tmp_path)
        async with peer(handler(served), tls=server) as port:
            return await visited(road_to(port, scheme="wss", host=name), context=trusting)

    assert asyncio.run(story("livekit.test")).outcome == "joined"
    other = asyncio.run(story("other.test"))
    assert other.outcome == "failed"
    assert "certificate" in other.detail.lower()


def test_an_interrupt_leaves_the_room() -> None:
    async def story() -> None:
        async with livekit() as (port, rooms):
            visiting = asyncio.create_task(visited(port))
            await until(lambda: _ROOM in rooms and bool(rooms[_ROOM].members))
            visiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await visiting
            # The farewell was answered before the visit ended: nobody has to be missed first.
            assert not rooms

    asyncio.run(story())


def test_the_farewell_is_said() -> None:
    said: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = (line.partition(": ") for line in head.split("\r\n"))
        asked = Asked("GET", "/", {name.lower(): value for name, _, value in lines}, b"")
        writer.write(upgraded(asked, joined(), ends=False))
        length = (await reader.readexactly(2))[1] & 127
        mask = await reader.readexactly(4)
        masked = await reader.readexactly(length)
        said.append(bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked)))
        writer.close()

    met(serve)
    assert rtc.SignalRequest.FromString(said[0]).WhichOneof("message") == "leave"


# What else may come


@pytest.mark.parametrize(
    ("made", "outcome", "detail"),
    [
        (handler(replies(lambda asked: upgraded(asked, ends=False))), "silent", ""),
        (silent, "silent", ""),
        (says(b""), "closed", "closed the connection"),
        (resets, "closed", "ECONNRESET"),
        (handler(replies(lambda asked: upgraded(asked, because="full"))), "closed", "full"),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), "not-signalling", "invalid HTTP status line"),
        (
            handler(replies(lambda asked: upgraded(asked, b"\xff\xff", ends=False))),
            "not-signalling",
            "none of LiveKit's",
        ),
    ],
)
def test_a_join_that_comes_to_nothing(made: Handler, outcome: str, detail: str) -> None:
    seen = met(made, timeout_s=0.5)
    assert seen.outcome == outcome
    assert detail in seen.detail
    assert not seen.wait_was_whole


@pytest.mark.parametrize("bearer", ["a\r\nX-Other: 1", "jeton-€", "a b", "a\x00"])
def test_a_token_that_no_header_may_hold_is_not_sent(bearer: str) -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> bytes:
        asked.append(request)
        return upgraded(request, joined())

    async def story() -> LivekitSignal:
        async with peer(handler(replies(answer))) as port:
            return await visited(port, bearer=bearer)

    seen = asyncio.run(story())
    assert asked == []
    assert (seen.outcome, seen.detail) == (
        "not-signalling",
        "the token holds characters that HTTP does not allow",
    )


def test_nobody_listens() -> None:
    async def story() -> LivekitSignal:
        async with peer(silent) as port:
            pass
        return await visited(port)

    seen = asyncio.run(story())
    assert (seen.outcome, seen.detail) == ("failed", "ECONNREFUSED: Connection refused")


def test_a_refusal_is_kept_without_the_token() -> None:
    secret = token()

    async def story(behaviour: LivekitBehaviour) -> LivekitSignal:
        async with livekit(behaviour) as (port, _):
            return await visited(port, bearer=secret, redactor=Redactor(Secret(secret)))

    full = asyncio.run(story(LivekitBehaviour(keys={KEY: SECRET}, places_rooms=False)))
    assert (full.outcome, full.status) == ("rejected", 503)
    assert full.excerpt == "could not find any available nodes"
    wrong = asyncio.run(story(LivekitBehaviour(keys={KEY: "another secret altogether, long"})))
    assert (wrong.outcome, wrong.status) == ("rejected", 401)
    assert "signature is invalid" in wrong.excerpt
    assert "eyJ" not in wrong.model_dump_json()


def test_a_server_that_sends_us_away_cuts_the_wait_short() -> None:
    leave = rtc.LeaveRequest(reason=models.DisconnectReason.ROOM_DELETED)
    away = rtc.SignalResponse(leave=leave).SerializeToString()
    seen = met(handler(replies(lambda asked: upgraded(asked, joined(others=[]), away))))
    assert (seen.outcome, seen.wait_was_whole) == ("joined", False)
    assert seen.detail == "LiveKit ended the visit: room_deleted"


def test_a_renewed_token_is_a_secret_and_a_word_in_its_place_is_not() -> None:
    renewed, redactor = token({"jti": "renewed"}), Redactor()

    def answer(asked: Asked) -> bytes:
        return upgraded(asked, joined(others=[]), refreshed("LiveKit"), refreshed(renewed))

    seen = met(handler(replies(answer)), redactor=redactor)
    assert renewed not in seen.model_dump_json()
    assert redactor.text(f"LiveKit says {renewed[-43:]} {renewed}") == (
        f"LiveKit says {renewed[-43:]} ***"
    )
    # Upper case is no JWT to any pattern: only what is known is masked.
    assert redactor.text(renewed.upper()) == "***"


def test_a_proxy_that_knows_no_websockets_is_a_refusal() -> None:
    seen = met(handler(replies(lambda _asked: reply(404, kind="text/plain"))))
    assert (seen.outcome, seen.status, seen.excerpt) == ("rejected", 404, "")
