"""How a recording of sound reads: which way, heard or not, at what cost, in 80 columns."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.language import Language
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.report.sound import Told, ways
from tests.media.scenarios import RECORDINGS, SCENARIOS, causes, judged

_SHORT = 80


def story(name: str, language: Language = "en") -> Storyteller:
    return Storyteller(judged(RECORDINGS / f"{name}.json"), catalogue(), language)


def told(name: str) -> dict[str, Told]:
    return {way.name: way for way in ways(story(name))}


def screen(name: str, language: Language) -> list[str]:
    page = io.StringIO()
    console = Console(file=page, width=_SHORT, color_system=None)
    Screen(console, story(name, language)).show()
    return page.getvalue().splitlines()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_recording_names_its_cause(name: str) -> None:
    found = judged(RECORDINGS / f"{name}.json")
    assert causes(found) == ([SCENARIOS[name].cause] if SCENARIOS[name].cause else [])
    assert found.diagnosis.unexplained == ()


def test_where_only_tcp_passes_the_headline_says_so_and_what_it_costs_stands_beside_it() -> None:
    found = story("media-udp-blocked")
    assert found.headline().startswith("Calls work by TCP only")
    way = told("media-udp-blocked")["as it comes"]
    assert way.mark == "heard"
    assert way.where.startswith("TCP  203.0.113.1:")
    assert way.where.endswith("203.0.113.10:7881")
    assert "a lost packet holds up all that follows" in way.cost


def test_where_udp_passes_nothing_is_paid() -> None:
    found = told("media-healthy")
    assert [(way.name, way.mark) for way in found.values()] == [
        ("as it comes", "heard"),
        ("TCP only", "heard"),
        ("TURN only", "heard"),
        ("link cut", "heard"),
    ]
    assert {way.cost for way in found.values()} == {""}
    assert found["as it comes"].where.startswith("UDP  ")
    assert found["TURN only"].where == "TURN/UDP  203.0.113.10:3478 > 203.0.113.10:50000"
    assert found["TCP only"].where.endswith("ms of delay")


@pytest.mark.parametrize(
    ("name", "way", "words"),
    [
        ("media-blocked", "as it comes", "no connection for the sound"),
        ("media-filtered", "as it comes", "connected, and not heard"),
        ("media-tcp-blocked", "TCP only", "no connection for the sound"),
        ("media-relay-broken", "TURN only", "no connection for the sound"),
        ("media-agent-absent", "the call", "and no coach came"),
        ("media-agent-mute", "the call", "publishes no sound"),
        ("agent-silent", "the call", "is silent for"),
    ],
)
def test_what_is_not_heard_is_marked(name: str, way: str, words: str) -> None:
    found = told(name)[way]
    assert found.mark == "not-heard"
    assert words in found.words


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_way_fits_on_its_line(name: str, language: Any) -> None:
    lines = screen(name, language)
    for way in ways(story(name, language)):
        assert any(way.name in line and way.words in line for line in lines), way
        assert all(not way.where or len(line) <= _SHORT for line in lines if way.where in line)
