from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edges import noise, sine
from small_dataset_audio.audio.io import resample
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.quality import compute_quality_score, compute_snr_db, detect_clipping
from small_dataset_audio.inference.stereo import apply_mid_side_widening, peak_normalize

RATE = 48_000
RECORDINGS = Path("/usr/share/sonic-pi/samples")

any_audio = st.one_of(
    arrays(np.float32, st.integers(1, 6000), elements=st.floats(-4, 4, width=32)),
    arrays(
        np.float32,
        st.tuples(st.integers(1, 2), st.integers(1, 2000)),
        elements=st.floats(-(2.0**126), 2.0**126, width=32),
    ),
)


def gaussian(num_samples: int, slope: float = 0.0) -> NDArray[np.float32]:
    """Noise with a power spectrum of ``f ** -slope``: 0 white, 1 pink, 2 brown; its peak is 0.891."""
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(num_samples))
    frequencies = np.maximum(np.fft.rfftfreq(num_samples), 1 / num_samples)
    return peak_normalize(np.fft.irfft(spectrum * frequencies ** (-slope / 2), num_samples))


def tone_then_noise(noise_rms: float, amplitude: float = 0.5) -> NDArray[np.float32]:
    """A second of a sine, then a second of noise alone."""
    hiss = np.random.default_rng(3).standard_normal(RATE).astype(np.float32)
    return np.concatenate([amplitude * sine(440.0, RATE), noise_rms * hiss])


# --- signal-to-noise ratio ---


@pytest.mark.parametrize("noise_rms", [5e-3, 1e-3, 1e-4, 1e-5])
def test_the_ratio_is_that_of_the_powers(noise_rms: float):
    expected_db = 10 * np.log10((0.5**2 / 2) / noise_rms**2)
    assert compute_snr_db(tone_then_noise(noise_rms)) == pytest.approx(expected_db, abs=0.2)


@pytest.mark.parametrize("sample_rate", [44_100, 48_000, 96_000])
def test_frames_last_10_ms_at_every_rate(sample_rate: int):
    # 5 ms on, 5 ms off: every frame of 10 ms is loud, frames of 5 ms would be loud and quiet by turns
    half = round(0.005 * sample_rate)
    audio = np.tile(np.r_[np.full(half, 0.5), np.zeros(half)], 50).astype(np.float32)
    assert compute_snr_db(audio, sample_rate) is None
    assert compute_snr_db(audio, sample_rate, frame_ms=5.0) is not None


def test_a_frame_is_signal_over_an_rms_of_0_01():
    quiet = np.full(4800, 0.002, np.float32)
    assert compute_snr_db(np.r_[quiet, np.full(4800, np.float32(0.0101))]) == pytest.approx(14.07, abs=0.05)
    assert compute_snr_db(np.r_[quiet, np.full(4800, np.float32(0.0099))]) is None


def test_without_a_quiet_frame_there_is_no_ratio():
    assert compute_snr_db(sine(440.0, RATE)) is None
    assert compute_snr_db(gaussian(RATE)) is None


def test_without_a_loud_frame_there_is_no_ratio():
    assert compute_snr_db(np.zeros(RATE, np.float32)) is None
    assert compute_snr_db(1e-3 * sine(440.0, RATE)) is None


def test_audio_shorter_than_a_frame_has_no_ratio():
    assert compute_snr_db(sine(440.0, 479)) is None


def test_digital_silence_between_sounds_has_the_noise_of_a_24_bit_file():
    snr_db = compute_snr_db(np.r_[0.5 * sine(440.0, RATE), np.zeros(RATE, np.float32)])
    rounding_power = (2.0**-23) ** 2 / 12
    assert snr_db == pytest.approx(10 * np.log10(0.125 / rounding_power), abs=0.01)


def test_channels_out_of_phase_do_not_cancel():
    mono = tone_then_noise(1e-3)
    assert compute_snr_db(np.stack([mono, -mono])) == pytest.approx(compute_snr_db(mono))


def test_long_audio_in_blocks_has_the_ratio_of_the_whole():
    audio = np.concatenate([tone_then_noise(1e-3)] * 20)  # 40 s, many blocks of frames
    assert compute_snr_db(audio) == pytest.approx(compute_snr_db(tone_then_noise(1e-3)), abs=0.01)


# --- clipping ---


def test_a_clean_sine_is_not_clipped():
    found = detect_clipping(0.891 * sine(440.0, RATE))
    assert found == {
        "clipped_samples": 0,
        "clipped_percentage": 0.0,
        "peak": pytest.approx(0.891, abs=1e-4),
        "longest_run": 0,
        "flat_tops": 0,
    }


def test_samples_at_full_scale_are_counted_on_both_sides():
    audio = np.array([0.0, 1.0, 1.0, 0.2, -1.0, 0.998, 0.9991, -0.3, 0.0, 0.0], np.float32)
    found = detect_clipping(audio)
    assert found["clipped_samples"] == 4
    assert found["clipped_percentage"] == pytest.approx(40.0)
    assert found["longest_run"] == 2
    assert found["peak"] == 1.0


