"""Times whole processes in turn, so that a noisy moment meets both sides, and prints ratios."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Command = Sequence[str]


@dataclass(frozen=True)
class Figure:
    """Wall seconds of several runs."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        return f"{self.median * 1000:8.1f} ms   ({low * 1000:.1f} to {high * 1000:.1f})"


def run(command: Command, environ: Mapping[str, str] | None = None) -> None:
    """Once, silently. Raises `CalledProcessError` with its output when it fails."""
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=120)


def side_by_side(sides: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, Figure]:
    """Every side once a round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, once in sides.items():
            begin = time.perf_counter()
            once()
            if number:
                seconds[name].append(time.perf_counter() - begin)
    return {name: Figure(tuple(values)) for name, values in seconds.items()}


def show(title: str, figures: Mapping[str, Figure], ours: str, peer: str) -> float:
    """Prints the figures and the ratio of the medians, ours over the peer's."""
    ratio = figures[ours].median / figures[peer].median
    print(f"\n{title}")
    for name, figure in figures.items():
        print(f"  {name:<34} {figure}")
    print(f"  ratio {ratio:.2f}")
    return ratio
