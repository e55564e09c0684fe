from __future__ import annotations

import itertools
from dataclasses import asdict

import librosa
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from small_dataset_audio.controls import events
from small_dataset_audio.controls.descriptors import Descriptors, describe, describe_around
from small_dataset_audio.controls.events import find_events
from small_dataset_audio.controls.frames import HOP, N_FFT, describe_frames, erb_rate
from small_dataset_audio.controls.partials import MOST_PARTIALS, find_partials, roughness, tension
from small_dataset_audio.controls.sliders import NAMES, UNITS
from small_dataset_audio.errors import InvalidAudioError

RATE = 48_000


def seconds(duration_s: float) -> np.ndarray:
    return np.arange(round(duration_s * RATE)) / RATE


def tone(frequency_hz: float, duration_s: float = 2.0, amplitude: float = 0.3) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency_hz * seconds(duration_s))).astype(np.float32)


def noise(duration_s: float = 2.0, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(duration_s * RATE))).astype(np.float32)


def strokes(every_s: float, rise_s: float = 0.001, duration_s: float = 6.0, frequency_hz: float = 600.0) -> np.ndarray:
    """Tones that rise linearly and die away."""
    time_s = seconds(every_s)
    shape = np.minimum(time_s / rise_s, 1.0) * np.exp(-np.maximum(time_s - rise_s, 0.0) / 0.05)
    stroke = 0.5 * shape * np.sin(2 * np.pi * frequency_hz * time_s)
    return np.tile(stroke, round(duration_s / every_s)).astype(np.float32)


# --- each against what is known ---


@pytest.mark.parametrize("frequency_hz", [110.0, 440.0, 3000.0, 12_000.0])
def test_the_brightness_of_a_tone_is_its_place_on_the_erb_rate_scale(frequency_hz: float):
    assert describe(tone(frequency_hz)).brightness == pytest.approx(
        21.4 * np.log10(0.00437 * frequency_hz + 1), abs=0.15
    )


def test_the_centroid_is_that_of_librosa():
    sound = noise() + tone(500.0)
    expected_hz = librosa.feature.spectral_centroid(y=sound, sr=RATE, n_fft=N_FFT, hop_length=HOP)[0]
    np.testing.assert_allclose(describe_frames(sound).brightness_erb, erb_rate(expected_hz), atol=1e-2)


@pytest.mark.parametrize(("amplitude", "expected_db"), [(1.0, -3.01), (3.0, -10.0), (1 / 3, -0.458)])
def test_warmth_is_the_share_of_the_energy_from_100_to_500_hz(amplitude: float, expected_db: float):
    sound = tone(300.0, amplitude=0.1) + tone(3000.0, amplitude=0.1 * amplitude)
    assert describe(sound).warmth == pytest.approx(expected_db, abs=0.05)


def test_the_noisiness_of_white_noise_is_what_theory_says():
    # The power of a bin is exponentially distributed: geometric over arithmetic mean is exp(-gamma).
    assert describe(noise(8.0)).noisiness == pytest.approx(-10 * np.euler_gamma / np.log(10), abs=0.05)


def test_a_tone_is_far_less_noisy_than_noise():
    assert describe(tone(440.0)).noisiness < -40.0


def vassilakis(partials: list[tuple[float, float]]) -> float:
    """Equation 6.23 as it is printed, pair by pair."""
    total = 0.0
    for (f1, a1), (f2, a2) in itertools.combinations(sorted(partials), 2):
        s = 0.24 / (0.0207 * f1 + 18.96)
        y = 0.5 * (2 * min(a1, a2) / (a1 + a2)) ** 3.11
        total += (a1 * a2) ** 0.1 * y * (np.exp(-3.5 * s * (f2 - f1)) - np.exp(-5.75 * s * (f2 - f1)))
    return total


def sethares(partials: list[tuple[float, float]]) -> float:
    total = 0.0
    for (f1, a1), (f2, a2) in itertools.combinations(sorted(partials), 2):
        s = 0.24 / (0.021 * f1 + 19)
        total += min(a1, a2) * (5 * np.exp(-3.5 * s * (f2 - f1)) - 5 * np.exp(-5.75 * s * (f2 - f1)))
    return total / sum(a for _, a in partials)


chords = st.lists(
    st.tuples(st.floats(50.0, 5000.0), st.floats(0.01, 1.0)),
    min_size=2,
    max_size=MOST_PARTIALS,
    unique_by=lambda p: p[0],
)


