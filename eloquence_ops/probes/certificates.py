"""A certificate as it came off the wire, described. It may be garbage: nothing here raises."""

from __future__ import annotations

import warnings
from typing import Final

from cryptography import x509

from eloquence_ops.observations.transport import Certificate
from eloquence_ops.probes import remote_text
from eloquence_ops.secrets import Redactor

_MOST_NAMES: Final = 50
_NAME_LIMIT: Final = 300


def describe(der: bytes, redactor: Redactor) -> Certificate | str:
    """The leaf in `der`, or why it cannot be read.

    Names that cryptography refuses (a U-label where RFC 5280 wants an A-label) leave `names`
    empty, and the rest is still told.
    """

    def line(text: str) -> str:
        return remote_text.line(text, redactor, limit=_NAME_LIMIT)

    with warnings.catch_warnings():
        # cryptography warns of oddities (a negative serial number) on the user's terminal.
        warnings.simplefilter("ignore")
        try:
            leaf = x509.load_der_x509_certificate(der)
            return Certificate(
                subject=line(leaf.subject.rfc4514_string()),
                issuer=line(leaf.issuer.rfc4514_string()),
                names=tuple(line(name) for name in _names(leaf)),
                not_before=leaf.not_valid_before_utc,
                not_after=leaf.not_valid_after_utc,
            )
        except (ValueError, TypeError, x509.InvalidVersion) as error:
            return line(f"the certificate cannot be read: {error}")


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (
        ValueError,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        return []
    found = names.get_values_for_type(x509.DNSName)
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*found, *addresses][:_MOST_NAMES]
