"""What the versions that a server takes come to."""

from __future__ import annotations

import pytest

from eloquence_ops.checks.tls_versions import versions
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import TlsVersions
from tests.checks.sent_chains import ADDRESS, connected, seen, verdicts


def taking(*taken: str) -> TlsVersions:
    return TlsVersions(
        endpoint=str(ADDRESS), family=Family.IPV4, address="203.0.113.10", taken=taken
    )


@pytest.mark.parametrize(
    ("taken", "outcomes"),
    [
        (("1.2", "1.3"), ["ok"]),
        (("1.3",), ["ok"]),
        (("1.1", "1.2"), ["old-too"]),
        (("1.0", "1.1"), ["only-old"]),
        ((), []),
    ],
)
def test_an_old_version_is_a_note_unless_it_is_all_there_is(
    taken: tuple[str, ...], outcomes: list[str]
) -> None:
    assert [verdict.outcome for verdict in verdicts(versions, taking(*taken))] == outcomes


def test_without_tls_or_a_connection_nothing_is_asked() -> None:
    plain = parse("http://api.éloquence.com", "api")
    assert [verdict.outcome for verdict in versions(plain, seen())] == ["none"]
    refused = connected().model_copy(update={"outcome": "refused"})
    run = seen()
    alone = type(run)(run.target, run.asked, run.now, (refused,))
    assert [verdict.outcome for verdict in versions(ADDRESS, alone)] == ["not-reached"]
