"""What a room's messages say of media: candidates, ICE servers, and whether a coach has a voice."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models, rtc

from eloquence_ops.observations.signal import Candidate
from eloquence_ops.probes.room import Room
from eloquence_ops.secrets import Redactor

_LINE = "candidate:1 1 {} 2130706431 {} {} typ host"


def room(*servers: rtc.ICEServer, redactor: Redactor | None = None) -> Room:
    made = Room(redactor or Redactor())
    join = rtc.JoinResponse(participant=models.ParticipantInfo(sid="PA_us"), ice_servers=servers)
    made.take_in(rtc.SignalResponse(join=join).SerializeToString())
    return made


def trickled(made: Room, init: str, *, final: bool = False) -> Room:
    trickle = rtc.TrickleRequest(candidateInit=init, final=final)
    made.take_in(rtc.SignalResponse(trickle=trickle).SerializeToString())
    return made


def line(text: str) -> str:
    return json.dumps({"candidate": text, "sdpMid": "0"})


def test_candidates_come_one_by_one_and_in_the_offer() -> None:
    made = room()
    sdp = f"v=0\r\na={_LINE.format('udp', '192.0.2.1', 50000)}\r\n"
    offer = rtc.SessionDescription(type="offer", sdp=sdp)
    made.take_in(rtc.SignalResponse(offer=offer).SerializeToString())
    trickled(made, line(_LINE.format("TCP", "2001:DB8:0::1", 7881)))
    whole_before = made.candidates_whole
    trickled(made, line(_LINE.format("udp", "192.0.2.1", 50000)), final=True)
    assert made.offered
    assert (whole_before, made.candidates_whole) == (False, True)
    assert list(made.candidates) == [
        Candidate(protocol="udp", address="192.0.2.1", port=50000),
        Candidate(protocol="tcp", address="2001:db8::1", port=7881),
    ]


@given(st.text(max_size=200) | st.text(max_size=50).map(line))
def test_whatever_a_candidate_holds_is_no_defect(init: str) -> None:
    assert len(trickled(room(), init).candidates) <= 1


@pytest.mark.parametrize("init", ["[" * 900, "{}", '{"candidate": 1}', "null", line("x" * 2000)])
def test_what_is_none_is_left_out(init: str) -> None:
    assert not trickled(room(), init).candidates


def test_a_hostile_list_is_cut() -> None:
    made = room(*(rtc.ICEServer(urls=[f"turn:{number}.test"] * 3) for number in range(50)))
    assert len(made.ice_servers) == 8
    for number in range(1, 100):
        trickled(made, line(_LINE.format("udp", "192.0.2.1", number)))
    assert len(made.candidates) == 32


def test_a_servers_password_is_a_secret_from_then_on() -> None:
    redactor = Redactor()
    server = rtc.ICEServer(urls=["turn:t.test"], username="u", credential="its-password")
    (found,) = room(server, redactor=redactor).ice_servers
    assert found.password.reveal() == "its-password"
    assert "its-password" not in repr(found)
    assert redactor.text("so it is its-password") == "so it is ***"


def test_a_short_password_masks_no_words_of_others() -> None:
    redactor = Redactor()
    room(rtc.ICEServer(urls=["turn:t.test"], credential="nginx"), redactor=redactor)
    assert redactor.text("nginx") == "nginx"


@pytest.mark.parametrize(
    ("tracks", "sound"),
    [
        ((), "none"),
        ((models.TrackInfo(type=models.TrackType.VIDEO),), "none"),
        ((models.TrackInfo(type=models.TrackType.AUDIO, muted=True),), "muted"),
        ((models.TrackInfo(type=models.TrackType.AUDIO),), "published"),
    ],
)
def test_what_sound_a_coach_has_by_the_signalling(
    tracks: tuple[models.TrackInfo, ...], sound: str
) -> None:
    made = room()
    coach = models.ParticipantInfo(sid="PA_coach", identity="agent-1", tracks=tracks)
    update = rtc.ParticipantUpdate(participants=[coach])
    made.take_in(rtc.SignalResponse(update=update).SerializeToString())
    (seen,) = made.others.values()
    assert seen.sound == sound
