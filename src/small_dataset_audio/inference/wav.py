"""An array becomes a WAV file: see :mod:`~small_dataset_audio.inference.audio_file` for how its bytes come about."""

from __future__ import annotations

from pathlib import Path

from numpy.typing import ArrayLike

from small_dataset_audio.errors import InvalidNameError
from small_dataset_audio.files import atomic_write, make_output_folder
from small_dataset_audio.inference.audio_file import AudioFile, check_for_file, write_audio
from small_dataset_audio.inference.pieces import stream_of


def export_wav(audio: ArrayLike, path: str | Path, sample_rate: int = 48_000, bit_depth: str = "24-bit") -> Path:
    """Write a new WAV file, atomically; the same audio always gives the same bytes.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
        Over 1.0 it is clipped in 16 and 24 bits.
    path : str or Path
        Ends in ``.wav``. Its folder is made where it does not exist.
    sample_rate : int [Hz, 4000 to 768000]
    bit_depth : {"16-bit", "24-bit", "32-bit float"}

    Returns
    -------
    Path

    Raises
    ------
    InvalidAudioError
        Empty, NaN or infinite samples, over 32 channels, or more than a WAV can hold (4 GiB). No file is made.
    InvalidConfigError
        Another bit depth, or a sample rate out of range. No file is made.
    InvalidNameError
        `path` does not end in ``.wav``.
    OutputError
        The file exists already, or cannot be written; nothing is left behind.
    """
    path, kind = Path(path), AudioFile(sample_rate, bit_depth)
    if path.suffix.lower() != ".wav":
        raise InvalidNameError(f"{path} does not end in .wav; this writes WAV files, so give it that suffix")
    stream = stream_of(check_for_file(audio, kind))
    make_output_folder(path.parent)
    with atomic_write(path, overwrite=False) as temporary:
        write_audio(temporary, path, stream, kind)
    return path
