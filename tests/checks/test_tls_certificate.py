"""The certificate by itself: its time, its key, its names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eloquence_ops.checks.tls_certificate import expiry, key, names
from tests.checks.sent_chains import DAY, MIDDLE, NAME, NOW, ROOT, certificate, judged, leaf, sent

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("lifetime", "left", "outcome"),
    [
        (90 * DAY, 89 * DAY, "ok"),
        (90 * DAY, 29 * DAY, "ok"),  # renewed tonight, or tomorrow
        (90 * DAY, 16 * DAY, "ok"),
        (90 * DAY, 14 * DAY, "overdue"),
        (6 * DAY, 4 * DAY, "ok"),  # of six days, on its second one
        (6 * DAY, 25 * HOUR, "ok"),
        (6 * DAY, 20 * HOUR, "overdue"),
        (45 * DAY, 8 * DAY, "ok"),
        (45 * DAY, 7 * DAY, "overdue"),
        (3650 * DAY, 40 * DAY, "ok"),  # of ten years, nobody renews twenty months early
        (3650 * DAY, 29 * DAY, "overdue"),
        (90 * DAY, -DAY, "over"),
        (90 * DAY, 91 * DAY, "over"),
    ],
)
def test_what_is_left_counts_as_a_share_of_the_lifetime(
    lifetime: timedelta, left: timedelta, outcome: str
) -> None:
    end = NOW + left
    assert judged(expiry, sent(leaf(not_before=end - lifetime, not_after=end)))[0] == outcome


def test_few_days_are_told_in_tenths() -> None:
    evidence = judged(expiry, sent(leaf(not_before=NOW - 5 * DAY, not_after=NOW + 20 * HOUR)))[1]
    assert evidence == {
        "not_after": "2026-03-02 08:00 UTC",
        "left": 0.8,
        "lifetime": 5.8,
        "percent": 14,
    }


def test_a_certificate_without_a_lifetime_divides_nothing() -> None:
    assert judged(expiry, sent(leaf(not_before=NOW, not_after=NOW)))[0] == "ok"


RSA_1024: dict[str, Any] = {"key": "RSA", "key_bits": 1024}


@pytest.mark.parametrize(
    ("chain", "outcome"),
    [
        (sent(), "ok"),
        (sent(leaf(key="RSA", key_bits=2048), MIDDLE), "ok"),
        (sent(leaf(key="Ed25519", key_bits=256, digest=""), MIDDLE), "ok"),
        (sent(leaf(key="", key_bits=0), MIDDLE), "ok"),
        (sent(leaf(**RSA_1024), MIDDLE, verify_code=66), "weak-key"),
        (sent(leaf(), certificate("R11", "X1", **RSA_1024), verify_code=67), "weak-key"),
        (sent(leaf(key="EC secp192r1", key_bits=192)), "weak-key"),
        (sent(leaf(digest="sha1"), MIDDLE, verify_code=68), "weak-signature"),
        (sent(leaf(), certificate("R11", "X1", digest="md5")), "weak-signature"),
        # A root is trusted for what it is; its own signature is verified by nobody.
        (sent(leaf(), MIDDLE, certificate("X1", "X1", digest="sha1")), "ok"),
        # What does not belong to the chain does no harm.
        (sent(leaf(), MIDDLE, ROOT, certificate("Old", "Older", **RSA_1024)), "ok"),
    ],
)
def test_the_weakest_certificate_of_the_chain_decides(chain: object, outcome: str) -> None:
    assert judged(key, chain)[0] == outcome  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offered", "outcome"),
    [
        ((NAME,), "ok"),
        ((NAME.upper(),), "ok"),
        (("other.test", "*.xn--loquence-90a.com"), "ok"),
        (("api.eloquence.com",), "look-alike"),
        (("*.eloquence.com",), "look-alike"),
        (("eloquence.com",), "others"),
        (("api.\\xe9loquence.com",), "u-label"),
        (("api.éloquence.com",), "u-label"),
        (("*.com",), "others"),
        (("a.*.xn--loquence-90a.com", "*api.xn--loquence-90a.com"), "others"),
        (("203.0.113.10",), "others"),
        ((), "none-in-it"),
    ],
)
def test_how_a_certificate_meets_or_misses_the_name(offered: tuple[str, ...], outcome: str) -> None:
    assert judged(names, sent(leaf(names=offered), MIDDLE))[0] == outcome


def test_an_address_is_a_name_like_any_other() -> None:
    made = sent(leaf(names=("203.0.113.10",)), MIDDLE, server_name="203.0.113.10")
    assert judged(names, made)[0] == "ok"
