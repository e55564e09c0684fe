"""The model folder: save, load, verify.

::

    NAME/
      model.safetensors    weights (trained, or linear), latent density; metadata as one versioned JSON in the header
      corpus.flac          the corpus audio (48 kHz, 24-bit), all clips end to end, unless the user said no; mono, or mid and
                           side where any recording is stereo

Nothing is pickled. What is read is checked before it is used: version, configurations, shapes against configurations, finite
numbers, and the audio against its hash.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import (
    ModelDamagedError,
    OutputError,
)
from small_dataset_audio.files import atomic_write, dump_json, make_output_folder, sha256_file
from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.config import LinearConfig
from small_dataset_audio.models.density import LatentDensity
from small_dataset_audio.models.linear import LinearAutoencoder
from small_dataset_audio.models.metadata import METADATA_KEY, MODEL_FILE, CorpusAudioEntry, ModelMetadata, read_metadata
from small_dataset_audio.models.vae import empty_model

CORPUS_FILE = "corpus.flac"
_DENSITY_ARRAYS: Final[Mapping[str, torch.dtype]] = MappingProxyType(
    {
        "latents": torch.float32,
        "path_lengths": torch.int64,
        "neighbours": torch.int64,
        "neighbour_distances": torch.float32,
        "partners": torch.int64,
    }
)
_FLAC_PEAK = 0.999  # a 24-bit file cannot hold more than full scale; louder corpora are stored scaled


@dataclass(frozen=True)
class ModelBundle:
    """A model ready for use.

    Parameters
    ----------
    metadata : ModelMetadata
    model : Autoencoder
        Of the kind that the metadata tell.
    spectrogram : AudioSpectrogram
    density : LatentDensity
    clips : tuple of ndarray [shape=(samples,), float32, 48 kHz]
        Corpus audio, of stereo recordings the mid; empty where the folder holds none.
    sha256 : str
        Of the file ``model.safetensors``; it covers the audio too, whose hash is in the metadata. Empty until saved.
    sides : tuple of (ndarray [shape=(samples,), float32, 48 kHz] or None)
        (left - right) / 2 of each clip, None of one that is mono; empty where all are.
    """

    metadata: ModelMetadata
    model: Autoencoder = field(repr=False)
    spectrogram: AudioSpectrogram = field(repr=False)
    density: LatentDensity = field(repr=False)
    clips: tuple[NDArray[np.float32], ...] = field(default=(), repr=False)
    sha256: str = ""
    sides: tuple[NDArray[np.float32] | None, ...] = field(default=(), repr=False)


def save_bundle(folder: Path, bundle: ModelBundle) -> ModelBundle:
    """Write a model folder; the weights last, so that a folder with ``model.safetensors`` is complete.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    bundle : ModelBundle

    Returns
    -------
    ModelBundle
        The same with its hash, and with the corpus audio as it will be loaded (24-bit).

    Raises
    ------
    OutputError
        A file cannot be written; an older model in the folder is untouched.
    """
    make_output_folder(folder)
    # Both files are written in full before either is moved into place: a disk that fills up costs no older model.
    with (
        atomic_write(folder / MODEL_FILE) as temporary,
        _stored_corpus_audio(folder / CORPUS_FILE, bundle) as audio_entry,
    ):
        metadata = replace(bundle.metadata, corpus_audio=audio_entry)
        temporary.write_bytes(_serialise(bundle, metadata))
    if audio_entry is None:
        (folder / CORPUS_FILE).unlink(missing_ok=True)
    clips, sides = _load_corpus_audio(folder / CORPUS_FILE, metadata)
    return replace(bundle, metadata=metadata, clips=clips, sides=sides, sha256=sha256_file(folder / MODEL_FILE))


def load_bundle(folder: Path, device: torch.device | str = "cpu") -> ModelBundle:
    """Read and verify a model folder.

    Parameters
    ----------
    folder : Path
    device : torch.device or str
        Where the autoencoder and the spectrogram shall be.

    Returns
    -------
    ModelBundle

    Raises
    ------
    ModelNotFoundError
        No ``model.safetensors`` there.
    ModelDamagedError
        Truncated, inconsistent, or with non-finite numbers; the message says what.
    ModelVersionError
        Made by a newer release.
    """
    metadata = read_metadata(folder)
    path = folder / MODEL_FILE
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no mapping
    except (SafetensorError, OSError) as error:
        raise ModelDamagedError(f"{path} is damaged ({error}); train it again or restore a backup") from error

    clips, sides = _load_corpus_audio(folder / CORPUS_FILE, metadata)
    return ModelBundle(
        metadata=metadata,
        model=_autoencoder(path, tensors, metadata).to(device).eval(),
        spectrogram=AudioSpectrogram(metadata.spectrogram).to(device),
        density=_density(path, tensors, metadata),
        clips=clips,
        sha256=sha256_file(path),
        sides=sides,
    )


def _autoencoder(path: Path, tensors: dict[str, Tensor], metadata: ModelMetadata) -> Autoencoder:
    sizes = metadata.autoencoder
    model: Autoencoder = LinearAutoencoder(sizes) if isinstance(sizes, LinearConfig) else empty_model(sizes)
    for own_name, target in model.state_dict().items():
        name = f"{metadata.kind}.{own_name}"
        value = tensors.get(name)
        if value is None or value.shape != target.shape or value.dtype != target.dtype:
            raise ModelDamagedError(f"{path}: tensor {name} does not fit the configuration; train the model again")
        if not torch.isfinite(value).all():
            raise ModelDamagedError(f"{path}: tensor {name} holds non-finite numbers; train the model again")
        target.copy_(value)
    return model


def _density(path: Path, tensors: dict[str, Tensor], metadata: ModelMetadata) -> LatentDensity:
    arrays: dict[str, Any] = {}
    for name, dtype in _DENSITY_ARRAYS.items():
        value = tensors.get(f"density.{name}")
        if value is None and name == "partners" and metadata.format_version == 1:
            value = tensors.get("density.neighbours")  # it knew one voice; what resembles that can go with it
        if value is None or value.dtype != dtype:
            raise ModelDamagedError(f"{path}: tensor density.{name} is missing or not {dtype}; train the model again")
        arrays[name] = value.numpy()
    try:
        density = LatentDensity(**arrays, config=metadata.density)
    except ModelDamagedError as error:
        raise ModelDamagedError(f"{path}: {error}") from error
    if density.latent_dim != metadata.autoencoder.latent_dim:
        raise ModelDamagedError(f"{path}: the density's latents do not fit the model; train it again")
    recordings = len(metadata.corpus.clips)
    if len(density.path_lengths) != recordings:
        raise ModelDamagedError(
            f"{path}: the density has {len(density.path_lengths)} paths for {recordings} recordings; train the model again"
        )
    return density


def _serialise(bundle: ModelBundle, metadata: ModelMetadata) -> bytes:
    weights = bundle.model.state_dict().items()
    tensors: dict[str, Tensor] = {f"{metadata.kind}.{name}": value for name, value in weights}
    for name in _DENSITY_ARRAYS:
        tensors[f"density.{name}"] = torch.from_numpy(getattr(bundle.density, name))
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return save(contiguous, metadata={METADATA_KEY: dump_json(asdict(metadata))})


@contextlib.contextmanager
def _stored_corpus_audio(path: Path, bundle: ModelBundle) -> Iterator[CorpusAudioEntry | None]:
    """Write the clips to a temporary that becomes `path` when the block ends; nothing where there are none."""
    if not bundle.clips:
        yield None
        return
    channels = 2 if bundle.sides else 1
    peak = max(float(np.abs(clip).max()) for clip in _stored_clips(bundle))
    gain = min(1.0, _FLAC_PEAK / peak) if peak > 0.0 else 1.0
    with atomic_write(path) as temporary:
        try:
            with soundfile.SoundFile(temporary, "w", SAMPLE_RATE, channels, "PCM_24") as file:
                for clip in _stored_clips(bundle):
                    file.write(clip * np.float32(gain))
        except soundfile.LibsndfileError as error:  # it says "System error." of a full disk
            raise OutputError(f"{path} cannot be written ({error}); is the disk full? Free some space") from error
        yield CorpusAudioEntry(sha256=sha256_file(temporary), gain=gain, channels=channels)


def _stored_clips(bundle: ModelBundle) -> Iterable[NDArray[np.float32]]:
    """Clips as the file holds them: [shape=(samples,)], or mid and side [shape=(samples, 2)]."""
    if not bundle.sides:
        return bundle.clips
    return (
        np.stack([clip, np.zeros_like(clip) if side is None else side], axis=1)
        for clip, side in zip(bundle.clips, bundle.sides, strict=True)
    )


def _load_corpus_audio(
    path: Path, metadata: ModelMetadata
) -> tuple[tuple[NDArray[np.float32], ...], tuple[NDArray[np.float32] | None, ...]]:
    """Read clips and sides; both empty where none are kept."""
    entry = metadata.corpus_audio
    if entry is None:
        return (), ()
    if not path.is_file() or sha256_file(path) != entry.sha256:
        raise ModelDamagedError(f"{path} is missing or changed since the model was saved; restore it or train again")
    lengths = [clip.num_samples for clip in metadata.corpus.clips]
    try:
        with soundfile.SoundFile(path) as file:
            shape = (file.channels, file.frames)
            fits = (
                file.samplerate == SAMPLE_RATE
                and shape == (entry.channels, sum(lengths))
                and entry.channels in (1, 2)
                and entry.gain > 0.0
            )
            recordings = _read_recordings(file, lengths, entry.gain) if fits else []
    except soundfile.LibsndfileError as error:
        raise ModelDamagedError(f"{path} is no audio file ({error}); train the model again") from error
    if not lengths or [len(clip) for clip, _ in recordings] != lengths:
        raise ModelDamagedError(f"{path} does not hold the clips that the model lists; train the model again")
    clips, sides = (tuple(part) for part in zip(*recordings, strict=True))
    return clips, sides if entry.channels == 2 else ()


def _read_recordings(
    file: soundfile.SoundFile, lengths: Sequence[int], gain: float
) -> list[tuple[NDArray[np.float32], NDArray[np.float32] | None]]:
    """Read the clip of each recording, and its side where it has one.

    In arrays of their own, so that a recording without a side takes no room for one: an hour is 690 MB a row.
    """
    recordings = []
    for length in lengths:
        frames = file.read(length, dtype="float32", always_2d=True)
        frames /= np.float32(gain)
        clip, *sides = (np.ascontiguousarray(row) for row in frames.T)
        recordings.append((clip, sides[0] if sides and sides[0].any() else None))
    return recordings
