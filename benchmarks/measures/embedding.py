"""The embedding that KAD, density and coverage look through: 512 numbers for each 1.16 s of audio.

The network is that of aiSFX (Ma and Lerch, "Representation learning for the automatic indexing of sound effects
libraries", ISMIR 2022; weights CC BY 4.0), which is not a dependency of this project: ``pip install --no-deps
aisfx==0.1.2``. Importing the package would pull in its pinned dependencies, so its network file is loaded by path, and
its checkpoint by the unpickler that builds nothing but tensors, plain containers and NumPy scalars.

Input as the bench notes define it: mono at 44.1 kHz, each file at peak 1, power STFT 2048/1024 Hann (centred), 96 HTK
mels from 0 to 22,050 Hz of unit L1 norm, ``log10(1 + 10000 mel) / 9.4578`` (the largest value of the network's training
set), blocks of 50 frames every 12. A shorter file is padded with zeros to one block; frames after the last whole block
are dropped, as aiSFX does.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from numpy.typing import NDArray

from measures.clips import Clip
from measures.parallel import map_batches

AISFX_VERSION = "0.1.2"
INSTALL_HINT = f"pip install --no-deps aisfx=={AISFX_VERSION}"
RATE_HZ = 44_100
N_FFT = 2048
HOP_LENGTH = 1024
N_MELS = 96
BLOCK_FRAMES = 50
BLOCK_HOP_FRAMES = 12
EMBEDDING_SIZE = 512
_LARGEST_LOG_MEL = 9.457798957824707
_BATCH_BLOCKS = 16


class EmbeddingUnavailableError(RuntimeError):
    """The embedding network is not installed."""


def why_unavailable() -> str | None:
    """Say why blocks cannot be embedded here, or None where they can."""
    try:
        version = importlib.metadata.version("aisfx")
    except importlib.metadata.PackageNotFoundError:
        return f"aisfx is not installed; run: {INSTALL_HINT}"
    if version != AISFX_VERSION:
        return f"aisfx is {version}, figures are defined by {AISFX_VERSION}; run: {INSTALL_HINT}"
    return None


def embed(clips: Iterable[Clip]) -> NDArray[np.float64]:
    """Embed every block of every clip.

    Parameters
    ----------
    clips : iterable of Clip
        None of them silent (see :func:`measures.clips.audible`).

    Returns
    -------
    ndarray [shape=(blocks, 512), float64]
        In the order of the clips, then of time.

    Raises
    ------
    EmbeddingUnavailableError
        aisfx is missing, or another version of it.
    """
    network = _load_network()
    blocks = torch.from_numpy(np.concatenate([_blocks(log_mel(clip)) for clip in clips]))
    return torch.cat(map_batches(network, torch.split(blocks, _BATCH_BLOCKS))).numpy().astype(np.float64)


def log_mel(clip: Clip) -> NDArray[np.float32]:
    """Spectrogram as the network was trained on, [shape=(frames, 96), about 0 to 1]."""
    samples = clip.at(RATE_HZ)
    samples = np.pad(samples, (0, max(N_FFT - len(samples), 0)))
    mel = librosa.feature.melspectrogram(
        y=samples / np.abs(samples).max(),
        sr=RATE_HZ,
        n_fft=N_FFT,
        hop_length=HOP_LENGTH,
        n_mels=N_MELS,
        fmin=0.0,
        fmax=RATE_HZ / 2,
        htk=True,
        norm=1.0,
        power=2.0,
    )
    return (np.log10(1.0 + 10_000.0 * mel.T) / _LARGEST_LOG_MEL).astype(np.float32)


def _blocks(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut (frames, mels) into (blocks, 50, mels)."""
    missing = max(BLOCK_FRAMES - len(frames), 0)
    padded = np.pad(frames, ((0, missing), (0, 0)))
    starts = range(0, len(padded) - BLOCK_FRAMES + 1, BLOCK_HOP_FRAMES)
    return np.stack([padded[start : start + BLOCK_FRAMES] for start in starts])


@cache
def _load_network() -> Any:  # noqa: ANN401 -- a class of a package without types, loaded by path
    reason = why_unavailable()
    if reason is not None:
        raise EmbeddingUnavailableError(reason)
    folder = _package_folder() / "models"
    spec = importlib.util.spec_from_file_location("aisfx_cnn2d", folder / "cnn2d.py")
    if spec is None or spec.loader is None:
        raise EmbeddingUnavailableError(f"{folder}/cnn2d.py is missing; reinstall: {INSTALL_HINT}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.EmbeddingNet("max", 3, 1, 64)
    network.load_state_dict(_read_weights(folder / "checkpoint.pth"))
    # Channels last runs a third faster on CPU and changes rounding only.
    return network.eval().to(memory_format=torch.channels_last)


def _package_folder() -> Path:
    spec = importlib.util.find_spec("aisfx")  # finds, does not import
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingUnavailableError(f"aisfx is not importable; reinstall: {INSTALL_HINT}")
    return Path(spec.submodule_search_locations[0])


def _read_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Weights of the embedding alone; the classifier heads beside them are not wanted."""
    # The checkpoint's second half is a table of class counts, whose NumPy integers need these three names.
    rebuild_scalar = np.int64(0).__reduce__()[0]
    numpy_scalars: list[Any] = [
        (rebuild_scalar, "numpy.core.multiarray.scalar"),
        np.dtype,
        np.dtypes.Int64DType,
    ]
    with torch.serialization.safe_globals(numpy_scalars):
        # A file out of an installed package, read by the unpickler that builds only tensors and plain containers.
        weights, _ = torch.load(checkpoint, map_location="cpu", weights_only=True)  # noqa: TID251 - see the line above
    prefix = "embedding_net."
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
