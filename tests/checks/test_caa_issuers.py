"""CAA records, as an authority reads them before it issues."""

from __future__ import annotations

import pytest

from eloquence_ops.checks.caa_issuers import forbids, issuer_of

LE = issuer_of("CN=R11,O=Let's Encrypt,C=US")


@pytest.mark.parametrize(
    ("issuer", "organisation"),
    [
        ("CN=R11,O=Let's Encrypt,C=US", "Let's Encrypt"),
        ("CN=WE1,O=Google Trust Services,C=US", "Google Trust Services"),
        ("CN=x,O=GoDaddy.com\\, Inc.,C=US", "GoDaddy.com, Inc."),
        ("CN=O=Let's Encrypt", None),
        ("CN=lab", None),
        ("CN=x,O=Somebody", None),
        ("", None),
    ],
)
def test_the_authority_is_told_by_its_organisation(issuer: str, organisation: str | None) -> None:
    found = issuer_of(issuer)
    assert (found.organisation if found else None) == organisation


@pytest.mark.parametrize(
    ("records", "for_a_name", "for_a_wildcard"),
    [
        ((), False, False),
        (('0 issue "letsencrypt.org"',), False, False),
        (('0 issue "letsencrypt.org; validationmethods=dns-01"',), False, False),
        (('0 ISSUE "LetsEncrypt.org"',), False, False),
        (('0 issue "digicert.com"',), True, True),
        (('0 issue "digicert.com"', '0 issue "letsencrypt.org"'), False, False),
        (('0 issue ";"',), True, True),
        (('0 issuewild ";"',), False, True),
        (('0 issue ";"', '0 issuewild "letsencrypt.org"'), True, False),
        (('0 iodef "mailto:x@y.test"',), False, False),
        (('0 future "x"',), False, False),
        (('128 future "x"',), True, True),  # who does not know it must not issue
        (('128 issue "letsencrypt.org"',), False, False),
        (("garbage",), False, False),
    ],
)
def test_whom_the_records_let_issue(
    records: tuple[str, ...], for_a_name: bool, for_a_wildcard: bool
) -> None:
    assert LE is not None
    assert forbids(records, LE, wildcard=False) == for_a_name
    assert forbids(records, LE, wildcard=True) == for_a_wildcard
