"""The picture of the ports: it fits, and it reads without colours."""

from __future__ import annotations

from pathlib import Path

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.language import Language
from eloquence_ops.observations.ports import UdpSpan
from eloquence_ops.report import port_map
from eloquence_ops.report.account import Storyteller
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import read

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"


def drawn(scene: str, width: int = 80, language: Language = "en") -> list[str]:
    result = examine(read(RECORDINGS / f"ports-{scene}.json"), catalogue())
    story = Storyteller(result, catalogue(), language)
    return [line.plain for line in port_map.port_map(story, width)]


def test_half_of_the_picture_is_the_half_that_is_blocked() -> None:
    picture = drawn("half-dropped-on-server")
    (udp,) = (line for line in picture if line.startswith("  UDP 50000 "))
    assert udp.count("█") == udp.count("░")
    assert "      █ 5000 proven: asked and answered" in picture
    assert "      ░ 5001 stopped by the server's own rules" in picture


def test_refusals_over_tcp_are_drawn_as_an_open_way() -> None:
    picture = drawn("half-dropped-on-server")
    assert any(line.startswith("  TCP 50000 ───") for line in picture)
    assert "      ─ 200 refused (RST): the way is open, as it should be" in picture


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("width", [72, 80, 110])
def test_no_line_is_wider_than_the_screen(width: int, language: Language) -> None:
    for scene in ("half-dropped-before-server", "media-range-mismatch"):
        for line in drawn(scene, width, language):
            assert len(line) <= width


def test_a_cell_with_ports_of_both_kinds_is_neither() -> None:
    def span(first: int, last: int, state: str) -> UdpSpan:
        return UdpSpan(first=first, last=last, count=last - first + 1, state=state)  # type: ignore[arg-type]

    spans = [span(1, 15, "answered"), span(16, 40, "stopped")]
    cells = port_map.in_cells(spans, port_map._UDP_SIGNS, 4)
    assert "".join(sign for sign, _ in cells.signs) == "█▒░░"
    assert cells.counts == {"answered": 15, "stopped": 25}


def test_signs_are_told_apart_without_colours() -> None:
    signs = [sign for sign, _ in port_map._UDP_SIGNS.values()]
    assert len(set(signs)) == len(signs)
