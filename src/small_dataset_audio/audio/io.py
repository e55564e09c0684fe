"""Audio in memory: the one checker and the one resampler; audio files: the one reader.

Arrays are float32, nominal range [-1, 1]; mono is ``(samples,)``, several channels are ``(channels, samples)``.

The reader trusts nothing that a header says: content decides the format (:mod:`small_dataset_audio.audio.probe`), memory
grows with what the decoder yields, and a file that ends early is used as far as it goes, and says so.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.formats import READABLE_FORMATS, UNREADABLE_EXTENSIONS
from small_dataset_audio.audio.probe import AudioProbe, probe
from small_dataset_audio.errors import AudioFileError, InvalidAudioError
from small_dataset_audio.json_types import read_from_json

MAX_CHANNELS: Final = 32
MIN_SAMPLE_RATE: Final = 4_000
MAX_SAMPLE_RATE: Final = 768_000
MAX_DECODED_SAMPLES: Final = 1 << 29
"""Samples of all channels together that one file may fill memory with: 2 GiB, 93 minutes of 48 kHz stereo."""

BLOCK_FRAMES: Final = 1 << 16
"""Frames that are decoded at a time."""

BlockSink: TypeAlias = Callable[[NDArray[np.float32]], None]
"""Takes decoded blocks of shape (frames, channels), in order."""

_UNKNOWN_FRAMES: Final = 1 << 62
"""libsndfile reports its largest integer where a FLAC header leaves the length open."""
_MP3_SLACK_FRAMES: Final = 2 * 1152
"""Encoder delay and padding are counted differently from one MP3 encoder to the next."""
_PACKS_SILENCE: Final = ("FLAC", "OGG", "MP3", "MPEG", "ALAC")
_MAX_SAMPLES_PER_BYTE: Final = 8
"""Of all that does not pack silence: DWVW takes a bit for a sample that goes on as the last one did."""
_NEGLIGIBLE_LOSS_S: Final = 0.001
_CAPPED: Final = "too long to hold in memory: only the first {:.2f} s are used; cut it to use the rest"


def check_audio(audio: ArrayLike, *, name: str = "audio", allow_empty: bool = False) -> NDArray[np.float32]:
    """Return `audio` as a contiguous float32 array, or say what is wrong with it.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), real floating point]
        Anything NumPy can view as an array, CPU tensors included. Values over 1.0 are kept.
    name : str
        What the message calls it.
    allow_empty : bool
        Accept zero samples.

    Returns
    -------
    ndarray [shape as given, float32]

    Raises
    ------
    InvalidAudioError
        Wrong number of dimensions, not floating point, empty, or with NaN or Inf samples.
    """
    array = np.asarray(audio)
    if array.ndim not in (1, 2):
        raise InvalidAudioError(f"{name} has shape {array.shape}; it must be (samples,) or (channels, samples)")
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidAudioError(f"{name} has dtype {array.dtype}; convert it to float32 in the range [-1, 1] first")
    if array.size == 0 and not allow_empty:
        raise InvalidAudioError(f"{name} is empty (shape {array.shape}); at least one sample is needed")
    with np.errstate(over="ignore"):  # beyond float32's range it becomes infinite, which is refused below
        array = np.ascontiguousarray(array, dtype=np.float32)
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise InvalidAudioError(f"{name} holds {bad} NaN or infinite samples of {array.size}; all must be finite")
    return array


def resample(audio: ArrayLike, rate_in_hz: int, rate_out_hz: int) -> NDArray[np.float32]:
    """Convert the sample rate with soxr at its VHQ setting (aliases under -150 dB, linear phase).

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
    rate_in_hz, rate_out_hz : int [Hz]

    Returns
    -------
    ndarray [shape=(..., about samples * rate_out_hz / rate_in_hz), float32]

    Raises
    ------
    InvalidAudioError
        See :func:`check_audio`.
    """
    checked = check_audio(audio)
    if rate_in_hz == rate_out_hz:
        return checked
    # soxr is channels-last
    converted = soxr.resample(checked.T, rate_in_hz, rate_out_hz, quality="VHQ")
    return np.ascontiguousarray(converted.T, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class DecodedAudio:
    """What a file holds, at its own rate.

    Parameters
    ----------
    audio : ndarray [shape=(channels, samples), float32]
        At least one sample, all finite; float files may go over 1.0.
    sample_rate : int [Hz]
    format, subtype : str
        As libsndfile names them: ``"WAV"``, ``"PCM_24"``.
    truncated : str
        What is missing, in words; empty where the file is whole.
    capped : str
        What was left out because the file is longer than `max_samples`; empty where nothing was.
    """

    audio: NDArray[np.float32]
    sample_rate: int
    format: str
    subtype: str
    truncated: str = ""
    capped: str = ""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.audio.shape[1] / self.sample_rate)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about this file, in words."""
        return tuple(note for note in (self.truncated, self.capped) if note)


