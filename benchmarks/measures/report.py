"""All instruments on one set of takes: a corpus is prepared once, then any number of sets is measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from measures.clips import Clip, audible
from measures.copying import CopyDetector, Copying
from measures.coverage import density_coverage
from measures.embedding import embed
from measures.kad import kad
from measures.motion import Motion, flux_percentiles, motion_ratios
from measures.resemblance import Resemblance, ResemblanceMeter


@dataclass(frozen=True)
class SoundReport:
    """How a set of takes sounds beside its corpus; each figure is explained in the module that makes it."""

    label: str
    num_takes: int
    duration_s: float
    kad: float
    density: float
    coverage: float
    copying: Copying
    resemblance: Resemblance
    motion: Motion

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        return {
            "label": self.label,
            "num_takes": self.num_takes,
            "duration_s": round(self.duration_s, 3),
            "kad": self.kad,
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
            "takes": [asdict(take) for take in self.copying.takes],
        }


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

    def measure(self, label: str, takes: Sequence[Clip]) -> SoundReport:
        """Read every instrument on one set of takes.

        Silent takes are left out, so a set of which some are silent is judged by the others.

        Raises
        ------
        CorpusError
            Nothing but silence.
        """
        heard = audible(takes, what=label)
        embedded = embed(heard)
        reach = density_coverage(self._embedded, embedded)
        return SoundReport(
            label=label,
            num_takes=len(heard),
            duration_s=sum(take.duration_s for take in heard),
            kad=kad(self._embedded, embedded),
            density=reach.density,
            coverage=reach.coverage,
            copying=self._copy_detector.examine(heard),
            resemblance=self._resemblance_meter.measure(heard),
            motion=motion_ratios(self._flux, flux_percentiles(heard)),
        )
