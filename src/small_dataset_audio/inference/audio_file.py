"""A stream becomes a sound file, whose bytes depend on the audio, the format and the tags only.

What libsndfile writes by the clock is set right: the time stamp in floating-point files, the serial number of an Ogg stream.
Samples of integer formats are rounded to the nearest step here, because libsndfile rounds down, which makes a fading tail
flicker in the lowest bit. There is no dither: takes are building blocks for a DAW, which dithers once, at its end. Samples
beyond full scale are clipped to it in integer formats, as every DAW does, and kept in floating point.

A lossy format does not keep peaks: what a player decodes may go over full scale where the take did not. So the file is decoded
again, and where it goes over -0.1 dBFS it is encoded anew, as much lower as that asks for.
"""

from __future__ import annotations

import math
import shutil
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, check_audio
from small_dataset_audio.constants import BIT_DEPTH_MAP
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, OutputError
from small_dataset_audio.files import remove_quietly
from small_dataset_audio.inference import aiff_chunks, sampler_chunk
from small_dataset_audio.inference.file_formats import FILE_FORMATS, FileFormat, check_holds
from small_dataset_audio.inference.id3 import id3_tag
from small_dataset_audio.inference.ogg_pages import set_serial
from small_dataset_audio.inference.pieces import Piece, Stream, checked, recut
from small_dataset_audio.inference.sampler_chunk import SamplerNotes
from small_dataset_audio.inference.tags import Tags
from small_dataset_audio.write_errors import explain_write_error

DECODED_PEAK: Final = 10 ** (-0.1 / 20)
"""At most, of what a lossy file decodes to."""

_STEP_BITS: Final = {"PCM_16": 16, "PCM_24": 24}
_BLOCK_FRAMES: Final = 1 << 16
_MOST_TRIES: Final = 6
_FURTHER_DOWN: Final = 0.995  # each try; an encoder follows its level nearly, not exactly


@dataclass(frozen=True)
class AudioFile:
    """What a sound file shall be.

    Parameters
    ----------
    sample_rate : int [Hz]
    bit_depth : str
        Of :data:`BIT_DEPTH_MAP`; without meaning for a lossy format.
    file_format : str
        Of :data:`FILE_FORMATS`.
    tags : Tags, optional
    sampler_notes : SamplerNotes, optional
        Written where the format holds loop points: all of them in WAV, the loop in AIFF.
    """

    sample_rate: int
    bit_depth: str
    file_format: str = "wav"
    tags: Tags | None = None
    sampler_notes: SamplerNotes | None = None


def check_bit_depth(bit_depth: str) -> None:
    """Refuse a bit depth that takes cannot have."""
    if bit_depth not in BIT_DEPTH_MAP:
        allowed = ", ".join(repr(name) for name in BIT_DEPTH_MAP)
        raise InvalidConfigError(f"bit_depth is {bit_depth!r}; it must be one of {allowed}")


def check_for_file(audio: ArrayLike, kind: AudioFile) -> NDArray[np.float32]:
    """Return `audio` as float32 [shape=(channels, samples)], or say why no such file can hold it."""
    check_bit_depth(kind.bit_depth)
    sample_rate = kind.sample_rate
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE or sample_rate != int(sample_rate):
        raise InvalidConfigError(
            f"sample_rate is {sample_rate!r}; it must be a whole number from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz"
        )
    if kind.file_format != "wav":  # which holds all of these
        check_holds(kind.file_format, sample_rate, kind.bit_depth)
    array = check_audio(audio)
    if array.ndim == 2 and array.shape[0] > MAX_CHANNELS:
        raise InvalidAudioError(
            f"audio has {array.shape[0]} channels (shape {array.shape}), at most {MAX_CHANNELS} are written; "
            "is it (samples, channels)? Then hand in its transpose"
        )
    FILE_FORMATS[kind.file_format].check_size(array.size, kind.bit_depth)
    return np.atleast_2d(array)


def write_audio(temporary: Path, path: Path, stream: Stream, kind: AudioFile) -> float:
    """Write a stream, in memory that does not grow with its length.

    Parameters
    ----------
    temporary : Path
        The file that is written.
    path : Path
        What messages call it.
    stream : Stream
        Gone through once; for a lossy format once for each try.
    kind : AudioFile

    Returns
    -------
    float [dB, 0 or less]
        How much lower than the stream the file is: 0 unless a lossy format would have decoded to over full scale.

    Raises
    ------
    InvalidAudioError
        NaN or infinite samples.
    OutputError
        The disk is full or fails.
    """
    entry = FILE_FORMATS[kind.file_format]
    needed_bytes = entry.room_bytes(stream.channels * stream.num_samples, kind.bit_depth)
    try:
        gain = _encode_under_full_scale(temporary, stream, kind, entry)
    except soundfile.LibsndfileError as error:
        message = explain_write_error(OSError(error.error_string.rstrip(".")), path, needed_bytes=needed_bytes)
        raise OutputError(message) from error
    _finish(temporary, kind, entry)
    return 20 * math.log10(gain)


