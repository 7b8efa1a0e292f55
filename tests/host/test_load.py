"""The load of the deploy's tests: it asks as often as it says, and nothing escapes it."""

from __future__ import annotations

import time

import pytest

from tests.host.layout import API_UNIT
from tests.host.load import LEAST_RATE, loading
from tests.host.machine import Host

pytestmark = pytest.mark.real


@pytest.mark.parametrize("kept", [False, True])
def test_a_plain_restart_is_seen_by_those_who_ask_just_then(host: Host, kept: bool) -> None:
    with loading(host, kept=kept) as load:
        time.sleep(1)
        host.shell(f"systemctl restart {API_UNIT}")
        time.sleep(2)
    assert load.rate >= LEAST_RATE, load
    assert "refused" in load.counted(), load
    assert (load.connections < load.requests / 2) is kept
