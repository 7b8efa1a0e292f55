"""Who issued a certificate, and whether the CAA records of a name let them issue the next one.

By what name an authority goes in CAA records, as each publishes it in its certification practice
statement (CA/Browser Forum Baseline Requirements §2.2); as it stood on 2026-09-29. Of an authority
that is not here nothing is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_KNOWN: Final = {
    "Let's Encrypt": ("letsencrypt.org",),
    "Google Trust Services": ("pki.goog",),
    "ZeroSSL": ("sectigo.com", "zerossl.com"),
    "Sectigo Limited": ("sectigo.com", "comodo.com", "comodoca.com", "usertrust.com"),
    "COMODO CA Limited": ("sectigo.com", "comodo.com", "comodoca.com", "usertrust.com"),
    "GANDI SAS": ("sectigo.com", "comodo.com", "comodoca.com", "usertrust.com"),
    "DigiCert Inc": ("digicert.com", "digicert.ne.jp", "symantec.com", "thawte.com"),
    "GlobalSign nv-sa": ("globalsign.com",),
    "Amazon": ("amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"),
    "Buypass AS-983163327": ("buypass.com", "buypass.no"),
    "SSL Corporation": ("ssl.com",),
    "Actalis S.p.A.": ("actalis.it",),
    "HARICA": ("harica.gr",),
    "GoDaddy.com, Inc.": ("godaddy.com", "starfieldtech.com"),
}
_ORGANISATION: Final = re.compile(r"(?:^|,|\+)O=((?:\\.|[^,+\\])+)")
_RECORD: Final = re.compile(r'(\d+)\s+(\w+)\s+"(.*)"')
_CRITICAL: Final = 128
# What authorities know: RFC 8659 §4.2 to 4.4, RFC 9495; and CA/Browser Forum §3.2.2.4.
_PROPERTIES: Final = frozenset(
    {"issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone", "issuevmc"}
)


@dataclass(frozen=True, slots=True)
class Authority:
    """`names` are those by which CAA records may name it."""

    organisation: str
    names: tuple[str, ...]


def issuer_of(distinguished: str) -> Authority | None:
    """The public authority that an issuer's name (RFC 4514) is of, where it is a known one."""
    found = _ORGANISATION.search(distinguished)
    organisation = re.sub(r"\\(.)", r"\1", found[1]) if found else ""
    names = _KNOWN.get(organisation)
    return Authority(organisation, names) if names else None


def forbids(records: tuple[str, ...], issuer: Authority, *, wildcard: bool) -> bool:
    """Whether records in the form `0 issue "ca.example; …"` keep `issuer` from issuing.

    `wildcard`: the certificate is to cover `*.`, for which `issuewild` goes before `issue`
    (RFC 8659 §4.3). Without a property that names issuers, anybody may.
    """
    read = [found.groups() for text in records if (found := _RECORD.fullmatch(text))]
    if any(int(flags) & _CRITICAL and tag.lower() not in _PROPERTIES for flags, tag, _ in read):
        return True
    by_tag: dict[str, list[str]] = {}
    for _, tag, value in read:
        by_tag.setdefault(tag.lower(), []).append(value.partition(";")[0].strip().lower())
    allowed = by_tag.get("issuewild") if wildcard else None
    allowed = by_tag.get("issue") if allowed is None else allowed
    return allowed is not None and not set(issuer.names) & set(allowed)
