"""Enough good single sounds, out of as few takes as it needs: takes of one seed after the other are made and searched."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.hits import SPARSE_PER_S, Hit, find_hits
from small_dataset_audio.errors import InvalidConfigError, NothingFoundError
from small_dataset_audio.inference.config import GenerationConfig, check_count
from small_dataset_audio.inference.cutting import Cut
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.inference.results import GenerationResult
from small_dataset_audio.models.draws import NUM_STRATA

MOST_HITS: Final = 128
LONGEST_TAKE_S: Final = 60.0
"""Takes that are cut up are held in memory."""

_FEWEST_TAKES: Final = 4
_TAKES_A_HIT: Final = 1.5
_POOL: Final = 3  # so many times what is asked for is found before the most different ones are chosen
_BANDS: Final = 24
_MOMENTS: Final = 8
_HEARD_S: Final = 0.4
_FLOOR_DB: Final = -50.0
SAME_DB: Final = 2.5
"""Two sounds whose bands are no further apart, in the mean, are one sound twice."""

OnSearch = Callable[[int, int, object], None]
"""Told how many sounds are found, how many are looked for, and the words for it."""


@dataclass(frozen=True)
class FoundHit:
    """A sound, its place, and what it is like.

    Parameters
    ----------
    raw : ndarray [shape=(samples,) or (2, samples), float32]
        As it is in its take.
    cut : Cut
    take : GenerationResult
        What it was cut from, without its samples.
    features : ndarray [shape=(moments * bands,), dB under its loudest band]
    """

    raw: NDArray[np.float32] = field(repr=False)
    cut: Cut
    take: GenerationResult = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.cut.num_samples / self.take.sample_rate

    @property
    def audio(self) -> NDArray[np.float32]:
        """Faded, and at its peak [shape as raw]: the bits that its cut makes of its take."""
        return replace(self.cut, first=0).apply(self.raw)

    @property
    def num_bands(self) -> int:
        """In each moment of its features."""
        return len(self.features) // _MOMENTS


@dataclass(frozen=True)
class HitSearch:
    """What came of a search.

    Parameters
    ----------
    hits : tuple of FoundHit
        All that are good, in the order of their takes; many of them alike.
    num_takes : int
        That were made for it.
    is_by_rise : bool
        Whether the takes have too few attacks, so that they were cut where their level rises.
    """

    hits: tuple[FoundHit, ...]
    num_takes: int
    is_by_rise: bool


def search_hits(
    pipeline: GenerationPipeline, config: GenerationConfig, count: int, *, on_progress: OnSearch | None = None
) -> HitSearch:
    """Find enough sounds to choose so many different ones from, or fewer where there are no more good ones.

    Parameters
    ----------
    pipeline : GenerationPipeline
    config : GenerationConfig
        Of the takes; its seed is the first one's.
    count : int [1 to 128]

    Raises
    ------
    InvalidConfigError
        Before any work.
    NothingFoundError
        There is not one.
    """
    most_takes = _FEWEST_TAKES + round(_TAKES_A_HIT * count)
    check_hits(config, count, "count")
    first_seed = draw_seed() if config.seed is None else config.seed
    check_count(replace(config, seed=first_seed), most_takes)
    by_onset: list[FoundHit] = []
    by_rise: list[FoundHit] = []
    num_onsets, num_takes = 0, 0
    for seed in range(first_seed, first_seed + most_takes):
        take = pipeline.generate(replace(config, seed=seed))
        found = find_hits(mono_at_48k(take.audio, take.sample_rate))
        num_takes += 1
        num_onsets += found.num_onsets
        by_onset += _cut_out(take, found.by_onset)
        by_rise += _cut_out(take, found.by_rise)
        is_by_rise = num_onsets < SPARSE_PER_S * num_takes * config.duration_s
        pool = by_rise if is_by_rise else by_onset
        if on_progress is not None:
            on_progress(min(len(pool), _POOL * count), _POOL * count, f"sounds found in {num_takes} takes")
        if num_takes >= _FEWEST_TAKES and len(pool) >= _POOL * count:
            break
    if not pool:
        raise NothingFoundError(
            f"{num_takes} takes of {config.duration_s:g} s hold no clean single sound, neither with an attack nor rising out "
            "of a dip; try longer takes, another seed, or a model of recordings with single sounds in them"
        )
    return HitSearch(tuple(pool), num_takes, is_by_rise)


def draw_seed() -> int:
    """Draw a first seed: one that a block of strata begins with, so that the takes share the corpus out."""
    drawn = secrets.randbelow(2**31)
    return drawn - drawn % NUM_STRATA


def check_hits(config: GenerationConfig, count: int, name: str) -> None:
    """Check what is asked for, before a model is loaded; `name` is what a message calls the count.

    Raises
    ------
    InvalidConfigError
    """
    config.validate()
    if not 1 <= count <= MOST_HITS:
        raise InvalidConfigError(f"{name} is {count}; it must be from 1 to {MOST_HITS}")
    if config.loop:
        raise InvalidConfigError("loop is True; one-shots are cut out of takes with ends: leave one of the two out")
    if config.duration_s > LONGEST_TAKE_S:
        raise InvalidConfigError(
            f"duration_s is {config.duration_s:g}; takes to cut one-shots from must be at most {LONGEST_TAKE_S:g} s"
        )


def apart_db(features: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far sounds are apart, band by band and moment by moment [mean of the magnitudes, dB]."""
    distance: NDArray[np.float32] = np.abs(features - others).mean(axis=-1)
    return distance


