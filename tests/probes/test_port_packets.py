"""The packets of a proof, and what its responder takes, answers and says."""

from __future__ import annotations

import base64
import json

import pytest

from eloquence_ops.probes.ports import packets
from eloquence_ops.probes.ports.packets import SIZE, NotTheResponder, Run, Sayings
from eloquence_ops.probes.ports.remote.responder import ANSWERING, ASKING, Responder, checksum

RUN = Run()


def responder(run: Run = RUN) -> Responder:
    told = json.loads(base64.b64decode(run.command(4, range(50000, 50010), 5, bind=True)[-1]))
    return Responder(told, run.secret, b"")


def test_the_responder_takes_this_runs_question_and_its_answer_is_as_long() -> None:
    one, question = responder(), RUN.question(50003, 2)
    assert one.number(question, 50003) == 2
    answer = one.sealed(ANSWERING, 50003, 2)
    assert len(answer) == len(question) == SIZE
    assert RUN.answered(answer) == (50003, 2)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        RUN.question(50003, 2)[:-1],
        RUN.question(50003, 2) + b"\0",
        bytes([RUN.question(50003, 2)[0] ^ 1]) + RUN.question(50003, 2)[1:],
        RUN.question(50003, 2)[:-1] + bytes([RUN.question(50003, 2)[-1] ^ 1]),
        Run(tag=RUN.tag).question(50003, 2),  # without the secret
        RUN.question(49999, 2),  # a port that is not examined
        b"\0" * SIZE,
    ],
    ids=[
        *("nothing", "too short", "too long", "first bit turned", "last bit turned"),
        *("another secret", "another port", "zeros"),
    ],
)
def test_nothing_else_is_answered(packet: bytes) -> None:
    assert responder().number(packet, 50003) is None


def test_a_packet_that_came_to_another_port_than_it_was_sent_to_proves_nothing() -> None:
    one = responder()
    assert one.number(RUN.question(50003, 0), 50004) is None
    assert one.translated == 1


def test_a_question_is_no_answer_and_a_strangers_answer_is_none_of_ours() -> None:
    assert RUN.answered(RUN.question(50003, 2)) is None
    assert RUN.answered(responder(Run(tag=RUN.tag)).sealed(ANSWERING, 50003, 2)) is None
    assert RUN.answered(responder().sealed(ASKING, 50003, 2)) is None


def test_a_packet_that_is_repeated_for_ever_is_not_answered_for_ever() -> None:
    one = responder()
    assert sum(one.may_answer(50003) for _ in range(10_000)) <= 64


def test_no_protocol_of_livekit_begins_like_these_packets() -> None:
    """RFC 7983: STUN 0-3, ZRTP 16-19, DTLS 20-63, TURN 64-79, RTP and RTCP 128-191."""
    assert RUN.question(50000, 0)[0] >= 192


def test_the_secret_is_in_no_word_of_the_command_and_not_shown() -> None:
    words = " ".join(RUN.command(4, [50000], 5, bind=False))
    secret = base64.b64encode(RUN.secret).decode()
    assert secret not in words
    assert secret not in base64.b64decode(words.split(" ")[-1]).decode()
    assert secret.encode() in RUN.first_line
    assert repr(RUN.secret) not in repr(RUN)


def test_the_checksum_is_that_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(b"\xff\xff") == 0xFFFF


def test_what_a_login_shell_says_first_is_passed_over() -> None:
    sayings = Sayings("n0nce")
    assert sayings.feed(b'Welcome\n{"way": "raw"}\nn0nce {"way') == []
    assert sayings.feed(b'": "raw"}\n') == [{"way": "raw"}]


@pytest.mark.parametrize("said", [b"n [1]\n", b"n {\n", b"n " + b"[" * 100_000 + b"\n"])
def test_what_is_not_the_responders_is_refused(said: bytes) -> None:
    with pytest.raises(NotTheResponder):
        Sayings("n").feed(said)


def test_a_flood_is_refused() -> None:
    sayings = Sayings("n")
    with pytest.raises(NotTheResponder):
        [sayings.feed(b"x" * 65536) for _ in range(100)]


@pytest.mark.parametrize(
    "change",
    [{"way": "other"}, {"in_use": [[5, 70000]]}, {"in_use": "all"}, {"room": "much"}, {"left": 1}],
)
def test_a_report_that_is_not_in_shape_is_refused(change: dict[str, object]) -> None:
    good = {"way": "raw", "sees_arrivals": True, "in_use": [], "left": [], "room": None}
    assert packets.ready(good).way == "raw"
    with pytest.raises(NotTheResponder):
        packets.ready(good | change)
