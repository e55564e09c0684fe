"""All instruments on one set of takes: a corpus is prepared once, then any number of sets is measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measures.clips import Clip, audible
from measures.copying import CopyDetector, Copying
from measures.coverage import density_coverage
from measures.embedding import embed
from measures.kad import kad, kad_standard_error
from measures.loudness import levels_db, loudness_distance_db, silent_share
from measures.motion import Motion, flux_percentiles, motion_ratios
from measures.onsets import onset_distance_db, onset_strengths
from measures.programme import play
from measures.resemblance import Resemblance, ResemblanceMeter
from measures.tuning import StablePeaks, Tuning, stable_peaks, tuning


@dataclass(frozen=True)
class SoundReport:
    """How a set of takes sounds beside its corpus; each figure is explained in the module that makes it."""

    label: str
    num_takes: int
    duration_s: float
    kad: float
    kad_standard_error: float | None
    density: float
    coverage: float
    copying: Copying
    resemblance: Resemblance
    motion: Motion
    onset_distance_db: float
    loudness_distance_db: float
    silent_share: float
    corpus_silent_share: float
    tuning: Tuning

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        return {
            "label": self.label,
            "num_takes": self.num_takes,
            "duration_s": round(self.duration_s, 3),
            "kad": self.kad,
            "kad_standard_error": self.kad_standard_error,
            "density": self.density,
            "coverage": self.coverage,
            "copied_share": self.copying.share,
            "longest_copied_s": self.copying.longest_s,
            "resemblance_db": self.resemblance.median_db,
            "resemblance_corpus_own_db": self.resemblance.own_db,
            "resemblance_corpus_others_db": self.resemblance.others_db,
            "flux_median_ratio": self.motion.median_ratio,
            "flux_p99_ratio": self.motion.p99_ratio,
            "flux_percentile_ratios": {str(p): ratio for p, ratio in self.motion.percentile_ratios.items()},
            "onset_distance_db": self.onset_distance_db,
            "loudness_distance_db": self.loudness_distance_db,
            "silent_share": self.silent_share,
            "corpus_silent_share": self.corpus_silent_share,
            "in_tune_share": self.tuning.in_tune,
            "in_tune_by_chance": self.tuning.by_chance,
            "swing_ratio": self.tuning.swing_ratio,
            "stable_peaks_ratio": self.tuning.peaks_ratio,
            "takes": [asdict(take) for take in self.copying.takes],
        }


@dataclass(frozen=True)
class _Played:
    """What :mod:`measures.programme` makes of the corpus, for takes of one length."""

    onset_strengths: NDArray[np.float32]
    levels_db: NDArray[np.float64]
    peaks: StablePeaks


class SoundMeter:
    """A corpus made ready for every instrument.

    Parameters
    ----------
    corpus : sequence of Clip
        Recordings of digital silence are left out.

    Raises
    ------
    CorpusError
        Nothing but silence.
    EmbeddingUnavailableError
        The embedding network is not installed.
    """

    def __init__(self, corpus: Sequence[Clip]) -> None:
        self._corpus = audible(corpus, what="the corpus")
        self._embedded = embed(self._corpus)
        self._flux = flux_percentiles(self._corpus)
        self._copy_detector = CopyDetector(self._corpus)
        self._resemblance_meter = ResemblanceMeter(self._corpus)
        self._peaks = stable_peaks(self._corpus)
        self._played: dict[float, _Played] = {}

    def measure(self, label: str, takes: Sequence[Clip]) -> SoundReport:
        """Read every instrument on one set of takes.

        Silent takes are left out, so a set of which some are silent is judged by the others.

        Raises
        ------
        CorpusError
            Nothing but silence.
        """
        heard = audible(takes, what=label)
        embedded = [embed([take]) for take in heard]
        blocks = np.concatenate(embedded)
        reach = density_coverage(self._embedded, blocks)
        played = self._play(float(np.median([take.duration_s for take in heard])))
        levels = levels_db(heard)
        return SoundReport(
            label=label,
            num_takes=len(heard),
            duration_s=sum(take.duration_s for take in heard),
            kad=kad(self._embedded, blocks),
            kad_standard_error=kad_standard_error(self._embedded, embedded),
            density=reach.density,
            coverage=reach.coverage,
            copying=self._copy_detector.examine(heard),
            resemblance=self._resemblance_meter.measure(heard),
            motion=motion_ratios(self._flux, flux_percentiles(heard)),
            onset_distance_db=onset_distance_db(played.onset_strengths, onset_strengths(heard)),
            loudness_distance_db=loudness_distance_db(played.levels_db, levels),
            silent_share=silent_share(levels),
            corpus_silent_share=silent_share(played.levels_db),
            tuning=tuning(self._peaks, played.peaks, stable_peaks(heard)),
        )

    def _play(self, duration_s: float) -> _Played:
        """Play the corpus in stretches as long as the takes; sets of takes are mostly of one length."""
        if duration_s not in self._played:
            stretches = play(self._corpus, duration_s, np.random.default_rng(0))
            self._played[duration_s] = _Played(
                onset_strengths(stretches), levels_db(stretches), stable_peaks(stretches)
            )
        return self._played[duration_s]
