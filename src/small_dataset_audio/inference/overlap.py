"""Overlap-add: waveforms that follow one another become one, as they come, with one overlap held back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.audio.joins import best_lag, level_crossfade, rise
from small_dataset_audio.constants import DEFAULT_OVERLAP_SAMPLES
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError


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
    stretches : iterable of ndarray [shape=(channels, reach + chunk_samples + reach), float32]
        The last one may be shorter. The first channel, of mid and side the mid, decides shift and level for all: a shift
        for each would turn the stereo image.
    chunk_samples, overlap_samples, reach : int [samples]

    Yields
    ------
    ndarray [shape=(channels, samples), float32]
    """
    tail: NDArray[np.float32] | None = None
    for stretch in stretches:
        lag = 0 if tail is None else best_lag(tail[0], stretch[0, : overlap_samples + 2 * reach])
        chunk = stretch[:, reach + lag : stretch.shape[1] - reach + lag].copy()
        if tail is not None:
            chunk[:, :overlap_samples] = level_crossfade(tail, chunk[:, :overlap_samples])
        yield chunk[:, : chunk_samples - overlap_samples]
        tail = chunk[:, chunk_samples - overlap_samples :]
    if tail is not None and tail.shape[1]:
        yield tail
