"""All pairs of the lab's faults, each run for real.

`python -m tests.lab.pairs` writes docs/pairs.md.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from zlib import crc32

from eloquence_ops import datafiles
from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.errors import UsageError
from eloquence_ops.lab.expectation import How, how, unexpected
from eloquence_ops.lab.faults import Fault, all_faults, combined
from tests.lab.faulty import diagnosed

# How many labs run at the same time.
_AT_ONCE = 6
_MARKS: dict[How, str] = {"named": "●", "tied": "◐", "masked": "○", "missed": "✗"}


@dataclass(frozen=True)
class Outcome:
    """What the diagnosis made of two faults at once."""

    one: Fault
    other: Fault
    told: tuple[How, How]
    unexpected: frozenset[str]
    unexplained: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        return not ("missed" in self.told or self.unexpected or self.unexplained)


def possible_pairs() -> Iterator[tuple[Fault, Fault]]:
    """Those that can exist together."""
    for one, other in combinations(all_faults().values(), 2):
        try:
            combined((one, other))
        except UsageError:
            continue
        yield one, other


Pair = tuple[str, str]


def drawn(turn: int | None = None, *, every: int = 6) -> list[Pair]:
    """One of `every` possible pairs, by a hash of their names, so that a new fault moves no other.

    Without a `turn` the runbook's files say which: each change to them has another share examined,
    and the same commit always the same.
    """
    if turn is None:
        files = sorted(datafiles.folder("checks").rglob("*.toml"))
        turn = crc32(b"".join(file.read_bytes() for file in files)) % every
    pairs = ((one.id, other.id) for one, other in possible_pairs())
    return [pair for pair in pairs if crc32(" ".join(pair).encode()) % every == turn % every]


def outcomes(pairs: Sequence[Pair]) -> list[Outcome]:
    """Of these pairs, over all cores: each is a fifth of a second of work.

    One that comes out wrong is examined again by itself: among others in one loop, on a busy
    machine, it can be late for a deadline.
    """
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        shares = list(pool.map(_examined, (pairs[first::cores] for first in range(cores))))
    found = {(o.one.id, o.other.id): o for share in shares for o in share}
    return [
        o if o.is_right else asyncio.run(_examine(o.one, o.other))
        for o in (found[pair] for pair in pairs)
    ]


def _examined(pairs: Sequence[Pair]) -> list[Outcome]:
    """A share of them, in a process of its own."""
    faults = all_faults()
    gc.freeze()  # what was loaded would be looked through with every lab's garbage

    async def all_of_them() -> list[Outcome]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def among_others(one: Fault, other: Fault) -> Outcome:
            async with room:
                return await _examine(one, other)

        return list(await asyncio.gather(*(among_others(faults[a], faults[b]) for a, b in pairs)))

    return asyncio.run(all_of_them())


async def _examine(one: Fault, other: Fault) -> Outcome:
    result = await diagnosed((one, other))
    return Outcome(
        one,
        other,
        (
            how(one, result, catalogue(), others=(other,)),
            how(other, result, catalogue(), others=(one,)),
        ),
        frozenset(unexpected((one, other), result)),
        tuple(finding.id for finding in result.diagnosis.unexplained),
    )


def marks(found: list[Outcome]) -> dict[Pair, str]:
    """By row and column: the row's fault in the presence of the column's."""
    cells = {(o.one.id, o.other.id): _MARKS[o.told[0]] for o in found}
    return cells | {(o.other.id, o.one.id): _MARKS[o.told[1]] for o in found}


def written(page: str) -> dict[Pair, str]:
    """The marks of a page that `table` has made."""
    names = list(all_faults())
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")][1:]
    assert [row[0].split("`")[1] for row in rows] == names
    return {
        (name, column): mark.strip()
        for name, row in zip(names, rows, strict=True)
        for column, mark in zip(names, row[1:], strict=True)
    }


def table(found: list[Outcome]) -> str:
    """A matrix in Markdown."""
    names = list(all_faults())
    cells = marks(found)
    lines = [
        "# Two faults at once",
        "",
        "Every pair of the lab's faults, each pair made for real and examined by doctor. Made by",
        "`python -m tests.lab.pairs`; the tests hold a sixth of the cells, `make soak` all.",
        "",
        "The row's fault, while the column's is there too: ● named · ◐ tied: stated as an",
        "alternative, with the probe that would tell · ○ masked: hidden behind the other one, and",
        "counted as hidden · blank: the two cannot exist together.",
        "",
        "| | " + " | ".join(str(number) for number in range(1, len(names) + 1)) + " |",
        "|---|" + "---|" * len(names),
    ]
    for number, row in enumerate(names, start=1):
        line = " | ".join("·" if row == name else cells.get((row, name), " ") for name in names)
        lines.append(f"| {number} `{row}` | {line} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    results = outcomes(drawn(every=1))
    path = Path(__file__).resolve().parents[2] / "docs" / "pairs.md"
    path.write_text(table(results), encoding="utf-8")
    wrong = [outcome for outcome in results if not outcome.is_right]
    print(f"{len(results)} pairs, {len(wrong)} wrong; {path.name} written")
    for outcome in wrong:
        print(f"  {outcome.one.id} + {outcome.other.id}: {outcome.told} {outcome.unexpected}")
