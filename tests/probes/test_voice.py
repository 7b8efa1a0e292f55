"""What we speak is taken for speech by a voice activity detector, and its pauses for pauses."""

from __future__ import annotations

import array
import random

import pytest
import webrtcvad

from eloquence_ops.probes.media import voice

_WINDOW = voice.RATE // 50


def _is_speech(samples: tuple[int, ...], strictness: int) -> list[bool]:
    detector = webrtcvad.Vad(strictness)
    return [
        detector.is_speech(array.array("h", samples[at : at + _WINDOW]).tobytes(), voice.RATE)
        for at in range(0, len(samples) - _WINDOW + 1, _WINDOW)
    ]


@pytest.mark.parametrize("strictness", range(4))
def test_webrtcs_detector_hears_a_voice_and_then_a_pause(strictness: int) -> None:
    judged = _is_speech(voice.phrase(), strictness)
    spoken = int(voice.PHRASE_S * 50)
    assert sum(judged[:spoken]) > 0.8 * spoken
    # The detector goes on for a moment after the last sound.
    assert not any(judged[spoken + 15 :])


def test_a_tone_is_no_voice_for_the_same_detector() -> None:
    """So that the test above says something: noise of the same loudness is not heard."""
    drawing = random.Random(1)
    hiss = tuple(round(drawing.gauss(0, 200)) for _ in range(2 * voice.RATE))
    assert sum(_is_speech(hiss, 3)) < 20


def test_it_is_loud_and_not_distorted() -> None:
    spoken = voice.phrase()[: int(voice.PHRASE_S * voice.RATE)]
    assert max(map(abs, spoken)) == 12_000
    assert -30 < voice.level_db(spoken) < -15


@pytest.mark.parametrize(
    ("samples", "expected"),
    [((), -96), ((0,) * 320, -96), ((32767, -32767) * 160, 0), ((3277,) * 320, -20)],
)
def test_loudness_is_below_the_loudest_possible(samples: tuple[int, ...], expected: int) -> None:
    assert voice.level_db(samples) == pytest.approx(expected, abs=0.01)
