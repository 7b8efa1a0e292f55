"""What a chain is called, whatever way it was sent and refused."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.android_roots import android_roots
from eloquence_ops.checks import tls
from eloquence_ops.checks.tls_chain import android, chain, strictly, walk
from eloquence_ops.endpoints import parse
from eloquence_ops.observations import TlsChain
from eloquence_ops.observations.certificates import Anchor, SentCertificate
from tests.checks.sent_chains import (
    ADDRESS,
    DAY,
    MIDDLE,
    NOW,
    ROOT,
    STRANGER,
    certificate,
    judged,
    leaf,
    seen,
    sent,
    shaken,
    verdicts,
)

UNTRUSTED = 20
CROSS_SIGNED = certificate("X1", "X0", authority_key="aa", subject_key="bb")
PRIVATE = leaf(issuer_url="", scts=0)
OLD = next(iter(android_roots().keys))
OLD_KEY = next(iter(android_roots().keys[OLD]))
OF_ANDROID = {"issuer": OLD, "authority_key": OLD_KEY}

CHAINS: dict[str, tuple[TlsChain, str]] = {
    "whole": (sent(), "ok"),
    "leaf of a root": (sent(leaf("X1")), "ok"),
    "with its root": (sent(leaf(), MIDDLE, ROOT), "superfluous-root"),
    "with a cross-signed root": (sent(leaf(), MIDDLE, CROSS_SIGNED), "ok"),
    "out of order": (sent(leaf(), ROOT, MIDDLE), "disordered"),
    "with a stranger": (sent(leaf(), MIDDLE, STRANGER), "superfluous"),
    "with itself twice": (sent(leaf(), MIDDLE, MIDDLE), "superfluous"),
    "another name's": (sent(verify_code=62), "ok"),
    "expired": (sent(leaf(not_after=NOW - DAY), MIDDLE, verify_code=10), "ok"),
    "to come": (sent(leaf(not_before=NOW + DAY), MIDDLE, verify_code=9), "ok"),
    "leaf alone": (sent(leaf(), verify_code=UNTRUSTED), "incomplete"),
    "leaf and a stranger": (sent(leaf(), STRANGER, verify_code=UNTRUSTED), "incomplete"),
    "logged, without an address": (sent(leaf(issuer_url=""), verify_code=21), "incomplete"),
    "leaf alone of a private one": (sent(PRIVATE, verify_code=UNTRUSTED), "issuer-missing"),
    "the upper one missing": (sent(leaf(), MIDDLE, verify_code=UNTRUSTED), "incomplete"),
    "the upper one missing, unlogged": (
        sent(PRIVATE, certificate("R11", "X1", issuer_url="http://x1.test/"), verify_code=20),
        "issuer-missing",
    ),
    "of an unknown root": (sent(PRIVATE, MIDDLE, verify_code=UNTRUSTED), "unknown-root"),
    "of a public root that is not here": (
        sent(leaf(), certificate("R11", "-").model_copy(update=OF_ANDROID), verify_code=20),
        "unknown-root",
    ),
    "with an unknown root": (sent(leaf(), MIDDLE, ROOT, verify_code=19), "untrusted-root"),
    "self-signed": (sent(leaf("leaf"), verify_code=18), "self-signed"),
    "not for servers": (sent(verify_code=26), "unfit"),
    "an intermediate that ended": (
        sent(leaf(), certificate("R11", "X1", not_after=NOW - DAY), verify_code=10),
        "link-expired",
    ),
    "an intermediate to come": (
        sent(leaf(), certificate("R11", "X1", not_before=NOW + DAY), verify_code=9),
        "link-to-come",
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_called_by_what_is_the_matter_with_it(name: str) -> None:
    made, outcome = CHAINS[name]
    assert judged(chain, made)[0] == outcome


@pytest.mark.parametrize(
    ("made", "evidence"),
    [
        (sent(leaf(), verify_code=20), {"subject": "CN=leaf", "missing": "CN=R11"}),
        (sent(leaf(), MIDDLE, verify_code=20), {"subject": "CN=R11", "missing": "CN=X1"}),
        (sent(leaf(), MIDDLE, ROOT, verify_code=19), {"subject": "CN=X1"}),
        (sent(), {"root": "CN=X1", "sent": 2}),
    ],
)
def test_the_issuer_that_is_missing_is_named(made: TlsChain, evidence: dict[str, Any]) -> None:
    assert judged(chain, made)[1] == evidence


def test_a_key_identifier_tells_two_issuers_of_one_name_apart() -> None:
    wrong = certificate("R11", "X1", subject_key="11")
    right = certificate("R11", "X1", subject_key="22")
    up = walk((leaf(authority_key="22"), wrong, right))
    assert up is not None
    assert (up.path[1], up.unused) == (right, (wrong,))


def test_certificates_that_issued_each_other_come_to_an_end() -> None:
    up = walk((certificate("A", "B"), certificate("B", "A")))
    assert up is not None
    assert (len(up.path), up.missing) == (2, "CN=A")
    assert walk(()) is None


def test_weakness_is_left_to_the_check_of_keys() -> None:
    assert verdicts(chain, sent(verify_code=66)) == []


@pytest.mark.parametrize("judge", [chain, android, strictly])
def test_without_tls_and_without_a_certificate_nothing_is_judged(judge: Any) -> None:
    plain = parse("http://api.éloquence.com", "api")
    assert [verdict.outcome for verdict in judge(plain, seen())] == ["none"]
    assert [verdict.outcome for verdict in judge(ADDRESS, seen())] == ["not-shown"]


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (sent(), "ok"),
        (sent(anchor=Anchor(subject="CN=Company", sha256="00")), "unknown"),
        (sent(anchor=Anchor(subject="CN=Company", sha256="00", given=True)), "given"),
        (sent(verify_code=20), "not-trusted"),
    ],
)
def test_a_root_is_looked_up_among_androids(made: TlsChain, outcome: str) -> None:
    assert judged(android, made)[0] == outcome


NEW_ROOT = Anchor(subject="CN=YR", sha256="00")
BELOW = certificate("R11", "YR", authority_key="11")


def twin(**different: Any) -> SentCertificate:
    """Of the new root, signed by one that Android has."""
    names = OF_ANDROID | {"subject_key": "11"}
    return certificate("YR", "-").model_copy(update=names | different)


@pytest.mark.parametrize(
    ("made", "outcome", "root"),
    [
        (sent(leaf(), BELOW, twin(), anchor=NEW_ROOT), "ok", OLD),
        (sent(leaf(), BELOW, STRANGER, twin(), anchor=NEW_ROOT), "ok", OLD),
        # The old root may have signed the one below as well, under another key.
        (sent(leaf(), BELOW, ROOT, twin(authority_key="99"), anchor=NEW_ROOT), "unknown", "CN=YR"),
        (sent(leaf(), BELOW, twin(not_after=NOW - DAY), anchor=NEW_ROOT), "unknown", "CN=YR"),
        # Sent besides: nothing of the chain was issued by it.
        (sent(leaf(), BELOW, twin(subject="CN=Z"), anchor=NEW_ROOT), "unknown", "CN=YR"),
        (sent(leaf(), BELOW, twin(subject_key="22"), anchor=NEW_ROOT), "unknown", "CN=YR"),
    ],
)
def test_a_way_that_our_verifier_did_not_take_may_be_androids(
    made: TlsChain, outcome: str, root: str
) -> None:
    found, evidence = judged(android, made)
    assert (found, evidence["root"]) == (outcome, root)


def test_androids_roots_are_known_by_their_names_and_keys() -> None:
    roots = android_roots()
    assert len(roots.names) == sum(map(len, roots.keys.values())) > 100
    x1 = "CN=ISRG Root X1,O=Internet Security Research Group,C=US"
    key = "79b459e67bb6e5e40173800888c81a58f6e99b6e"
    assert roots.issued(x1, key)
    assert roots.issued(x1, "")
    assert not roots.issued(x1, "00")
    assert not roots.issued("CN=Nobody", key)


def test_what_a_stricter_verifier_dislikes_is_a_note() -> None:
    assert judged(strictly, sent(disliked="no key usage")) == (
        "dislikes",
        {"detail": "no key usage"},
    )
    assert judged(strictly, sent())[0] == "ok"


def test_an_expired_intermediate_lends_its_end_to_the_handshakes_finding() -> None:
    old = certificate("R11", "X1", not_after=NOW - DAY)
    made = sent(leaf(), old, verify_code=10)
    outcome, evidence = judged(tls.handshake, made, shaken("expired", leaf()))
    assert (outcome, evidence["not_after"]) == ("expired", "2026-02-28 12:00 UTC")


def test_an_intermediate_to_come_lends_its_beginning() -> None:
    new = certificate("R11", "X1", not_before=NOW + DAY)
    made = sent(leaf(), new, verify_code=9)
    outcome, evidence = judged(tls.handshake, made, shaken("not-yet-valid", leaf()))
    assert (outcome, evidence["not_before"]) == ("not-yet-valid", "2026-03-02 12:00 UTC")
