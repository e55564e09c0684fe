"""An array becomes a WAV file whose bytes depend on the audio and the format only.

libsndfile's time stamp in floating-point files is blanked. Samples of integer formats are rounded to the nearest step
here, because libsndfile rounds down, which makes a fading tail flicker in the lowest bit. There is no dither: takes are
building blocks for a DAW, which dithers once, at its end. Samples beyond full scale are clipped to it in integer formats,
as every DAW does, and kept in floating point.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, check_audio
from small_dataset_audio.constants import BIT_DEPTH_MAP
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, InvalidNameError, OutputError
from small_dataset_audio.files import atomic_write, make_output_folder
from small_dataset_audio.inference.pieces import Piece, Stream, checked, recut, stream_of
from small_dataset_audio.write_errors import explain_write_error

_STEP_BITS = {"PCM_16": 16, "PCM_24": 24}
_BYTES_PER_SAMPLE = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
_MAX_WAV_BYTES = 2**32 - 1 - 1024  # sizes inside a WAV have 32 bits; 1024 leaves room for its header
_BLOCK_FRAMES = 1 << 16


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
    path = check_wav_path(path)
    stream = stream_of(check_for_wav(audio, sample_rate, bit_depth))
    make_output_folder(path.parent)
    with atomic_write(path, overwrite=False) as temporary:
        write_wav(temporary, path, stream, sample_rate, bit_depth)
    return path


def check_wav_path(path: str | Path) -> Path:
    """Return `path` as a Path, or refuse a suffix that would lie about the content."""
    path = Path(path)
    if path.suffix.lower() != ".wav":
        raise InvalidNameError(f"{path} does not end in .wav; takes are WAV files, so give it that suffix")
    return path


def check_bit_depth(bit_depth: str) -> None:
    """Refuse a bit depth that takes cannot have."""
    if bit_depth not in BIT_DEPTH_MAP:
        allowed = ", ".join(repr(name) for name in BIT_DEPTH_MAP)
        raise InvalidConfigError(f"bit_depth is {bit_depth!r}; it must be one of {allowed}")


def check_for_wav(audio: ArrayLike, sample_rate: int, bit_depth: str) -> NDArray[np.float32]:
    """Return `audio` as float32 [shape=(channels, samples)], or say why no WAV of this format can hold it."""
    check_bit_depth(bit_depth)
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE or sample_rate != int(sample_rate):
        raise InvalidConfigError(
            f"sample_rate is {sample_rate!r}; it must be a whole number from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz"
        )
    array = check_audio(audio)
    if array.ndim == 2 and array.shape[0] > MAX_CHANNELS:
        raise InvalidAudioError(
            f"audio has {array.shape[0]} channels (shape {array.shape}), at most {MAX_CHANNELS} are written; "
            "is it (samples, channels)? Then hand in its transpose"
        )
    check_wav_size(array.size, bit_depth)
    return np.atleast_2d(array)


def check_wav_size(num_samples: int, bit_depth: str) -> None:
    """Refuse what is longer than a WAV can be; `num_samples` are those of all channels."""
    if wav_bytes(num_samples, bit_depth) > _MAX_WAV_BYTES:
        raise InvalidAudioError(
            f"audio has {num_samples} samples; in {bit_depth} that is over the 4 GiB a WAV can hold: make it shorter"
        )


def wav_bytes(num_samples: int, bit_depth: str) -> int:
    """Bytes that the samples of all channels take in a file."""
    return num_samples * _BYTES_PER_SAMPLE[BIT_DEPTH_MAP[bit_depth]]


def write_wav(temporary: Path, path: Path, stream: Stream, sample_rate: int, bit_depth: str) -> None:
    """Write `stream`, going through it once, to `temporary`; `path` is what messages call it."""
    subtype = BIT_DEPTH_MAP[bit_depth]
    try:
        with soundfile.SoundFile(temporary, "w", int(sample_rate), stream.channels, subtype, format="WAV") as file:
            _write_pieces(file, stream.pieces(), _STEP_BITS.get(subtype))
    except soundfile.LibsndfileError as error:
        needed = stream.channels * stream.num_samples * _BYTES_PER_SAMPLE[subtype]
        message = explain_write_error(OSError(error.error_string.rstrip(".")), path, needed_bytes=needed)
        raise OutputError(message) from error
    if subtype == "FLOAT":
        _blank_peak_timestamp(temporary)


def _write_pieces(file: soundfile.SoundFile, pieces: Iterable[Piece], step_bits: int | None) -> None:
    for piece in recut(checked(pieces), _BLOCK_FRAMES):
        file.write(piece.T if step_bits is None else _round_to_steps(piece.T, step_bits))


def _round_to_steps(block: NDArray[np.float32], bits: int) -> NDArray[np.int32]:
    """Nearest step of a `bits`-bit file, in the upper bits of 32 as libsndfile takes them."""
    full_scale = 2 ** (bits - 1)
    steps = np.rint(block.astype(np.float64) * full_scale).clip(-full_scale, full_scale - 1)
    shifted: NDArray[np.int32] = np.left_shift(steps.astype(np.int32), 32 - bits)
    return shifted


def _blank_peak_timestamp(path: Path) -> None:
    """Set the time in the PEAK chunk to 0: libsndfile writes the wall clock there, the only bytes that differ by run."""
    with path.open("r+b") as file:
        file.seek(12)  # "RIFF", size, "WAVE"
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"PEAK":
                file.seek(4, 1)  # its version
                file.write(bytes(4))
                return
            file.seek(size + size % 2, 1)
