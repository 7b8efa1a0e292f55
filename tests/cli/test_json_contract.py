"""`--output json`, version 1: its keys, their order, their types and their words are a promise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from eloquence_ops import __version__
from tests.cli.command import holding, run, way_to
from tests.cli.labs import broken

Shape = dict[str, Any]

FINDING: Final[Shape] = {
    "id": str,
    "check": str,
    "status": {"pass", "warn", "fail", "masked", "skipped", "unknown", "error"},
    "vantage": {"here", "server", "code"},
    "subject": str,
    "summary": str,
    "evidence": dict,
    "masked_by": [str],
    "duration_s": float,
}
CAUSE: Final[Shape] = {
    "id": str,
    "title": str,
    "owner": {"app", "backend", "server", "network", "machine"},
    "subject": str,
    "confidence": {"certain", "likely", "possible"},
    "explains": [str],
    "confirmed_by": [str],
    "alternatives": [{"id": str, "why": str, "next_probe": str}],
    "remedies": [{"say": str, "run": str, "where": {"here", "server", "app"}, "changes": str}],
    "verify": str,
}
DOCUMENT: Final[Shape] = {
    "schema_version": int,
    "tool_version": str,
    "command": {"doctor", "check-api", "check-livekit", "check-punycode-dns"},
    "target": {"name": str, "api": (str, None), "livekit": (str, None), "server": (str, None)},
    "verdict": {"healthy", "degraded", "broken", "undetermined"},
    "headline": str,
    "vantages": {"here": bool, "server": bool, "code": bool},
    "started_at": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "duration_s": float,
    "findings": [FINDING],
    "causes": [CAUSE],
    "ruled_out": [{"id": str, "by": [str]}],
    "unexplained": [str],
    "masked": int,
}


def deviations(value: Any, shape: Any, where: str = "") -> list[str]:
    """Where `value` is not of that shape: a type, words, a pattern, a list, or keys in order."""
    match shape:
        case dict():
            if not isinstance(value, dict) or list(value) != list(shape):
                return [f"{where}: {value!r}"]
            each = [deviations(value[key], shape[key], f"{where}.{key}") for key in shape]
        case [item]:
            if not isinstance(value, list):
                return [f"{where}: {value!r}"]
            each = [deviations(entry, item, f"{where}[{n}]") for n, entry in enumerate(value)]
        case set():
            return [] if value in shape else [f"{where}: {value!r}"]
        case re.Pattern():
            return [] if shape.fullmatch(value) else [f"{where}: {value!r}"]
        case (kind, None):
            return [] if value is None or type(value) is kind else [f"{where}: {value!r}"]
        case _:
            return [] if type(value) is shape else [f"{where}: {value!r}"]
    return [entry for entries in each for entry in entries]


RUNS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], str]]] = {
    "healthy": ((), (), "healthy"),
    "degraded": (("own-network",), (), "degraded"),
    "broken": (("api-legacy-deployed",), (), "broken"),
    "a tie": (("proxy-wrong-upstream",), (), "broken"),
    "two causes": (("api-key-rejected", "livekit-not-running"), (), "broken"),
    "read only": ((), ("--read-only",), "healthy"),
    "undetermined": ((), ("--only", "app"), "undetermined"),
}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("json")
    found = {}
    for name, (faults, words, _) in RUNS.items():
        with broken(*faults) as system:
            command = ("doctor", *way_to(system), *words, "--output", "json")
            found[name] = json.loads(run(*command, cwd=folder, environ=holding(system)).out)
    return found


@pytest.fixture(params=RUNS)
def document(request: pytest.FixtureRequest, documents: dict[str, Any]) -> Any:
    return documents[request.param]


def test_every_key_is_there_in_its_order_with_its_type(document: Any) -> None:
    assert deviations(document, DOCUMENT) == []


def test_the_verdict_is_what_it_should_be(documents: dict[str, Any]) -> None:
    expected = {name: verdict for name, (_, _, verdict) in RUNS.items()}
    assert {name: found["verdict"] for name, found in documents.items()} == expected


def test_the_versions_are_said(document: Any) -> None:
    assert document["schema_version"] == 1
    assert document["tool_version"] == __version__
    assert document["vantages"] == {"here": True, "server": False, "code": False}


def test_a_finding_names_its_check_and_what_masks_it(document: Any) -> None:
    for finding in document["findings"]:
        assert re.fullmatch(r"[a-z]+\.[a-z0-9-]+\.[a-z0-9-]+", finding["id"])
        assert finding["id"].rpartition(".")[0] == finding["check"]
        assert (finding["status"] == "masked") == bool(finding["masked_by"])
        assert finding["summary"]
        for value in finding["evidence"].values():
            assert type(value) in (str, int, float, bool, list, type(None))
    masked = [entry for entry in document["findings"] if entry["status"] == "masked"]
    assert document["masked"] == len(masked)


def test_what_is_referred_to_is_there(document: Any) -> None:
    there = {f"{entry['id']}@{entry['vantage']}" for entry in document["findings"]}
    for cause in document["causes"]:
        assert cause["explains"]
        assert {*cause["explains"], *cause["confirmed_by"]} <= there
        assert (cause["confidence"] == "possible") == bool(cause["alternatives"])
        assert cause["remedies"]
    for entry in document["ruled_out"]:
        assert entry["by"]
        assert set(entry["by"]) <= there
    assert set(document["unexplained"]) <= there


def test_a_cause_is_chosen_only_for_a_problem(document: Any) -> None:
    problems = {"warn", "fail"} & {entry["status"] for entry in document["findings"]}
    assert bool(document["causes"]) == bool(problems)


def test_the_documented_target_is_the_one_examined(documents: dict[str, Any]) -> None:
    target = documents["healthy"]["target"]
    assert target["api"] == "https://api.éloquence.test"
    assert target["livekit"] == "wss://livekit.éloquence.test"
    assert target["server"] is None


def test_a_single_check_says_which_command_it_was(tmp_path: Path) -> None:
    words = ("check-api", "http://127.0.0.1:1", "--timeout", "1", "--output", "json")
    found = json.loads(run(*words, cwd=tmp_path).out)
    assert deviations(found, DOCUMENT) == []
    assert found["command"] == "check-api"
    assert found["target"]["livekit"] is None


def test_letters_are_letters_and_not_escapes(tmp_path: Path) -> None:
    words = ("doctor", "http://é.invalid", "--timeout", "1", "--output", "json", "--lang", "fr")
    assert "http://é.invalid" in run(*words, cwd=tmp_path).text
