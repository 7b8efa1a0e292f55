"""What is said of a deploy: which cause, which words, in both languages, and nothing secret."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.cli.deploy_screen import show
from eloquence_ops.cli.terminal import Terminal
from eloquence_ops.deploy import blame, ending, env_file, record
from eloquence_ops.deploy.choices import Choices
from eloquence_ops.deploy.deployment import Finished, Planned
from eloquence_ops.deploy.ending import Why
from eloquence_ops.deploy.job import Origin
from eloquence_ops.deploy.progress import NOTES, STEPS, UNDO_STEPS
from eloquence_ops.deploy.record import Account
from eloquence_ops.deploy.requirements import of_source
from eloquence_ops.deploy.story import _KINDS, Row, Teller, size
from eloquence_ops.deploy.survey import Survey
from eloquence_ops.deploy.units import Rendered
from eloquence_ops.language import Language
from eloquence_ops.server.program import sources
from eloquence_ops.settings import Target
from tests.deploy.seen import OLD, RELEASE, UNITS, bare, folder, planned, serving

LANGUAGES: tuple[Language, ...] = get_args(Language)


def teller(language: Language = "en", *, verbose: bool = False) -> Teller:
    return Teller(Target("p"), Choices(), "ubuntu@server", language, catalogue(), verbose)


def ended(outcome: str, why: dict[str, Any] | None = None, **more: Any) -> Finished:
    event = {"outcome": outcome, "release": RELEASE, "current": OLD, "why": why, **more}
    return Finished(ending.read(event), OLD)


@pytest.mark.parametrize(
    ("why", "cause"),
    [
        ({"kind": "answer", "status": 500, "path": "POST /api/sessions"}, "api-unhandled-error"),
        ({"kind": "answer", "status": 404, "path": "POST /api/sessions"}, "api-routes-missing"),
        ({"kind": "answer", "status": 401, "path": "POST /api/sessions"}, "api-key-rejected"),
        ({"kind": "answer", "status": None, "path": "GET /"}, "api-breaks-off"),
        ({"kind": "timeout", "step": "candidate-checks"}, "api-hanging"),
        ({"kind": "crashed"}, "api-crash-looping"),
        ({"kind": "exited", "lines": ["Started", "exit 3"]}, "api-crash-looping"),
        (
            {
                "kind": "exited",
                "lines": [
                    "Traceback (most recent call last):",
                    "ModuleNotFoundError: No module named 'livekit'",
                    "eloquence-api-candidate.service: Main process exited",
                ],
            },
            "api-dependency-missing",
        ),
        (
            {"kind": "exited", "lines": ["ModuleNotFoundError: No module named 'adapters'"]},
            "api-files-missing",
        ),
        (
            {"kind": "packages", "lines": ["ERROR: No matching distribution"]},
            "api-dependency-missing",
        ),
        ({"kind": "disk"}, "server-disk-full"),
        ({"kind": "packages", "lines": ["OSError: [Errno 28] No space left"]}, "server-disk-full"),
        ({"kind": "unit", "lines": ["Unknown key 'Restrat'"]}, None),
        ({"kind": "hook"}, None),
        ({"kind": "unconfirmed"}, None),
    ],
)
def test_a_failure_is_told_by_its_cause(why: dict[str, Any], cause: str | None) -> None:
    found = blame.of(Why.model_validate(why), catalogue())
    assert (found.causes[0].id if found else None) == cause


def test_every_cause_of_the_table_is_in_the_catalogue() -> None:
    named = {cause for rule in blame._rules() for cause in rule["causes"]}
    assert named <= set(catalogue().causes)


def _kinds() -> list[str]:
    """Every reason that the server's program can give."""
    texts = sources("eloquence_ops.deploy.remote").values()
    found = {kind for text in texts for kind in re.findall(r'Failed\(\s*"([a-z-]+)"', text)}
    return sorted(found)


