"""Something like speech, made here: what a microphone would send, so that a coach answers.

A glottal pulse through three formants (Klatt 1980, much simplified): vowels of a quarter of a
second with a consonant's noise before them, in phrases with pauses between. It says nothing, and a
voice activity detector takes it for a voice. Pure; samples are 16 bit, mono.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

RATE: Final = 16_000
SYLLABLES: Final = 7
PHRASE_S: Final = 1.75
PAUSE_S: Final = 1.75
"""A coach begins to answer when nobody speaks: most wait half a second to a second."""

# Formants in Hz (Peterson & Barney 1952, men): a, i, u, e, o.
_VOWELS: Final = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
)
_BANDWIDTHS_HZ: Final = (60, 90, 120)
_SYLLABLE_S: Final = PHRASE_S / SYLLABLES
_CONSONANT_S: Final = 0.05
_PITCH_HZ: Final = 125.0
_PEAK: Final = 12_000.0

_QUIETEST_DB: Final = -96.0


def phrase() -> tuple[int, ...]:
    """`PHRASE_S` of it and `PAUSE_S` of silence, always the same."""
    drawing = random.Random(1)  # noqa: S311  # consonants and a lively pitch, no secret
    spoken: list[float] = []
    for number in range(SYLLABLES):
        spoken += _syllable(_VOWELS[number % len(_VOWELS)], number, drawing)
    loudest = max(map(abs, spoken))
    silence = (0,) * int(RATE * PAUSE_S)
    return (*(round(_PEAK * sample / loudest) for sample in spoken), *silence)


def _syllable(formants: tuple[int, int, int], number: int, drawing: random.Random) -> list[float]:
    count, noisy = int(RATE * _SYLLABLE_S), int(RATE * _CONSONANT_S)
    pulse, found = 0.0, []
    # The pitch falls over the phrase, and within each syllable a little.
    pitch = _PITCH_HZ * (1.15 - 0.04 * number)
    filters = [_Resonator(*pair) for pair in zip(formants, _BANDWIDTHS_HZ, strict=True)]
    for place in range(count):
        pulse += pitch * (1 - 0.1 * place / count) / RATE
        source = 1.0 if pulse >= 1 else 0.0
        pulse %= 1
        if place < noisy:
            source = drawing.gauss(0, 0.08)
        shape = math.sin(math.pi * place / count) ** 0.5
        for resonator in filters:
            source = resonator.passed(source)
        found.append(source * shape)
    return found


class _Resonator:
    """One formant: a digital resonator of the second order."""

    def __init__(self, hertz: float, bandwidth: float) -> None:
        decay = math.exp(-math.pi * bandwidth / RATE)
        self._c = -decay * decay
        self._b = 2 * decay * math.cos(2 * math.pi * hertz / RATE)
        self._a = 1 - self._b - self._c
        self._last = self._before = 0.0

    def passed(self, sample: float) -> float:
        now = self._a * sample + self._b * self._last + self._c * self._before
        self._before, self._last = self._last, now
        return now


def level_db(window: Sequence[int]) -> float:
    """Loudness in dB below the loudest possible (dBFS); -96 for silence."""
    energy = sum(sample * sample for sample in window) / max(1, len(window))
    return max(_QUIETEST_DB, 10 * math.log10(energy / 32767**2)) if energy else _QUIETEST_DB