def _encode_under_full_scale(temporary: Path, stream: Stream, kind: AudioFile, entry: FileFormat) -> float:
    gain = 1.0
    for _ in range(_MOST_TRIES):
        _encode(temporary, stream if gain == 1.0 else _scaled(stream, gain), kind, entry)
        if not entry.is_lossy:
            break
        peak = decoded_peak(temporary)
        if peak <= DECODED_PEAK:
            break
        gain *= _FURTHER_DOWN * DECODED_PEAK / peak
    return gain


def _encode(temporary: Path, stream: Stream, kind: AudioFile, entry: FileFormat) -> None:
    subtype = entry.subtype(kind.bit_depth)
    with soundfile.SoundFile(
        temporary,
        "w",
        int(kind.sample_rate),
        stream.channels,
        subtype,
        format=entry.container,
        compression_level=entry.compression_level,
        bitrate_mode=entry.bitrate_mode,
    ) as file:
        if kind.tags is not None and entry.name != "mp3":  # where libsndfile writes ID3v1, in a wrong encoding
            for name, text in kind.tags.fields.items():
                setattr(file, name, text)
        _write_pieces(file, stream.pieces(), _STEP_BITS.get(subtype))


def _write_pieces(file: soundfile.SoundFile, pieces: Iterable[Piece], step_bits: int | None) -> None:
    for piece in recut(checked(pieces), _BLOCK_FRAMES):
        file.write(piece.T if step_bits is None else _round_to_steps(piece.T, step_bits))


def decoded_peak(path: Path) -> float:
    """Peak of what a file decodes to, over all channels."""
    peak = 0.0
    with soundfile.SoundFile(path) as file:
        for block in file.blocks(_BLOCK_FRAMES, dtype="float32"):
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
    return peak


def _scaled(stream: Stream, gain: float) -> Stream:
    return stream.through(lambda pieces: _times(pieces, np.float32(gain)))


def _times(pieces: Iterable[Piece], gain: np.float32) -> Iterator[Piece]:
    return (piece * gain for piece in pieces)


def _finish(temporary: Path, kind: AudioFile, entry: FileFormat) -> None:
    """Do to a whole file what libsndfile does not do, or does by the clock."""
    if entry.name in {"wav", "aiff"} and kind.bit_depth == "32-bit float":
        _blank_peak_timestamp(temporary, "<" if entry.name == "wav" else ">")
    notes = kind.sampler_notes
    if entry.name == "wav" and notes is not None:
        sampler_chunk.append_sampler_notes(temporary, kind.sample_rate, notes)
    if entry.name == "aiff":
        if notes is not None and notes.loop is not None:
            aiff_chunks.append_loop(temporary, notes.loop)
        if kind.tags is not None:
            aiff_chunks.append_tags(temporary, kind.tags)
    if entry.name == "ogg":
        set_serial(temporary, zlib.crc32(b"" if kind.tags is None else kind.tags.comment.encode()))
    if entry.name == "mp3" and kind.tags is not None:
        _put_in_front(temporary, id3_tag(kind.tags))


def _put_in_front(path: Path, data: bytes) -> None:
    """Write `data` before what is in a file, by way of a second one beside it."""
    bare = path.with_name(f"{path.name}.bare")
    path.replace(bare)
    try:
        with bare.open("rb") as source, path.open("wb") as target:
            target.write(data)
            shutil.copyfileobj(source, target)
    finally:
        remove_quietly(bare)


def _round_to_steps(block: NDArray[np.float32], bits: int) -> NDArray[np.int32]:
    """Nearest step of a `bits`-bit file, in the upper bits of 32 as libsndfile takes them."""
    full_scale = 2 ** (bits - 1)
    steps = np.rint(block.astype(np.float64) * full_scale).clip(-full_scale, full_scale - 1)
    shifted: NDArray[np.int32] = np.left_shift(steps.astype(np.int32), 32 - bits)
    return shifted


def _blank_peak_timestamp(path: Path, order: str) -> None:
    """Set the time in the PEAK chunk to 0: libsndfile writes the wall clock there, the only bytes that differ by run."""
    with path.open("r+b") as file:
        file.seek(12)  # "RIFF" or "FORM", size, and what it is
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack(f"{order}4sI", header)
            if name == b"PEAK":
                file.seek(4, 1)  # its version
                file.write(bytes(4))
                return
            file.seek(size + size % 2, 1)
