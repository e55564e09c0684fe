"""From latents to one long waveform, a chunk at a time.

Two ways to fill a take. *Crossfade*: one trajectory is drawn from the latent density; every chunk decodes and renders its own
stretch of it, with some context on both sides, and is joined to the next by Hann overlap-add, aligned in phase: a walk goes
on through the joins. *Latent interpolation*: anchors are drawn, the path between them is a great-circle arc, and the whole
path is decoded as one continuous signal.

Generators are made from the seed (and the chunk's number): no global random state is read or changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.audio.time_bend import HOP_LENGTH as BEND_HOP_LENGTH
from small_dataset_audio.audio.time_bend import bend_time, samples_needed
from small_dataset_audio.constants import DEFAULT_OVERLAP_SAMPLES, SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.decoding import decode_trajectory
from small_dataset_audio.inference.interpolation import LatentPath, anchor_path, closed_path, slerp
from small_dataset_audio.inference.overlap import aligned_overlap_add, crossfade_chunks
from small_dataset_audio.inference.pace import draw_pace
from small_dataset_audio.inference.pieces import Piece, collect
from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import Density, StandardNormal
from small_dataset_audio.models.draws import SpreadDraws
from small_dataset_audio.models.vocoder.griffin_lim import GriffinLimVocoder
from small_dataset_audio.models.vocoder.protocol import PlayingVocoder, Vocoder
from small_dataset_audio.models.walk import Walk, returning_stretch

__all__ = [
    "crossfade_chunks",
    "generate_chunks_crossfade",
    "generate_chunks_latent_interp",
    "plan_num_chunks",
    "slerp",
    "stream_chunks_crossfade",
    "stream_chunks_latent_interp",
    "total_samples",
]

_CHUNK_CONTEXT_STEPS = 8  # rendered around a chunk and cut off, so that both sides of a join render the same there

_RETURN_STEPS = 700  # 30 s: so much longer a walk is drawn to find where it comes back to itself

_SIGNAL_SAMPLES = 64 * SAMPLE_RATE
"""An interpolated path is rendered as one signal up to this length; what is longer is joined from stretches of it. Over the
minute that `max_duration_s` allows unless it is raised, so that joins are only where memory asks for them."""


def total_samples(num_chunks: int, chunk_samples: int, overlap_samples: int) -> int:
    """Samples of `num_chunks` chunks once joined."""
    return num_chunks * chunk_samples - (num_chunks - 1) * overlap_samples if num_chunks else 0


def plan_num_chunks(num_samples: int, chunk_samples: int, overlap_samples: int) -> int:
    """Fewest chunks that cover `num_samples` once their overlaps are eaten; at least one."""
    return max(-(-(num_samples - overlap_samples) // (chunk_samples - overlap_samples)), 1)


def _checked_length(num_chunks: int, chunk_samples: int, overlap_samples: int) -> int:
    if num_chunks < 0:
        raise InvalidConfigError(f"num_chunks is {num_chunks}; it must be 0 or more")
    if not 0 <= overlap_samples < chunk_samples:
        raise InvalidConfigError(
            f"overlap_samples is {overlap_samples}; it must be 0 or more, and shorter than a chunk ({chunk_samples} samples)"
        )
    return total_samples(num_chunks, chunk_samples, overlap_samples)


def generate_chunks_crossfade(
    model: Autoencoder,
    spectrogram: AudioSpectrogram,
    num_chunks: int,
    device: torch.device | str,
    seed: int,
    chunk_samples: int = SAMPLE_RATE,
    overlap_samples: int = DEFAULT_OVERLAP_SAMPLES,
    *,
    density: Density | None = None,
    vocoder: Vocoder | None = None,
    style: WalkStyle | None = None,
) -> NDArray[np.float32]:
    """Decode a trajectory chunk by chunk and join the waveforms.

    Parameters
    ----------
    model : Autoencoder
    spectrogram : AudioSpectrogram
    num_chunks : int [0 or more]
    device : torch.device or str
        Where `model` is.
    seed : int
    chunk_samples, overlap_samples : int [samples at 48 kHz]
    density : Density, optional
        What is drawn from; N(0, I) without one.
    vocoder : Vocoder, optional
        Griffin-Lim without one.
    style : WalkStyle, optional
        How far the walk goes from its recordings.

    Returns
    -------
    ndarray [shape=(num_chunks * chunk_samples - (num_chunks - 1) * overlap_samples,), float32]

    Raises
    ------
    InvalidConfigError
        A number of chunks under 0, or an overlap that is not shorter than a chunk.
    InvalidAudioError
        The model decoded to numbers that are not finite.
    """
    num_samples = _checked_length(num_chunks, chunk_samples, overlap_samples)
    pieces = stream_chunks_crossfade(
        model,
        spectrogram,
        num_chunks,
        device,
        seed,
        chunk_samples,
        overlap_samples,
        density=density,
        vocoder=vocoder,
        style=style,
    )
    return _collect(pieces, num_samples)


def stream_chunks_crossfade(
    model: Autoencoder,
    spectrogram: AudioSpectrogram,
    num_chunks: int,
    device: torch.device | str,
    seed: int,
    chunk_samples: int = SAMPLE_RATE,
    overlap_samples: int = DEFAULT_OVERLAP_SAMPLES,
    *,
    density: Density | None = None,
    vocoder: Vocoder | None = None,
    style: WalkStyle | None = None,
    period_samples: int | None = None,
    even_samples: int | None = None,
) -> Iterator[Piece]:
    """Yield what :func:`generate_chunks_crossfade` returns, chunk by chunk [shape=(channels, samples)].

    With `period_samples` the walk is one that comes back to where it began about so many samples later. Over the first
    `even_samples`, time runs as long as recorded on the whole.
    """
    num_samples = _checked_length(num_chunks, chunk_samples, overlap_samples)
    if num_samples == 0:
        return
    density = density or StandardNormal(model.latent_dim)
    vocoder = vocoder or GriffinLimVocoder(spectrogram)
    style = style or WalkStyle()
    draws, _ = _generators(seed, 0)
    reach = spectrogram.config.hop_length // 2
    pace = draw_pace(num_samples, style.bend, draws, even_samples)
    num_rendered = num_chunks
    if style.bend:  # what turns out not to be needed is not rendered
        num_rendered = plan_num_chunks(samples_needed(num_samples, float(pace.max())), chunk_samples, overlap_samples)
    num_frames = spectrogram.num_frames(total_samples(num_rendered, chunk_samples, overlap_samples) + reach)
    num_steps = model.num_steps(num_frames)
    is_returning = period_samples is not None
    walk = density.walk(num_steps + (_RETURN_STEPS if is_returning else 0), draws, style, SpreadDraws(seed))
    if period_samples is not None:
        step_samples = model.config.frames_per_step * spectrogram.config.hop_length
        mean_pace = float(pace[: period_samples // BEND_HOP_LENGTH + 1].mean()) if style.bend else 1.0
        walk = returning_stretch(walk, num_steps, round(period_samples * mean_pace / step_samples))
    stretch = _stretches(model, vocoder, walk, device, style)
    is_bent = bool(style.bend) and walk.can_be_played and isinstance(vocoder, PlayingVocoder)
    num_rendered = num_rendered if is_bent else num_chunks

    def pieces() -> Iterator[Piece]:
        for number in range(num_rendered):
            _, phases = _generators(seed, number)
            start = number * (chunk_samples - overlap_samples) - reach
            yield _render_stretch(model, spectrogram, stretch, start, chunk_samples + 2 * reach, phases)

    joined = aligned_overlap_add(pieces(), chunk_samples, overlap_samples, reach)
    yield from bend_time(joined, pace, num_samples) if is_bent else joined


RenderSteps = Callable[[int, int, int, torch.Generator], NDArray[np.float32]]
"""Renders the beginning of steps `first` to `last`: so many samples, with phases from a generator."""


def _stretches(
    model: Autoencoder,
    vocoder: Vocoder,
    walk: Walk,
    device: torch.device | str,
    style: WalkStyle,
) -> RenderSteps:
    """Choose how a walk is rendered: played from the recordings where it keeps to them, else decoded and rendered."""
    if walk.can_be_played and isinstance(vocoder, PlayingVocoder):
        player, path = vocoder, vocoder.place(walk, model.config.frames_per_step, style.match_db)
        return lambda first, last, num_samples, _: player.play(path, first, last, num_samples)
    return _decoded(model, vocoder, walk.latents, device)


def _decoded(
    model: Autoencoder,
    vocoder: Vocoder,
    latents: LatentPath,
    device: torch.device | str,
) -> RenderSteps:
    def render(first: int, last: int, num_samples: int, phases: torch.Generator) -> NDArray[np.float32]:
        voices = latents(first, last)
        mel_shape = (model.config.n_mels, voices.shape[-1] * model.config.frames_per_step)
        return vocoder.render(decode_trajectory(model, voices, mel_shape, device), num_samples, phases)

    return render


def _render_stretch(
    model: Autoencoder,
    spectrogram: AudioSpectrogram,
    render_steps: RenderSteps,
    start: int,
    num_samples: int,
    phases: torch.Generator,
) -> Piece:
    """Render samples `start` to `start + num_samples` of a path, and some context that is cut off.

    Before sample 0, where the first chunk has nothing to be aligned with, there is silence.
    """
    if start < 0:
        rest = _render_stretch(model, spectrogram, render_steps, 0, num_samples + start, phases)
        return np.pad(rest, ((0, 0), (-start, 0)))
    step_samples = model.config.frames_per_step * spectrogram.config.hop_length
    first_step = max(start // step_samples - _CHUNK_CONTEXT_STEPS, 0)
    end_step = -(-(start + num_samples) // step_samples) + 1 + _CHUNK_CONTEXT_STEPS
    skipped = start - first_step * step_samples
    return np.atleast_2d(render_steps(first_step, end_step, skipped + num_samples, phases))[:, skipped:]


def generate_chunks_latent_interp(
    model: Autoencoder,
    spectrogram: AudioSpectrogram,
    num_chunks: int,
    device: torch.device | str,
    seed: int,
    chunk_samples: int = SAMPLE_RATE,
    overlap_samples: int = DEFAULT_OVERLAP_SAMPLES,
    steps_between: int = 10,
    *,
    density: Density | None = None,
    vocoder: Vocoder | None = None,
) -> NDArray[np.float32]:
    """Decode one path through latent anchors, an anchor a chunk, as one continuous signal.

    Parameters
    ----------
    model, spectrogram, num_chunks, device, seed, chunk_samples, density, vocoder
        As for :func:`generate_chunks_crossfade`.
    overlap_samples : int [samples at 48 kHz]
        Nothing is crossfaded here; it counts so that both modes give the same length.
    steps_between : int [1 or more]
        Points of the arc from one anchor to the next; the path is straight between them.

    Returns
    -------
    ndarray [shape=(num_chunks * chunk_samples - (num_chunks - 1) * overlap_samples,), float32]

    Raises
    ------
    InvalidConfigError, InvalidAudioError
        As for :func:`generate_chunks_crossfade`, or `steps_between` is under 1.
    """
    num_samples = _checked_length(num_chunks, chunk_samples, overlap_samples)
    pieces = stream_chunks_latent_interp(
        model,
        spectrogram,
        num_chunks,
        device,
        seed,
        chunk_samples,
        overlap_samples,
        steps_between,
        density=density,
        vocoder=vocoder,
    )
    return _collect(pieces, num_samples)


def stream_chunks_latent_interp(
    model: Autoencoder,
    spectrogram: AudioSpectrogram,
    num_chunks: int,
    device: torch.device | str,
    seed: int,
    chunk_samples: int = SAMPLE_RATE,
    overlap_samples: int = DEFAULT_OVERLAP_SAMPLES,
    steps_between: int = 10,
    *,
    density: Density | None = None,
    vocoder: Vocoder | None = None,
    period_samples: int | None = None,
) -> Iterator[Piece]:
    """Yield what :func:`generate_chunks_latent_interp` returns, about a minute at a time [shape=(channels, samples)].

    With `period_samples` the path is a closed one, once around it in so many samples.
    """
    num_samples = _checked_length(num_chunks, chunk_samples, overlap_samples)
    if steps_between < 1:
        raise InvalidConfigError(f"steps_between is {steps_between}; it must be 1 or more")
    if num_samples == 0:
        return
    density = density or StandardNormal(model.latent_dim)
    vocoder = vocoder or GriffinLimVocoder(spectrogram)
    draws, phases = _generators(seed, 0)
    anchors = torch.from_numpy(density.draw_anchors(num_chunks + 1, draws))
    step_samples = model.config.frames_per_step * spectrogram.config.hop_length

    def path_over(num_steps: int) -> LatentPath:
        if period_samples is None:
            return anchor_path(anchors, steps_between, num_steps)
        # As many anchors as a take of this length has without a loop, and the first one once more at the end.
        num_anchors = max(plan_num_chunks(period_samples, chunk_samples, overlap_samples), 1) + 1
        return closed_path(anchors[:num_anchors], steps_between, period_samples / step_samples)

    if num_samples <= _SIGNAL_SAMPLES:
        mel_shape = spectrogram.get_mel_shape(num_samples)
        num_steps = model.num_steps(mel_shape[1])
        trajectory = path_over(num_steps)(0, num_steps)
        mel = decode_trajectory(model, trajectory, mel_shape, device)
        yield np.atleast_2d(vocoder.render(mel, num_samples, phases))
        return

    reach = spectrogram.config.hop_length // 2
    num_steps = model.num_steps(spectrogram.num_frames(num_samples + reach))
    stretch = _decoded(model, vocoder, path_over(num_steps), device)

    def pieces() -> Iterator[Piece]:
        hop = _SIGNAL_SAMPLES - DEFAULT_OVERLAP_SAMPLES
        for number, start in enumerate(range(0, num_samples - DEFAULT_OVERLAP_SAMPLES, hop)):
            _, phases = _generators(seed, number)
            length = min(_SIGNAL_SAMPLES, num_samples - start) + 2 * reach
            yield _render_stretch(model, spectrogram, stretch, start - reach, length, phases)

    yield from aligned_overlap_add(pieces(), _SIGNAL_SAMPLES, DEFAULT_OVERLAP_SAMPLES, reach)


def _generators(seed: int, number: int) -> tuple[np.random.Generator, torch.Generator]:
    """Generators of one chunk: for draws, and for phases."""
    draws = np.random.default_rng([seed, number])
    return draws, torch.Generator().manual_seed(int(draws.integers(2**63)))


def _collect(pieces: Iterator[Piece], num_samples: int) -> NDArray[np.float32]:
    """Return all pieces as one array, mono as one dimension."""
    first = next(pieces, None)
    if first is None:
        return np.zeros(0, dtype=np.float32)
    audio = collect(itertools.chain([first], pieces), first.shape[0], num_samples)
    return audio[0] if len(audio) == 1 else audio
