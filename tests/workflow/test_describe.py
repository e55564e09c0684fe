from __future__ import annotations

from pathlib import Path

import pytest

from small_dataset_audio import __version__
from small_dataset_audio.audio.config import SpectrogramConfig
from small_dataset_audio.corpus import scan_corpus
from small_dataset_audio.models.config import LinearConfig, VAEConfig
from small_dataset_audio.models.latent_paths import LEAD_STEPS, TAIL_STEPS
from small_dataset_audio.models.metadata import FORMAT_VERSION, TrainingEntry
from small_dataset_audio.workflow.describe import DENSITY, describe_model

TRAINING = TrainingEntry(0, 0, 1.0, 0.0, "fitted", 0.1, None)


@pytest.mark.parametrize(("sizes", "kind"), [(VAEConfig(), "vae"), (LinearConfig(), "linear")])
def test_the_sizes_decide_of_which_kind_a_model_is(recordings: Path, sizes: VAEConfig | LinearConfig, kind: str):
    corpus = scan_corpus(recordings)
    metadata = describe_model(
        "rain", corpus, TRAINING, sizes, spectrogram=SpectrogramConfig(), density=DENSITY, licence="CC0-1.0"
    )
    assert (metadata.kind, metadata.autoencoder) == (kind, sizes)
    assert (metadata.format_version, metadata.sda_version) == (FORMAT_VERSION, __version__)
    assert (metadata.corpus.folder_name, metadata.corpus.licence) == ("my plucks", "CC0-1.0")
    assert metadata.corpus.content_hash == corpus.content_hash
    assert [clip.num_samples for clip in metadata.corpus.clips] == [len(clip.audio) for clip in corpus.clips]


def test_a_density_knows_the_silence_that_paths_are_given():
    assert (DENSITY.lead_steps, DENSITY.tail_steps) == (LEAD_STEPS, TAIL_STEPS)
