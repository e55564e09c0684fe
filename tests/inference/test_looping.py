"""Loops: stages that know no ends, held against the same stages on a sound that goes around many times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import soxr
import torch
from hypothesis import given
from hypothesis import strategies as st

from edges import noise
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.inference.interpolation import anchor_path, closed_path
from small_dataset_audio.inference.looping import (
    close_loop,
    loop_samples,
    resample_loop,
    samples_beyond,
    widen_loop,
    wrapped,
)
from small_dataset_audio.inference.pieces import collect, stream_of
from small_dataset_audio.inference.stereo import apply_mid_side_widening
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder
from tiny import narrow_model


def a_loop(num_samples: int, channels: int = 1) -> np.ndarray:
    return 0.3 * np.stack([noise(num_samples, seed=number) for number in range(channels)])


@given(period=st.integers(1, 400), before=st.integers(0, 900), after=st.integers(0, 900), channels=st.integers(1, 2))
def test_what_is_around_a_loop_is_the_loop(period: int, before: int, after: int, channels: int):
    audio = a_loop(period, channels)
    found = collect(wrapped(stream_of(audio), before, after), channels, before + period + after)
    np.testing.assert_array_equal(found, audio[:, np.arange(-before, period + after) % period])


def test_the_end_of_a_loop_goes_on_as_it_was_rendered():
    period = 48_000
    raw = np.cumsum(a_loop(period + samples_beyond(period)), axis=1).astype(np.float32)
    raw /= np.abs(raw).max()
    loop = close_loop(stream_of(raw), period).first()
    assert loop.shape == (1, period)
    twice = np.concatenate([loop, loop], axis=1)
    largest = np.abs(np.diff(raw)).max()
    # Brownian noise: without a seam, no step over it is larger than those that were rendered.
    assert np.abs(np.diff(twice)).max() < 1.5 * largest
    plain = raw[:, :period]
    assert np.abs(plain[0, 0] - plain[0, -1]) > 5 * largest


def test_a_sound_that_repeats_after_the_period_is_left_as_it_is():
    period = 24_000
    one = a_loop(period)
    raw = np.tile(one, 4)[:, : period + samples_beyond(period)]
    loop = close_loop(stream_of(raw), period).first()
    around = np.array([np.abs(np.roll(one, -shift)[0, :50] - loop[0, :50]).max() for shift in range(period)])
    shift = int(around.argmin())
    np.testing.assert_allclose(loop, np.roll(one, -shift, axis=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [44_100, 96_000])
@pytest.mark.parametrize("num_samples", [441, 30_000, 132_301])
def test_a_resampled_loop_is_a_stretch_of_the_endless_sound_resampled(rate: int, num_samples: int):
    source = np.sin(2 * np.pi * 7 * np.arange(n := loop_samples(num_samples, rate)) / n).astype(np.float32)[None]
    found = resample_loop(stream_of(source), num_samples).first()[0]
    assert len(found) == num_samples
    # Seven periods go into the loop exactly, at either rate; where the first one begins is free.
    spectrum = np.abs(np.fft.rfft(found.astype(np.float64))) / num_samples * 2
    assert spectrum[7] == pytest.approx(1.0, abs=1e-4)
    spectrum[7] = 0.0
    assert spectrum.max() < 1e-5


def test_a_resampled_loop_of_noise_is_what_soxr_makes_of_many_times_around():
    source = a_loop(48_000, 2)
    found = resample_loop(stream_of(source), 44_100).first()
    thrice = soxr.resample(np.tile(source, 3).T, 48_000, 44_100, quality="VHQ").T
    np.testing.assert_allclose(found, thrice[:, 44_100:88_200], rtol=0, atol=1e-5)


def test_the_side_of_a_widened_loop_has_no_beginning():
    mono = a_loop(48_000)
    wide = widen_loop(stream_of(mono), 0.8).first()
    thrice = apply_mid_side_widening(np.tile(mono[0], 3), 0.8)
    np.testing.assert_allclose(wide, thrice[:, 48_000:96_000], rtol=0, atol=1e-6)


def test_a_closed_path_goes_through_its_anchors_and_around():
    anchors = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    path = closed_path(anchors, steps_between=5, period_steps=30.0)
    np.testing.assert_allclose(path(0, 30)[:, ::10], anchors.T, rtol=0, atol=1e-5)
    np.testing.assert_allclose(path(30, 75), path(0, 45), rtol=0, atol=1e-5)
    open_path = anchor_path(torch.cat([anchors, anchors[:1]]), 5, 31)
    np.testing.assert_allclose(path(0, 31), open_path(0, 31), rtol=0, atol=1e-5)


def test_a_closed_path_comes_back_after_a_part_of_a_step_as_well():
    anchors = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
    path = closed_path(anchors, steps_between=4, period_steps=7.5)
    np.testing.assert_allclose(path(15, 30), path(0, 15), rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def pipeline() -> GenerationPipeline:
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal(48_000).astype(np.float32) * 0.1 for _ in range(2)]
    spectrogram = AudioSpectrogram()
    return GenerationPipeline(narrow_model(), spectrogram, vocoders={"mosaic": MosaicVocoder(spectrogram, clips)})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"duration_s": 0.01},
        {"duration_s": 1 / 48_000},
        {"concat_mode": "latent_interpolation"},
        {"stereo_mode": "mid_side", "sample_rate": 44_100, "duration_s": 0.777},
        {"stereo_mode": "dual_seed", "sample_rate": 96_000},
    ],
    ids=str,
)
def test_a_loop_has_its_length_its_level_and_no_mean(pipeline: GenerationPipeline, fields: dict[str, Any]):
    config = GenerationConfig(**{"duration_s": 0.5, "seed": 1, "loop": True, **fields})
    result = pipeline.generate(config)
    audio = np.atleast_2d(result.audio)
    assert audio.shape == (config.channels, config.num_samples)
    assert np.abs(audio).max() <= np.float32(0.8913)
    if config.num_samples > 1:
        assert np.abs(audio.mean(axis=1)).max() < 1e-3
        assert np.abs(audio).max() > 0.85
        # Neither end is faded: the level of both is that of the rest.
        assert 0.0 <= result.quality["loop"]["step_percentile"] < 100.0


def test_a_take_that_is_no_loop_has_no_seam(pipeline: GenerationPipeline):
    assert "loop" not in pipeline.generate(GenerationConfig(0.5, seed=1)).quality
