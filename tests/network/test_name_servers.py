"""Faults of the DNS on real name servers (nsd, and unbound), each with its cause."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Status
from eloquence_ops.run.examine import Result, examine
from tests.network.dns_stories import FAULTS, STORIES
from tests.network.name_examination import examined
from tests.network.name_servers import World, world

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Every zone of the stories on the same servers."""
    with world(tmp_path_factory.mktemp("dns"), STORIES) as running:
        yield running


def judged(name: str, servers: World) -> Result:
    return examine(examined(name, STORIES[name], servers), catalogue())


@pytest.mark.parametrize("name", STORIES)
def test_a_fault_of_the_dns_is_named_and_what_is_well_is_left_alone(
    name: str, servers: World
) -> None:
    story, result = STORIES[name], judged(name, servers)
    found = {finding.id for finding in result.findings}
    problems = {finding.id for finding in result.problems}
    assert set(story.problems) <= problems <= {*story.problems, *story.perhaps}
    causes = {cause.cause.id for cause in result.diagnosis.causes}
    assert set(story.causes) <= causes <= {*story.causes, *story.perhaps_causes}
    assert result.diagnosis.unexplained == ()
    assert set(story.also) <= found
    assert Status.ERROR not in {finding.status for finding in result.findings}
    if story.undetermined:
        assert result.verdict == "undetermined"


def test_the_faults_are_as_many_as_they_should_be() -> None:
    assert len(FAULTS) >= 25
    assert len({cause for story in FAULTS.values() for cause in story.causes}) >= 15
