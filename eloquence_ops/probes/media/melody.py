"""A melody that nobody else plays: what one participant sends, and how another knows it again.

Each note is one of four tones, drawn anew for every run. The listener finds for each window of
20 ms which tone is in it, if any (Goertzel's algorithm), and then the delay at which most of what
was heard is what was sent. Noise, comfort noise and somebody's hold music agree with a quarter of
the notes at best. Pure; samples are 16 bit, mono.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RATE: Final = 16_000
"""Samples a second at which it is listened to; it may be played at any multiple."""
NOTE_S: Final = 0.12
WINDOW_S: Final = 0.02
WINDOW: Final = int(RATE * WINDOW_S)

# Within what every speech codec passes on; no tone is a harmonic of another. Whole periods fit into
# a window, so that a pure tone is seen in one place only.
TONES_HZ: Final = (500.0, 850.0, 1300.0, 2150.0)
_LOUDNESS: Final = 9_000.0
# Of a window's energy in the one tone, and how loud it has to be at all (of 32767).
_PURITY: Final = 0.5
_FAINTEST_RMS: Final = 60.0
_MOST_DELAY_S: Final = 2.0
# A jitter buffer stretches and shrinks what it plays: this much beside is still the same note.
_BORDER_S: Final = 0.03
_DELAY_STEP_S: Final = 0.01
RECOGNISED: Final = 0.85
"""From this share of agreement on, it is our melody. By chance a quarter agrees."""
_FEWEST_WINDOWS: Final = 30

Tone = int
"""An index into `TONES_HZ`."""


def compose(notes: int, seed: int) -> tuple[Tone, ...]:
    """`notes` tones, none of them twice in a row."""
    drawing = random.Random(seed)  # noqa: S311  # a melody, no secret
    found: list[Tone] = []
    for _ in range(notes):
        found.append(drawing.choice([t for t in range(len(TONES_HZ)) if found[-1:] != [t]]))
    return tuple(found)


def played(melody: Sequence[Tone], first: int, count: int, rate: int) -> list[int]:
    """`count` samples of it from sample `first` on; it begins again when it is over."""
    note = int(rate * NOTE_S)
    samples: list[int] = []
    for number in range(first, first + count):
        hertz = TONES_HZ[melody[number // note % len(melody)]]
        samples.append(round(_LOUDNESS * math.sin(2 * math.pi * hertz * number / rate)))
    return samples


def tone_in(window: Sequence[int]) -> Tone | None:
    """The tone that most of this window is, at `RATE`; None for silence, noise and speech."""
    energy = sum(sample * sample for sample in window)
    if not window or math.sqrt(energy / len(window)) < _FAINTEST_RMS:
        return None
    powers = [_power(window, hertz) for hertz in TONES_HZ]
    loudest = max(range(len(powers)), key=powers.__getitem__)
    # A pure tone of N samples and energy E has the power E·N/2.
    return loudest if powers[loudest] / (energy * len(window) / 2) >= _PURITY else None


def _power(window: Sequence[int], hertz: float) -> float:
    """Goertzel: the squared magnitude of one frequency."""
    turn = 2 * math.cos(2 * math.pi * hertz / RATE)
    before, last = 0.0, 0.0
    for sample in window:
        before, last = last, sample + turn * last - before
    return last * last + before * before - turn * last * before


@dataclass(frozen=True)
class Heard:
    """One window: when it came, on the clock of whoever played, and the tone in it."""

    at_s: float
    tone: Tone | None


@dataclass(frozen=True)
class Recognition:
    """`agreement`: the share of windows that hold what was sent `delay_s` before."""

    agreement: float
    delay_s: float
    windows: int

    @property
    def is_ours(self) -> bool:
        return self.agreement >= RECOGNISED and self.windows >= _FEWEST_WINDOWS


def recognise(melody: Sequence[Tone], heard: Sequence[Heard]) -> Recognition:
    """The delay at which most agrees. The melody began at second 0 of `heard`'s clock.

    Windows without a tone count against it: a melody in pieces is not heard. Those across a note's
    border are left out.
    """
    found: list[Recognition] = []
    for step in range(int(_MOST_DELAY_S / _DELAY_STEP_S) + 1):
        delay_s = step * _DELAY_STEP_S
        agreeing = windows = 0
        for window in heard:
            sent_at = window.at_s - delay_s
            within = sent_at % NOTE_S
            if sent_at < 0:
                windows += window.tone is not None  # heard before it was played
                continue
            if not _BORDER_S <= within <= NOTE_S - _BORDER_S:
                continue
            windows += 1
            agreeing += window.tone == melody[int(sent_at / NOTE_S) % len(melody)]
        if windows >= _FEWEST_WINDOWS:
            found.append(Recognition(agreeing / windows, delay_s, windows))
    if not found:
        return Recognition(0.0, 0.0, 0)
    # Several delays agree alike, as a note is longer than a window: the middle one is meant.
    most = max(entry.agreement for entry in found)
    best = [entry for entry in found if entry.agreement == most]
    return best[len(best) // 2]
