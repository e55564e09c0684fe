from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from measures.clips import Clip
from measures.tuning import StablePeaks, stable_peaks, tuning

RATE_HZ = 48_000
CHORD_HZ = (110.0, 277.2, 659.3)


def chord(*frequencies_hz: float, duration_s: float = 3.0, cents: float = 0.0) -> Clip:
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    detuned = [hz * 2.0 ** (cents / 1200.0) for hz in frequencies_hz]
    phases = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, len(detuned))
    partials = [np.sin(2.0 * np.pi * hz * time_s + phase) for hz, phase in zip(detuned, phases, strict=True)]
    return Clip("chord", (0.2 * np.sum(partials, axis=0)).astype(np.float32), RATE_HZ)


def hiss(duration_s: float = 3.0) -> Clip:
    samples = 0.1 * np.random.default_rng(0).standard_normal(round(duration_s * RATE_HZ), dtype=np.float32)
    return Clip("hiss", samples, RATE_HZ)


def compare(corpus: Clip, take: Clip) -> tuple[float | None, float | None, float | None, float | None]:
    reference = stable_peaks([corpus])
    found = tuning(reference, reference, stable_peaks([take]))
    return found.in_tune, found.by_chance, found.swing_ratio, found.peaks_ratio


@pytest.mark.parametrize("frequency_hz", [55.0, 82.41, 440.0, 1234.5, 4900.0])
def test_a_tone_has_one_stable_peak_a_frame_at_its_own_frequency(frequency_hz: float) -> None:
    peaks = stable_peaks([chord(frequency_hz)])
    found_hz = 2.0 ** (peaks.cents / 1200.0)
    # Half a window at either end holds less of the tone, whose skirt there may have peaks of its own.
    near = np.abs(found_hz / frequency_hz - 1.0) < 0.06
    assert near.sum() == pytest.approx(3.0 * RATE_HZ / 4096, abs=4)
    # A parabola through the log of a Hann lobe is off by up to 0.016 bins.
    assert np.median(np.abs(found_hz[near] - frequency_hz)) < 0.016 * RATE_HZ / 16_384
    assert peaks.energy[near].sum() > 0.999 * peaks.energy.sum()


def test_partials_far_apart_are_found_each_and_what_lies_outside_the_range_is_not() -> None:
    peaks = stable_peaks([chord(30.0, *CHORD_HZ, 8000.0)])
    found = np.unique(np.round(2.0 ** (peaks.cents[peaks.energy > 1e-3] / 1200.0)))
    assert found.tolist() == [110.0, 277.0, 659.0]


def test_noise_has_no_stable_peak() -> None:
    assert len(stable_peaks([hiss()]).cents) == 0
    assert compare(chord(*CHORD_HZ), hiss()) == (None, None, None, 0.0)


def test_a_glide_of_an_octave_a_second_is_not_stable_and_a_tone_is() -> None:
    time_s = np.arange(3 * RATE_HZ) / RATE_HZ
    glide = np.sin(2.0 * np.pi * 200.0 / np.log(2.0) * 2.0**time_s).astype(np.float32)
    assert len(stable_peaks([Clip("glide", glide, RATE_HZ)]).cents) == 0


@pytest.mark.parametrize(("cents", "in_tune"), [(0.0, 1.0), (8.0, 1.0), (-8.0, 1.0), (12.0, 0.0), (-12.0, 0.0)])
def test_peaks_within_ten_cents_are_in_tune_and_others_are_not(cents: float, in_tune: float) -> None:
    share, by_chance, _, _ = compare(chord(*CHORD_HZ), chord(*CHORD_HZ, cents=cents))
    assert share == pytest.approx(in_tune, abs=1e-3)
    assert by_chance == pytest.approx(0.0, abs=1e-3)


def test_the_share_is_of_energy() -> None:
    mixed = chord(440.0).samples + np.float32(0.5) * chord(1000.0).samples  # a fifth of the energy
    share, _, _, _ = compare(chord(440.0), Clip("mixed", mixed, RATE_HZ))
    assert share == pytest.approx(0.8, abs=0.01)


def test_a_corpus_with_partials_everywhere_is_near_to_anything_and_chance_says_so() -> None:
    everywhere = chord(*(2000.0 * 2.0 ** (np.arange(0, 25) / 40.0)))
    _, by_chance, _, _ = compare(everywhere, chord(*(2000.0 * 2.0 ** (np.arange(0, 25) / 40.0))))
    assert by_chance is not None
    assert by_chance > 0.3, "every 30 cents, so that shifts by 30 meet the next partial"


def test_two_tones_that_beat_swing_and_one_tone_does_not() -> None:
    still, beating = (stable_peaks([clip]) for clip in (chord(440.0), chord(438.0, 442.0)))
    assert np.median(still.swing_db) < 0.05
    # Of two equal tones the level is 20 log10 |cos|, whose deviation over a period is 20 / ln 10 * pi / sqrt(12) = 7.9 dB.
    assert np.median(beating.swing_db) > 5.0


def test_a_tone_that_only_decays_does_not_swing() -> None:
    tone = chord(440.0).samples * np.float32(10.0) ** (-np.arange(3 * RATE_HZ, dtype=np.float32) / RATE_HZ)
    assert np.median(stable_peaks([Clip("decay", tone, RATE_HZ)]).swing_db) < 0.05


def test_takes_that_beat_are_told_from_a_corpus_that_does_not_and_from_one_that_does() -> None:
    soft_beat = Clip("beat", chord(440.0).samples + np.float32(0.5) * chord(446.0).samples, RATE_HZ)
    _, _, swing, _ = compare(chord(440.0), soft_beat)
    assert swing is not None
    assert swing > 3.0
    assert compare(soft_beat, soft_beat)[2] == pytest.approx(1.0)


def test_as_many_partials_in_half_the_time_are_a_ratio_of_a_half() -> None:
    take = Clip("half", np.concatenate([chord(440.0).samples, hiss().samples * np.float32(0.5)]), RATE_HZ)
    _, _, _, ratio = compare(chord(440.0), take)
    assert ratio == pytest.approx(0.5, abs=0.1)


def test_tuning_does_not_depend_on_level() -> None:
    quiet = Clip("quiet", np.float32(0.001) * chord(*CHORD_HZ).samples, RATE_HZ)
    expected = compare(chord(*CHORD_HZ), chord(*CHORD_HZ))
    assert compare(chord(*CHORD_HZ), quiet) == pytest.approx(expected, rel=1e-3)


def test_a_corpus_of_noise_has_no_tuning_and_a_clip_shorter_than_a_window_is_measured() -> None:
    nothing = stable_peaks([hiss(0.1)])
    assert isinstance(nothing, StablePeaks)
    assert compare(hiss(), chord(440.0)) == (None, None, None, None)
