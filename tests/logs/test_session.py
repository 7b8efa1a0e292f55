"""Following one session: its lines, and no other's.

`two_rooms.log`: what livekit-server v1.13.5 wrote at debug level while two people and two agents
were in two rooms at once; a part of the lines (`participantInit` is cut off).
"""

from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.logs.formats import Reader
from eloquence_ops.logs.session import SessionFollower
from tests.lab.livekit_requests import token
from tests.lab.loopback import request, run, send
from tests.lab.real_livekit import real_livekit

LINES = (Path(__file__).parent / "two_rooms.log").read_text(encoding="utf-8").splitlines()
UUIDS = ["3f2b8c1e-1111-4a6b-9c0d-aaaaaaaaaaaa", "7d9e0f21-2222-4b7c-8d1e-bbbbbbbbbbbb"]
ROOMS = [f"eloquence-{its_uuid}" for its_uuid in UUIDS]
S, R = UUIDS[0], ROOMS[0]
OTHER_S, OTHER_R = UUIDS[1], ROOMS[1]


def followed(given_id: str, lines: list[str]) -> list[str]:
    follower, reader = SessionFollower(given_id), Reader()
    return [line for line in lines if follower.belongs(line, reader.read(line).fields)]


def sids(kind: str, room: str, lines: list[str]) -> set[str]:
    return {sid for line in lines if room in line for sid in re.findall(rf"{kind}_\w+", line)}


# -- What LiveKit writes ------------------------------------------------------------------------


@pytest.mark.parametrize("one", [0, 1])
def test_a_room_s_lines_and_no_others(one: int) -> None:
    expected = [line for line in LINES if ROOMS[one] in line]
    assert len(expected) > 40
    assert followed(ROOMS[one], LINES) == expected
    assert followed(UUIDS[one], LINES) == expected


@pytest.mark.parametrize("kind", ["PA", "RM"])
@pytest.mark.parametrize("room", ROOMS)
def test_one_of_livekit_s_ids_is_enough_from_its_first_line_on(kind: str, room: str) -> None:
    for sid in sids(kind, room, LINES):
        first = next(place for place, line in enumerate(LINES) if sid in line)
        expected = [line for line in LINES[first:] if room in line]
        assert followed(sid, LINES) == expected


@pytest.mark.parametrize("room", ROOMS)
def test_lines_that_name_no_room_are_followed_by_the_ids_learnt_before(room: str) -> None:
    """The room's name is taken out of all lines but those in which a participant arrives."""
    arrivals = [place for place, line in enumerate(LINES) if "starting RTC session" in line]
    assert len(arrivals) == 4
    lines, expected = [], []
    for place, line in enumerate(LINES[arrivals[0] :], start=arrivals[0]):
        nameless = line
        if place not in arrivals:
            for name, its_uuid in zip(ROOMS, UUIDS, strict=True):
                nameless = nameless.replace(name, "").replace(its_uuid, "")
        lines.append(nameless)
        has_sid = re.search(r"(?:RM|PA|TR)_\w+", nameless) is not None
        if room in line and has_sid and room in "".join(lines):
            expected.append(nameless)
    assert len(expected) > 40
    assert followed(room, lines) == expected


def test_what_all_share_is_nobody_s() -> None:
    shared = [line for line in LINES if not any(room in line for room in ROOMS)]
    assert any("starting LiveKit server" in line for line in shared)
    assert len(shared) >= 8
    for room in ROOMS:
        assert not set(followed(room, LINES)) & set(shared)


@pytest.mark.real
def test_on_a_real_server_too(tmp_path: Path) -> None:
    rooms = [f"eloquence-{uuid.uuid4()}" for _ in range(2)]

    async def visit(address: tuple[str, int]) -> None:
        host, port = address
        admin = {"Authorization": token(video={"roomCreate": True, "roomAdmin": True})}
        connections = []
        for identity in ("user-1", "agent"):
            for room in rooms:
                bearer = token({"sub": identity}, video={"roomJoin": True, "room": room})
                url = f"ws://{host}:{port}/rtc?access_token={bearer}&protocol=15&auto_subscribe=1"
                connections.append(await websockets.connect(url))
                await connections[-1].recv()
        for connection in connections:
            await connection.close()
        for room in rooms:
            await send(
                address,
                request(
                    "/twirp/livekit.RoomService/DeleteRoom",
                    method="POST",
                    headers=f"Authorization: Bearer {admin['Authorization']}\r\n"
                    "Content-Type: application/json\r\nConnection: close\r\n",
                    body=json.dumps({"room": room}),
                ),
            )

    async def main() -> None:
        async with real_livekit(tmp_path) as address:
            await visit(address)

    run(main())
    lines = (tmp_path / "livekit.log").read_text(encoding="utf-8").splitlines()
    for room in rooms:
        expected = [line for line in lines if room in line]
        assert sum("starting RTC session" in line for line in expected) == 2
        assert followed(room, lines) == expected
        for sid in sids("PA", room, lines):
            first = next(place for place, line in enumerate(lines) if sid in line)
            assert followed(sid, lines) == [line for line in lines[first:] if room in line]


