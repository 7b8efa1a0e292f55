"""The drawing of a chain: every certificate, and the fault on the one that has it."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.language import Language
from eloquence_ops.observations import AnyObservation, TlsChain
from eloquence_ops.observations.certificates import Anchor
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.report.ladder import Rung, ladders
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import RecordedOptions, RecordedTarget, Recording
from tests.checks.sent_chains import (
    ADDRESS,
    DAY,
    KNOWN_ROOT,
    MIDDLE,
    NOW,
    STRANGER,
    certificate,
    connected,
    leaf,
    resolved,
    sent,
    shaken,
)
from tests.sentences import typed

WEAK_MIDDLE = certificate("R11", "X1", key="RSA", key_bits=1024)
COMPANY = Anchor(subject="CN=Company", sha256="00")


def recording(*observations: AnyObservation, command: str = "check-ssl") -> Recording:
    return Recording(
        tool_version="1",
        command=command,
        target=RecordedTarget(name="t", values={"api": ADDRESS.url}),
        options=RecordedOptions(
            areas=("tls",), read_only=False, has_api_key=False, addresses=(ADDRESS.url,)
        ),
        started_at=NOW,
        duration_s=1.0,
        probe_ends=(),
        observations=(resolved(), connected(), *observations),
    )


def story(*observations: AnyObservation, language: Language = "en") -> Storyteller:
    return Storyteller(examine(recording(*observations), catalogue()), catalogue(), language)


def rungs(chain: TlsChain) -> tuple[Rung, ...]:
    outcome = "untrusted" if chain.verify_code else "ok"
    made = shaken(outcome, chain.certificates[0])  # type: ignore[arg-type]
    (ladder,) = ladders(story(chain, made))
    return ladder.rungs


@pytest.mark.parametrize(
    ("chain", "drawn"),
    [
        (sent(), ["leaf good", "R11 good", "X1 trusted"]),
        (
            sent(leaf(), MIDDLE, STRANGER),
            ["leaf good", "R11 good", "X1 trusted", "Stranger besides"],
        ),
        (
            sent(leaf(), MIDDLE, certificate("X1", "X1", sha256=KNOWN_ROOT)),
            ["leaf good", "R11 good", "X1 trusted"],
        ),
        (sent(leaf(), verify_code=20), ["leaf good", "R11 missing"]),
        (sent(leaf(), MIDDLE, verify_code=20), ["leaf good", "R11 good", "X1 missing"]),
        (sent(leaf(not_after=NOW + DAY), MIDDLE), ["leaf faulty", "R11 good", "X1 trusted"]),
        (sent(leaf(), WEAK_MIDDLE, verify_code=67), ["leaf good", "R11 faulty", "X1 good"]),
        (sent(leaf(names=("x.test",)), MIDDLE), ["leaf faulty", "R11 good", "X1 trusted"]),
        (sent(anchor=COMPANY), ["leaf good", "R11 good", "Company faulty"]),
    ],
)
def test_a_fault_stands_on_the_certificate_that_has_it(chain: TlsChain, drawn: list[str]) -> None:
    made = rungs(chain)
    assert [f"{rung.name} {rung.state}" for rung in made] == drawn
    assert [bool(rung.faults) for rung in made] == [
        rung.state in ("faulty", "missing") for rung in made
    ]


def test_one_chain_of_two_families_is_drawn_once() -> None:
    other = sent(family="ipv6", address="2001:db8::10")
    (ladder,) = ladders(story(sent(), other))
    assert ladder.places == (f"{ADDRESS} IPv4", f"{ADDRESS} IPv6")
    renewed = sent(leaf(not_after=NOW + timedelta(days=85)), MIDDLE, family="ipv6")
    assert len(ladders(story(sent(), renewed))) == 2


@pytest.mark.parametrize(
    ("language", "words"), [("en", "R11 · not sent"), ("fr", "R11 · non envoyé")]
)
def test_the_screen_shows_it_in_eighty_columns(language: Language, words: str) -> None:
    chain = sent(leaf(), verify_code=20)
    page = io.StringIO()
    told = story(chain, shaken("untrusted", leaf()), language=language)
    Screen(Console(width=80, file=page), told).show()
    drawn = typed(page.getvalue())
    assert words in drawn
    assert drawn.index("✓ leaf") < drawn.index(words)


def test_doctor_draws_only_what_has_a_fault() -> None:
    def shown(*observations: AnyObservation) -> str:
        page = io.StringIO()
        result = examine(recording(*observations, command="doctor"), catalogue())
        Screen(Console(width=80, file=page), Storyteller(result, catalogue(), "en")).show()
        return page.getvalue()

    assert "R11" not in shown(sent(), shaken("ok", leaf()))
    assert "R11" in shown(sent(leaf(), verify_code=20), shaken("untrusted", leaf()))