def test_every_reason_of_the_servers_has_words_of_its_own() -> None:
    # Who is not root is told so before there is a deploy to tell of.
    assert set(_kinds()) - _KINDS == {"root"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [*_kinds(), "read-only", "x", ""])
@pytest.mark.parametrize("outcome", ["undone", "refused", "lost"])
def test_every_failure_has_a_sentence(language: Language, kind: str, outcome: str) -> None:
    rows = list(teller(language).finished(ended(outcome, {"kind": kind, "step": "packages"}), 3.0))
    assert rows[0].style == "head-bad"
    assert RELEASE in rows[0].text
    assert "{" not in rows[0].text


@pytest.mark.parametrize(("serves", "head"), [(True, "HALF DONE"), (False, "NOT SERVING")])
def test_what_is_lost_is_not_said_to_be_down_where_it_serves(serves: bool, head: str) -> None:
    rows = list(teller().finished(ended("lost", {"kind": "firewall"}, serves=serves), 3.0))
    assert rows[0].label == head


def test_a_person_who_is_needed_counts_more_than_one_who_interrupted() -> None:
    assert replace(ended("lost"), interrupted=True).exit_code == 4
    assert replace(ended("undone"), interrupted=True).exit_code == 130


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_has_words(language: Language) -> None:
    told = [teller(language).step(step) for step in (*STEPS, *UNDO_STEPS)]
    assert all(text and "deploy." not in text for text in told)
    assert teller(language).step("an-unknown-one") == "an-unknown-one"


def test_what_the_server_remarks_is_said_or_known_to_need_no_words() -> None:
    texts = sources("eloquence_ops.deploy.remote").values()
    told = {name for text in texts for name in re.findall(r'told\.note\("([a-z-]+)"', text)}
    # The first is the headline's, the second is a step of its own.
    assert told == {*NOTES, "adopted", "unfinished"}
    for language in LANGUAGES:
        for note, names in NOTES.items():
            values = dict.fromkeys(names, "x")
            assert "{" not in teller(language).remark(note, values)


def plan_rows(source: Any, there: Survey, language: Language = "en", **how: Any) -> list[Row]:
    return list(teller(language).plan(whole(source, there), **how))


def whole(source: Any, there: Survey) -> Planned:
    made = planned(source, there)
    origin = Origin("marie@laptop", "c" * 40 + "-dirty")
    return Planned(made, source, Rendered(UNITS, {}, ""), of_source(source.text), origin)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_fits_eighty_columns_with_and_without_colour(
    tmp_path: Path, language: Language
) -> None:
    names = {f"deep__file{number}_py": "x" for number in range(40)}
    rows = plan_rows(folder(tmp_path, **names), bare(env_local=None), language)
    pages = []
    for colour in (False, True):
        text = io.StringIO()
        console = Terminal(file=text, width=80, force_terminal=colour, highlight=False)
        show(console, rows)
        pages.append(text.getvalue())
    assert "\x1b[" in pages[1]
    assert "\x1b[" not in pages[0]
    assert all(len(line) <= 80 and line == line.rstrip() for line in pages[0].splitlines())
    assert "cccccccccccc-dirty" in pages[0]
    assert "(-v)" in pages[0]  # forty files are not listed


def test_a_hostile_name_is_shown_harmless(tmp_path: Path) -> None:
    rows = plan_rows(folder(tmp_path, **{"a\nb\x1b[2J": "x"}), bare())
    assert not any("\x1b" in row.text or "\n" in row.text for row in rows)


def test_a_long_difference_is_cut_unless_more_is_asked_for(tmp_path: Path) -> None:
    source = folder(tmp_path)
    long = "\n".join(f"Environment=A{number}=1" for number in range(60))
    unit = {"text": f"[Service]\n{long}\n", "active": True, "enabled": True}
    there = serving(source, units={"eloquence-api.service": unit})
    lines = [row for row in plan_rows(source, there) if row.text.startswith("-Environment")]
    brief = [r for r in plan_rows(source, there, brief=True) if r.text.startswith("-Environment")]
    assert len(lines) == 60
    assert 0 < len(brief) < 20


