"""The stage ceiling: what each stage between the recordings and a take costs.

The corpus itself, the corpus through the vocoder alone, through the autoencoder and the vocoder, and what is generated are all
measured alike. What is lost between two of the middle lines is lost there. Takes that keep to the recordings are played from
them, past vocoder and autoencoder, so the last line can be over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.evaluation.copying import Copying
from small_dataset_audio.evaluation.frames import analyse
from small_dataset_audio.evaluation.similarity import SetSimilarity
from small_dataset_audio.evaluation.takes import CorpusReference, match_to_json, rounded


@dataclass(frozen=True)
class StageReport:
    """What came out of one stage.

    Parameters
    ----------
    name : str
        ``"corpus"``, ``"vocoder"``, ``"autoencoder"`` or ``"generated"``.
    duration_s : float [s]
        Of the audio that was measured.
    similarity : SetSimilarity
    copying : tuple of Copying
        Of each piece of audio; empty for the corpus, which is not looked for in itself.
    resemblance_db : float or None
        Median over the pieces of the distance to the nearest half second of the corpus.
    points : ndarray [shape=(blocks, dimensions)]
        On the map of the corpus.
    """

    name: str
    duration_s: float
    similarity: SetSimilarity
    copying: tuple[Copying, ...] = field(repr=False)
    resemblance_db: float | None
    points: NDArray[np.float64] = field(repr=False)

    @property
    def copied_share(self) -> float | None:
        """Copied windows over sounding ones (0 to 1), all pieces together."""
        windows = sum(piece.windows for piece in self.copying)
        return sum(piece.copied_windows for piece in self.copying) / windows if windows else None

    @property
    def longest_copied_s(self) -> float | None:
        """Longest copied stretch of any piece [s]."""
        if not self.copying:
            return None
        return max(0.0 if piece.longest is None else piece.longest.duration_s for piece in self.copying)

    def to_json(self) -> dict[str, Any]:
        """Plain values for strict JSON: null where something cannot be measured."""
        return {
            "stage": self.name,
            "duration_s": round(self.duration_s, 3),
            "similarity_percent": rounded(self.similarity.similarity_percent, 1),
            "distance": rounded(self.similarity.distance, 2),
            "density": rounded(self.similarity.density, 3),
            "coverage": rounded(self.similarity.coverage, 3),
            "copied_share": rounded(self.copied_share, 4),
            "longest_copied_s": self.longest_copied_s,
            "resemblance_db": rounded(self.resemblance_db, 2),
            "pieces": [
                {
                    "copied_share": rounded(piece.share, 4),
                    "longest_copied": match_to_json(piece.longest),
                    "nearest": match_to_json(piece.nearest),
                }
                for piece in self.copying
            ],
        }


@dataclass(frozen=True)
class ModelEvaluation:
    """A model, stage by stage.

    Parameters
    ----------
    model_name : str
    vocoder : str
        The one that rendered.
    stages : tuple of StageReport
        In the order of the audio's way; the first is the corpus.
    corpus_own_db, corpus_others_db : float or None
        Resemblance of the corpus's recordings, each to itself over half a second away, and to the others.
    """

    model_name: str
    vocoder: str
    stages: tuple[StageReport, ...]
    corpus_own_db: float | None
    corpus_others_db: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values for strict JSON."""
        return {
            "model": self.model_name,
            "vocoder": self.vocoder,
            "corpus_own_resemblance_db": rounded(self.corpus_own_db, 2),
            "corpus_others_resemblance_db": rounded(self.corpus_others_db, 2),
            "stages": [stage.to_json() for stage in self.stages],
        }


def measure_corpus(reference: CorpusReference, duration_s: float) -> StageReport:
    """Report the corpus itself: one half of it against the other.

    Parameters
    ----------
    reference : CorpusReference
    duration_s : float [s]
        Of the corpus.
    """
    return StageReport(
        name="corpus",
        duration_s=duration_s,
        similarity=reference.similarity.compare_halves(),
        copying=(),
        resemblance_db=reference.novelty.corpus_own_db,
        points=reference.similarity.points,
    )


def measure_stage(reference: CorpusReference, name: str, pieces: Sequence[NDArray[np.float32]]) -> StageReport:
    """Report what came out of a stage.

    Parameters
    ----------
    reference : CorpusReference
    name : str
    pieces : sequence of ndarray [shape=(samples,), float32, 48 kHz]
        At least one.
    """
    sounds = [analyse(piece) for piece in pieces]
    points = np.concatenate(
        [reference.similarity.locate(piece, sound) for piece, sound in zip(pieces, sounds, strict=True)]
    )
    novelties = [reference.novelty.examine(piece, sound) for piece, sound in zip(pieces, sounds, strict=True)]
    distances = [novelty.resemblance_db for novelty in novelties if novelty.resemblance_db is not None]
    return StageReport(
        name=name,
        duration_s=sum(len(piece) for piece in pieces) / SAMPLE_RATE,
        similarity=reference.similarity.compare(points),
        copying=tuple(novelty.copying for novelty in novelties),
        resemblance_db=float(np.median(distances)) if distances else None,
        points=points,
    )
