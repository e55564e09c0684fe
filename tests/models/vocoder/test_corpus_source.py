"""The corpus as one long strip, and what is spliced out of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edges import USABLE, noise, sine
from small_dataset_audio.constants import HOP_LENGTH, SAMPLE_RATE
from small_dataset_audio.errors import InvalidAudioError
from small_dataset_audio.models.vocoder.corpus_source import SILENT_FRAMES, TUNING_UNIT, CorpusSource, Run, runs_of


def source_of(*clips: np.ndarray, join_hops: int = 3) -> CorpusSource:
    return CorpusSource(clips, HOP_LENGTH, join_hops)


# ---- the strip


@pytest.mark.parametrize("lengths", [(1,), (511, 512, 513), (20_000, 1, 7_777), (0, 100)])
def test_every_clip_lies_whole_between_silences_and_fills_whole_hops(lengths: tuple[int, ...]):
    clips = [noise(length, seed) for seed, length in enumerate(lengths)]
    source = source_of(*clips)
    assert source.num_frames.sum() * HOP_LENGTH == len(source.samples)
    begin = 0
    for clip, frames, stretch in zip(clips, source.num_frames, source.clips(), strict=True):
        inside = source.samples[begin : begin + frames * HOP_LENGTH]
        np.testing.assert_array_equal(stretch, inside)
        before = SILENT_FRAMES * HOP_LENGTH
        assert frames == 2 * SILENT_FRAMES + -(-len(clip) // HOP_LENGTH)
        np.testing.assert_array_equal(inside[before : before + len(clip)], clip)
        assert not inside[:before].any()
        assert not inside[before + len(clip) :].any()
        begin += frames * HOP_LENGTH
    assert source.samples.dtype == np.float32


def test_recordings_are_the_clips_again_without_a_copy():
    clips = [noise(length, length) for length in (20_000, 1, 7_777, 512)]
    source = source_of(*clips)
    for recording, clip in zip(source.recordings(), clips, strict=True):
        np.testing.assert_array_equal(recording, clip)
        assert np.shares_memory(recording, source.samples)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_clip_that_is_not_finite_is_refused_by_its_number(bad: float):
    with pytest.raises(InvalidAudioError, match=r"clips\[1\]"):
        source_of(noise(100), np.full(100, bad, np.float32))


# ---- runs


@given(path=st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0.5, 1.0])), min_size=1, max_size=30))
@settings(max_examples=100)
def test_runs_are_the_path_again_and_as_few_as_can_be(path: list[tuple[int, float]]):
    frames = np.array([frame for frame, _ in path])
    gains = np.array([gain for _, gain in path], np.float32)
    runs = runs_of(frames, gains)
    assert [(run.source_frame + i, run.gain) for run in runs for i in range(run.num_frames)] == path
    assert runs[0].target_frame == 0
    for run, following in itertools.pairwise(runs):
        assert following.target_frame == run.target_frame + run.num_frames
        assert following.source_frame != run.source_frame + run.num_frames or following.gain != run.gain


@given(path=st.lists(st.integers(-3, 6), max_size=30))
def test_without_gains_every_run_is_as_loud_as_recorded(path: list[int]):
    frames = np.array(path, dtype=np.int64)
    assert runs_of(frames) == runs_of(frames, np.ones(len(path), np.float32))


# ---- splicing


@pytest.mark.parametrize("clip", USABLE.values(), ids=USABLE.keys())
@pytest.mark.parametrize("gain", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("join_hops", [1, 3, 16])
def test_one_run_is_a_plain_copy_at_its_gain(clip: np.ndarray, gain: float, join_hops: int):
    source = source_of(noise(3000), clip, join_hops=join_hops)
    start, frames = int(source.num_frames[0]), int(source.num_frames[1])
    for num_samples in (1, HOP_LENGTH, frames * HOP_LENGTH):
        spliced = source.splice([Run(0, start, frames, gain)], num_samples)
        begin = start * HOP_LENGTH
        np.testing.assert_array_equal(spliced, np.float32(gain) * source.samples[begin : begin + num_samples])
        assert spliced.dtype == np.float32


@pytest.mark.parametrize("source_frame", [-30, -3, 40, 1000])
def test_outside_the_strip_there_is_silence(source_frame: int):
    source = source_of(noise(12_000))
    spliced = source.splice([Run(0, source_frame, 20)], 20 * HOP_LENGTH)
    everything = np.pad(source.samples, (30 * HOP_LENGTH, 1020 * HOP_LENGTH))
    begin = (source_frame + 30) * HOP_LENGTH
    np.testing.assert_array_equal(spliced, everything[begin : begin + 20 * HOP_LENGTH])


def test_a_run_at_one_gain_cut_in_two_is_that_run():
    source = source_of(noise(60_000))
    whole = source.splice([Run(0, 20, 60)], 59 * HOP_LENGTH)
    cut = source.splice([Run(0, 20, 25), Run(25, 45, 35)], 59 * HOP_LENGTH)
    np.testing.assert_allclose(cut, whole, atol=1e-6)


@given(
    frames=st.lists(st.integers(-5, 90), min_size=1, max_size=25),
    num_samples=st.integers(0, 12_000),
    join_hops=st.integers(1, 16),
)
@settings(deadline=None, max_examples=60)
def test_any_path_gives_as_many_finite_samples_as_asked_for(frames: list[int], num_samples: int, join_hops: int):
    spliced = source_of(noise(30_000), join_hops=join_hops).splice(runs_of(np.array(frames)), num_samples)
    assert spliced.shape == (num_samples,)
    assert spliced.dtype == np.float32
    # two unrelated sides at equal power can meet at their crests
    assert np.abs(spliced).max(initial=0.0) <= 0.5 * np.sqrt(2) ** 3


@pytest.mark.parametrize("join_hops", [1, 3, 8])
def test_fewer_samples_are_the_beginning_of_more_even_where_they_end_within_a_join(join_hops: int):
    source = source_of(noise(60_000), join_hops=join_hops)
    runs = [Run(0, 20, 10), Run(10, 60, 10, 0.5), Run(20, 40, 20)]
    more = source.splice(runs, 39 * HOP_LENGTH)
    for num_samples in range(8 * HOP_LENGTH, 24 * HOP_LENGTH, 301):
        np.testing.assert_array_equal(source.splice(runs, num_samples), more[:num_samples])


def joined(source: CorpusSource, run_starts: Sequence[int], run_frames: int) -> np.ndarray:
    """Splice runs of `run_frames` frames that begin at these frames of the strip."""
    path = np.concatenate([np.arange(start, start + run_frames) for start in run_starts])
    runs = runs_of(path)
    assert len(runs) == len(run_starts)
    return source.splice(runs, (len(path) - 1) * HOP_LENGTH)


@pytest.mark.parametrize("join_hops", [1, 3, 4, 8])
@pytest.mark.parametrize("run_frames", [1, 2, 9])
def test_a_constant_stays_constant_through_every_join(join_hops: int, run_frames: int):
    source = source_of(np.full(60_000, 0.25, np.float32), join_hops=join_hops)
    run_starts = np.random.default_rng(0).permutation(np.arange(30, 100, 3))
    np.testing.assert_allclose(joined(source, run_starts, run_frames), 0.25, atol=1e-6)


@pytest.mark.parametrize("join_hops", [1, 3, 8])
def test_a_constant_goes_from_gain_to_gain_around_the_middle_of_two_frames_without_overshoot(join_hops: int):
    source = source_of(np.full(60_000, 0.25, np.float32), join_hops=join_hops)
    runs = [Run(0, 30, 10, 1.0), Run(10, 70, 10, 2.0), Run(20, 50, 10, 0.5)]
    spliced = source.splice(runs, 30 * HOP_LENGTH)
    reach = join_hops * HOP_LENGTH // 2
    middles = [frame * HOP_LENGTH - HOP_LENGTH // 2 for frame in (10, 20)]
    bounds = [0, *middles, len(spliced)]
    for (begin, end), gain in zip(itertools.pairwise(bounds), (1.0, 2.0, 0.5), strict=True):
        inner = spliced[begin + (reach if begin else 0) : end - (reach if end < len(spliced) else 0)]
        np.testing.assert_allclose(inner, 0.25 * gain, atol=1e-6)
    for middle, direction in zip(middles, (1, -1), strict=True):
        assert (direction * np.diff(spliced[middle - reach : middle + reach]) >= -1e-6).all()
    np.testing.assert_allclose(spliced[middles[0] - 1 : middles[0] + 1].mean(), 0.25 * 1.5, atol=1e-4)


@pytest.mark.parametrize("frequency_hz", [110.0, 440.0, 1234.5])
def test_a_sine_stays_a_sine_through_every_join(frequency_hz: float):
    source = source_of(0.5 * sine(frequency_hz, 60_000))
    rendered = joined(source, [30, 77, 51, 92, 40, 66, 85, 33, 58], run_frames=9)
    period = round(SAMPLE_RATE / frequency_hz)
    crests = [np.abs(rendered[i : i + period]).max() for i in range(0, len(rendered) - period, period)]
    # Alignment is to a whole sample: 1234.5 Hz can be out by half of one, 4.6 degrees, and a fade of it dips by 0.1 %.
    assert min(crests) > 0.98 * 0.5
    assert max(crests) < 1.02 * 0.5
    steepest = 0.5 * 2 * np.pi * frequency_hz / SAMPLE_RATE
    assert np.abs(np.diff(rendered)).max() < 1.1 * steepest


def test_noise_keeps_its_power_through_every_join():
    clip = 0.2 * noise(200_000)
    rendered = joined(source_of(clip), np.random.default_rng(0).permutation(np.arange(20, 380, 11)), run_frames=9)
    power = np.convolve(rendered.astype(np.float64) ** 2, np.ones(1024) / 1024, mode="valid")
    expected = float(np.mean(clip.astype(np.float64) ** 2))
    assert np.mean(power) == pytest.approx(expected, rel=0.05)
    # 1024 independent samples: a fade of equal gain would halve the power at its middle.
    assert power.min() > 0.75 * expected
    assert power.max() < 1.35 * expected


# ---- the side


def stereo_source(*pairs: tuple[np.ndarray, np.ndarray | None], join_hops: int = 3) -> CorpusSource:
    return CorpusSource([mid for mid, _ in pairs], HOP_LENGTH, join_hops, [side for _, side in pairs])


RUNS = [Run(0, 20, 10), Run(10, 60, 10, 0.5), Run(20, 40, 20, lag=37), Run(40, -3, 9)]


@pytest.mark.parametrize("join_hops", [1, 3, 8])
def test_the_mid_of_a_stereo_splice_is_the_mono_splice_bit_for_bit(join_hops: int):
    source = stereo_source((noise(60_000, 1), noise(60_000, 2)), join_hops=join_hops)
    stereo = source.splice(RUNS, 44 * HOP_LENGTH, with_side=True)
    assert stereo.shape == (2, 44 * HOP_LENGTH)
    assert stereo.dtype == np.float32
    np.testing.assert_array_equal(stereo[0], source.splice(RUNS, 44 * HOP_LENGTH))
    assert np.abs(stereo[1]).max() > 0.1


def test_the_side_is_cut_shifted_faded_and_raised_as_the_mid_is():
    mid = noise(60_000)
    spliced = stereo_source((mid, -0.5 * mid)).splice(RUNS, 44 * HOP_LENGTH, with_side=True)
    np.testing.assert_array_equal(spliced[1], -0.5 * spliced[0])


def test_each_side_lies_beside_its_own_clip_and_a_mono_clip_has_silence_there():
    clips, side = [noise(3_000, 1), noise(7_777, 2), noise(500, 3)], noise(7_777, 4)
    source = CorpusSource(clips, HOP_LENGTH, 3, [None, side, None])
    length = len(source.samples)
    mid, beside = source.splice([Run(0, 0, int(source.num_frames.sum()))], length, with_side=True)
    np.testing.assert_array_equal(mid, source.samples)
    begin = (int(source.num_frames[0]) + SILENT_FRAMES) * HOP_LENGTH
    np.testing.assert_array_equal(beside[begin : begin + 7_777], side)
    assert not beside[:begin].any()
    assert not beside[begin + 7_777 :].any()


def test_a_source_without_sides_has_a_silent_one():
    source = source_of(noise(60_000))
    mid, side = source.splice(RUNS, 44 * HOP_LENGTH, with_side=True)
    np.testing.assert_array_equal(mid, source.splice(RUNS, 44 * HOP_LENGTH))
    assert not side.any()


@given(frames=st.lists(st.integers(-5, 90), min_size=1, max_size=25), num_samples=st.integers(0, 12_000))
@settings(deadline=None, max_examples=40)
def test_any_path_has_the_same_mid_in_stereo(frames: list[int], num_samples: int):
    source = stereo_source((noise(20_000, 1), noise(20_000, 2)), (noise(10_000, 3), None))
    runs = runs_of(np.array(frames))
    stereo = source.splice(runs, num_samples, with_side=True)
    np.testing.assert_array_equal(stereo[0], source.splice(runs, num_samples))
    assert np.isfinite(stereo).all()


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ([None, np.full(100, np.nan, np.float32)], r"sides\[1\] holds 100 NaN"),
        ([noise(99), None], r"sides\[0\] has shape \(99,\); its clip has 100 samples"),
        ([noise(200).reshape(2, 100), None], r"sides\[0\] has shape \(2, 100\)"),
        ([None], r"sides has 1 entries for 2 clips"),
    ],
)
def test_sides_that_do_not_fit_their_clips_are_refused_by_number(sides: list[np.ndarray | None], words: str):
    with pytest.raises(InvalidAudioError, match=words):
        CorpusSource([noise(100, 1), noise(100, 2)], HOP_LENGTH, 3, sides)


# ---- tuning


@pytest.mark.parametrize("tuning", [-120, -14, 14, 40, 120])
@pytest.mark.parametrize("begin", [0, 3, 40])
def test_a_tuned_run_is_the_recording_at_another_speed(tuning: int, begin: int):
    source = source_of(sine(440.0, 200_000))
    first = SILENT_FRAMES + 60
    heard = source.splice([Run(-begin, first, 150, tuning=tuning)], 100 * HOP_LENGTH)
    speed = 1 + tuning / TUNING_UNIT
    # sample n of the run is sample n * speed of the recording, from its first frame on
    positions = (first - SILENT_FRAMES) * HOP_LENGTH + (np.arange(len(heard)) + begin * HOP_LENGTH) * speed
    np.testing.assert_allclose(heard, np.sin(2 * np.pi * 440.0 * positions / SAMPLE_RATE), atol=2e-4)


@pytest.mark.parametrize("tuning", [-30, 25])
def test_a_tuned_run_cut_short_anywhere_has_the_same_samples(tuning: int):
    source = source_of(noise(300_000))
    whole = source.splice([Run(0, 40, 400, tuning=tuning)], 300 * HOP_LENGTH)
    for begin in (1, 37, 133):
        later = source.splice([Run(-begin, 40, 400, tuning=tuning)], 100 * HOP_LENGTH)
        np.testing.assert_allclose(later, whole[begin * HOP_LENGTH :][: len(later)], atol=1e-5)


def test_runs_of_another_tuning_are_other_runs():
    runs = runs_of(np.arange(6), tunings=np.array([0, 0, 5, 5, -5, -5]))
    assert [(run.target_frame, run.num_frames, run.tuning) for run in runs] == [(0, 2, 0), (2, 2, 5), (4, 2, -5)]


def test_tuned_runs_are_joined_where_they_fit():
    source = source_of(sine(220.0, 300_000))
    runs = [Run(0, 60, 60, lag=0), Run(60, 151, 60, tuning=20)]
    lags = source.find_lags(runs)
    heard = source.splice([runs[0], replace(runs[1], lag=lags[1])], 100 * HOP_LENGTH)
    envelope = np.sqrt(np.convolve(heard**2, np.ones(218) / 218, mode="valid"))  # one period
    assert envelope.min() / envelope.max() > 0.97


def test_the_side_is_tuned_with_the_mid():
    clip = noise(200_000)
    source = CorpusSource([clip], HOP_LENGTH, 3, [0.5 * clip])
    mid, side = source.splice([Run(0, 40, 100, tuning=11)], 90 * HOP_LENGTH, with_side=True)
    np.testing.assert_allclose(side, 0.5 * mid, atol=1e-6)


@pytest.mark.parametrize("tuning", [0, 60, 360])
def test_a_tuned_run_ends_with_its_recording_and_not_in_the_next(tuning: int):
    source = source_of(sine(330.0, 120_000), noise(60_000))
    frames = int(source.num_frames[0])
    heard = source.splice([Run(0, 0, frames, tuning=tuning)], frames * HOP_LENGTH)
    ends_at = SILENT_FRAMES * HOP_LENGTH + 120_000
    assert np.abs(heard[int(ends_at / (1 + tuning / TUNING_UNIT)) + 200 :]).max(initial=0.0) < 1e-3
