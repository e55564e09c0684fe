"""One take beside the corpus: the report that stands in its sidecar, and what it does to the quality rating."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import check_audio, resample
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.evaluation.copying import Match
from small_dataset_audio.evaluation.frames import analyse
from small_dataset_audio.evaluation.novelty import Novelty, NoveltyReference
from small_dataset_audio.evaluation.similarity import SimilarityReference
from small_dataset_audio.memory import release_free_memory

FAR_UNDER_PERCENT: Final = 50.0
"""Nearer to noise than to the corpus: such a take gets no green."""

_SEED: Final = 0
"""What is drawn (the order of the recordings, a noise) is the same for every take of a corpus."""


@dataclass(frozen=True)
class TakeEvaluation:
    """How a take stands to its corpus.

    Parameters
    ----------
    evaluated_s : float [s]
        How much of it was compared.
    similarity_percent : float or None
        0 (noise of the corpus's colour) to 100 (the corpus itself); None for silence, or
        for less than a second.
    density, coverage : float or None
        1 is as dense as the corpus; 1 is all of it, of which a short take reaches a part.
    novelty : Novelty
    """

    evaluated_s: float
    similarity_percent: float | None
    density: float | None
    coverage: float | None
    novelty: Novelty

    def to_json(self) -> dict[str, Any]:
        """Plain values for strict JSON: null where something cannot be measured."""
        copying = self.novelty.copying
        return {
            "evaluated_s": self.evaluated_s,
            "similarity_percent": rounded(self.similarity_percent, 1),
            "density": rounded(self.density, 3),
            "coverage": rounded(self.coverage, 3),
            "copied_share": rounded(copying.share, 4),
            "longest_copied_s": 0.0 if copying.longest is None else copying.longest.duration_s,
            "longest_copied": match_to_json(copying.longest),
            "nearest": match_to_json(copying.nearest),
            "resemblance_db": rounded(self.novelty.resemblance_db, 2),
            "corpus_own_resemblance_db": rounded(self.novelty.corpus_own_db, 2),
            "corpus_others_resemblance_db": rounded(self.novelty.corpus_others_db, 2),
        }


class CorpusReference:
    """A corpus made ready for evaluating takes; made once, and used for any number of them.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
        At least one.
    names : sequence of str
        Of the recordings, in the same order.

    Attributes
    ----------
    similarity : SimilarityReference
    novelty : NoveltyReference
    """

    def __init__(self, clips: Sequence[NDArray[np.float32]], names: Sequence[str]) -> None:
        frames = [analyse(clip) for clip in clips]
        release_free_memory()
        self.similarity = SimilarityReference(clips, np.random.default_rng(_SEED), frames)
        self.novelty = NoveltyReference(clips, names, np.random.default_rng(_SEED), frames)
        release_free_memory()

    def evaluate(self, audio: ArrayLike, sample_rate: int = SAMPLE_RATE) -> TakeEvaluation:
        """Evaluate a take.

        Parameters
        ----------
        audio : array_like [shape=(samples,) or (channels, samples), float]
            Channels are mixed down.
        sample_rate : int [Hz]

        Raises
        ------
        InvalidAudioError
            See :func:`~small_dataset_audio.audio.check_audio`.
        """
        samples = to_mono_48k(audio, sample_rate)
        sound = analyse(samples)
        compared = self.similarity.compare(self.similarity.locate(samples, sound))
        return TakeEvaluation(
            evaluated_s=np.shape(audio)[-1] / sample_rate,
            similarity_percent=compared.similarity_percent,
            density=compared.density,
            coverage=compared.coverage,
            novelty=self.novelty.examine(samples, sound),
        )


def to_mono_48k(audio: ArrayLike, sample_rate: int) -> NDArray[np.float32]:
    """Mix down and resample to what is measured [shape=(samples,)]."""
    channels = np.atleast_2d(check_audio(audio))
    return resample(channels.mean(axis=0, dtype=np.float32), sample_rate, SAMPLE_RATE)


def temper_rating(quality: Mapping[str, Any], similarity_percent: float | None) -> dict[str, Any]:
    """Take the green away from a take that is far from its corpus, and say so in the reason.

    Parameters
    ----------
    quality : mapping
        See :func:`~small_dataset_audio.inference.quality.compute_quality_score`.
    similarity_percent : float or None
        None leaves the rating as it is.
    """
    tempered = dict(quality)
    if similarity_percent is None or similarity_percent >= FAR_UNDER_PERCENT:
        return tempered
    far = f"far from the corpus: {similarity_percent:.0f} % like it, under {FAR_UNDER_PERCENT:.0f} %"
    if tempered["rating"] == "green":
        tempered["rating"] = "yellow"
        tempered["reason"] = far
    else:
        tempered["reason"] = f"{tempered['reason']}; {far}"
    return tempered


def match_to_json(match: Match | None) -> dict[str, Any] | None:
    """Plain values of a match."""
    if match is None:
        return None
    return {**asdict(match), "correlation": round(match.correlation, 4)}


def rounded(value: float | None, digits: int) -> float | None:
    """Leave as many digits as mean something."""
    return None if value is None else round(value, digits)
