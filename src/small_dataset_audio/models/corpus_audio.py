"""The corpus audio of a model folder: one FLAC file, all clips end to end.

What is read may come from anywhere. The kind of the file is told by its first bytes before libsndfile opens it, which decodes
a container of any name. Its size is compared with what the listed clips can take before it is hashed, its length and rate with
the list before it is decoded, and no more memory is filled than is really decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray
from safetensors import SafetensorError

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import ModelDamagedError, OutputError
from small_dataset_audio.files import sha256_file
from small_dataset_audio.models.corpus_files import listed_corpus_audio
from small_dataset_audio.models.metadata import CorpusAudioEntry, ModelMetadata
from small_dataset_audio.models.weights_file import check_plain_file
from small_dataset_audio.names import one_line
from small_dataset_audio.write_errors import explain_write_error

Clips: TypeAlias = tuple[NDArray[np.float32], ...]
Sides: TypeAlias = tuple[NDArray[np.float32] | None, ...]

_FLAC_PEAK: Final = 0.999  # a 24-bit file cannot hold more than full scale; louder corpora are stored scaled
_FLAC_MAGIC: Final = b"fLaC"
_MOST_BYTES_PER_SAMPLE: Final = 4  # of 24 bits, with the frames' own headers
_MOST_OVERHEAD_BYTES: Final = 1 << 20
_BLOCK_FRAMES: Final = 1 << 18


def write_corpus_audio(path: Path, clips: Clips, sides: Sides) -> CorpusAudioEntry:
    """Write the clips to a file that is moved to its own name (:mod:`.corpus_files`) by the caller.

    Parameters
    ----------
    path : Path
    clips : tuple of ndarray [shape=(samples,), float32, 48 kHz]
        At least one.
    sides : tuple of (ndarray [shape=(samples,), float32, 48 kHz] or None)
        Empty where all clips are mono.

    Returns
    -------
    CorpusAudioEntry
        What the metadata say of the file.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    channels = 2 if sides else 1
    peak = max(float(np.abs(clip).max()) for clip in _as_stored(clips, sides))
    gain = min(1.0, _FLAC_PEAK / peak) if peak > 0.0 else 1.0
    try:
        with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels, "PCM_24") as file:
            for clip in _as_stored(clips, sides):
                file.write(clip * np.float32(gain))
        return CorpusAudioEntry(sha256=sha256_file(path), gain=gain, channels=channels)
    except soundfile.LibsndfileError as error:  # it says "System error." of a full disk
        message = explain_write_error(
            OSError(error.error_string.rstrip(".")),
            path,
            failure=f"the recordings cannot be written into {path.parent}",
            needed_bytes=3 * channels * sum(map(len, clips)),  # as FLAC they take less
        )
        raise OutputError(message) from error


def load_corpus_audio(folder: Path, metadata: ModelMetadata) -> tuple[Clips, Sides]:
    """Read clips and sides; both empty where none are kept.

    Raises
    ------
    ModelDamagedError
        The file is missing, changed, no plain FLAC file of its folder, or does not hold the clips that are listed.
    """
    entry = metadata.corpus_audio
    if entry is None:
        return (), ()
    path = listed_corpus_audio(folder, entry)
    lengths = [clip.num_samples for clip in metadata.corpus.clips]
    _check_file(path, entry, sum(lengths))
    try:
        with soundfile.SoundFile(path) as file:
            found = (file.format, file.samplerate, file.channels, file.frames)
            fits = found == ("FLAC", SAMPLE_RATE, entry.channels, sum(lengths)) and entry.channels in (1, 2)
            recordings = _read_recordings(file, lengths, entry.gain) if fits else []
    except soundfile.LibsndfileError as error:
        raise ModelDamagedError(f"{path} is no audio file ({one_line(str(error))}); train the model again") from error
    if not lengths or len(recordings) != len(lengths):
        raise ModelDamagedError(f"{path} does not hold the clips that the model lists; train the model again")
    clips, sides = (tuple(part) for part in zip(*recordings, strict=True))
    return clips, sides if entry.channels == 2 else ()


def _check_file(path: Path, entry: CorpusAudioEntry, num_samples: int) -> None:
    """Check all that can be said of the file before it is decoded, the cheapest first."""
    try:
        size_bytes = check_plain_file(path)
        most_bytes = num_samples * max(entry.channels, 1) * _MOST_BYTES_PER_SAMPLE + _MOST_OVERHEAD_BYTES
        if size_bytes > most_bytes:
            raise SafetensorError(
                f"it has {size_bytes} bytes; the clips that the model lists take at most {most_bytes}"
            )
        is_as_saved = sha256_file(path) == entry.sha256
        with path.open("rb") as file:
            is_flac = file.read(len(_FLAC_MAGIC)) == _FLAC_MAGIC
    except FileNotFoundError:
        is_as_saved, is_flac = False, False
    except (SafetensorError, OSError) as error:
        raise ModelDamagedError(f"{path} is damaged ({error}); restore it or train again") from error
    if not is_as_saved:
        raise ModelDamagedError(f"{path} is missing or changed since the model was saved; restore it or train again")
    if not is_flac:
        raise ModelDamagedError(f"{path} is no FLAC file; train the model again")


def _as_stored(clips: Clips, sides: Sides) -> Iterable[NDArray[np.float32]]:
    """Clips as the file holds them: [shape=(samples,)], or mid and side [shape=(samples, 2)]."""
    if not sides:
        return clips
    return (
        np.stack([clip, np.zeros_like(clip) if side is None else side], axis=1)
        for clip, side in zip(clips, sides, strict=True)
    )


def _read_recordings(
    file: soundfile.SoundFile, lengths: Sequence[int], gain: float
) -> list[tuple[NDArray[np.float32], NDArray[np.float32] | None]]:
    """Read the clip of each recording, and its side where it has one; fewer where the file ends early.

    In arrays of their own, so that a recording without a side takes no room for one: an hour is 690 MB a row. They are filled
    block by block, and what is not filled takes no memory, whatever the file claims.
    """
    recordings: list[tuple[NDArray[np.float32], NDArray[np.float32] | None]] = []
    for length in lengths:
        rows = [np.empty(length, dtype=np.float32) for _ in range(file.channels)]
        for begin in range(0, length, _BLOCK_FRAMES):
            end = min(begin + _BLOCK_FRAMES, length)
            block = file.read(end - begin, dtype="float32", always_2d=True)
            if len(block) < end - begin:
                return recordings
            for row, samples in zip(rows, block.T, strict=True):
                np.divide(samples, np.float32(gain), out=row[begin:end])
        clip, *sides = rows
        recordings.append((clip, sides[0] if sides and sides[0].any() else None))
    return recordings