# -- Across the programs ------------------------------------------------------------------------

CREATED = f"INFO:api:session created session_id={S} room_name={R} user_id=user-1"
TOKEN = token(video={"roomJoin": True, "room": R})
OTHER_TOKEN = token(video={"roomJoin": True, "room": OTHER_R})


@pytest.mark.parametrize(
    "line",
    [
        f'INFO:     1.2.3.4:5 - "DELETE /api/sessions/{S} HTTP/1.1" 200 OK',
        f"I/flutter ( 1): joined {R}.",
        f"I/flutter ( 1): {{session_id: {S}, room_name: {R}}}",
        f'1.2.3.4 - - [x] "GET /rtc/v1?access_token={TOKEN}&sdk=flutter HTTP/1.1" 101 5',
        f"flutter: connecting with {TOKEN}",
        f"GET /x?url=%2Frtc%3Faccess_token%3D{TOKEN}",
        f"GET /rtc?x=%22{quote(R)}%22",
        f'{{"message":"body\\n{R}"}}',
    ],
)
@pytest.mark.parametrize("given_id", [S, R])
def test_a_line_of_any_program_that_names_it(line: str, given_id: str) -> None:
    assert followed(given_id, [line]) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "INFO:     Application startup complete.",
        'INFO:     1.2.3.4:5 - "POST /api/sessions HTTP/1.1" 200 OK',
        f'INFO:     1.2.3.4:5 - "DELETE /api/sessions/{OTHER_S} HTTP/1.1" 200 OK',
        f"flutter: connecting with {OTHER_TOKEN}",
        f"trace {S}0 and 0{S} and {S}-b and {R}-2",
        "user-1 is here, agent is here",
    ],
)
def test_a_line_that_is_not_its_own(line: str) -> None:
    for given_id in (S, R):
        assert followed(given_id, [CREATED, line]) == [CREATED]


@pytest.mark.parametrize(
    "line",
    [
        "session_id=abc-123456 room_name=lobby-77",
        'x {"session_id": "abc-123456", "room_name": "lobby-77"}',
        '{"body":"{\\"session_id\\":\\"abc-123456\\",\\"room\\":\\"lobby-77\\"}"}',
        "{sessionId: abc-123456, roomName: lobby-77}",
        "room='lobby-77' sessionId : abc-123456",
        f"session_id=abc-123456 {token(video={'room': 'lobby-77'})}",
    ],
)
def test_names_of_any_shape_are_learnt_from_either(line: str) -> None:
    later = ["joined lobby-77", "ended abc-123456", "joined lobby-7", "joined lobby-778"]
    assert followed("abc-123456", [line, *later]) == [line, *later[:2]]
    assert followed("lobby-77", [line, *later]) == [line, *later[:2]]


@pytest.mark.parametrize(
    ("line", "not_learnt"),
    [
        # two sessions in a line
        (f"moved from room={R} to room={OTHER_R}", OTHER_R),
        (f"rooms: {R}, {OTHER_R} with PA_2222222222", "PA_2222222222"),
        (f"{R} RM_1111111111 RM_2222222222", "RM_2222222222"),
        (f"session_id={S} session_id={OTHER_S}", OTHER_S),
        (f"room={R} session_id=abc-123456 session_id=abc-654321", "abc-123456"),
        (f"room={R} session_id=abc-123456 session_id=abc-654321", "abc-654321"),
        (f"{R}: session_id={S} {OTHER_TOKEN} PA_2222222222", "PA_2222222222"),
        (f"{OTHER_TOKEN} {R}", OTHER_R),
        # what other sessions have too
        (f"room={R} participant=agent identity=user-12345", "user-12345"),
        (f"room={R} participant=agent identity=user-12345", "agent"),
        (f"room={R} user_id=u-123456789", "u-123456789"),
        (f"{R} sessionId=12345678", "12345678"),
        (f"session_id={S} room=null x", "null"),
        (f"session_id={S} room: shutting-down now", "shutting-down"),
        # no room is named: whose participant is it?
        (f"{S} participants: PA_2222222222", "PA_2222222222"),
    ],
)
def test_what_may_be_another_s_is_not_learnt(line: str, not_learnt: str) -> None:
    for given_id in (S, R):
        if given_id in line:
            later = f"something of {not_learnt} here"
            assert followed(given_id, [line, later]) == [line]