def mono_at_48k(audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """What is listened to [shape=(samples,)]."""
    mono: NDArray[np.float32] = np.atleast_2d(audio).mean(axis=0, dtype=np.float32)
    if sample_rate == SAMPLE_RATE:
        return mono
    resampled: NDArray[np.float32] = np.asarray(
        soxr.resample(mono, sample_rate, SAMPLE_RATE, quality="VHQ"), dtype=np.float32
    )
    return resampled


def _cut_out(take: GenerationResult, hits: Sequence[Hit]) -> list[FoundHit]:
    ratio = take.sample_rate / SAMPLE_RATE
    total = take.audio.shape[-1]
    bare = replace(take, audio=np.zeros(0, np.float32))
    found = []
    for hit in hits:
        first = min(round(hit.first * ratio), total - 1)
        num_samples = min(round(hit.end * ratio), total) - first
        fades = [min(round(ms * take.sample_rate / 1000), num_samples // 2) for ms in (hit.fade_in_ms, hit.fade_out_ms)]
        cut = Cut(first, num_samples, *fades)
        raw = take.audio[..., first : first + num_samples].copy()
        heard = np.atleast_2d(replace(cut, first=0).apply(raw)).mean(axis=0)
        found.append(FoundHit(raw, cut, bare, _features(heard, take.sample_rate)))
    return found


def _features(mono: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Band levels of the first moments, in dB under the loudest: what a hit sounds like, not how loud it is."""
    length = round(_HEARD_S * sample_rate / _MOMENTS)
    heard = np.zeros(length * (_MOMENTS + 1), np.float32)
    heard[: min(len(mono), len(heard))] = mono[: len(heard)]
    frames = np.lib.stride_tricks.sliding_window_view(heard, 2 * length)[::length]
    # The first frame has its attack at its edge, where a window that rises and falls would not hear it.
    power: NDArray[np.float64] = np.abs(np.fft.rfft(frames * np.hanning(4 * length)[2 * length :], axis=1)) ** 2
    edges = np.unique(np.round(np.geomspace(40.0, 16_000.0, _BANDS + 1) / sample_rate * 2 * length).astype(np.int64))
    levels = 10.0 * np.log10(np.add.reduceat(power, edges, axis=1)[:, :-1] + 1e-9)
    features: NDArray[np.float32] = np.maximum(levels - levels.max(), _FLOOR_DB).astype(np.float32).ravel()
    return features


def most_different(pool: Sequence[FoundHit], count: int) -> tuple[FoundHit, ...]:
    """Choose one after the other, each as unlike those before as can be (T. Gonzalez, Theor. Comput. Sci. 1985).

    The first is the first found. Fewer than `count` where the rest are sounds that were chosen already.
    """
    features = np.stack([hit.features for hit in pool])
    chosen = [0]
    nearest = apart_db(features, features[0])
    while len(chosen) < min(count, len(pool)):
        furthest = int(nearest.argmax())
        if nearest[furthest] < SAME_DB:
            break
        chosen.append(furthest)
        nearest = np.minimum(nearest, apart_db(features, features[furthest]))
    return tuple(pool[number] for number in chosen)
