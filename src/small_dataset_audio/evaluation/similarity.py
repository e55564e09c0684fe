"""How like the corpus something sounds, in per cent, and how much of the corpus it reaches.

Blocks of a second (:mod:`.blocks`) become points: each feature over its deviation in the corpus, groups of features weighted
alike, seen along the corpus's principal axes with their lengths evened out. Two anchors are measured in the same way, so that
a per cent means the same for drones and for strokes:

- 100 %: stretches of one half of the corpus against the other half;
- 0 %: steady noise with the corpus's average spectrum.

Between them lies the distance to the nearest mixture of the corpus's blocks (:mod:`.clouds`): it asks whether the sound is
the corpus's, and coverage asks how much of the corpus is there. Takes are held against all of the corpus, the first anchor
against half of it, so that what is played from the recordings can be nearer than that anchor: it has 100 % and no more. The
kernel's bandwidth is 0.6 of the median distance of the corpus's blocks: at the median itself the distance in a trial agreed
less with the kernel audio distance of the benchmark's embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.evaluation.blocks import BLOCK_FRAMES, GROUP_FLOORS, GROUP_SIZES, describe_blocks
from small_dataset_audio.evaluation.clouds import (
    density_coverage,
    distance_to_nearest_mixture,
    gaussian_kernel,
    median_distance,
    squared_distance,
)
from small_dataset_audio.evaluation.frames import FRAMES_PER_SECOND, Frames, analyse, join, loudness_reference

MAX_CORPUS_S: Final = 600.0
"""Of a longer corpus, pieces drawn by lot stand for all."""

_PIECE_S: Final = 2.5
_NOISE_S: Final = 10.0
_BANDWIDTH_SHARE: Final = 0.6
_VARIANCE_KEPT: Final = 0.99
_WHITENING_FLOOR: Final = 0.02
_STRETCHES: Final = 16
_RUN_BLOCKS: Final = 8
"""The corpus is halved in turns of so many blocks (2 s)."""
_DISTANCE_SCALE: Final = 1000.0
_FRAMES_AT_ONCE: Final = 4096

_Points = NDArray[np.float64]


@dataclass(frozen=True)
class _Projection:
    """From features to points."""

    mean: _Points = field(repr=False)
    axes: _Points = field(repr=False)

    def __call__(self, features: _Points) -> _Points:
        return np.asarray((features - self.mean) @ self.axes)


@dataclass(frozen=True)
class SetSimilarity:
    """How a set of takes lies in its corpus.

    Parameters
    ----------
    similarity_percent : float or None
        0 to 100; None without a sounding block.
    distance : float or None
        Unbiased squared kernel distance times 1000: about 0 cannot be told from the corpus; it may fall below.
    density, coverage : float or None
        1 is as dense as the corpus; 1 is all of it.
    """

    similarity_percent: float | None
    distance: float | None
    density: float | None
    coverage: float | None


class SimilarityReference:
    """A corpus made ready for comparisons.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
        At least one.
    generator : numpy.random.Generator
        Puts the recordings in a row, and chooses from a long corpus.
    frames : sequence of Frames, optional
        Of the clips, where they are at hand.

    Attributes
    ----------
    points : ndarray [shape=(blocks, dimensions)]
        Of the corpus.
    """

    def __init__(
        self,
        clips: Sequence[NDArray[np.float32]],
        generator: np.random.Generator,
        frames: Sequence[Frames] | None = None,
    ) -> None:
        sounds = [analyse(clip) for clip in clips] if frames is None else list(frames)
        row = join(_some_of(sounds, generator))
        reference_db = loudness_reference(row.level_db)
        features, _ = describe_blocks(row, reference_db)
        self._project = _fit(features)
        self.points: _Points = self._project(features)
        self._bandwidth = _BANDWIDTH_SHARE * median_distance(self.points)
        self._kernel = gaussian_kernel(self.points, self.points, self._bandwidth)
        noise = average_noise(clips, round(_NOISE_S * SAMPLE_RATE), generator)
        self.noise_points: _Points = self.locate(noise)
        self._noise_distance = self._mixture_distance(self.noise_points)
        self._own_distances: dict[int, float] = {}

    def locate(self, samples: NDArray[np.float32], sound: Frames | None = None) -> _Points:
        """Points of a sound [shape=(sounding blocks, dimensions)]; none for silence, or for less than a block of a second.

        Parameters
        ----------
        samples : ndarray [shape=(samples,), float32, 48 kHz]
        sound : Frames, optional
            Of the samples, where they are at hand.
        """
        sound = analyse(samples) if sound is None else sound
        if len(sound) < BLOCK_FRAMES or not samples.any():
            return self.points[:0]
        features, _ = describe_blocks(sound, loudness_reference(sound.level_db))
        return self._project(features)

    def similarity_percent(self, points: _Points) -> float | None:
        """How like the corpus a set of points is.

        Parameters
        ----------
        points : ndarray [shape=(blocks, dimensions)]
            See :meth:`locate`.

        Returns
        -------
        float [0 to 100] or None
            Over 100 is 100: the points are held against all of the corpus, the anchor against half of it. None without a
            point, or for a corpus that is noise itself: then nothing lies between the anchors.
        """
        if len(points) == 0:
            return None
        if len(points) not in self._own_distances:
            self._own_distances[len(points)] = self._own_distance(len(points))
        own = self._own_distances[len(points)]
        room = self._noise_distance - own
        if room <= 0.0:
            return None
        share = (self._noise_distance - self._mixture_distance(points)) / room
        return 100.0 * float(np.clip(share, 0.0, 1.0))

    def compare(self, points: _Points) -> SetSimilarity:
        """Measure everything of a set of takes, their points all together."""
        squared = squared_distance(self.points, points, self._bandwidth)
        reached = density_coverage(self.points, points)
        return SetSimilarity(
            similarity_percent=self.similarity_percent(points),
            distance=None if squared is None else _DISTANCE_SCALE * squared,
            density=None if reached is None else reached[0],
            coverage=None if reached is None else reached[1],
        )

    def compare_halves(self) -> SetSimilarity:
        """Measure one half of the corpus against the other, taken in turns of 2 s: what the corpus itself reaches."""
        first, second = self._halves()
        half = self.points[first]
        squared = squared_distance(half, self.points[second], self._bandwidth)
        reached = density_coverage(half, self.points[second])
        return SetSimilarity(
            similarity_percent=100.0,
            distance=None if squared is None else _DISTANCE_SCALE * squared,
            density=None if reached is None else reached[0],
            coverage=None if reached is None else reached[1],
        )

    def _halves(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        is_first = np.arange(len(self.points)) // _RUN_BLOCKS % 2 == 0
        return np.flatnonzero(is_first), np.flatnonzero(~is_first)

    def _mixture_distance(self, points: _Points) -> float:
        between = gaussian_kernel(self.points, points, self._bandwidth)
        return distance_to_nearest_mixture(self._kernel, between, gaussian_kernel(points, points, self._bandwidth))

    def _own_distance(self, count: int) -> float:
        """Median distance of stretches of one half of the corpus, `count` blocks long, to the other half."""
        first, second = self._halves()
        if len(second) == 0:
            return 0.0
        count = min(count, len(second))
        starts = np.unique(np.linspace(0, len(second) - count, _STRETCHES).astype(np.intp))
        within = self._kernel[np.ix_(first, first)]
        stretches = [second[start : start + count] for start in starts]
        distances = [
            distance_to_nearest_mixture(
                within, self._kernel[np.ix_(first, stretch)], self._kernel[np.ix_(stretch, stretch)]
            )
            for stretch in stretches
        ]
        return float(np.median(distances))


def average_noise(
    clips: Sequence[NDArray[np.float32]], num_samples: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Steady noise with the average spectrum of some recordings: all of their colour, none of their sound.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
    num_samples : int
    generator : numpy.random.Generator

    Returns
    -------
    ndarray [shape=(num_samples,), float32, peak 0.5]
    """
    width = 2048
    window = np.hanning(width)
    power = np.zeros(width // 2 + 1)
    # Of a long corpus every so many frames will do.
    every = max(1, round(sum(len(clip) for clip in clips) / (MAX_CORPUS_S * SAMPLE_RATE)))
    for clip in clips:
        padded = np.pad(clip, width // 2)
        cut = np.lib.stride_tricks.sliding_window_view(padded, width)[:: every * width // 2]
        for part in np.array_split(cut, -(-len(cut) // _FRAMES_AT_ONCE)):
            power += np.square(np.abs(scipy.fft.rfft(part * window))).sum(axis=0)
    hiss = scipy.fft.rfft(generator.standard_normal(num_samples))
    gains = np.interp(scipy.fft.rfftfreq(num_samples), scipy.fft.rfftfreq(width), np.sqrt(power))
    noise = scipy.fft.irfft(hiss * gains, num_samples)
    return np.asarray(0.5 * noise / max(np.abs(noise).max(), np.finfo(np.float64).tiny), dtype=np.float32)


def _some_of(sounds: list[Frames], generator: np.random.Generator) -> list[Frames]:
    """Recordings in an order drawn by lot; of a corpus over 10 minutes, short pieces from all over it."""
    order = generator.permutation(len(sounds))
    most = round(MAX_CORPUS_S * FRAMES_PER_SECOND)
    if sum(len(sound) for sound in sounds) <= most:
        return [sounds[index] for index in order]
    length = round(_PIECE_S * FRAMES_PER_SECOND)
    pieces = [
        Frames(
            sounds[index].bands_db[first : first + length],
            sounds[index].flatness_db[first : first + length],
            sounds[index].level_db[first : first + length],
        )
        for index in order
        for first in range(0, len(sounds[index]), length)
    ]
    chosen, total = [], 0
    for index in generator.permutation(len(pieces)):
        if total + len(pieces[index]) > most:
            break
        chosen.append(pieces[index])
        total += len(pieces[index])
    return chosen


def _fit(features: _Points) -> _Projection:
    mean = features.mean(axis=0)
    sizes = np.repeat(GROUP_SIZES, GROUP_SIZES)
    scale = 1.0 / (np.sqrt(sizes) * np.maximum(features.std(axis=0), np.repeat(GROUP_FLOORS, GROUP_SIZES)))
    scaled = (features - mean) * scale
    variance, axes = np.linalg.eigh(scaled.T @ scaled / len(features))
    variance, axes = np.maximum(variance[::-1], 0.0), axes[:, ::-1]  # largest first
    if variance[0] == 0.0:  # one block, or all alike: distances count in every direction
        return _Projection(mean, np.diag(scale))
    kept = int(np.searchsorted(np.cumsum(variance) / variance.sum(), _VARIANCE_KEPT)) + 1
    even = np.sqrt(variance[:kept] + _WHITENING_FLOOR * variance[0])
    return _Projection(mean, scale[:, None] * axes[:, :kept] / even)
