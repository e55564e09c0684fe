"""The model folder: save, load, verify.

::

    NAME/
      model.safetensors    weights (trained, or linear), latent density; metadata as one versioned JSON in the header
      corpus-HASH.flac     the corpus audio (48 kHz, 24-bit), all clips end to end, unless the user said no; mono, or mid and
                           side where any recording is stereo

Nothing is pickled. What is read is checked before it is used: version, configurations, shapes against configurations, finite
numbers, and the audio against its hash.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import ModelDamagedError, ModelError
from small_dataset_audio.files import (
    atomic_write,
    dump_json,
    make_output_folder,
    put_back_on_failure,
    remove_file,
    scratch_file,
    sha256_file,
)
from small_dataset_audio.models.analysis import STORED_NAMES, Analysis, analysis_from, arrays_of
from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.config import LinearConfig
from small_dataset_audio.models.corpus_audio import load_corpus_audio, write_corpus_audio
from small_dataset_audio.models.corpus_files import corpus_file_name, strange_corpus_audio
from small_dataset_audio.models.density import LatentDensity
from small_dataset_audio.models.linear import LinearAutoencoder, linear_outline
from small_dataset_audio.models.metadata import METADATA_KEY, MODEL_FILE, ModelMetadata, read_metadata
from small_dataset_audio.models.metadata_limits import check_limits, with_plain_names
from small_dataset_audio.models.vae import empty_model, outline
from small_dataset_audio.models.weights_file import misfit, open_weights

__all__ = ["MODEL_FILE", "ModelBundle", "load_bundle", "read_analysis", "save_bundle"]

_MOST_TRIES: Final = 5
_DENSITY_ARRAYS: Final[Mapping[str, torch.dtype]] = MappingProxyType(
    {
        "latents": torch.float32,
        "path_lengths": torch.int64,
        "neighbours": torch.int64,
        "neighbour_distances": torch.float32,
        "partners": torch.int64,
    }
)


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
    analysis : Analysis or None
        What its controls can do; None where that was not measured.
    """

    metadata: ModelMetadata
    model: Autoencoder = field(repr=False)
    spectrogram: AudioSpectrogram = field(repr=False)
    density: LatentDensity = field(repr=False)
    clips: tuple[NDArray[np.float32], ...] = field(default=(), repr=False)
    sha256: str = ""
    sides: tuple[NDArray[np.float32] | None, ...] = field(default=(), repr=False)
    analysis: Analysis | None = field(default=None, repr=False)


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
    InvalidConfigError
        The metadata say what no model is read with, such as more recordings than are listed.
    """
    plain = with_plain_names(bundle.metadata)
    check_limits(plain)
    make_output_folder(folder)
    with scratch_file(folder, ".flac") as audio, contextlib.ExitStack() as stack:
        entry = write_corpus_audio(audio, bundle.clips, bundle.sides) if bundle.clips else None
        metadata = replace(plain, corpus_audio=entry)
        data = _serialise(bundle, metadata)
        # Both files are written in full before either is moved into place, and the recordings never over those of an older
        # model: whatever happens, the model that is there has its own. Last the weights, which name the recordings.
        audio_path = None if entry is None else folder / corpus_file_name(entry)
        for path in filter(None, (audio_path, folder / MODEL_FILE)):
            stack.enter_context(put_back_on_failure(path))
        stack.enter_context(atomic_write(folder / MODEL_FILE)).write_bytes(data)
        if audio_path is not None:
            audio.replace(stack.enter_context(atomic_write(audio_path)))
    for path in strange_corpus_audio(folder, entry):
        remove_file(path)  # who wanted no copy of the recordings in the folder must not have one
    clips, sides = load_corpus_audio(folder, metadata)
    return replace(bundle, metadata=metadata, clips=clips, sides=sides, sha256=hashlib.sha256(data).hexdigest())


def load_bundle(folder: Path, device: torch.device | str = "cpu", *, with_analysis: bool = True) -> ModelBundle:
    """Read and verify a model folder; where it is saved over meanwhile, the newer model.

    Parameters
    ----------
    folder : Path
    device : torch.device or str
        Where the autoencoder and the spectrogram shall be.
    with_analysis : bool
        False leaves the analysis unread: what is made anew may be damaged.

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
    for _ in range(_MOST_TRIES):
        before = _stamp(folder)
        try:
            bundle = _load_once(folder, device, with_analysis)
        except ModelError:
            if _stamp(folder) == before:
                raise
            continue
        if _stamp(folder) == before:
            return bundle
    raise ModelDamagedError(f"{folder / MODEL_FILE} is replaced again and again; try again when that has ended")


def read_analysis(folder: Path) -> Analysis | None:
    """Read what was measured of a model's controls, and nothing else; None where that was not done.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError
    """
    metadata = read_metadata(folder)
    path = folder / MODEL_FILE
    return _analysis(path, _read_tensors(path, metadata), None)


