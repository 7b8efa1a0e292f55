"""What LiveKit tells of its media, on the screen: of recordings of real servers."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.language import Language
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import Recording, read

RECORDINGS = Path(__file__).parents[1] / "recordings"


def shown(recording: Recording, language: Language = "en", *, verbose: bool = False) -> str:
    page = io.StringIO()
    console = Console(file=page, width=80, color_system=None)
    story = Storyteller(examine(recording, catalogue()), catalogue(), language)
    Screen(console, story, verbose=verbose).show()
    return page.getvalue()


def of(name: str) -> Recording:
    return read(RECORDINGS / f"{name}.json")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_addresses_and_servers_stand_below_each_other_in_80_columns(language: Language) -> None:
    page = shown(of("livekit-turn-certificate-invalid"), language)
    lines = page.splitlines()
    assert any(line.endswith(" tcp 203.0.113.10:7881") for line in lines)
    assert any("✓ turn:203.0.113.10:3480?transport=udp" in line for line in lines)
    assert any("! turns:turn.éloquence.test:443?transport=tcp" in line for line in lines)
    assert "LiveKit 1.13.5" in page
    block = [line for line in lines if "203.0.113" in line or "turn" in line]
    assert max(map(cell_len, block)) <= 80


def test_servers_stand_in_the_order_in_which_they_are_handed_out() -> None:
    page = shown(of("livekit-turn-certificate-invalid"))
    block = page[page.index("STUN, TURN") :]
    places = [block.index(url) for url in ("turn:203", "turns:turn", "stun:203")]
    assert places == sorted(places)


def test_a_doctor_shows_them_where_something_of_it_is_amiss_or_where_asked() -> None:
    amiss = of("livekit-turn-certificate-invalid").model_copy(update={"command": "doctor"})
    assert "STUN, TURN" in shown(amiss)
    other = of("livekit-own-livekit-pair-wrong").model_copy(update={"command": "doctor"})
    assert "STUN, TURN" not in shown(other)


def test_no_password_of_a_server_is_shown_or_recorded() -> None:
    for file in RECORDINGS.glob("livekit-*.json"):
        text = file.read_text(encoding="utf-8")
        assert "a-password-of-coturn" not in text
        assert "a-secret-of-livekit" not in text
        assert '"credential"' not in text
