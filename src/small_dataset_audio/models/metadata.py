"""What a model folder says of itself: one versioned JSON in the header of its weights. Read without loading torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from safetensors import SafetensorError

from small_dataset_audio.audio.config import SpectrogramConfig
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import (
    InvalidConfigError,
    ModelDamagedError,
    ModelNotFoundError,
    ModelVersionError,
)
from small_dataset_audio.json_types import read_from_json
from small_dataset_audio.models.about import About, bears, read_about
from small_dataset_audio.models.config import DensityConfig, LinearConfig, VAEConfig
from small_dataset_audio.models.metadata_limits import MAX_RECORDINGS, check_limits
from small_dataset_audio.models.weights_file import open_weights
from small_dataset_audio.names import one_line

FORMAT_VERSION: Final = 2
"""1: a trained model, walks of one voice. 2: or a linear model, and partners for further voices. All up to this are read."""

MODEL_FILE = "model.safetensors"
METADATA_KEY = "small_dataset_audio"


@dataclass(frozen=True)
class ClipEntry:
    """One recording of the corpus: its name in the user's folder, length at 48 kHz, content hash, and change of level [dB]."""

    name: str
    num_samples: int
    content_hash: str
    level_db: float = 0.0


@dataclass(frozen=True)
class CorpusEntry:
    """The corpus that a model was trained on."""

    folder_name: str
    content_hash: str
    licence: str
    clips: Annotated[tuple[ClipEntry, ...], msgspec.Meta(max_length=MAX_RECORDINGS)]

    @property
    def duration_s(self) -> float:
        """Length of all clips [s]."""
        return sum(clip.num_samples for clip in self.clips) / SAMPLE_RATE


@dataclass(frozen=True)
class TrainingEntry:
    """How the training went, or the fit of a linear model (0 steps); losses in deviations of the corpus's log mels."""

    seed: int
    steps: int
    elapsed_s: float
    budget_s: float
    stop_reason: str
    loss: float
    held_out_loss: float | None
    batch_size: int | None = None


@dataclass(frozen=True)
class CorpusAudioEntry:
    """The stored corpus audio: its hash, the gain it was stored with, and its channels: mid alone, or mid and side."""

    sha256: str
    gain: float
    channels: int = 1


@read_from_json
@dataclass(frozen=True)
class ModelMetadata:
    """All that a model folder says of itself; one JSON in the header of its weights.

    Its autoencoder is of one kind: either `vae` or `linear` is there, and the other is None.
    """

    format_version: int
    name: str
    created: str
    sda_version: str
    torch_version: str
    corpus: CorpusEntry
    training: TrainingEntry
    spectrogram: SpectrogramConfig
    vae: VAEConfig | None
    density: DensityConfig
    corpus_audio: CorpusAudioEntry | None = None
    linear: LinearConfig | None = None

    def __post_init__(self) -> None:
        if (self.vae is None) == (self.linear is None):
            raise InvalidConfigError("a model has either vae or linear; give one of them, and None for the other")

    @property
    def kind(self) -> Literal["vae", "linear"]:
        """Which autoencoder it has: a trained one, or one without training."""
        return "vae" if self.linear is None else "linear"

    @property
    def autoencoder(self) -> VAEConfig | LinearConfig:
        """Sizes of the one it has."""
        sizes = self.linear or self.vae
        if sizes is None:
            raise InvalidConfigError("a model has either vae or linear; give one of them")
        return sizes


def read_metadata(folder: Path, folder_name: str | None = None) -> ModelMetadata:
    """Read a model folder's metadata alone: quick, whatever the model's size.

    What its owner has said since it was made, such as another name, is in them.

    Parameters
    ----------
    folder : Path
    folder_name : str, optional
        What the folder is called where it belongs, for one that lies in the trash.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError
    """
    path = folder / MODEL_FILE
    try:
        with open_weights(path, "np") as file:
            metadata = _parse_metadata(path, file.metadata())
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"{folder} holds no {MODEL_FILE}; `sda models` lists what there is") from error
    except (SafetensorError, OSError) as error:
        raise ModelDamagedError(f"{path} is damaged ({error}); train it again or restore a backup") from error
    return _with_about(metadata, read_about(folder), folder_name or folder.resolve().name)


def _with_about(metadata: ModelMetadata, about: About, folder_name: str) -> ModelMetadata:
    """Put in what the owner says; of two names the one that the folder bears."""
    if about == About():
        return metadata
    name = next((name for name in (about.name, metadata.name) if name and bears(folder_name, name)), folder_name)
    licence = metadata.corpus.licence if about.licence is None else about.licence
    return replace(metadata, name=name, corpus=replace(metadata.corpus, licence=licence))


def _parse_metadata(path: Path, header: dict[str, str] | None) -> ModelMetadata:
    if not header or METADATA_KEY not in header:
        raise ModelDamagedError(f"{path} was not made by this program; give a folder that `sda train` made")
    try:
        raw = msgspec.json.decode(header[METADATA_KEY], type=dict[str, Any])
        _check_version(path, raw)
        metadata = msgspec.convert(raw, ModelMetadata)
        metadata.spectrogram.validate()
        metadata.autoencoder.validate()
        metadata.density.validate()
        check_limits(metadata)
    except (msgspec.MsgspecError, RecursionError, InvalidConfigError) as error:
        raise ModelDamagedError(f"{path} has damaged metadata ({one_line(str(error))}); train it again") from error
    if metadata.autoencoder.n_mels != metadata.spectrogram.n_mels:
        raise ModelDamagedError(f"{path}: the model's n_mels is not the spectrogram's; train it again")
    return metadata


def _check_version(path: Path, raw: dict[str, Any]) -> None:
    """Tell a newer format from one that no release ever wrote: the rest of a newer one may be anything."""
    version = raw.get("format_version")
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < 10**6:
        raise InvalidConfigError(f"format_version is {version!r}; it must be 1 to {FORMAT_VERSION}")
    if version > FORMAT_VERSION:
        made_by = raw.get("sda_version", "?")
        release = made_by[:20] if isinstance(made_by, str) and made_by.isprintable() else "?"
        raise ModelVersionError(
            f"{path} was made by sda {release} (model format {version}); upgrade this release, "
            f"which reads format {FORMAT_VERSION}"
        )
