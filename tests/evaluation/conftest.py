from __future__ import annotations

import numpy as np
import pytest

from evaluation.sounds import a_corpus
from small_dataset_audio.evaluation import CorpusReference


@pytest.fixture(scope="session")
def corpus() -> dict[str, np.ndarray]:
    """Names and samples; nobody may write here."""
    return a_corpus()


@pytest.fixture(scope="session")
def reference(corpus: dict[str, np.ndarray]) -> CorpusReference:
    return CorpusReference(list(corpus.values()), list(corpus))
