"""The real LiveKit behind a real nginx, where too little is passed on, and too much."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, LAB_LIVEKIT_SECRET
from eloquence_ops.observations import HttpExchange
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import read
from tests.network.real_stack import real_stack
from tests.systems.proxies import PROXIES

pytestmark = pytest.mark.real


PAIR = {
    "ELOQUENCE_LIVEKIT_API_KEY": LAB_LIVEKIT_KEY,
    "ELOQUENCE_LIVEKIT_API_SECRET": LAB_LIVEKIT_SECRET,
}


@pytest.mark.parametrize("proxy", PROXIES)
def test_both_rooms_and_the_list_of_them_are_reached_through_each_proxy(
    proxy: str, tmp_path: Path
) -> None:
    record = tmp_path / "run.json"
    with real_stack(proxy=proxy) as stack:
        code = replace(stack, environ={**stack.environ, **PAIR}).doctor(record)
    result = examine(read(record), catalogue())
    assert (result.verdict, code, result.problems) == ("healthy", 0, ())
    found = {finding.id for finding in result.findings}
    assert {"livekit.join.ok", "livekit.room.ok", "livekit.rooms.ok", "livekit.candidates.ok"} <= (
        found
    )


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_that_drops_upgrade_is_named(proxy: str, tmp_path: Path) -> None:
    """nginx does so as it comes, the others where they are told to."""
    record = tmp_path / "run.json"
    with real_stack(proxy=proxy, passes_upgrade=False) as stack:
        code = stack.doctor(record)
    (chosen,) = examine(read(record), catalogue()).diagnosis.causes
    assert (chosen.cause.id, chosen.confidence) == ("proxy-drops-upgrade", "certain")
    assert code == 1


def test_a_development_livekit_with_an_open_port_shows_its_inside(tmp_path: Path) -> None:
    record = tmp_path / "run.json"
    with real_stack(exposed=True) as stack:
        code = stack.doctor(record)
    result = examine(read(record), catalogue())
    assert {chosen.cause.id: chosen.confidence for chosen in result.diagnosis.causes} == {
        "livekit-port-public": "certain",
        "livekit-debug-exposed": "certain",
    }
    assert (result.verdict, code) == ("degraded", 0)


def test_a_read_only_run_asks_for_no_debug_page(tmp_path: Path) -> None:
    record = tmp_path / "run.json"
    with real_stack(exposed=True) as stack:
        stack.doctor(record, "--read-only")
    result = examine(read(record), catalogue())
    assert [chosen.cause.id for chosen in result.diagnosis.causes] == ["livekit-port-public"]
    asked = {seen.path for seen in result.seen.every(HttpExchange)}
    assert not [path for path in asked if path.startswith(("/debug", "/metrics"))]
