"""The way back to the old endpoints is offered only where all of it works."""

from __future__ import annotations

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.report.account import Storyteller
from eloquence_ops.run.examine import Result
from tests.checks.test_what_answers import JSON, Answer, examined, named

WORKS: dict[tuple[str, str], Answer] = {
    ("GET", "/api/sessions"): (404, JSON, '{"detail":"Not Found"}'),
    ("GET", "/api/session/start"): (405, {"allow": "POST", **JSON}, "{}"),
    ("POST", "/api/session/start"): (200, JSON, '{"session_id": "old/1"}'),
    ("GET", "/ws/simple/old%2F1"): (101, {"upgrade": "websocket", "connection": "upgrade"}, ""),
    ("GET", "/livekit/token"): (405, {"allow": "POST", **JSON}, "{}"),
    ("POST", "/api/session/old%2F1/end"): (200, JSON, "{}"),
}


def of_old_api(asked: list[str], **changed: Answer) -> Result:
    """Examined, with some of its answers `changed`, named by a part of their path."""
    answers = {
        (method, path): next((changed[part] for part in changed if part in path), answer)
        for (method, path), answer in WORKS.items()
    }

    def answer(method: str, path: str) -> Answer:
        asked.append(f"{method} {path}")
        return answers.get((method, path), (404, JSON, '{"detail":"Not Found"}'))

    return examined(answer)[0]


def steps_for_the_app(result: Result) -> list[str]:
    causes = Storyteller(result, catalogue(), "en").causes()
    return [step.say for cause in causes for step in cause.remedies if step.where == "app"]


def test_an_old_backend_that_works_offers_the_way_back_and_is_left_as_it_was() -> None:
    asked: list[str] = []
    result = of_old_api(asked)
    assert named(result) == {"api-legacy-deployed"}
    assert len(steps_for_the_app(result)) == 1
    assert asked.count("POST /api/session/start") == 1
    assert asked.count("POST /api/session/old%2F1/end") == 1


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"/ws/": (403, {}, "")}, "websocket /ws/simple/… (403)"),
        ({"/end": (500, {}, "")}, "POST /api/session/…/end (500)"),
        ({"/livekit/token": (404, JSON, "{}")}, "/livekit/token (404)"),
    ],
)
def test_one_part_that_does_not_work_takes_it_away(
    changed: dict[str, Answer], missing: str
) -> None:
    result = of_old_api([], **changed)
    assert named(result) == {"api-legacy-deployed"}
    assert steps_for_the_app(result) == []
    (finding,) = (found for found in result.findings if found.id == "api.old-way.incomplete")
    assert finding.evidence["missing"] == (missing,)
