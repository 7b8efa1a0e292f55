"""Broken TLS: each is called what it is, within its deadline, and by the cause that it has."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.cli.examination import Request, make_plan
from eloquence_ops.probes.tls import SECOND_LOOK_S
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.settings import build_target
from tests.probes.peers import Handler, peer
from tests.systems.tls_by_hand import BY_HAND

_TIMEOUT_S: Final = 1.0
# Beside the deadlines: for a machine with much to do.
_SLACK_S: Final = 4.0


async def _examined(serve: Handler) -> Result:
    async with peer(serve) as port:
        address = f"https://127.0.0.1:{port}"
        target = build_target("by-hand", {"api": address}, origin=str)
        request = Request("check-ssl", hosts=[address], only=["tls"], timeout_s=_TIMEOUT_S)
        recording = await Execution(make_plan(target, request, {}), "check-ssl").carry_out()
    return examine(recording, catalogue())


@pytest.mark.parametrize("name", BY_HAND)
def test_broken_tls_is_called_what_it_is(name: str) -> None:
    by_hand = BY_HAND[name]
    begun = time.monotonic()
    result = asyncio.run(_examined(by_hand.serve))
    assert time.monotonic() - begun < _TIMEOUT_S + SECOND_LOOK_S + _SLACK_S
    found = {one.outcome: one for one in result.findings if one.check == "tls.handshake"}
    assert set(found) == {by_hand.finding}
    assert by_hand.detail in str(found[by_hand.finding].evidence.get("detail", ""))
    assert [chosen.cause.id for chosen in result.diagnosis.causes] == ["tls-not-answering"]
    assert result.diagnosis.unexplained == ()