def _stamp(folder: Path) -> tuple[int, int, int]:
    """What changes when another model is moved into place."""
    try:
        status = (folder / MODEL_FILE).stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _load_once(folder: Path, device: torch.device | str, with_analysis: bool) -> ModelBundle:
    metadata = read_metadata(folder)
    path = folder / MODEL_FILE
    tensors = _read_tensors(path, metadata)
    # Audio last: it is by far the most to read, and of no use to a model that is refused.
    model, density = _autoencoder(path, tensors, metadata), _density(path, tensors, metadata)
    clips, sides = load_corpus_audio(folder, metadata)
    return ModelBundle(
        metadata=metadata,
        model=model.to(device).eval(),
        spectrogram=AudioSpectrogram(metadata.spectrogram).to(device),
        density=density,
        clips=clips,
        sha256=sha256_file(path),
        sides=sides,
        analysis=_analysis(path, tensors, len(density.latents)) if with_analysis else None,
    )


def _read_tensors(path: Path, metadata: ModelMetadata) -> dict[str, Tensor]:
    """Read what the configuration asks for, once it is known that all weights are there in their shapes, and nothing else."""
    sizes = metadata.autoencoder
    weights = linear_outline(sizes) if isinstance(sizes, LinearConfig) else outline(sizes)
    expected = {f"{metadata.kind}.{name}": value for name, value in weights.items()}
    try:
        with open_weights(path, "pt") as file:
            if name := misfit(file, expected):
                raise ModelDamagedError(f"{path}: tensor {name} does not fit the configuration; train the model again")
            wanted = expected.keys() | {f"density.{name}" for name in _DENSITY_ARRAYS}
            wanted |= {f"analysis.{name}" for name in STORED_NAMES}
            return {name: file.get_tensor(name) for name in wanted & set(file.keys())}
    except (SafetensorError, OSError) as error:
        raise ModelDamagedError(f"{path} is damaged ({error}); train it again or restore a backup") from error


def _autoencoder(path: Path, tensors: dict[str, Tensor], metadata: ModelMetadata) -> Autoencoder:
    sizes = metadata.autoencoder
    model: Autoencoder = LinearAutoencoder(sizes) if isinstance(sizes, LinearConfig) else empty_model(sizes)
    for own_name, target in model.state_dict().items():
        name = f"{metadata.kind}.{own_name}"
        if not torch.isfinite(tensors[name]).all():
            raise ModelDamagedError(f"{path}: tensor {name} holds non-finite numbers; train the model again")
        target.copy_(tensors[name])
    return model


def _density(path: Path, tensors: dict[str, Tensor], metadata: ModelMetadata) -> LatentDensity:
    arrays: dict[str, Any] = {}
    for name, dtype in _DENSITY_ARRAYS.items():
        value = tensors.get(f"density.{name}")
        if value is None and name == "partners" and metadata.format_version == 1:
            value = tensors.get("density.neighbours")  # it knew one voice; what resembles that can go with it
        if value is None or value.dtype != dtype:
            raise ModelDamagedError(f"{path}: tensor density.{name} is missing or not {dtype}; train the model again")
        if value.ndim > 2:  # an array of NumPy cannot even have as many dimensions as a tensor
            raise ModelDamagedError(f"{path}: tensor density.{name} has {value.ndim} dimensions; train the model again")
        arrays[name] = value.numpy()
    try:
        density = LatentDensity(**arrays, config=metadata.density)
    except ModelDamagedError as error:
        raise ModelDamagedError(f"{path}: {error}") from error
    if density.latent_dim != metadata.autoencoder.latent_dim:
        raise ModelDamagedError(f"{path}: the density's latents do not fit the model; train it again")
    widths = {"neighbours": metadata.density.num_neighbours}
    if metadata.format_version > 1:
        widths["partners"] = metadata.density.num_partners
    for name, width in widths.items():
        if (found := arrays[name].shape[1]) != width:
            raise ModelDamagedError(
                f"{path}: the density has {found} {name} a step; its configuration says {width}; train the model again"
            )
    recordings = len(metadata.corpus.clips)
    if len(density.path_lengths) != recordings:
        raise ModelDamagedError(
            f"{path}: the density has {len(density.path_lengths)} paths for {recordings} recordings; train the model again"
        )
    return density


def _analysis(path: Path, tensors: dict[str, Tensor], num_steps: int | None) -> Analysis | None:
    stored = {name: tensors[f"analysis.{name}"] for name in STORED_NAMES if f"analysis.{name}" in tensors}
    if any(value.ndim > 2 or value.dtype not in (torch.float32, torch.int64, torch.bool) for value in stored.values()):
        raise ModelDamagedError(
            f"{path}: a tensor of the analysis is of no shape or kind it has; run sda analyze again"
        )
    try:
        analysis = analysis_from({name: value.numpy() for name, value in stored.items()})
    except ModelDamagedError as error:
        raise ModelDamagedError(f"{path}: {error}") from error
    if analysis is not None and num_steps is not None and len(analysis.sums) != num_steps:
        raise ModelDamagedError(f"{path}: the analysis is that of other recordings; run sda analyze again")
    return analysis


def _serialise(bundle: ModelBundle, metadata: ModelMetadata) -> bytes:
    weights = bundle.model.state_dict().items()
    tensors: dict[str, Tensor] = {f"{metadata.kind}.{name}": value for name, value in weights}
    for name in _DENSITY_ARRAYS:
        tensors[f"density.{name}"] = torch.from_numpy(getattr(bundle.density, name))
    if bundle.analysis is not None:
        for name, array in arrays_of(bundle.analysis).items():
            tensors[f"analysis.{name}"] = torch.from_numpy(array)
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return save(contiguous, metadata={METADATA_KEY: dump_json(asdict(metadata))})
