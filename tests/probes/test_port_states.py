"""What the end of a connection attempt says of a port."""

from __future__ import annotations

import errno

import pytest

from eloquence_ops.probes.ports.pace import Pace
from eloquence_ops.probes.ports.states import FILTERED_AFTER_S, Icmp, outcome, unanswered


@pytest.mark.parametrize(
    ("error", "icmp", "state", "detail"),
    [
        (0, None, "open", ""),
        (errno.ECONNREFUSED, None, "closed", ""),
        (errno.ECONNRESET, None, "closed", ""),
        (errno.ETIMEDOUT, None, "filtered", ""),
        # A firewall that rejects gives the same errno as a port without a listener.
        (errno.ECONNREFUSED, Icmp(4, 3, 3), "rejected", "ICMP port unreachable"),
        (errno.EHOSTUNREACH, Icmp(4, 3, 13), "rejected", "ICMP communication administratively"),
        (errno.EHOSTUNREACH, Icmp(4, 3, 1, "192.0.2.1"), "unreachable", "unreachable (192.0.2.1)"),
        (errno.ENETUNREACH, Icmp(4, 3, 0), "unreachable", "ICMP network unreachable"),
        (errno.EACCES, Icmp(6, 1, 1), "rejected", "ICMP communication administratively"),
        (errno.ECONNREFUSED, Icmp(6, 1, 4), "rejected", "ICMP port unreachable"),
        (errno.EHOSTUNREACH, Icmp(6, 1, 3), "unreachable", "ICMP address unreachable"),
        (errno.EHOSTUNREACH, Icmp(4, 11, 0), "unreachable", "ICMP type 11 code 0"),
        (errno.EHOSTUNREACH, None, "unreachable", "EHOSTUNREACH"),
        (errno.EMFILE, None, "local", "EMFILE"),
        (errno.EADDRNOTAVAIL, None, "local", "EADDRNOTAVAIL"),
        (errno.EPERM, None, "local", "EPERM"),
    ],
)
def test_each_end_has_its_state(error: int, icmp: Icmp | None, state: str, detail: str) -> None:
    found = outcome(error, icmp)
    assert found.state == state
    assert detail in found.detail


def test_silence_has_a_name_only_after_several_probes_over_three_seconds() -> None:
    assert FILTERED_AFTER_S > 3
    assert unanswered(FILTERED_AFTER_S).state == "filtered"
    assert unanswered(FILTERED_AFTER_S - 0.1).state == "silent"


def test_a_way_that_carries_everything_is_used_fully_and_one_that_loses_less() -> None:
    pace = Pace(window=512, most=600)
    for _ in range(200):
        pace.answered(0.01)
    assert pace.window == 600
    pace.lost(now=1.0)
    pace.lost(now=1.01)  # the same burst
    assert pace.window == 450
    pace.lost(now=2.0)
    assert pace.window < 450


def test_what_is_swallowed_stops_counting_after_some_round_trips() -> None:
    pace = Pace()
    assert pace.overdue_s == 0.3
    pace.answered(0.04)
    assert pace.overdue_s == pytest.approx(0.12)
