"""Just enough DER to say for whom and until when a certificate is (RFC 5280)."""

from __future__ import annotations

import calendar
import re
import socket
import time
from typing import NamedTuple

from eloquence_ops.server.remote.reading import Unreadable

_SEQUENCE, _SET, _OID, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0x31, 0x06, 0x17, 0x18
_VERSION, _EXTENSIONS, _OCTETS = 0xA0, 0xA3, 0x04
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_COMMON_NAME, _ORGANIZATION = b"\x55\x04\x03", b"\x55\x04\x0a"
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"
_DIGITS = re.compile(rb"^\d{12,14}Z$")


class Element(NamedTuple):
    tag: int
    body: bytes

    def children(self) -> list[Element]:
        return elements(self.body)


class Certificate(NamedTuple):
    """Times are seconds since 1970; `names` are DNS and IP subject alternative names."""

    subject: str
    issuer: str
    not_before: int
    not_after: int
    names: list[str]


def elements(raw: bytes) -> list[Element]:
    """The elements that stand one behind the other. Raises `Unreadable`."""
    found, at = [], 0
    while at < len(raw):
        if at + 2 > len(raw):
            raise _broken("cut")
        tag, length = raw[at], raw[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 0 < size <= 4 or at + size > len(raw):
                raise _broken("length")
            length = int.from_bytes(raw[at : at + size], "big")
            at += size
        if at + length > len(raw):
            raise _broken("cut")
        found.append(Element(tag, raw[at : at + length]))
        at += length
    return found


def certificate(der: bytes) -> Certificate:
    """Raises `Unreadable` for whatever is none."""
    try:
        fields = elements(der)[0].children()[0].children()
        if fields[0].tag == _VERSION:
            fields = fields[1:]
        _, _, issuer, validity, subject = fields[:5]
        begins, ends = validity.children()
        return Certificate(
            subject=_name(subject),
            issuer=_name(issuer),
            not_before=_time(begins),
            not_after=_time(ends),
            names=_alternative_names(fields[5:]),
        )
    except (IndexError, ValueError):
        raise _broken("not a certificate") from None


def _broken(why: str) -> Unreadable:
    return Unreadable("not-understood", "certificate: " + why)


def _name(name: Element) -> str:
    """The common name, or else the organization."""
    found = {}
    for part in name.children():
        for pair in part.children():
            kind, value = pair.children()[:2]
            found[kind.body] = value.body.decode("utf-8", errors="replace")
    return found.get(_COMMON_NAME) or found.get(_ORGANIZATION) or ""


def _time(element: Element) -> int:
    if not _DIGITS.match(element.body):
        raise ValueError
    digits = element.body.decode()
    if element.tag == _UTC_TIME:
        digits = ("20" if int(digits[:2]) < 50 else "19") + digits
    return calendar.timegm(time.strptime(digits, "%Y%m%d%H%M%SZ"))


def _alternative_names(fields: list[Element]) -> list[str]:
    found = []
    for field in fields:
        for extension in field.children()[0].children() if field.tag == _EXTENSIONS else []:
            parts = extension.children()
            if parts[0].tag == _OID and parts[0].body == _SUBJECT_ALT_NAME:
                for name in elements(elements(parts[-1].body)[0].body):
                    if name.tag == _DNS_NAME:
                        found.append(name.body.decode("ascii", errors="backslashreplace"))
                    elif name.tag == _IP_ADDRESS and len(name.body) in (4, 16):
                        family = socket.AF_INET if len(name.body) == 4 else socket.AF_INET6
                        found.append(socket.inet_ntop(family, name.body))
    return found[:100]
