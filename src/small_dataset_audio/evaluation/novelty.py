"""Is a take new? What it repeats word for word, and how near it comes otherwise, in one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.io import resample
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.evaluation.copying import CopyFinder, Copying
from small_dataset_audio.evaluation.frames import Frames, analyse
from small_dataset_audio.evaluation.resemblance import ResemblanceMeter
from small_dataset_audio.evaluation.row import RATE_HZ
from small_dataset_audio.memory import release_free_memory


@dataclass(frozen=True)
class Novelty:
    """What is old in a take.

    Parameters
    ----------
    copying : Copying
    resemblance_db : float or None
        Median distance of its half seconds to the nearest of the corpus; None for silence.
    corpus_own_db, corpus_others_db : float or None
        The same of the corpus's recordings, each against itself over half a second away, and against the others.
    """

    copying: Copying
    resemblance_db: float | None
    corpus_own_db: float | None
    corpus_others_db: float | None


class NoveltyReference:
    """A corpus made ready for telling what takes have from it.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
        At least one.
    names : sequence of str
        As many.
    generator : numpy.random.Generator
    frames : sequence of Frames, optional
        Of the clips, where they are at hand.
    """

    def __init__(
        self,
        clips: Sequence[NDArray[np.float32]],
        names: Sequence[str],
        generator: np.random.Generator,
        frames: Sequence[Frames] | None = None,
    ) -> None:
        self._finder = CopyFinder(clips, names, generator)
        release_free_memory()
        self._meter = ResemblanceMeter([analyse(clip) for clip in clips] if frames is None else frames, generator)

    @property
    def corpus_own_db(self) -> float | None:
        """Resemblance of the corpus's recordings, each to itself over half a second away [dB]."""
        return self._meter.own_db

    @property
    def corpus_others_db(self) -> float | None:
        """Resemblance of the corpus's recordings, each to the others [dB]."""
        return self._meter.others_db

    def examine(self, samples: NDArray[np.float32], sound: Frames | None = None) -> Novelty:
        """Examine a take.

        Parameters
        ----------
        samples : ndarray [shape=(samples,), float32, 48 kHz]
        sound : Frames, optional
            Of the samples, where they are at hand.
        """
        return Novelty(
            copying=self._finder.examine(resample(samples, SAMPLE_RATE, RATE_HZ)),
            resemblance_db=self._meter.median_db(analyse(samples) if sound is None else sound),
            corpus_own_db=self.corpus_own_db,
            corpus_others_db=self.corpus_others_db,
        )
