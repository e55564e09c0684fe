"""From what was rendered to what is exported: stereo, ends, peak or loudness, sample rate, exact length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.constants import PEAK_TARGET, SAMPLE_RATE
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.finishing import finish, without_mean
from small_dataset_audio.inference.leveling import bring_to
from small_dataset_audio.inference.looping import close_loop, loop_samples, resample_loop, samples_beyond, widen_loop
from small_dataset_audio.inference.mixing import add_up, apart
from small_dataset_audio.inference.pieces import Stream
from small_dataset_audio.inference.resampling import resample, samples_at_48k
from small_dataset_audio.inference.stereo import Extremes, scale_to_peak, widen


def shape_at_48k(config: GenerationConfig) -> tuple[int, int]:
    """Channels and samples of what is rendered, before it is made wide and resampled."""
    channels = 1 if config.stereo_mode == "mid_side" else config.channels
    if config.loop:
        period = loop_samples(config.num_samples, config.sample_rate)
        return channels, period + samples_beyond(period)
    return channels, samples_at_48k(config.num_samples, config.sample_rate)


def master(
    raw: Stream, config: GenerationConfig, level_lufs: NDArray[np.float64] | None = None
) -> tuple[Stream, Extremes]:
    """Master a take.

    Parameters
    ----------
    raw : Stream [48 kHz, of :func:`shape_at_48k`]
        Gone through once for each figure that a stage must know beforehand. With twice the channels it is two sounds, which
        are added by ``blend_weight``.
    config : GenerationConfig
    level_lufs : ndarray [shape=(points,), LUFS], optional
        Loudness evenly over the take. Without one its peak is brought to -1 dBFS.

    Returns
    -------
    stream : Stream
        What is exported: ``config.num_samples`` samples that peak at or under -1 dBFS.
    extremes : Extremes
        Of that stream.
    """
    sounds = apart(raw, shape_at_48k(config)[0])
    if config.loop:
        return _master_loop(sounds, config, level_lufs)
    stream = finish(add_up(sounds, config.blend_weight))
    if config.stereo_mode == "mid_side":
        # Finished first: the side is a copy that begins 15 ms into the take, and without a fade it would click there.
        stream = finish(widen(stream, config.stereo_width, SAMPLE_RATE))
    stream, extremes = _to_the_peak(stream) if level_lufs is None else bring_to(stream, level_lufs)
    if config.sample_rate == SAMPLE_RATE:
        return stream, extremes
    return _under_the_peak(resample(stream, config.sample_rate, config.num_samples))


def _master_loop(
    sounds: Sequence[Stream], config: GenerationConfig, level_lufs: NDArray[np.float64] | None
) -> tuple[Stream, Extremes]:
    """Do the same to a take without ends: every stage hears its last samples before its first ones."""
    period = loop_samples(config.num_samples, config.sample_rate)
    # Each comes back at a place of its own.
    closed = [close_loop(sound, period, independent=config.stereo_mode == "dual_seed") for sound in sounds]
    stream = without_mean(add_up(closed, config.blend_weight))
    if config.stereo_mode == "mid_side":
        stream = widen_loop(stream, config.stereo_width)
    if level_lufs is not None:
        stream, _ = bring_to(stream, level_lufs, is_loop=True)
    if config.sample_rate != SAMPLE_RATE:
        stream = resample_loop(stream, config.num_samples)
    return _to_the_peak(stream) if level_lufs is None else _under_the_peak(stream)


def _to_the_peak(stream: Stream) -> tuple[Stream, Extremes]:
    return scale_to_peak(stream, Extremes.of(stream.pieces()), PEAK_TARGET)


def _under_the_peak(stream: Stream) -> tuple[Stream, Extremes]:
    """Turn down what a resampler made overshoot; what stayed under the target is left as it is."""
    extremes = Extremes.of(stream.pieces())
    return scale_to_peak(stream, extremes, PEAK_TARGET) if extremes.peak > PEAK_TARGET else (stream, extremes)
