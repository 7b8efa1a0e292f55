"""Waiting until healthy: what is looked at meanwhile, and what in the run that follows."""

from __future__ import annotations

import asyncio

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.run.plan import Plan
from eloquence_ops.run.recording import Recording, read
from eloquence_ops.run.waiting import until_healthy
from eloquence_ops.secrets import Redactor
from eloquence_ops.settings import Target
from tests.media.scenarios import RECORDINGS


def test_sound_is_waited_for_without_any_and_judged_at_the_end() -> None:
    """It opens a session and makes a room, so that a read-only run can say nothing of it."""
    plans: list[Plan] = []
    healthy = read(RECORDINGS / "media-healthy.json")

    async def carry_out(plan: Plan) -> Recording:
        plans.append(plan)
        return healthy

    asked = Plan(Target("t"), frozenset({"media"}), {}, Redactor(), named=frozenset({"media"}))
    asyncio.run(until_healthy(asked, 5, carry_out, catalogue()))
    assert [(plan.read_only, plan.named) for plan in plans] == [
        (True, frozenset()),
        (False, frozenset({"media"})),
    ]
