"""A chain of certificates drawn, from the server's own up to the root; each fault on the one that
has it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from eloquence_ops.checks.tls_chain import walk
from eloquence_ops.findings import Finding, Status
from eloquence_ops.observations import TlsChain
from eloquence_ops.observations.certificates import SentCertificate
from eloquence_ops.report.account import Storyteller

State = Literal["good", "faulty", "missing", "trusted", "besides"]
_COMMON_NAME: Final = re.compile(r"(?:^|,)CN=((?:\\.|[^,\\])+)")
# Findings that say something of the issuer that did not come. All others that name no subject are
# about the server's own certificate.
_OF_ISSUER: Final = frozenset(
    {"tls.chain.incomplete", "tls.chain.issuer-missing", "tls.chain.unknown-root"}
)
_OF_ROOT: Final = frozenset({"tls.android.unknown"})
_OF_CERTIFICATES: Final = frozenset(
    f"tls.{name}" for name in ("android", "chain", "expiry", "handshake", "key", "names")
)
# Says the same as the findings that know which certificate it is about.
_IN_GENERAL: Final = frozenset(
    {"tls.handshake.untrusted", "tls.handshake.name-mismatch", "tls.handshake.expired"}
)


@dataclass(frozen=True)
class Rung:
    """One certificate: what it is called, what is worth knowing of it, what is wrong with it."""

    name: str
    state: State
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ladder:
    """One chain, and every endpoint and address family that shows it."""

    places: tuple[str, ...]
    rungs: tuple[Rung, ...]


def ladders(story: Storyteller) -> tuple[Ladder, ...]:
    """One for each chain that was shown; the same chain with the same faults is drawn once."""
    drawn: dict[tuple[Rung, ...], list[str]] = {}
    for chain in story.result.seen.every(TlsChain):
        if chain.certificates:
            place = f"{chain.endpoint} {story.word(chain.family)}"
            places = drawn.setdefault(tuple(_rungs(chain, story)), [])
            if place not in places:
                places.append(place)
    return tuple(Ladder(tuple(places), rungs) for rungs, places in drawn.items())


def _rungs(chain: TlsChain, story: Storyteller) -> Iterator[Rung]:
    up = walk(chain.certificates)
    if up is None:
        return
    found = _Faults(chain, story)
    for one in up.path:
        is_anchor = chain.anchor is not None and one.sha256 == chain.anchor.sha256
        faults = found.of(one, is_leaf=one is up.path[0], is_root=is_anchor)
        state: State = "faulty" if faults else "trusted" if is_anchor else "good"
        yield Rung(_called(one.subject), state, _notes(one, story), faults)
    if chain.anchor is not None and not any(one.sha256 == chain.anchor.sha256 for one in up.path):
        faults = found.of_root()
        note = (story.say("report.chain-trusted"),)
        yield Rung(_called(chain.anchor.subject), "faulty" if faults else "trusted", note, faults)
    elif up.missing and chain.anchor is None:
        faults = found.of_issuer()
        if faults:
            note = (story.say("report.chain-not-sent"),)
            yield Rung(_called(up.missing), "missing", note, faults)
        else:
            yield Rung(_called(up.missing), "good")
    for one in up.unused:
        yield Rung(_called(one.subject), "besides", (story.say("report.chain-besides"),))


class _Faults:
    """What is wrong with the certificates of one chain, in the words of its findings."""

    def __init__(self, chain: TlsChain, story: Storyteller) -> None:
        self._story = story
        related = [
            finding
            for finding in story.result.findings
            if finding.check in _OF_CERTIFICATES
            and finding.status in (Status.FAIL, Status.WARN)
            and (finding.subject.name, finding.subject.family) == (chain.endpoint, chain.family)
        ]
        exact = [finding for finding in related if finding.id not in _IN_GENERAL]
        self._found = exact or related

    def of(self, one: SentCertificate, *, is_leaf: bool, is_root: bool) -> tuple[str, ...]:
        return self._told(
            finding
            for finding in self._found
            if self._is_about(finding, one, is_leaf=is_leaf) or (is_root and finding.id in _OF_ROOT)
        )

    def of_issuer(self) -> tuple[str, ...]:
        return self._told(finding for finding in self._found if finding.id in _OF_ISSUER)

    def of_root(self) -> tuple[str, ...]:
        return self._told(finding for finding in self._found if finding.id in _OF_ROOT)

    def _is_about(self, finding: Finding, one: SentCertificate, *, is_leaf: bool) -> bool:
        if finding.id in _OF_ISSUER | _OF_ROOT:
            return False
        subject = finding.evidence.get("subject")
        return subject == one.subject if subject else is_leaf

    def _told(self, findings: Iterator[Finding]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._story.summary(finding) for finding in findings))


def _called(subject: str) -> str:
    """The common name, or all of it where there is none."""
    found = _COMMON_NAME.search(subject)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else subject or "?"


def _notes(one: SentCertificate, story: Storyteller) -> tuple[str, ...]:
    until = story.say("report.chain-until", date=f"{one.not_after:%Y-%m-%d}")
    key = f"{one.key} {one.key_bits}" if one.key == "RSA" else one.key
    return (until, key) if key else (until,)