@given(chords)
def test_roughness_and_tension_are_the_printed_formulas(partials: list[tuple[float, float]]):
    frequencies_hz, amplitudes = (np.array([column], np.float32) for column in zip(*partials, strict=True))
    assert roughness(frequencies_hz, amplitudes)[0] == pytest.approx(vassilakis(partials), rel=1e-3, abs=1e-5)
    assert tension(frequencies_hz, amplitudes)[0] == pytest.approx(sethares(partials), rel=1e-3, abs=1e-5)


def test_the_partials_of_a_sound_are_found_with_frequency_and_amplitude():
    sound = tone(440.3, amplitude=0.2) + tone(1000.7, amplitude=0.1) + tone(3210.0, amplitude=0.02)
    spectrum = np.abs(np.fft.rfft(sound[:N_FFT] * np.hanning(N_FFT)))[None].astype(np.float32)
    frequencies_hz, amplitudes = find_partials(spectrum, RATE / N_FFT)
    strongest = np.argsort(-amplitudes[0])[:3]
    np.testing.assert_allclose(frequencies_hz[0, strongest], [440.3, 1000.7, 3210.0], atol=0.5)
    np.testing.assert_allclose(amplitudes[0, strongest], [1.0, 0.5, 0.1], rtol=0.03)


def test_a_semitone_is_rough_and_an_octave_and_a_single_tone_are_not():
    single, octave = describe(tone(440.0)), describe(tone(440.0) + tone(880.0))
    second = describe(tone(440.0) + tone(440.0 * 2 ** (1 / 12)))
    assert single.roughness < 1e-3
    assert second.roughness > 10 * octave.roughness
    assert second.tension > 10 * octave.tension


def test_a_consonant_triad_is_less_tense_than_a_cluster():
    def chord(*ratios: float) -> np.ndarray:
        return sum(
            tone(220.0 * ratio * harmonic, amplitude=0.05 / harmonic) for ratio in ratios for harmonic in range(1, 6)
        )

    assert describe(chord(1, 5 / 4, 3 / 2)).tension < describe(chord(1, 16 / 15, 9 / 8)).tension


@pytest.mark.parametrize(("every_s", "expected"), [(1.0, 1.0), (0.5, 2.0), (0.25, 4.0)])
def test_density_counts_the_strokes_of_a_second(every_s: float, expected: float):
    assert describe(strokes(every_s)).density == pytest.approx(expected)


def test_the_onsets_are_where_the_strokes_are():
    np.testing.assert_allclose(find_events(strokes(0.5)).times_s, np.arange(0, 6, 0.5), atol=0.025)


@given(levels=st.lists(st.integers(0, 30), min_size=1, max_size=80))
def test_an_onset_is_the_largest_around_stands_out_and_keeps_its_distance(levels: list[int]):
    strength = np.asarray(levels, np.float32)
    expected: list[int] = []
    for frame, here in enumerate(strength):
        largest = here == strength[max(0, frame - 5) : frame + 5].max()
        stands_out_by = here - strength[max(0, frame - 12) : frame + 12].mean(dtype=np.float64)
        assume(abs(stands_out_by - 6.0) > 1e-6)
        if largest and stands_out_by > 6.0 and (not expected or frame - expected[-1] > 4):
            expected.append(frame)
    np.testing.assert_array_equal(events._peaks(strength), expected)


def test_what_is_steady_has_but_its_beginning():
    assert describe(noise(3.0)).density == pytest.approx(1 / 3)
    assert describe(tone(440.0, 3.0)).density == pytest.approx(1 / 3)


def test_pulse_is_strong_where_strokes_are_regular_and_weak_where_they_are_not():
    generator = np.random.default_rng(3)
    irregular = np.concatenate([strokes(gap_s, duration_s=gap_s) for gap_s in generator.uniform(0.15, 1.2, 12)])
    regular = describe(strokes(0.5)).pulse
    assert regular > 0.8
    assert describe(irregular).pulse < 0.6 * regular
    assert describe(noise(4.0)).pulse < 0.1
    assert describe(tone(440.0, 4.0)).pulse < 0.1


@pytest.mark.parametrize("note", [45, 57, 69, 81])
def test_the_pitch_of_a_tone_is_its_midi_number_and_an_octave_is_twelve(note: int):
    assert describe(tone(librosa.midi_to_hz(note))).pitch == pytest.approx(note, abs=0.6)


