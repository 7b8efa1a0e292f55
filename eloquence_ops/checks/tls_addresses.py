"""What the addresses of one name show, beside one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.tls_certificate import is_overdue
from eloquence_ops.checks.tls_chain import chains
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import AddressAnswer, TlsHandshake
from eloquence_ops.observations.transport import TlsOutcome


@dataclass(frozen=True)
class _Shown:
    """What one address shows. `sha256` is empty where no certificate could be read."""

    address: str
    outcome: TlsOutcome | Literal["no-connection"]
    sha256: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None

    @property
    def is_good(self) -> bool:
        return self.outcome == "ok"

    def is_overdue(self, now: datetime) -> bool:
        if self.not_before is None or self.not_after is None:
            return False
        return is_overdue(self.not_before, self.not_after, now)


@check(
    "tls.addresses",
    feeds=("addresses", "reach"),
    outcomes={
        "ok": "count",
        "none": "",
        "one": "",
        "differ": "count certificates",
        "not-shown": "",
        "some-fail": "addresses outcome good",
        "behind": "addresses not_after newest",
        "not-all-reached": "addresses",
    },
)
def addresses(endpoint: Endpoint, seen: Seen) -> Judgement:
    """One finding for all of them. Two good certificates are no fault: machines that renew by
    themselves have one each."""
    if not endpoint.secure:
        yield Verdict("none")
        return
    shown = list(_shown(endpoint, seen))
    good = [one for one in shown if one.is_good]
    bad = [one for one in shown if not one.is_good and one.outcome != "no-connection"]
    if shown and not good:
        yield Verdict("not-shown")
    elif bad:
        yield Verdict("some-fail", _refused(bad, good))
    elif shown:
        yield _compared(good, [one for one in shown if not one.is_good], seen.now)


def _shown(endpoint: Endpoint, seen: Seen) -> Iterator[_Shown]:
    """The first address of each family has a handshake of its own, the others an answer. That one
    of the first takes no connection is told elsewhere, and what this machine has no route to is
    not the server's matter."""
    leaves = {chain.address: chain.certificates[0] for chain in chains(endpoint, seen)}
    for made in seen.about(TlsHandshake, endpoint):
        leaf = leaves.get(made.address)
        yield (
            _Shown(made.address, made.outcome, leaf.sha256, leaf.not_before, leaf.not_after)
            if leaf
            else _Shown(made.address, made.outcome)
        )
    for answer in seen.about(AddressAnswer, endpoint):
        if answer.detail != "no-route-here":
            dates = (answer.not_before, answer.not_after)
            yield _Shown(answer.address, answer.outcome, answer.sha256, *dates)


def _refused(bad: list[_Shown], good: list[_Shown]) -> Evidence:
    return {
        "addresses": tuple(one.address for one in bad),
        "outcome": bad[0].outcome,
        "good": tuple(one.address for one in good),
    }


def _compared(good: list[_Shown], unreached: list[_Shown], now: datetime) -> Verdict:
    ends = {one.address: one.not_after for one in good if one.not_after is not None}
    late = [one for one in good if one.is_overdue(now)]
    if late and len(late) < len(good):
        evidence: Evidence = {
            "addresses": tuple(one.address for one in late),
            "not_after": f"{min(ends[one.address] for one in late):%Y-%m-%d}",
            "newest": f"{max(ends.values()):%Y-%m-%d}",
        }
        return Verdict("behind", evidence)
    if len(unreached) + len(good) == 1:
        return Verdict("one")
    if unreached:
        return Verdict("not-all-reached", {"addresses": tuple(one.address for one in unreached)})
    certificates = len({one.sha256 for one in good})
    if certificates > 1:
        return Verdict("differ", {"count": len(good), "certificates": certificates})
    return Verdict("ok", {"count": len(good)})