def test_a_unit_that_the_source_brings_along_is_compared_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "eloquence-api.service").write_text(
        "[Service]\nUMask=0002\nEnvironment=API_KEY=very-secret-indeed\n", encoding="utf-8"
    )
    source = folder(tmp_path)
    whole_plan = [row.text for row in plan_rows(source, serving(source))]
    brief = [row.text for row in plan_rows(source, serving(source), brief=True)]
    assert "-UMask=0002" in whole_plan
    assert "-UMask=0002" not in brief
    assert "very-secret-indeed" not in "\n".join(whole_plan)


def test_secrets_of_a_unit_are_in_no_difference(tmp_path: Path) -> None:
    source = folder(tmp_path)
    text = "[Service]\nEnvironment=LIVEKIT_API_SECRET=very-secret-indeed\n"
    there = serving(source, units={"eloquence-api.service": {"text": text, "active": True}})
    shown = "\n".join(row.text for row in plan_rows(source, there))
    account = Account("deploy", teller(), "2026-01-01T00:00:00Z", planned=whole(source, there))
    assert "very-secret-indeed" not in shown + str(record.document(account))


def test_the_document_has_its_shape(tmp_path: Path) -> None:
    source = folder(tmp_path)
    account = Account("deploy", teller(), "2026-01-01T00:00:00Z", whole(source, serving(source)))
    account.finished = ended("undone", {"kind": "answer", "status": 500, "path": "POST /x"})
    account.steps, account.exit_code = [("watch", "failed", 1.23456)], 1
    account.notes = [("flat-kept", {"because": "agent.service"})]
    found = record.document(account)
    assert set(found) == {
        *("schema_version", "tool_version", "command", "target", "exit_code", "outcome"),
        *("release", "previous", "current", "serves", "started_at", "duration_s", "plan"),
        *("steps", "remarks", "why", "causes", "outside"),
    }
    assert (found["outcome"], found["exit_code"], found["release"]) == ("undone", 1, RELEASE)
    assert found["remarks"][0]["id"] == "flat-kept"
    assert "agent.service" in found["remarks"][0]["text"]
    assert found["steps"] == [{"step": "watch", "state": "failed", "seconds": 1.235}]
    assert found["causes"][0]["id"] == "api-unhandled-error"
    assert found["why"]["summary"] == "POST /x answered 500"
    assert found["plan"]["nothing"] is True
    assert set(found["plan"]) == {
        *("release", "by", "commit", "nothing", "files", "bytes_to_send", "texts", "packages"),
        *("gap", "adopts", "takes_over", "livekit_restarts", "notes", "refusals"),
    }


@pytest.mark.parametrize(
    ("count", "english", "french"),
    [
        (0, "0 B", "0 o"),
        (999, "999 B", "999 o"),
        (1234, "1.2 kB", "1,2 ko"),
        (10**9, "1.0 GB", "1,0 Go"),
    ],
)
def test_sizes_are_written_as_people_do(count: int, english: str, french: str) -> None:
    assert (size(count, "en"), size(count, "fr")) == (english, french)


# .env files


def test_names_are_read_and_values_are_not() -> None:
    text = "\ufeff# A comment\nexport A=1\nB = two words\n\nC='x=y'\nA=again\n; D=no\n"
    assert env_file.names(text) == ("A", "B", "C")
    assert env_file.wrong_lines(text) == ()
    assert env_file.wrong_lines("A=1\nthe secret itself\n1B=2") == (2, 3)


def test_names_are_compared_both_ways() -> None:
    difference = env_file.compare(("A", "B"), ("B", "C"))
    assert difference == env_file.Difference(("A",), ("C",), ("B",))
