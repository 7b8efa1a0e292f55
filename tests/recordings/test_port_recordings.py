"""Recordings of `check-ports` against the real test host, judged again: `tests/host/ports.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Finding
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.recording import read
from tests.host.ports import SCENES

FOLDER = Path(__file__).parent


def replayed(scene: str) -> Result:
    return examine(read(FOLDER / f"ports-{scene}.json"), catalogue())


def found(result: Result, check: str) -> Finding:
    (one,) = (finding for finding in result.findings if finding.check == check)
    return one


def test_every_recording_of_ports_is_one_that_can_be_renewed() -> None:
    assert {file.stem for file in FOLDER.glob("ports-*.json")} == {f"ports-{one}" for one in SCENES}


@pytest.mark.parametrize("scene", SCENES)
def test_a_recording_of_ports_shows_its_cause_and_nothing_else(scene: str) -> None:
    causes = {entry.cause.id: entry.confidence for entry in replayed(scene).diagnosis.causes}
    assert causes == {SCENES[scene].cause: "certain"}


def test_who_drops_is_told_by_where_the_packets_were_seen() -> None:
    on_server = found(replayed("half-dropped-on-server"), "ports.range-udp")
    before = found(replayed("half-dropped-before-server"), "ports.range-udp")
    assert (on_server.outcome, before.outcome) == ("stopped", "lost")
    for one, state in ((on_server, "stopped"), (before, "lost-before")):
        assert one.evidence["blocked"] == "55000-60000"
        assert one.evidence["proofs"] == ("50000-54999 answered", f"55000-60000 {state}")
        assert (one.evidence["ports"], one.evidence["proven"]) == (10_001, 5000)
        assert one.evidence["by"] == "raw-socket"


def test_refusals_over_tcp_in_the_range_are_no_fault() -> None:
    one = found(replayed("half-dropped-on-server"), "ports.range-tcp")
    assert (one.outcome, one.evidence["closed"], one.evidence["asked"]) == ("ok", 200, 200)


def test_the_range_that_is_let_in_is_named_beside_the_one_that_livekit_uses() -> None:
    result = replayed("media-range-mismatch")
    for check in ("ports.range-udp", "server.media-firewall"):
        one = found(result, check)
        assert one.outcome == "other-range"
        assert (one.evidence["udp"], one.evidence["let_in"]) == ("40000-41000", "50000-60000")
