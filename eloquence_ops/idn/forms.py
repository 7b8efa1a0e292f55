"""One name in each of its forms: as typed, NFC, UTS 46, A-label, and back.

A label that has no form on the wire is refused with a reason, never repaired: what a resolver would
make of it is not what was meant. The rules are IDNA 2008 (RFC 5891 to 5893) after the mapping of
UTS 46, non-transitional, as browsers have it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import unquote

import idna

from eloquence_ops.idn.scripts import is_mixed, look_alike_letters
from eloquence_ops.untrusted import visible

Remark = Literal[
    "decomposed",
    "mapped",
    "upper-case",
    "percent-encoded",
    "mixed-scripts",
    "foreign-letters",
]
"""`decomposed`: typed as base letter and accent (NFD). `mapped`: UTS 46 made other letters of it
(full-width ones, ligatures). `upper-case`: the same but for its case. `percent-encoded`: as Dart's
Uri writes a host. `mixed-scripts`: no one language writes these letters together.
`foreign-letters`: letters of another script that look like Latin ones."""
Refusal = Literal[
    "empty",
    "too-long",
    "not-utf8",
    "not-punycode",
    "fake-a-label",
    "not-canonical",
    "hyphens",
    "characters",
    "direction",
    "not-allowed",
]
"""Why a label has no A-label. `fake-a-label`: `xn--` in front of what is ASCII alone.
`not-canonical`: an A-label that decodes to a label whose own A-label is another one."""

LONGEST_LABEL: Final = 63
LONGEST_NAME: Final = 253
# Sixty-three octets of wire never need more text than this, whatever normalisation makes of it.
_LONGEST_TYPED: Final = 1000
# UTS 46 §2.3 and RFC 3490 §3.1: what separates labels besides the full stop.
_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
_PLAIN: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ACE: Final = "xn--"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


@dataclass(frozen=True, slots=True)
class LabelForms:
    """One label. Every text is safe to show; a form that does not exist is empty.

    `u_label` is what `a_label` decodes to. `reason` is `refusal` in the words of the rules.
    """

    typed: str
    nfc: str = ""
    uts46: str = ""
    a_label: str = ""
    u_label: str = ""
    remarks: tuple[Remark, ...] = ()
    refusal: Refusal | None = None
    reason: str = ""

    @property
    def round_trips(self) -> bool:
        """Whether the readable form leads back to the same A-label."""
        return bool(self.a_label) and _encoded(self.u_label) == self.a_label


@dataclass(frozen=True, slots=True)
class NameForms:
    """A name, label by label. `a_label` is the whole name on the wire, empty if there is none."""

    typed: str
    labels: tuple[LabelForms, ...]
    too_long: bool = False

    @property
    def refused(self) -> tuple[LabelForms, ...]:
        return tuple(label for label in self.labels if label.refusal)

    @property
    def is_possible(self) -> bool:
        return bool(self.labels) and not self.refused and not self.too_long

    @property
    def a_label(self) -> str:
        return ".".join(label.a_label for label in self.labels) if self.is_possible else ""

    @property
    def u_label(self) -> str:
        return ".".join(label.u_label for label in self.labels) if self.is_possible else ""

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return tuple(dict.fromkeys(remark for label in self.labels for remark in label.remarks))


def forms_of_name(name: str) -> NameForms:
    """Every form of every label of `name`, which may be anything; never raises.

    A trailing dot is taken off. Of a text that is longer than any name only the beginning is kept.
    """
    cut = name[:_LONGEST_TYPED]
    typed = visible(cut)
    if len(name) > _LONGEST_TYPED:
        return NameForms(typed, (), too_long=True)
    parts = _DOTS.split(cut)
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    labels = _in_one_direction(tuple(forms_of_label(part) for part in parts))
    wire = ".".join(label.a_label for label in labels)
    return NameForms(typed, labels, too_long=len(wire) > LONGEST_NAME)


def _in_one_direction(labels: tuple[LabelForms, ...]) -> tuple[LabelForms, ...]:
    """RFC 5893 §2: one label that is written from right to left binds all the others."""
    if not any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for x in labels for c in x.u_label):
        return labels
    return tuple(_with_direction(label) for label in labels)


def _with_direction(label: LabelForms) -> LabelForms:
    if label.refusal:
        return label
    try:
        idna.check_bidi(label.u_label, check_ltr=True)
    except idna.IDNABidiError as refusal:
        return replace(
            label, a_label="", u_label="", refusal="direction", reason=visible(str(refusal))
        )
    return label


def forms_of_label(typed: str) -> LabelForms:
    """Every form of one label; never raises."""
    shown = visible(typed[:_LONGEST_TYPED])
    if not typed:
        return LabelForms(shown, refusal="empty")
    if len(typed) > _LONGEST_TYPED:
        return LabelForms(shown, refusal="too-long")
    remarks: list[Remark] = []
    text = typed
    if _ESCAPES.search(typed):
        remarks.append("percent-encoded")
        try:
            text = unquote(typed, errors="strict")
        except UnicodeDecodeError:
            return LabelForms(shown, remarks=tuple(remarks), refusal="not-utf8")
    nfc = unicodedata.normalize("NFC", text)
    if nfc != text:
        remarks.append("decomposed")
    try:
        uts46 = _mapped(nfc)
    except idna.IDNAError as refusal:
        return _refused(shown, nfc, "", remarks, "characters", str(refusal))
    if nfc != nfc.lower() and uts46 == unicodedata.normalize("NFC", nfc.lower()):
        remarks.append("upper-case")
    elif uts46 != nfc:
        remarks.append("mapped")
    return _on_the_wire(shown, nfc, uts46, remarks)


def _mapped(nfc: str) -> str:
    """UTS 46 §4, steps 1 and 2. Raises `IDNAError` for a disallowed character.

    The underscore is no letter of a host name, but real zones have it.
    """
    kept = nfc.replace("_", "")
    mapped = idna.uts46_remap(kept, std3_rules=True, transitional=False)
    return mapped if kept == nfc else nfc.lower()


def _on_the_wire(shown: str, nfc: str, uts46: str, remarks: list[Remark]) -> LabelForms:
    if uts46.isascii() and not uts46.startswith(_ACE):
        if not uts46:
            return _refused(shown, nfc, uts46, remarks, "empty", "")
        if not _PLAIN.fullmatch(uts46):
            which: Refusal = "hyphens" if uts46.strip("-") != uts46 else "characters"
            return _refused(shown, nfc, uts46, remarks, which, "")
        if len(uts46) > LONGEST_LABEL:
            return _refused(shown, nfc, uts46, remarks, "too-long", "")
        return LabelForms(shown, visible(nfc), uts46, uts46, uts46, tuple(remarks))
    try:
        a_label, u_label = _both_forms(uts46)
    except _NoForm as none:
        return _refused(shown, nfc, uts46, remarks, none.refusal, none.reason)
    remarks += _appearance(u_label)
    return LabelForms(shown, visible(nfc), visible(uts46), a_label, u_label, tuple(remarks))


def _appearance(u_label: str) -> list[Remark]:
    found: list[Remark] = []
    if is_mixed(u_label):
        found.append("mixed-scripts")
    if look_alike_letters(u_label):
        found.append("foreign-letters")
    return found


class _NoForm(Exception):
    def __init__(self, refusal: Refusal, reason: str = "") -> None:
        super().__init__(refusal)
        self.refusal, self.reason = refusal, reason


def _both_forms(uts46: str) -> tuple[str, str]:
    """The A-label and the U-label. Raises `_NoForm`."""
    u_label = _decoded(uts46) if uts46.startswith(_ACE) else uts46
    try:
        # Checks hyphens, combining marks, code points, joiners and direction.
        a_label = idna.alabel(u_label).decode()
    except idna.IDNABidiError as refusal:
        raise _NoForm("direction", str(refusal)) from None
    except (idna.InvalidCodepoint, idna.InvalidCodepointContext) as refusal:
        raise _NoForm("characters", str(refusal)) from None
    except (idna.IDNAError, UnicodeError, ValueError) as refusal:
        reason = str(refusal)
        too_long = "long" in reason
        hyphens = "hyphen" in reason
        which: Refusal = "too-long" if too_long else "hyphens" if hyphens else "not-allowed"
        raise _NoForm(which, reason) from None
    if uts46.startswith(_ACE) and a_label != uts46:
        raise _NoForm("not-canonical", f"{visible(u_label)} is {a_label}")
    return a_label, u_label


def _decoded(a_label: str) -> str:
    """RFC 3492 alone, without a judgement of the result. Raises `_NoForm`."""
    if len(a_label) > LONGEST_LABEL:
        raise _NoForm("too-long")
    encoded = a_label[len(_ACE) :]
    if not encoded or not encoded.isascii():
        raise _NoForm("not-punycode")
    if encoded.endswith("-"):
        # What stands before the last hyphen is the ASCII part; nothing follows it here.
        raise _NoForm("fake-a-label", encoded.rstrip("-"))
    try:
        decoded = encoded.encode("ascii").decode("punycode")
        decoded.encode("utf-8")  # a surrogate is no character
    except (UnicodeError, ValueError, OverflowError):
        raise _NoForm("not-punycode") from None
    if decoded.isascii():
        raise _NoForm("fake-a-label", decoded)
    return decoded


def _encoded(u_label: str) -> str:
    if u_label.isascii():
        return u_label
    try:
        return idna.alabel(u_label).decode()
    except (idna.IDNAError, UnicodeError):
        return ""


def _refused(
    shown: str, nfc: str, uts46: str, remarks: list[Remark], refusal: Refusal, reason: str
) -> LabelForms:
    return LabelForms(
        shown,
        visible(nfc),
        visible(uts46),
        remarks=tuple(remarks),
        refusal=refusal,
        reason=visible(reason)[:200],
    )