def test_once_known_a_room_is_not_changed_for_another() -> None:
    lines = [CREATED, f"session_id={S} room_name={OTHER_R}", f"joined {OTHER_R}"]
    assert followed(S, lines) == lines[:2]


def test_a_line_of_another_session_teaches_nothing_even_of_the_same_room() -> None:
    lines = [CREATED, f"room={R} session_id={OTHER_S} PA_2222222222", "PA_2222222222"]
    assert followed(S, lines) == lines[:2]


def test_a_room_s_own_id_leads_to_its_participants() -> None:
    lines = [
        f"room={R} roomID=RM_1111111111",
        "roomID=RM_1111111111 PA_2222222222",
        "PA_2222222222",
    ]
    assert followed(R, lines) == lines


def test_a_room_that_is_null_is_none() -> None:
    lines = [f"room=null room_name={R} session_id=abc-123456", "ended abc-123456"]
    assert followed(R, lines) == lines


@pytest.mark.parametrize(
    ("line", "belongs"),
    [
        ("lobby-77", True),
        ("(lobby-77)", True),
        ('"body\\nlobby-77"', True),
        ("GET /?room%3Dlobby-77%26x", True),
        ("lobby-77: lobby-771", True),
        ("lobby-771: lobby-77", True),
        ("my-lobby-77", False),
        ("mylobby-77", False),
        ("lobby-77_2", False),
        ("élobby-77", False),
        ("nlobby-77", False),
    ],
)
def test_an_id_is_a_word_of_its_own(line: str, belongs: bool) -> None:
    assert SessionFollower("lobby-77").belongs(line) is belongs


def test_a_room_that_is_made_anew_keeps_its_session() -> None:
    lines = [f"room={R} roomID=RM_1111111111", f"room={R} roomID=RM_2222222222", "RM_2222222222"]
    assert followed(R, lines) == lines


def test_a_token_is_read_but_not_kept() -> None:
    follower = SessionFollower(R)
    assert follower.belongs(f"connecting with {TOKEN}")
    assert TOKEN.split(".")[1] not in repr(vars(follower))
    assert TOKEN.split(".")[2] not in repr(vars(follower))


def test_an_id_behind_escapes_is_found_in_the_fields() -> None:
    line = '{"msg":"joined","room":"caf\\u00e9-12345","level":"info"}'
    assert followed("café-12345", [line]) == [line]


# -- Hostile lines ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "\0" * 1000,
        "eyJ" * 333_000,
        " eyJaaaaaaaa." * 70_000,
        " eyJaaaaaaaa.eyJaaaaaaaa.a" * 40_000,
        "PA_" * 333_000,
        " PA_1111111" * 90_000,
        f" {S}x" * 25_000,
        "room=" * 200_000,
        "room" + " " * 1_000_000,
        'room\\\\\\"' * 100_000,
        "eyJhbGciOiJIUzI1NiJ9.eyJ" + "W1tb" * 2000 + ".x",
    ],
    ids=lambda line: line[:20],
)
def test_a_line_of_a_megabyte_costs_little(line: str) -> None:
    follower = SessionFollower(R)
    began = time.process_time()
    assert not follower.belongs(line)
    assert follower.belongs(f"{line} {R}")
    assert time.process_time() - began < 3


def test_it_does_not_learn_without_end() -> None:
    follower = SessionFollower(R)
    for number in range(5000):
        follower.belongs(f"room={R} participantID=PA_{number:08}")
    assert not follower.belongs("PA_00004999")
    assert follower.belongs("PA_00000001")


@given(st.text(st.characters()), st.lists(st.text(st.characters()), max_size=4))
def test_any_text_is_judged(given_id: str, lines: list[str]) -> None:
    follower = SessionFollower(given_id)
    for line in lines:
        follower.belongs(line, (("room", line),))
        follower.belongs(f"room={line} {given_id} session_id={line} eyJ{line}.eyJ{line}.x")


@given(st.lists(st.sampled_from(LINES), max_size=60), st.sampled_from([0, 1]))
def test_in_any_order_no_line_of_the_other_room_is_taken(lines: list[str], one: int) -> None:
    for line in followed(ROOMS[one], lines):
        assert ROOMS[one] in line
        assert ROOMS[1 - one] not in line
