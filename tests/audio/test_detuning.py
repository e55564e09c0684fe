from __future__ import annotations

import numpy as np
import pytest

from edges import USABLE, noise, sine
from small_dataset_audio.audio import detuning
from small_dataset_audio.audio.detuning import LEAST_CENTS, MOST_CENTS, tolerable_cents
from small_dataset_audio.constants import SAMPLE_RATE


def stroke(frequency_hz: float, decay_s: float, duration_s: float = 3.0) -> np.ndarray:
    time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    return (np.sin(2 * np.pi * frequency_hz * time_s) * np.exp(-time_s / decay_s)).astype(np.float32)


@pytest.mark.parametrize(("frequency_hz", "decay_s"), [(400.0, 0.3), (250.0, 0.2), (900.0, 0.1), (1500.0, 0.2)])
def test_a_decaying_tone_bears_one_cycle_over_the_time_it_lasts(frequency_hz: float, decay_s: float):
    # Energy decays with half of decay_s; as long as a steady sound: (integral of e)^2 over the integral of e^2.
    lasts_s = decay_s
    expected = 1200 * np.log2(1 + 1 / (lasts_s * frequency_hz))
    assert LEAST_CENTS < expected < MOST_CENTS
    assert tolerable_cents(stroke(frequency_hz, decay_s)) == pytest.approx(expected, rel=0.06)


def test_a_drone_bears_the_least_and_a_low_thud_the_most():
    assert tolerable_cents(sine(440.0, 10 * SAMPLE_RATE)) == LEAST_CENTS
    assert tolerable_cents(stroke(70.0, 0.1)) == MOST_CENTS


@pytest.mark.parametrize("gain", [1e-3, 0.5, 10.0])
def test_how_loud_a_recording_is_does_not_matter(gain: float):
    clip = stroke(300.0, 0.3)
    assert tolerable_cents(np.float32(gain) * clip) == pytest.approx(tolerable_cents(clip), rel=1e-3)


def test_the_noise_of_an_attack_does_not_hide_the_tone_that_follows_it():
    clip = stroke(100.0, 0.4)
    struck = clip.copy()
    struck[:960] += noise(960)  # 20 ms
    assert tolerable_cents(struck) == pytest.approx(tolerable_cents(clip), rel=0.15)


def test_silence_around_a_sound_does_not_matter():
    clip = stroke(300.0, 0.3)
    among_silence = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), clip, np.zeros(2 * SAMPLE_RATE, np.float32)])
    assert tolerable_cents(among_silence) == pytest.approx(tolerable_cents(clip), rel=0.05)


@pytest.mark.parametrize("clip", [*USABLE.values(), np.zeros(0, np.float32), noise(479)])
def test_any_sound_bears_something(clip: np.ndarray):
    assert LEAST_CENTS <= tolerable_cents(clip) <= MOST_CENTS


def test_a_long_recording_is_gone_through_in_blocks_and_bears_what_a_minute_of_it_bears():
    minute = sine(5000.0, 60 * SAMPLE_RATE) * np.linspace(1.0, 0.0, 60 * SAMPLE_RATE, dtype=np.float32) ** 400
    twice = np.concatenate([minute, minute, minute[:9000]])
    frequency_hz, power = detuning._power_spectrum(twice)
    _, once = detuning._power_spectrum(minute)
    assert frequency_hz[power.argmax()] == pytest.approx(5000.0, abs=12.0)
    np.testing.assert_allclose(power / power.sum(), once / once.sum(), atol=0.02)
