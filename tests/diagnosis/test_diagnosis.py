"""The diagnosis as a property: whatever the catalogue and the findings are."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import combinations

from hypothesis import assume, given
from hypothesis import strategies as st

from eloquence_ops.catalogue.model import Cause
from eloquence_ops.diagnosis import Diagnosis, diagnose
from eloquence_ops.diagnosis.cover import components, minimum_covers
from eloquence_ops.findings import Finding, Status, Subject, Vantage

_TEXT = {"en": "x", "fr": "x"}
_PROBLEMS = [f"api.check-{number}.bad" for number in range(6)]
_PASSES = [f"api.check-{number}.ok" for number in range(6)]
_SIGNS = [f"api.sign-{number}.seen" for number in range(6)]


def cause(
    name: str,
    explains: list[str],
    confirmed_by: list[str] | None = None,
    contradicted_by: list[str] | None = None,
    prior: int = 5,
    scope: str = "endpoint",
    explains_if_confirmed: list[str] | None = None,
    looks_like: list[str] | None = None,
) -> Cause:
    step = {"say": _TEXT, "run": "true", "where": "here"}
    return Cause.model_validate(
        {
            "id": name,
            "title": _TEXT,
            "headline": _TEXT,
            "owner": "backend",
            "happened": _TEXT,
            "scope": scope,
            "looks_like": looks_like or [],
            "explains": explains,
            "explains_if_confirmed": explains_if_confirmed or [],
            "confirmed_by": confirmed_by or [],
            "contradicted_by": contradicted_by or [],
            "prior": prior,
            "next_probe": step,
            "remedies": [step | {"changes": _TEXT}],
            "verify": "eloquence doctor",
            "false_positives": _TEXT,
            "shown_by": {"fault": name},
        }
    )


def finding(
    finding_id: str, status: Status = Status.FAIL, subject: str = "https://api.test"
) -> Finding:
    return Finding(finding_id, status, Vantage.HERE, Subject(subject))


def catalogue(*causes: Cause) -> Mapping[str, Cause]:
    return {entry.id: entry for entry in causes}


def chosen(diagnosis: Diagnosis) -> set[str]:
    return {entry.cause.id for entry in diagnosis.causes}


causes = st.lists(
    st.builds(
        lambda explains, confirmed, contradicted, prior: (explains, confirmed, contradicted, prior),
        st.sets(st.sampled_from(_PROBLEMS), min_size=1, max_size=4),
        st.sets(st.sampled_from(_SIGNS), max_size=1),
        st.sets(st.sampled_from(_PASSES), max_size=1),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=6,
).map(
    lambda rows: catalogue(
        *(
            cause(f"cause-{place}", sorted(row[0]), sorted(row[1]), sorted(row[2]), row[3])
            for place, row in enumerate(rows)
        )
    )
)
findings = st.tuples(
    st.sets(st.sampled_from(_PROBLEMS)),
    st.sets(st.sampled_from(_PASSES)),
    st.sets(st.sampled_from(_SIGNS)),
).map(
    lambda sets: [
        *(finding(entry) for entry in sorted(sets[0])),
        *(finding(entry, Status.PASS) for entry in sorted(sets[1])),
        *(finding(entry, Status.PASS) for entry in sorted(sets[2])),
    ]
)


@given(causes, findings)
def test_a_contradicted_cause_is_never_chosen_and_never_an_alternative(
    known: Mapping[str, Cause], seen: list[Finding]
) -> None:
    diagnosis = diagnose(seen, known)
    passes = {entry.id for entry in seen if entry.status is Status.PASS}
    for entry in diagnosis.causes:
        for named in (entry.cause, *(other.cause for other in entry.alternatives)):
            assert not passes & {link.finding for link in named.contradicted_by}


@given(causes, findings)
def test_every_problem_is_explained_or_openly_unexplained(
    known: Mapping[str, Cause], seen: list[Finding]
) -> None:
    diagnosis = diagnose(seen, known)
    explained = {found.key for entry in diagnosis.causes for found in entry.explains}
    left = {found.key for found in diagnosis.unexplained}
    problems = {entry.key for entry in seen if entry.status.is_problem}
    assert explained | left == problems
    assert not explained & left


@given(causes, findings)
def test_an_unrelated_pass_changes_nothing(known: Mapping[str, Cause], seen: list[Finding]) -> None:
    unrelated = finding("dns.unrelated.ok", Status.PASS)
    assert diagnose([*seen, unrelated], known) == diagnose(seen, known)


@given(causes, findings, st.randoms())
def test_the_order_of_findings_does_not_matter(
    known: Mapping[str, Cause], seen: list[Finding], shuffle: random.Random
) -> None:
    mixed = list(seen)
    shuffle.shuffle(mixed)
    one, other = diagnose(seen, known), diagnose(mixed, known)
    assert {(c.cause.id, c.subject, c.confidence) for c in one.causes} == {
        (c.cause.id, c.subject, c.confidence) for c in other.causes
    }
    assert one.unexplained == other.unexplained
    assert one.ruled_out == other.ruled_out


@given(causes, findings)
def test_no_cover_is_smaller(known: Mapping[str, Cause], seen: list[Finding]) -> None:
    """Against brute force: fewest causes among those that hold every confirmed one."""
    diagnosis = diagnose(seen, known)
    passes = {entry.id for entry in seen if entry.status is Status.PASS}
    problems = {entry.id for entry in seen if entry.status.is_problem}
    possible = {
        name: {link.finding for link in entry.explains} & problems
        for name, entry in known.items()
        if not passes & {link.finding for link in entry.contradicted_by}
    }
    possible = {name: covers for name, covers in possible.items() if covers}
    present = {
        name for name in possible if passes & {link.finding for link in known[name].confirmed_by}
    }
    coverable = set().union(*possible.values()) if possible else set()
    for size in range(len(possible) + 1):
        found = [
            set(names)
            for names in combinations(possible, size)
            if present <= set(names)
            and set().union(*(possible[name] for name in names), set()) == coverable
        ]
        if found:
            assert len(diagnosis.causes) == size
            assert chosen(diagnosis) in found
            return


@given(st.sets(st.integers(0, 5), min_size=1))
def test_every_planted_set_of_causes_is_found(planted: set[int]) -> None:
    """Each has a problem of its own beside a shared one; then all of them and no other."""
    known = catalogue(
        *(cause(f"cause-{number}", [_PROBLEMS[number], "api.shared.bad"]) for number in range(6))
    )
    seen = [finding(_PROBLEMS[number]) for number in planted] + [finding("api.shared.bad")]
    assert chosen(diagnose(seen, known)) == {f"cause-{number}" for number in planted}


@given(causes, findings)
def test_confidence_says_what_it_means(known: Mapping[str, Cause], seen: list[Finding]) -> None:
    for entry in diagnose(seen, known).causes:
        match entry.confidence:
            case "certain":
                assert entry.confirmed_by
                assert not entry.alternatives
            case "likely":
                assert not entry.confirmed_by
                assert not entry.alternatives
            case "possible":
                assert entry.alternatives


@given(causes, findings)
def test_an_alternative_would_serve_as_well(
    known: Mapping[str, Cause], seen: list[Finding]
) -> None:
    diagnosis = diagnose(seen, known)
    problems = {entry.id for entry in seen if entry.status.is_problem}
    for entry in diagnosis.causes:
        others = [other for other in diagnosis.causes if other is not entry]
        covered = {found.id for other in others for found in other.explains}
        for other in entry.alternatives:
            reached = covered | {link.finding for link in other.cause.explains} & problems
            assert {found.id for found in entry.explains} <= reached


def test_from_here_a_502_is_a_tie_and_both_are_stated() -> None:
    known = catalogue(
        cause("livekit-not-running", ["livekit.health.bad-gateway"], prior=6),
        cause("proxy-wrong-upstream", ["livekit.health.bad-gateway"], prior=4),
    )
    (only,) = diagnose([finding("livekit.health.bad-gateway")], known).causes
    assert only.cause.id == "livekit-not-running"
    assert only.confidence == "possible"
    assert [other.cause.id for other in only.alternatives] == ["proxy-wrong-upstream"]


def test_confirmation_decides_a_tie_whatever_the_prior() -> None:
    known = catalogue(
        cause("livekit-not-running", ["livekit.health.bad-gateway"], prior=9),
        cause("proxy-wrong-upstream", ["livekit.health.bad-gateway"], ["livekit.direct.ok"]),
    )
    seen = [finding("livekit.health.bad-gateway"), finding("livekit.direct.ok", Status.PASS)]
    (only,) = diagnose(seen, known).causes
    assert (only.cause.id, only.confidence) == ("proxy-wrong-upstream", "certain")


def test_the_more_specific_cause_is_preferred() -> None:
    known = catalogue(
        cause("server-is-down", ["api.check-0.bad", "api.check-1.bad"], prior=9),
        cause("api-is-down", ["api.check-0.bad"], prior=1),
    )
    assert chosen(diagnose([finding("api.check-0.bad")], known)) == {"api-is-down"}
    both = [finding("api.check-0.bad"), finding("api.check-1.bad")]
    assert chosen(diagnose(both, known)) == {"server-is-down"}


def test_what_is_seldom_is_brought_up_by_proof_alone() -> None:
    known = catalogue(
        cause("api-is-down", ["api.check-0.bad"]),
        cause(
            "firewall-rejects",
            ["api.check-1.bad"],
            confirmed_by=["api.sign-0.seen"],
            explains_if_confirmed=["api.check-0.bad"],
        ),
    )
    both = [finding("api.check-0.bad"), finding("api.check-1.bad")]
    assert chosen(diagnose(both, known)) == {"api-is-down", "firewall-rejects"}
    proof = finding("api.sign-0.seen", Status.PASS)
    (only,) = diagnose([*both, proof], known).causes
    assert (only.cause.id, only.confidence) == ("firewall-rejects", "certain")


def test_one_cause_for_two_subjects_may_stand_in_for_one_that_covers_both() -> None:
    known = catalogue(
        cause("server-is-off", ["api.check-0.bad"], scope="host"),
        cause("port-is-closed", ["api.check-0.bad"], prior=9),
        cause("api-is-down", ["api.check-1.bad"]),
    )
    ports = ("https://api.test", "https://api.test:8443")
    (only,) = diagnose([finding("api.check-0.bad", subject=port) for port in ports], known).causes
    assert (only.cause.id, only.confidence) == ("server-is-off", "possible")
    assert [(other.cause.id, other.subject) for other in only.alternatives] == [
        ("port-is-closed", ", ".join(ports))
    ]


def test_a_lookalike_is_brought_up_by_what_is_its_own_and_explains_the_rest_too() -> None:
    known = catalogue(
        cause("api-is-down", ["api.check-0.bad"]),
        cause("api-crashes", ["api.check-1.bad"], looks_like=["api-is-down"]),
    )
    (outside,) = diagnose([finding("api.check-0.bad")], known).causes
    assert (outside.cause.id, outside.confidence) == ("api-is-down", "likely")
    both = [finding("api.check-0.bad"), finding("api.check-1.bad")]
    assert chosen(diagnose(both, known)) == {"api-crashes"}


def inside(finding_id: str, status: Status) -> Finding:
    return Finding(finding_id, status, Vantage.SERVER, Subject("https://api.test"))


def test_a_lookalike_is_stated_as_long_as_nobody_has_looked_where_it_would_show() -> None:
    known = catalogue(
        cause("api-is-down", ["api.check-0.bad"]),
        cause("api-crashes", ["server.unit.crashes@server"], looks_like=["api-is-down"]),
        cause(
            "api-hangs",
            ["server.port.silent@server"],
            contradicted_by=["api.check-1.ok"],
            looks_like=["api-is-down"],
        ),
    )
    down = finding("api.check-0.bad")

    def stated(*more: Finding) -> tuple[str, list[str]]:
        (only,) = diagnose([down, *more], known).causes
        assert only.cause.id == "api-is-down"
        assert all(other.is_lookalike for other in only.alternatives)
        return only.confidence, [other.cause.id for other in only.alternatives]

    assert stated() == ("possible", ["api-crashes", "api-hangs"])
    # What could not be told there tells nothing.
    unknown = inside("server.unit.hidden", Status.UNKNOWN)
    assert stated(unknown) == ("possible", ["api-crashes", "api-hangs"])
    assert stated(inside("server.unit.ok", Status.PASS)) == ("possible", ["api-hangs"])
    assert stated(finding("api.check-1.ok", Status.PASS)) == ("possible", ["api-crashes"])
    both = (inside("server.unit.ok", Status.PASS), inside("server.port.ok", Status.PASS))
    assert stated(*both) == ("likely", [])


def test_a_lookalike_that_is_stated_gives_way_however_specific_it_is() -> None:
    known = catalogue(
        cause("api-is-down", ["api.check-0.bad", "api.check-1.bad"], prior=1),
        cause("api-is-hidden", ["api.check-0.bad"], prior=9, looks_like=["api-is-down"]),
    )
    (only,) = diagnose([finding("api.check-0.bad")], known).causes
    assert only.cause.id == "api-is-down"
    assert [other.cause.id for other in only.alternatives] == ["api-is-hidden"]


def test_masked_unknown_skipped_and_error_neither_explain_nor_contradict() -> None:
    known = catalogue(
        cause("first-cause", ["api.check-0.bad"], contradicted_by=["api.check-1.ok"]),
    )
    for status in (Status.MASKED, Status.UNKNOWN, Status.SKIPPED, Status.ERROR):
        seen = [finding("api.check-0.bad"), finding("api.check-1.ok", status)]
        assert chosen(diagnose(seen, known)) == {"first-cause"}
        assert diagnose([finding("api.check-0.bad", status)], known).causes == ()


def test_one_cause_an_endpoint_and_one_for_the_run() -> None:
    two = [
        finding("tls.handshake.expired", subject="https://api.test"),
        finding("tls.handshake.expired", subject="wss://livekit.test"),
    ]
    each = diagnose(two, catalogue(cause("cert-expired", ["tls.handshake.expired"])))
    assert [entry.subject for entry in each.causes] == ["https://api.test", "wss://livekit.test"]
    own = cause("own-network", ["tls.handshake.expired"], scope="run")
    whole = diagnose(two, catalogue(own))
    assert len(whole.causes) == 1


def test_evidence_against_counts_for_its_own_subject_only() -> None:
    known = catalogue(
        cause("not-running", ["api.check-0.bad"], contradicted_by=["api.check-1.ok"]),
    )
    seen = [
        finding("api.check-0.bad", subject="https://one.test"),
        finding("api.check-1.ok", Status.PASS, subject="https://other.test"),
    ]
    assert chosen(diagnose(seen, known)) == {"not-running"}
    anywhere = catalogue(
        cause("not-running", ["api.check-0.bad"], contradicted_by=["api.check-1.ok on any"]),
    )
    diagnosis = diagnose(seen, anywhere)
    assert chosen(diagnosis) == set()
    assert [entry.cause.id for entry in diagnosis.ruled_out] == ["not-running"]
    assert [entry.id for entry in diagnosis.unexplained] == ["api.check-0.bad"]


def test_what_a_cause_hides_is_counted() -> None:
    known = catalogue(cause("not-running", ["api.check-0.bad"]))
    hidden = Finding(
        "api.check-1.masked",
        Status.MASKED,
        Vantage.HERE,
        Subject("https://api.test"),
        masked_by=("api.check-0.bad",),
    )
    diagnosis = diagnose([finding("api.check-0.bad"), hidden], known)
    assert diagnosis.masked == 1
    assert diagnosis.causes[0].masks == 1


@given(
    st.dictionaries(
        st.integers(0, 6), st.frozensets(st.integers(0, 5), min_size=1, max_size=4), min_size=1
    )
)
def test_components_share_nothing_and_lose_nothing(sets: dict[int, frozenset[int]]) -> None:
    parts = list(components(sets))
    assert sum(len(part) for _, part in parts) == len(sets)
    for (one, _), (other, _) in combinations(parts, 2):
        assert not one & other


@given(
    st.dictionaries(
        st.integers(0, 6), st.frozensets(st.integers(0, 5), min_size=1, max_size=4), min_size=1
    )
)
def test_minimum_covers_are_all_covers_of_the_least_size(sets: dict[int, frozenset[int]]) -> None:
    universe = frozenset().union(*sets.values())
    assume(universe)
    found = minimum_covers(universe, sets)
    for size in range(1, len(sets) + 1):
        brute = {
            frozenset(names)
            for names in combinations(sets, size)
            if frozenset().union(*(sets[name] for name in names)) >= universe
        }
        if brute:
            assert found == brute
            return