def test_a_run_does_not_go_over_from_one_channel_to_the_next():
    audio = np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]], np.float32)
    assert detect_clipping(audio)["longest_run"] == 2


@given(
    frequency_hz=st.floats(40.0, 3000.0),
    drive=st.floats(1.5, 20.0),
    level=st.floats(0.05, 0.95),
    phase=st.floats(0.0, 6.28),
)
@settings(deadline=None, max_examples=100)
def test_a_clipped_sine_is_found_at_every_level_after_normalisation(
    frequency_hz: float, drive: float, level: float, phase: float
):
    clipped = np.clip(drive * sine(frequency_hz, RATE // 2, phase=phase), -1, 1)
    at_limit = np.count_nonzero(np.abs(clipped) == 1)
    found = detect_clipping(peak_normalize(clipped, level))
    assert found["flat_tops"] > 0
    assert found["clipped_percentage"] > 0.1
    assert found["clipped_samples"] <= at_limit + 2  # never more than was cut; 1e-6 under the limit is at it
    score = compute_quality_score(peak_normalize(clipped, level))
    assert score["rating"] == "red"
    assert "clipped" in score["reason"]


@pytest.mark.parametrize("drive_db", [3.0, 6.0])
def test_clipped_noise_is_found_after_normalisation(drive_db: float):
    loud = gaussian(RATE, slope=1.0) * np.float32(10 ** (drive_db / 20) / 0.891)
    assert detect_clipping(peak_normalize(np.clip(loud, -1, 1)))["flat_tops"] > 0


def test_a_signal_clipped_on_one_side_only_is_found():
    clipped = np.clip(sine(100.0, RATE), -1, 0.6)
    found = detect_clipping(0.5 * clipped)
    assert found["flat_tops"] == 100
    assert found["clipped_percentage"] == pytest.approx(100 * (np.pi / 2 - np.arcsin(0.6)) / np.pi, abs=0.3)


@given(frequency_hz=st.floats(5.0, 20_000.0), phase=st.floats(0.0, 6.28), amplitude=st.floats(0.05, 0.99))
@example(frequency_hz=234.0, phase=0.0, amplitude=0.05)  # level for three samples, then seven rounding steps down
@settings(deadline=None, max_examples=300)
def test_no_sine_is_accused_not_even_rounded_to_16_bits(frequency_hz: float, phase: float, amplitude: float):
    tone = amplitude * sine(frequency_hz, RATE // 2, phase=phase)
    rounded = np.round(tone * 32768) / np.float32(32768)
    for audio in (tone, rounded):
        assert detect_clipping(0.9 / amplitude * audio.astype(np.float32))["flat_tops"] == 0


@pytest.mark.parametrize(
    "audio", [np.full(1000, 0.5, np.float32), np.zeros(1000, np.float32), np.ones(3, np.float32) / 2]
)
def test_a_constant_is_no_flat_top(audio: NDArray[np.float32]):
    assert detect_clipping(audio)["flat_tops"] == 0


# --- the rating ---


def test_a_clean_take_with_pauses_is_green():
    score = compute_quality_score(tone_then_noise(1e-4))
    assert score["rating"] == "green"
    assert "clean" in score["reason"]


@pytest.mark.parametrize(("margin_db", "rating", "word"), [(0.5, "green", "clean"), (-0.5, "yellow", "some noise")])
def test_green_is_over_30_db(margin_db: float, rating: str, word: str):
    amplitude = 0.005 * np.sqrt(2) * 10 ** ((30 + margin_db) / 20)
    score = compute_quality_score(tone_then_noise(0.005, amplitude))
    assert score["rating"] == rating
    assert word in score["reason"]


def test_under_15_db_is_red():
    quiet_tone = np.concatenate([0.03 * sine(440.0, RATE), noise(RATE) * np.float32(0.02)])
    score = compute_quality_score(quiet_tone)
    assert score["snr_db"] < 15
    assert score["rating"] == "red"
    assert "noisy" in score["reason"]


def test_one_clipped_sample_is_no_longer_green_and_over_a_thousandth_is_red():
    audio = tone_then_noise(1e-4)
    audio[1000] = 1.0
    assert compute_quality_score(audio)["rating"] == "yellow"
    audio[:97] = 1.0  # 97 and one of 96,000 are over 0.1 %
    assert compute_quality_score(audio)["rating"] == "red"


@pytest.mark.parametrize("level", [0.0, 1e-5, 9e-4])
def test_silence_is_red_and_called_silent(level: float):
    score = compute_quality_score(level * sine(440.0, RATE))
    assert score["rating"] == "red"
    assert score["reason"].startswith("silent")


def test_without_a_measurable_ratio_there_is_no_green():
    score = compute_quality_score(0.891 * sine(440.0, RATE))
    assert score["snr_db"] is None
    assert score["rating"] == "yellow"
    assert "not measurable" in score["reason"]


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0], ids=["white", "pink", "brown"])
@pytest.mark.parametrize("pause_s", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("seconds", [0.4, 3.0])
def test_broadband_noise_is_never_green_with_or_without_a_silence(slope: float, pause_s: float, seconds: float):
    hiss = gaussian(round(seconds * RATE), slope)
    score = compute_quality_score(np.r_[hiss, np.zeros(round(pause_s * RATE), np.float32)])
    assert score["rating"] != "green"
    if seconds > 1:
        assert score["sounds_like_noise"]
        assert "broadband noise" in score["reason"]


@pytest.mark.parametrize("sample_rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("slope", [0.0, 1.0], ids=["white", "pink"])
def test_noise_is_recognised_in_stereo_and_after_resampling(sample_rate: int, slope: float):
    widened = resample(apply_mid_side_widening(gaussian(2 * RATE, slope)), RATE, sample_rate)
    assert compute_quality_score(widened, sample_rate)["sounds_like_noise"]


@pytest.mark.parametrize(
    "audio",
    [
        0.8 * sine(440.0, 2 * RATE),
        gaussian(RATE) * np.exp(-np.arange(RATE) / 4800).astype(np.float32),  # a cymbal
        sum(0.1 * sine(110.0 * 2**octave, 2 * RATE, phase=octave) for octave in range(7)),
        0.5 * sine(110.0, 2 * RATE) + 0.02 * gaussian(2 * RATE),  # a tone with some breath
        gaussian(RATE // 4),  # a short burst, too short to be called steady
    ],
    ids=["sine", "cymbal", "organ with all octaves", "breathy tone", "burst"],
)
def test_sounds_that_are_not_steady_noise_are_not_called_so(audio: NDArray[np.float32]):
    assert not compute_quality_score(audio)["sounds_like_noise"]


@pytest.mark.real
@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="needs the Debian package sonic-pi-samples")
@pytest.mark.parametrize("family", ["ambi", "bass", "drum", "guit", "loop", "perc", "sn", "tabla"])
def test_no_recording_is_called_noise(family: str):
    paths = sorted(RECORDINGS.glob(f"{family}_*.flac"))
    assert paths
    for path in paths:
        audio, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert not compute_quality_score(peak_normalize(audio.T), sample_rate)["sounds_like_noise"], path.name


@pytest.mark.real
@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="needs the Debian package sonic-pi-samples")
def test_an_over_driven_loop_is_found_clipped_after_normalisation_and_tabla_are_not():
    loop, _ = soundfile.read(RECORDINGS / "loop_amen_full.flac", dtype="float32")
    assert detect_clipping(peak_normalize(loop.T))["flat_tops"] > 100
    for path in sorted(RECORDINGS.glob("tabla_*.flac")):
        audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
        assert detect_clipping(peak_normalize(audio.T))["clipped_samples"] == 0, path.name


# --- what every result has in common ---


@given(audio=any_audio, sample_rate=st.sampled_from([44_100, 48_000, 96_000]))
@settings(deadline=None, max_examples=150)
def test_every_score_is_strict_json_with_a_rating_and_a_reason(audio: NDArray[np.float32], sample_rate: int):
    score = compute_quality_score(audio, sample_rate)
    assert json.loads(json.dumps(score, allow_nan=False)) == score
    assert score["rating"] in {"green", "yellow", "red"}
    assert score["reason"]
    clipping = score["clipping"]
    assert 0 <= clipping["longest_run"] <= clipping["clipped_samples"] <= audio.size
    assert clipping["peak"] == pytest.approx(float(np.abs(audio).max()))
    if score["rating"] == "green":
        assert score["snr_db"] > 30
        assert clipping["clipped_samples"] == 0


@given(audio=any_audio)
@settings(deadline=None, max_examples=50)
def test_turning_the_polarity_changes_nothing(audio: NDArray[np.float32]):
    assert compute_quality_score(-audio) == compute_quality_score(audio)


@pytest.mark.parametrize("sample_rate", [1, 100, 4_000])
def test_very_low_sample_rates_still_give_a_score(sample_rate: int):
    assert not compute_quality_score(noise(200), sample_rate)["sounds_like_noise"]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: compute_snr_db(noise(10), 0), "sample_rate is 0"),
        (lambda: compute_snr_db(noise(10), frame_ms=0.0), "frame_ms is 0.0"),
        (lambda: compute_snr_db(noise(10), signal_rms=float("nan")), "signal_rms is nan"),
        (lambda: detect_clipping(noise(10), threshold=0.0), "threshold is 0.0"),
        (lambda: compute_quality_score(noise(10), -1), "sample_rate is -1"),
    ],
)
def test_a_setting_without_meaning_is_refused_by_name(call, named: str):
    with pytest.raises(InvalidConfigError, match=named):
        call()
