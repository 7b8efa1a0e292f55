"""Real packets ask real firewalls, and the evaluator's answers are held against what they met."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.network.firewall import generated_iptables, generated_nft
from tests.network.firewall.oracle import Compared, compared
from tests.network.firewall.table import DOCUMENT, rulesets
from tests.real import require, require_namespaces

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def found() -> list[Compared]:
    """Every ruleset, loaded and asked once for all of these tests."""
    require_namespaces()
    for program in ("iptables", "iptables-legacy", "ufw", "unshare"):
        require(program)
    return compared(rulesets())


def test_no_answer_is_wrong(found: list[Compared]) -> None:
    assert [str(one) for one in found if one.is_wrong] == []


def test_nothing_is_unknown_where_the_texts_decide_it(found: list[Compared]) -> None:
    needless = [
        f"{one}: {one.answer.doubt}"
        for one in found
        if one.answer.verdict == "unknown" and not one.ruleset.is_open
    ]
    assert needless == []


def test_an_unknown_answer_holds_what_happened_among_what_may(found: list[Compared]) -> None:
    lacking = [
        str(one)
        for one in found
        for told in (one.answer, one.blind)
        if told.verdict == "unknown" and one.met not in told.possible
    ]
    assert lacking == []


def test_every_feature_is_asked_about_more_than_once() -> None:
    asked = Counter(feature for ruleset in rulesets() for feature in ruleset.features)
    features = {*generated_nft.FEATURES, *generated_iptables.FEATURES}
    assert {feature for feature in features if asked[feature] < 2} == set()
    assert len(rulesets()) >= 200


def test_packets_meet_every_fate_often(found: list[Compared]) -> None:
    met = Counter(one.met for one in found)
    assert min(met["accepted"], met["dropped"], met["rejected"]) > len(found) / 10


def test_the_document_says_that_none_was_wrong() -> None:
    assert "Answered wrongly: **0**." in DOCUMENT.read_text(encoding="utf-8")
