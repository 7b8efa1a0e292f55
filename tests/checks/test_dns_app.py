"""What is made of the names that the app's source holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.checks.engine import judge_all
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.diagnosis import diagnose
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Finding, Status, Vantage
from eloquence_ops.observations import AppSource, NameSurvey
from eloquence_ops.probes.name_forms import shown
from eloquence_ops.settings import Target

API = parse("https://api.éloquence.com", "api")
LIVEKIT = parse("wss://livekit.éloquence.com", "livekit")
RIGHT = "api.xn--loquence-90a.com"


def seen(*names: str, zone: str = "", handed_out: str = "", **source: Any) -> Seen:
    fields: dict[str, Any] = {"outcome": "read", "files": 3, "names": len(names)}
    observed: list[Any] = [AppSource(**fields | source)]
    observed += [
        shown("app", name, started=0.0, place=f"lib/api.dart:{line}")
        for line, name in enumerate(names, start=1)
    ]
    if zone:
        observed.append(NameSurvey(host=API.host, zone=zone))
    if handed_out:
        observed.append(shown("session", handed_out, started=0.0))
    target = Target("t", api=API, livekit=LIVEKIT)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Seen(target, Asked(areas=frozenset({"dns"})), now, tuple(observed))


def of_app(run: Seen) -> list[Finding]:
    return [found for found in judge_all(run, catalogue()) if found.check.startswith("dns.app")]


def told(run: Seen, check: str = "dns.app-name") -> list[str]:
    return [found.outcome for found in of_app(run) if found.check == check]


@pytest.mark.parametrize(
    ("written", "outcomes"),
    [
        (RIGHT, ["ok"]),
        ("API.XN--LOQUENCE-90A.COM", ["ok"]),
        ("push.example", ["ok"]),
        ("api.éloquence.com", ["unicode"]),
        ("api.e\u0301loquence.com", ["decomposed"]),
        ("api.%C3%A9loquence.com", ["percent-encoded"]),
        ("api.e%CC%81loquence.com", ["percent-encoded"]),
        ("api.xn--eloquence-.com", ["refused"]),
        ("api.xn--loquence-90b.com", ["near"]),
        ("api.lűoquence.com", ["unicode", "near"]),
        ("api.eloquence.com", ["look-alike"]),
        ("api.elоquence.com", ["unicode", "look-alike"]),
    ],
)
def test_how_a_name_is_written_and_which_one_it_is(written: str, outcomes: list[str]) -> None:
    assert told(seen(written)) == outcomes


def test_the_exact_a_label_and_the_place_are_in_the_evidence() -> None:
    (found,) = [entry for entry in of_app(seen("api.éloquence.com")) if entry.status.is_problem]
    assert found.vantage is Vantage.CODE
    assert found.evidence == {
        "typed": "api.éloquence.com",
        "host": RIGHT,
        "place": "lib/api.dart:1",
    }


def test_a_look_alike_is_held_against_the_name_that_begins_like_it() -> None:
    run = seen("livekit.eloquence.com")
    (found,) = (entry for entry in of_app(run) if entry.outcome == "look-alike")
    assert found.evidence["other_host"] == LIVEKIT.host


def test_it_is_held_against_what_the_api_hands_out_as_well() -> None:
    assert told(seen("media.naive.net", handed_out="media.naïve.net")) == ["look-alike"]
    assert told(seen("media.naive.net")) == ["ok"]


def test_two_hosts_of_one_zone_are_not_two_domains() -> None:
    alike = "apî.xn--loquence-90a.com"
    assert told(seen(alike)) == ["unicode", "look-alike"]
    assert told(seen(alike, zone="xn--loquence-90a.com")) == ["unicode"]


@pytest.mark.parametrize(
    ("names", "source", "outcome", "status"),
    [
        ((RIGHT,), {}, "ok", Status.PASS),
        (("push.example", RIGHT), {}, "ok", Status.PASS),
        (("push.example",), {}, "elsewhere", Status.PASS),
        ((), {}, "nothing", Status.SKIPPED),
        ((RIGHT,), {"cut": True}, "partly", Status.UNKNOWN),
        ((RIGHT,), {"closed": 1}, "partly", Status.UNKNOWN),
        ((), {"outcome": "not-found"}, "not-found", Status.UNKNOWN),
        ((), {"outcome": "no-folder"}, "no-folder", Status.UNKNOWN),
        ((), {"outcome": "unreadable"}, "unreadable", Status.UNKNOWN),
    ],
)
def test_what_could_not_be_read_is_never_a_pass(
    names: tuple[str, ...], source: dict[str, Any], outcome: str, status: Status
) -> None:
    found = [entry for entry in of_app(seen(*names, **source)) if entry.check == "dns.app"]
    assert [(entry.outcome, entry.status) for entry in found] == [(outcome, status)]


def test_where_no_folder_was_named_nothing_is_said_of_the_app() -> None:
    run = seen()
    without = Seen(run.target, run.asked, run.now, ())
    assert of_app(without) == []


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("api.éloquence.com", "app-unicode-host"),
        ("api.%C3%A9loquence.com", "app-unicode-host"),
        ("api.eloquence.com", "dns-lookalike-domain"),
        ("api.xn--loquence-90b.com", "dns-punycode-mismatch"),
        ("api.xn--eloquence-.com", "dns-punycode-mismatch"),
    ],
)
def test_each_has_its_cause(written: str, cause: str) -> None:
    diagnosis = diagnose(tuple(of_app(seen(written))), catalogue().causes)
    assert [(entry.cause.id, entry.confidence) for entry in diagnosis.causes] == [
        (cause, "certain")
    ]
    assert diagnosis.unexplained == ()


def test_the_apps_spelling_is_not_blamed_on_the_settings() -> None:
    findings = judge_all(seen("api.%C3%A9loquence.com", "api.eloquence.com"), catalogue())
    assert [found.id for found in findings if found.status.is_problem] == [
        "dns.app-name.percent-encoded",
        "dns.app-name.look-alike",
    ]