@read_from_json
@dataclass(frozen=True)
class DecodedFacts:
    """What is known of a file when it has been decoded, beside its samples; fields as in :class:`DecodedAudio`."""

    sample_rate: int
    format: str
    subtype: str
    truncated: str = ""
    capped: str = ""


def read_audio(path: Path, *, max_samples: int = MAX_DECODED_SAMPLES) -> DecodedAudio:
    """Read an audio file of any format that libsndfile decodes, at its own rate; the file is not touched.

    Parameters
    ----------
    path : Path
        Its extension plays no part: the content decides.
    max_samples : int
        Decode at most so many samples, all channels together.

    Raises
    ------
    AudioFileError
        `path` and the reason, on one line: unreadable, empty, not audio, without a decoder, over 32 channels, a rate
        outside 4 kHz to 768 kHz, IMA-ADPCM, NaN or infinite samples, or nothing that could be decoded.
    """
    try:
        with open_regular_file(path) as file:
            return decode_audio(file, extension=path.suffix.lower(), max_samples=max_samples)
    except AudioFileError as error:
        raise AudioFileError(f"{path}: {error}") from error


def open_regular_file(path: Path) -> io.FileIO:
    """Open `path` for reading, unbuffered, unless it is a pipe, a device or a folder.

    Raises
    ------
    AudioFileError
        The reason alone, without the path.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would wait for ever
            raise AudioFileError("not a regular file")
        return io.FileIO(path, "rb")
    except AudioFileError:
        raise
    except OSError as error:
        raise AudioFileError(f"unreadable: {error.strerror or error}") from error


def decode_audio(file: io.FileIO, *, extension: str = "", max_samples: int = MAX_DECODED_SAMPLES) -> DecodedAudio:
    """Decode an open file as :func:`read_audio` does.

    Parameters
    ----------
    file : io.FileIO
        Unbuffered, see :func:`open_regular_file`.
    extension : str
        Lower case with its dot; used for one thing, to name a format that has no decoder.
    max_samples : int
        See :func:`read_audio`.

    Raises
    ------
    AudioFileError
        The reason alone, without the file's name.
    """
    blocks: list[NDArray[np.float32]] = []
    facts = decode_blocks(file, blocks.append, extension=extension, max_samples=max_samples)
    return join_blocks(blocks, facts)


def decode_blocks(
    file: io.FileIO, sink: BlockSink, *, extension: str = "", max_samples: int = MAX_DECODED_SAMPLES
) -> DecodedFacts:
    """Decode as :func:`decode_audio` does, and hand over each block as soon as there is one.

    Raises
    ------
    AudioFileError
        As :func:`decode_audio`; what the sink was given before is then of no use.
    """
    found = look_before_decoding(file, extension)
    size_bytes = file.seek(0, io.SEEK_END)
    with _open_decoder(file, found) as sound:
        _refuse_layout(sound.channels, sound.samplerate)
        room = max_samples // sound.channels
        frames, failure = _decode(sound, sink, min(room, _most_frames(sound, size_bytes)))
        header_frames = int(sound.frames)
        if not frames:
            raise AudioFileError(f"damaged: nothing could be decoded ({failure})" if failure else "no audio")
        capped = frames >= room and header_frames > frames
        return DecodedFacts(
            sound.samplerate,
            sound.format,
            sound.subtype,
            truncated="" if capped else _what_is_missing(found, frames, header_frames, sound.samplerate, failure),
            capped=_CAPPED.format(frames / sound.samplerate) if capped else "",
        )


def join_blocks(blocks: list[NDArray[np.float32]], facts: DecodedFacts) -> DecodedAudio:
    """Put decoded blocks together; the list is emptied, so that each is freed on the way."""
    end = sum(len(block) for block in blocks)
    audio = np.empty((blocks[0].shape[1], end), dtype=np.float32)
    while blocks:
        block = blocks.pop()
        audio[:, end - len(block) : end] = block.T
        end -= len(block)
    return DecodedAudio(audio, facts.sample_rate, facts.format, facts.subtype, facts.truncated, facts.capped)


def look_before_decoding(file: io.FileIO, extension: str = "") -> AudioProbe:
    """Tell what an open file is, by its bytes alone, and refuse what must not, or cannot, reach a decoder.

    Raises
    ------
    AudioFileError
        The reason alone, without the file's name.
    """
    try:
        if not file.seek(0, io.SEEK_END):
            raise AudioFileError("empty file")
        found = probe(file)
    except AudioFileError:
        raise
    except OSError as error:
        raise AudioFileError(f"unreadable: {error.strerror or error}") from error
    _refuse_unopened(found, extension)
    return found


def _refuse_unopened(found: AudioProbe, extension: str) -> None:
    """Raise for what must not, or cannot, reach a decoder."""
    if found.is_ima_adpcm:
        raise AudioFileError("IMA-ADPCM, whose decoder is not safe; convert it to PCM WAV or FLAC")
    if found.is_cut_behind_tag:
        raise AudioFileError(f"damaged {found.container}: it ends before its audio begins")
    if found.container and not found.has_decoder:
        raise AudioFileError(f"no decoder for {found.container}; {READABLE_FORMATS} are read: convert it")
    if not found.container and extension in UNREADABLE_EXTENSIONS:
        name = extension.removeprefix(".").upper()
        raise AudioFileError(f"no decoder for {name}; {READABLE_FORMATS} are read: convert it")
    if found.channels is not None and found.sample_rate is not None:
        _refuse_layout(found.channels, found.sample_rate)


def _refuse_layout(channels: int, sample_rate: int) -> None:
    if channels > MAX_CHANNELS:
        raise AudioFileError(f"{channels} channels; at most {MAX_CHANNELS}")
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise AudioFileError(f"sample rate {sample_rate} Hz; {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz are read")


def _open_decoder(file: io.FileIO, found: AudioProbe) -> sf.SoundFile:
    # A descriptor gives libsndfile no name to judge by, and needs no Python callbacks, which would swallow Ctrl-C.
    # Windows' C runtimes do not share descriptors, so there it has to be callbacks.
    file.seek(0)
    try:
        return sf.SoundFile(file if os.name == "nt" else file.fileno(), closefd=False)
    except sf.LibsndfileError as error:
        if not found.container:
            raise AudioFileError("not audio") from error
        raise AudioFileError(
            f"damaged {found.container}, or a kind of it without a decoder ({_plain(error)})"
        ) from error


def _most_frames(sound: sf.SoundFile, size_bytes: int) -> int:
    """Frames that a file of this size can hold at most.

    libsndfile's GSM 6.10 decoder goes on behind the end of the file for as long as the header claims: from 227 bytes it
    makes 670 thousand million frames. Where silence is packed into next to nothing there is no such bound.
    """
    if sound.format in _PACKS_SILENCE or sound.subtype.startswith(_PACKS_SILENCE):
        return MAX_DECODED_SAMPLES
    return size_bytes * _MAX_SAMPLES_PER_BYTE // int(sound.channels)


def _decode(sound: sf.SoundFile, sink: BlockSink, max_frames: int) -> tuple[int, str]:
    """Decode until the end, an error, or `max_frames`; returns the number of frames and the error's words."""
    failure = ""
    frames_in_all = bad_samples = 0
    room = max_frames
    while room > 0 and not failure:
        # NaN marks what the decoder did not reach: when it raises, the frames before the damage are in the block.
        block = np.full((min(BLOCK_FRAMES, room), sound.channels), np.nan, dtype=np.float32)
        try:
            frames = len(sound.read(out=block))
        except sf.LibsndfileError as error:
            failure = _plain(error)
            unreached = np.isnan(block).any(axis=1)
            frames = int(unreached.argmax()) if unreached.any() else len(block)
        if not frames:
            break
        block = block[:frames]
        sink(block)
        bad_samples += block.size - int(np.isfinite(block).sum())
        frames_in_all += frames
        room -= frames
    if bad_samples:
        raise AudioFileError(f"{bad_samples} NaN or infinite samples of {frames_in_all * sound.channels}")
    return frames_in_all, failure


def _what_is_missing(found: AudioProbe, frames: int, header_frames: int, rate: int, failure: str) -> str:
    """Words for what the header promises and the file does not hold."""
    expected: float = header_frames
    negligible = _NEGLIGIBLE_LOSS_S * rate
    if found.claimed_bytes is not None and found.present_bytes:
        expected = frames * max(1.0, found.claimed_bytes / found.present_bytes)
    elif header_frames >= _UNKNOWN_FRAMES:
        expected = frames
    elif found.container == "MP3":
        negligible = _MP3_SLACK_FRAMES
    if expected - frames > negligible:
        cause = "truncated or damaged" if failure else "truncated"
        return f"{cause}: header says {expected / rate:.2f} s, {frames / rate:.2f} s are there"
    if not found.has_end_mark:
        return f"truncated: the stream has no end mark, {frames / rate:.2f} s are there"
    return ""


def _plain(error: sf.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ").rstrip(".")
