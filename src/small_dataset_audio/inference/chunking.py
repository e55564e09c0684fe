"""From latents to one long waveform, a chunk at a time.

Two ways to fill a take. *Crossfade*: one trajectory is drawn from the latent density; every chunk decodes and renders its own
stretch of it, with some context on both sides, and is joined to the next by Hann overlap-add, aligned in phase: a walk goes
on through the joins. *Latent interpolation*: anchors are drawn, the path between them is a great-circle arc (K. Shoemake,
"Animating rotation with quaternion curves", SIGGRAPH 1985), and the whole path is decoded as one continuous signal.

Generators are made from the seed (and the chunk's number): no global random state is read or changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.audio.joins import best_lag, level_crossfade, rise
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.constants import DEFAULT_OVERLAP_SAMPLES, SAMPLE_RATE
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError
from small_dataset_audio.models.density import Density, StandardNormal
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.models.vocoder.griffin_lim import GriffinLimVocoder
from small_dataset_audio.models.vocoder.protocol import Vocoder

_DECODE_BLOCK_STEPS = 256
_DECODE_CONTEXT_STEPS = 8  # the decoder sees under 6 steps to either side
_CHUNK_CONTEXT_STEPS = 8  # rendered around a chunk and cut off, so that both sides of a join render the same there
_OPPOSITE_SINE = 1e-4  # under it, what is left of the direction of an arc is mostly float32 rounding


def slerp(v0: Tensor, v1: Tensor, t: float | Tensor, dot_threshold: float = 0.9995) -> Tensor:
    """Interpolate along the arc between two vectors.

    The direction moves at constant angular speed, the magnitude linearly. Nearly parallel vectors, and a zero vector, are
    interpolated linearly; for opposite vectors, which have no shortest arc, the arc goes through a fixed perpendicular.

    Parameters
    ----------
    v0, v1 : Tensor [shape=(..., dim)]
    t : float or Tensor [0 to 1; shape=() or broadcastable to (..., 1)]
    dot_threshold : float
        Cosine from which on two directions count as parallel.

    Returns
    -------
    Tensor [shape=(..., dim)]
    """
    v0, v1 = torch.as_tensor(v0), torch.as_tensor(v1)
    share = torch.as_tensor(t, dtype=v0.dtype, device=v0.device)
    norm0, norm1 = v0.norm(dim=-1, keepdim=True), v1.norm(dim=-1, keepdim=True)
    straight = (1 - share) * v0 + share * v1
    tiny = torch.finfo(v0.dtype).tiny
    unit0, unit1 = v0 / norm0.clamp_min(tiny), v1 / norm1.clamp_min(tiny)
    cosine = (unit0 * unit1).sum(dim=-1, keepdim=True).clamp(-1.0, 1.0)

    tangent = unit1 - cosine * unit0
    sine = tangent.norm(dim=-1, keepdim=True)
    is_opposite = (cosine < 0) & (sine < _OPPOSITE_SINE)
    tangent = torch.where(is_opposite, _perpendicular(unit0), tangent)
    tangent = tangent / tangent.norm(dim=-1, keepdim=True).clamp_min(tiny)
    angle = torch.atan2(sine, cosine) * share  # unlike acos, exact to rounding at both ends
    magnitude = (1 - share) * norm0 + share * norm1
    arc = magnitude * (torch.cos(angle) * unit0 + torch.sin(angle) * tangent)

    is_straight = (cosine > dot_threshold) | (norm0 <= tiny) | (norm1 <= tiny)
    return torch.where(is_straight, straight, arc)


def _perpendicular(unit: Tensor) -> Tensor:
    """Some direction at a right angle: the axis the vector has least of, made orthogonal to it."""
    axis = torch.nn.functional.one_hot(unit.abs().argmin(dim=-1), unit.shape[-1]).to(unit.dtype)
    return axis - (axis * unit).sum(dim=-1, keepdim=True) * unit


def crossfade_chunks(
    chunks: Sequence[ArrayLike], overlap_samples: int = DEFAULT_OVERLAP_SAMPLES
) -> NDArray[np.float32]:
    """Join waveforms by Hann overlap-add.

    The two halves of a Hann window sum to one, so a constant signal stays constant through every join. A chunk shorter than
    the overlap is crossfaded over the whole of its length.

    Parameters
    ----------
    chunks : sequence of array_like [shape=(samples,), float; unequal lengths are fine]
        None at all gives an empty array, one is returned unchanged.
    overlap_samples : int [0 or more]

    Returns
    -------
    ndarray [shape=(sum of lengths less the overlaps,), float32]

    Raises
    ------
    InvalidConfigError
        A negative overlap.
    InvalidAudioError
        A chunk that is not mono, or holds non-finite samples.
    """
    checked = [_check_chunk(chunk, number) for number, chunk in enumerate(chunks)]
    pieces = list(overlap_add(checked, overlap_samples))
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32)


def _check_chunk(chunk: ArrayLike, number: int) -> NDArray[np.float32]:
    array = check_audio(chunk, name=f"chunks[{number}]", allow_empty=True)
    if array.ndim != 1:
        raise InvalidAudioError(f"chunks[{number}] has shape {array.shape}; chunks must be mono, (samples,)")
    return array


def overlap_add(chunks: Iterable[NDArray[np.float32]], overlap_samples: int) -> Iterator[NDArray[np.float32]]:
    """Join chunks as they come, yielding finished samples and holding back one overlap only.

    Parameters
    ----------
    chunks : iterable of ndarray [shape=(samples,), float32]
    overlap_samples : int [0 or more]

    Yields
    ------
    ndarray [shape=(samples,), float32]
    """
    if overlap_samples < 0:
        raise InvalidConfigError(f"overlap_samples is {overlap_samples}; it must be 0 or more")
    pending = np.zeros(0, dtype=np.float32)
    for chunk in chunks:
        overlap = min(overlap_samples, len(pending), len(chunk))
        fade_in = rise(overlap)
        kept = len(pending) - overlap
        blended = pending[kept:] * (1.0 - fade_in) + chunk[:overlap] * fade_in
        joined = np.concatenate([pending[:kept], blended, chunk[overlap:]]).astype(np.float32)
        finished = max(len(joined) - overlap_samples, 0)
        if finished:
            yield joined[:finished]
        pending = joined[finished:]
    if len(pending):
        yield pending


def aligned_overlap_add(
    stretches: Iterable[NDArray[np.float32]], chunk_samples: int, overlap_samples: int, reach: int
) -> Iterator[NDArray[np.float32]]:
    """Join renderings of one trajectory: each is shifted to where it fits the one before, and the level is kept.

    Two renderings of the same moment sound the same and need not lie at the same sample: a mosaic shifts its runs to fit one
    another, and Griffin-Lim begins from other phases. Joined as they are, partials would cancel.

    Parameters
    ----------
    stretches : iterable of ndarray [shape=(reach + chunk_samples + reach,), float32]
    chunk_samples, overlap_samples, reach : int [samples]

    Yields
    ------
    ndarray [shape=(samples,), float32]
    """
    tail: NDArray[np.float32] | None = None
    for stretch in stretches:
        lag = 0 if tail is None else best_lag(tail, stretch[: overlap_samples + 2 * reach])
        chunk = stretch[reach + lag : reach + lag + chunk_samples].copy()
        if tail is not None:
            chunk[:overlap_samples] = level_crossfade(tail, chunk[:overlap_samples])
        yield chunk[: chunk_samples - overlap_samples]
        tail = chunk[chunk_samples - overlap_samples :]
    if tail is not None:
        yield tail


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
    model: ConvVAE,
    spectrogram: AudioSpectrogram,
    num_chunks: int,
    device: torch.device | str,
    seed: int,
    chunk_samples: int = SAMPLE_RATE,
    overlap_samples: int = DEFAULT_OVERLAP_SAMPLES,
    *,
    density: Density | None = None,
    vocoder: Vocoder | None = None,
) -> NDArray[np.float32]:
    """Decode a trajectory chunk by chunk and join the waveforms.

    Parameters
    ----------
    model : ConvVAE
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
    density = density or StandardNormal(model.latent_dim)
    vocoder = vocoder or GriffinLimVocoder(spectrogram)
    draws, _ = _generators(seed, 0)
    reach = spectrogram.config.hop_length // 2
    num_steps = model.num_steps(spectrogram.num_frames(num_samples + reach))
    trajectory = density.walk(num_steps, draws) if num_samples else np.zeros((model.latent_dim, 0), dtype=np.float32)

    def stretches() -> Iterator[NDArray[np.float32]]:
        for number in range(num_chunks):
            _, phases = _generators(seed, number)
            start = number * (chunk_samples - overlap_samples) - reach
            length = chunk_samples + 2 * reach
            yield _render_stretch(model, spectrogram, vocoder, trajectory, start, length, device, phases)

    return _collect(aligned_overlap_add(stretches(), chunk_samples, overlap_samples, reach), num_samples)