def test_harmonics_move_a_pitch_by_less_than_an_octave_up():
    harmonics = sum(tone(220.0 * k, amplitude=0.2 / k) for k in range(1, 8))
    assert 57.0 < describe(harmonics).pitch < 62.0


def test_the_loudness_of_the_calibration_tone_is_that_of_the_standard():
    # ITU-R BS.1770-4: 997 Hz at full scale in one channel reads -3.01.
    assert describe(tone(997.0, 3.0, amplitude=1.0)).loudness == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("duration_s", [0.05, 0.2, 0.399])
def test_a_clip_shorter_than_a_gating_block_is_as_loud_as_a_long_one(duration_s: float):
    assert describe(tone(997.0, duration_s)).loudness == pytest.approx(describe(tone(997.0, 3.0)).loudness, abs=0.3)


@pytest.mark.parametrize("rise_s", [0.02, 0.05, 0.1])
def test_attack_is_the_time_from_a_tenth_to_nine_tenths(rise_s: float):
    attack = describe(strokes(1.0, rise_s)).attack
    assert 2**attack == pytest.approx(800.0 * rise_s, rel=0.1)


# --- all of them ---


@pytest.mark.parametrize("gain", [0.01, 0.5, 20.0])
def test_gain_changes_loudness_by_itself_and_nothing_else(gain: float):
    sound = strokes(0.5) + 0.02 * noise(6.0)
    plain, louder = asdict(describe(sound)), asdict(describe((gain * sound).astype(np.float32)))
    assert louder.pop("loudness") - plain.pop("loudness") == pytest.approx(20 * np.log10(gain), abs=0.05)
    assert louder == pytest.approx(plain, rel=1e-3, abs=1e-3)


def test_of_silence_nothing_is_said():
    assert describe(np.zeros(RATE, np.float32)) == Descriptors(*(None,) * len(NAMES))
    assert np.isnan(describe_around(np.zeros(RATE, np.float32), 2048)[:, NAMES.index("attack")]).all()


def test_every_descriptor_has_a_unit_and_a_field():
    assert tuple(asdict(describe(noise()))) == NAMES == tuple(UNITS)


@given(st.integers(1, 9000), st.integers(0, 3))
def test_a_sound_of_any_length_gets_finite_figures(num_samples: int, kind: int):
    sound = [noise(1.0), tone(90.0, 1.0), strokes(0.05, duration_s=1.0), np.ones(RATE, np.float32)][kind][:num_samples]
    for value in asdict(describe(sound)).values():
        assert value is None or np.isfinite(value)
    assert describe_around(sound, 2048).shape == (-(-num_samples // 2048), len(NAMES))


def test_stereo_is_refused_with_its_shape():
    with pytest.raises(InvalidAudioError, match=r"\(2, 4800\)"):
        describe(np.zeros((2, 4800), np.float32))


# --- around a moment ---


def test_around_each_moment_is_what_is_there():
    sound = np.concatenate([tone(200.0, 3.0), tone(2000.0, 3.0)])
    table = describe_around(sound, 4800)
    brightness, pitch = table[:, NAMES.index("brightness")], table[:, NAMES.index("pitch")]
    assert len(table) == 60
    np.testing.assert_allclose(brightness[2:24], erb_rate(np.array([200.0]))[0], atol=0.3)
    np.testing.assert_allclose(brightness[36:58], erb_rate(np.array([2000.0]))[0], atol=0.3)
    assert (np.diff(pitch[24:36]) > 0).all()


def test_the_mean_of_all_moments_is_about_the_whole():
    sound = strokes(0.4) + 0.2 * noise(6.0)
    table, whole = describe_around(sound, 2048), describe(sound)
    for name in ("brightness", "warmth", "noisiness", "pitch", "density", "attack"):
        assert np.nanmean(table[:, NAMES.index(name)]) == pytest.approx(getattr(whole, name), rel=0.06)


def test_where_nothing_sounds_nothing_is_said():
    sound = np.concatenate([tone(300.0, 1.0), np.zeros(3 * RATE, np.float32)])
    table = describe_around(sound, 4800)
    assert np.isfinite(table[:10, NAMES.index("brightness")]).all()
    assert np.isnan(table[20:, NAMES.index("brightness")]).all()
    assert np.isnan(table[25:, NAMES.index("attack")]).all()
    assert (table[25:, NAMES.index("density")] == 0.0).all()
