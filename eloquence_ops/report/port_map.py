"""The ports of a run as a picture: what was tried, and what came through. Pure.

Every sign is one of its own, so that the picture reads without colours too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.text import Text

from eloquence_ops.findings import Status
from eloquence_ops.observations import PortScan, UdpProof
from eloquence_ops.observations.ports import TcpSpan, UdpSpan
from eloquence_ops.report.account import Storyteller

PORTS_COMMAND: Final = "check-ports"
_UDP_CHECK: Final = "ports.range-udp"

# From the best to the worst: a cell that holds several shows `mixed`.
_UDP_SIGNS: Final = {
    "answered": ("█", "green"),
    "heard": ("▓", "yellow"),
    "in-use": ("#", "dim"),
    "not-tried": ("?", "magenta"),
    "local": ("x", "magenta"),
    "stopped": ("░", "red"),
    "lost-before": ("·", "red"),
}
_TCP_SIGNS: Final = {
    "closed": ("─", "green"),
    "open": ("o", "green"),
    "filtered": ("·", "dim"),
    "silent": ("·", "dim"),
    "rejected": ("x", "yellow"),
    "unreachable": ("x", "yellow"),
    "local": ("?", "magenta"),
}
_MIXED: Final = ("▒", "yellow")
_STATE_STYLES: Final = {"open": "green", "closed": "", "rejected": "yellow"}
_LEAST_CELLS: Final = 20
_MARGIN: Final = 6


class Cells(NamedTuple):
    """A range in cells, and how many ports came to each state."""

    first: int
    last: int
    signs: tuple[tuple[str, str], ...]
    counts: dict[str, int]


def port_map(story: Storyteller, width: int) -> Iterator[Text]:
    """Lines no wider than `width`; none where no port was tried."""
    seen = story.result.seen
    scans = tuple(seen.every(PortScan))
    proofs = tuple(seen.every(UdpProof))
    places = dict.fromkeys((one.family, one.address) for one in scans)
    places |= dict.fromkeys((one.family, one.address) for one in proofs)
    for family, address in places:
        here = [one for one in scans if (one.family, one.address) == (family, address)]
        hosts = dict.fromkeys(name for one in here for name in one.names if "://" not in name)
        yield Text.assemble("  ", (address, "cyan"), (f"  {' · '.join(hosts)}", "dim"))
        known = {span.first: span for one in here if one.about == "known" for span in one.spans}
        yield from _known(known, story, width)
        for scan in here:
            if scan.about == "range" and scan.spans:
                yield from _range("TCP", scan.spans, _TCP_SIGNS, story, width)
        for proof in proofs:
            if (proof.family, proof.address) == (family, address) and proof.spans:
                yield from _range("UDP", proof.spans, _UDP_SIGNS, story, width)
    for finding in story.result.findings:
        if finding.check == _UDP_CHECK and finding.status is Status.UNKNOWN:
            yield Text.assemble("  ", ("?", "magenta"), f" {story.summary(finding)}")


def _known(known: dict[int, TcpSpan], story: Storyteller, width: int) -> Iterator[Text]:
    """`TCP  80 open · 443 open …`, as many to a line as there is room for."""
    line = Text("  TCP ")
    for number, port in enumerate(sorted(known)):
        state = known[port].state
        word = Text.assemble(
            f"{port} ", (story.word(f"port-{state}"), _STATE_STYLES.get(state, ""))
        )
        apart = " · " if number else ""
        if line.cell_len + len(apart) + word.cell_len > width:
            yield line
            line, apart = Text(" " * _MARGIN), ""
        line = line + Text(apart, style="dim") + word
    if known:
        yield line


def _range(
    protocol: str,
    spans: Sequence[TcpSpan | UdpSpan],
    signs: dict[str, tuple[str, str]],
    story: Storyteller,
    width: int,
) -> Iterator[Text]:
    ends = f"{spans[0].first}", f"{spans[-1].last}"
    room = max(_LEAST_CELLS, width - _MARGIN - sum(map(len, ends)) - 2)
    cells = in_cells(spans, signs, room)
    line = Text(f"  {protocol} {ends[0]} ")
    for sign in cells.signs:
        line.append(*sign)
    yield line.append(f" {ends[1]}")
    legend = Text(" " * _MARGIN)
    for number, (state, count) in enumerate(cells.counts.items()):
        told = f"{signs[state][0]} {count} {story.word(f'{protocol.lower()}-{state}')}"
        apart = "   " if number else ""
        if legend.cell_len + len(apart) + len(told) > width:
            yield legend
            legend, apart = Text(" " * _MARGIN), ""
        legend.append(apart).append(told, style="dim")
    yield legend


def in_cells(
    spans: Sequence[TcpSpan | UdpSpan], signs: dict[str, tuple[str, str]], most: int
) -> Cells:
    """At most `most` cells, each for the same number of ports."""
    first, last = spans[0].first, spans[-1].last
    size = last - first + 1
    count = min(most, size)
    found = tuple(
        _sign(
            (
                span.state
                for span in spans
                if span.first <= first + size * (cell + 1) // count - 1
                and span.last >= first + size * cell // count
            ),
            signs,
        )
        for cell in range(count)
    )
    counts: dict[str, int] = {}
    for span in spans:
        counts[span.state] = counts.get(span.state, 0) + span.count
    return Cells(first, last, found, counts)


def _sign(states: Iterable[str], signs: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Of a cell: a sample has ports between its own that nobody asked about, which are empty."""
    different = dict.fromkeys(signs[state] for state in states)
    if not different:
        return (" ", "")
    return next(iter(different)) if len(different) == 1 else _MIXED