def _render_stretch(
    model: ConvVAE,
    spectrogram: AudioSpectrogram,
    vocoder: Vocoder,
    trajectory: NDArray[np.float32],
    start: int,
    num_samples: int,
    device: torch.device | str,
    phases: torch.Generator,
) -> NDArray[np.float32]:
    """Render samples `start` to `start + num_samples` of a trajectory, and some context that is cut off.

    Before sample 0, where the first chunk has nothing to be aligned with, there is silence.
    """
    if start < 0:
        rest = _render_stretch(model, spectrogram, vocoder, trajectory, 0, num_samples + start, device, phases)
        return np.pad(rest, (-start, 0))
    step_samples = model.config.frames_per_step * spectrogram.config.hop_length
    first_step = max(start // step_samples - _CHUNK_CONTEXT_STEPS, 0)
    end_step = -(-(start + num_samples) // step_samples) + 1 + _CHUNK_CONTEXT_STEPS
    skipped = start - first_step * step_samples
    stretch = np.ascontiguousarray(trajectory[:, first_step:end_step])
    mel_shape = (model.config.n_mels, stretch.shape[1] * model.config.frames_per_step)
    mel = decode_trajectory(model, stretch, mel_shape, device)
    return vocoder.render(mel, skipped + num_samples, phases)[skipped:]


def generate_chunks_latent_interp(
    model: ConvVAE,
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
    if steps_between < 1:
        raise InvalidConfigError(f"steps_between is {steps_between}; it must be 1 or more")
    if num_samples == 0:
        return np.zeros(0, dtype=np.float32)
    density = density or StandardNormal(model.latent_dim)
    vocoder = vocoder or GriffinLimVocoder(spectrogram)
    mel_shape = spectrogram.get_mel_shape(num_samples)
    draws, phases = _generators(seed, 0)
    anchors = torch.from_numpy(density.draw_anchors(num_chunks + 1, draws))
    trajectory = _anchor_path(anchors, steps_between, model.num_steps(mel_shape[1]))
    mel = decode_trajectory(model, trajectory, mel_shape, device)
    return vocoder.render(mel, num_samples, phases)


def _anchor_path(anchors: Tensor, steps_between: int, num_steps: int) -> NDArray[np.float32]:
    """Path through all anchors [shape=(latent_dim, num_steps)]."""
    shares = torch.arange(steps_between, dtype=anchors.dtype)[None, :, None] / steps_between
    arcs = slerp(anchors[:-1, None], anchors[1:, None], shares)
    points = torch.cat([arcs.flatten(0, 1), anchors[-1:]]).numpy()
    positions = np.linspace(0.0, len(points) - 1.0, num_steps)
    left = np.minimum(positions.astype(np.int64), max(len(points) - 2, 0))
    share = (positions - left)[:, None]
    return np.ascontiguousarray(((1 - share) * points[left] + share * points[left + 1]).T, dtype=np.float32)


def decode_trajectory(
    model: ConvVAE, trajectory: NDArray[np.float32], mel_shape: tuple[int, int], device: torch.device | str
) -> Tensor:
    """Decode a trajectory of any length block by block, with the decoder's context on both sides.

    Parameters
    ----------
    model : ConvVAE
    trajectory : ndarray [shape=(latent_dim, steps)]
    mel_shape : (n_mels, frames)
    device : torch.device or str

    Returns
    -------
    Tensor [shape=(1, 1, n_mels, frames), log10 amplitude, on `device`]

    Raises
    ------
    InvalidAudioError
        The model decoded to numbers that are not finite. Found here, since the mosaic would render them as sound.
    """
    frames_per_step = model.config.frames_per_step
    z = torch.from_numpy(trajectory).unsqueeze(0).to(device)
    blocks = []
    with torch.inference_mode():
        for start in range(0, z.shape[-1], _DECODE_BLOCK_STEPS):
            before = min(start, _DECODE_CONTEXT_STEPS)
            block = z[..., start - before : start + _DECODE_BLOCK_STEPS + _DECODE_CONTEXT_STEPS]
            mel = model.decode(block)
            blocks.append(mel[..., before * frames_per_step :][..., : _DECODE_BLOCK_STEPS * frames_per_step])
    decoded = torch.cat(blocks, dim=-1)[..., : mel_shape[1]]
    if not torch.isfinite(decoded).all():
        raise InvalidAudioError("the model decoded to NaN or infinite mel levels; train it again or restore a backup")
    return decoded


def _generators(seed: int, number: int) -> tuple[np.random.Generator, torch.Generator]:
    """Generators of one chunk: for draws, and for phases."""
    draws = np.random.default_rng([seed, number])
    return draws, torch.Generator().manual_seed(int(draws.integers(2**63)))


def _collect(pieces: Iterable[NDArray[np.float32]], num_samples: int) -> NDArray[np.float32]:
    """Write pieces into one array made beforehand: the pieces are never in memory all at once."""
    out = np.empty(num_samples, dtype=np.float32)
    position = 0
    for piece in pieces:
        out[position : position + len(piece)] = piece
        position += len(piece)
    return out[:position]
