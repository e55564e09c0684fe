"""Audio that is never in memory as a whole: a stream of pieces that can be gone through again and again.

Every stage behind the rendering takes a stream and returns one. What a stage must know of the whole beforehand, its mean or
its peak, it learns by going through its stream once; what it does to the audio, it does piece by piece whenever the next stage
asks. Only the rendering, which is slow, is kept: in memory (:class:`MemoryStore`) or in a file (:class:`FileStore`).

A piece is float32 of shape ``(channels, samples)``, mono as well. Pieces of a store end at fixed samples, so no result depends
on how the rendering was cut.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.errors import InvalidAudioError, OutputError
from small_dataset_audio.write_errors import explain_write_error, is_disk_full

PIECE_SAMPLES = 120_000
"""2.5 s at 48 kHz: long enough that NumPy is busy with samples and not with pieces, half a megabyte a channel."""

Piece: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Stream:
    """Audio in pieces, as often as it is asked for; always the same bits.

    Parameters
    ----------
    channels : int
    num_samples : int
        Of each channel.
    pieces : callable
        Begins again at the first piece [shape=(channels, samples), float32]; together they have `num_samples` samples.
    """

    channels: int
    num_samples: int
    pieces: Callable[[], Iterator[Piece]]

    def first(self, num_samples: int | None = None) -> NDArray[np.float32]:
        """Read the first `num_samples`, or all there are, into an array [shape=(channels, samples)]."""
        count = self.num_samples if num_samples is None else min(num_samples, self.num_samples)
        return collect(cut(self.pieces(), count), self.channels, count)

    def through(self, stage: Callable[[Iterable[Piece]], Iterator[Piece]]) -> Stream:
        """Return what `stage`, which keeps the number of samples and channels, makes of this stream."""
        return Stream(self.channels, self.num_samples, lambda: stage(self.pieces()))


class Store(Protocol):
    """Keeps what was rendered."""

    def fill(self, pieces: Iterable[Piece]) -> Stream:
        """Take in all pieces, once, and return them as a stream."""
        ...


class MemoryStore:
    """Keeps a take in one array that is made beforehand.

    Parameters
    ----------
    channels, num_samples : int
    """

    def __init__(self, channels: int, num_samples: int) -> None:
        self._shape = (channels, num_samples)

    def fill(self, pieces: Iterable[Piece]) -> Stream:
        """Take in all pieces, once, and return them as a stream."""
        return stream_of(collect(_exactly(pieces, *self._shape), *self._shape))


class FileStore:
    """Keeps a take in a nameless file, which is gone when it is closed or the process ends, however it ends.

    Parameters
    ----------
    folder : Path
        Whose disk is used: where the take itself will be.
    channels, num_samples : int
    """

    def __init__(self, folder: Path, channels: int, num_samples: int) -> None:
        self._folder = folder
        self._channels, self._num_samples = channels, num_samples
        with self._translated_errors():
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__()

    def __enter__(self) -> FileStore:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, and with that remove it."""
        with contextlib.suppress(OSError):  # a full disk refuses the last bytes once more; they are given up
            self._file.close()

    def fill(self, pieces: Iterable[Piece]) -> Stream:
        """Take in all pieces, once, and return them as a stream.

        Raises
        ------
        OutputError
            The disk is full or fails.
        """
        for piece in _exactly(pieces, self._channels, self._num_samples):
            with self._translated_errors():
                self._file.write(np.ascontiguousarray(piece.T, dtype=np.float32).data)
        with self._translated_errors():
            self._file.flush()
        return Stream(self._channels, self._num_samples, self._read)

    def _read(self) -> Iterator[Piece]:
        for start in range(0, self._num_samples, PIECE_SAMPLES):
            count = min(PIECE_SAMPLES, self._num_samples - start) * self._channels
            with self._translated_errors():
                self._file.seek(4 * start * self._channels)
                frames = np.frombuffer(self._file.read(4 * count), dtype=np.float32)
            yield np.ascontiguousarray(frames.reshape(-1, self._channels).T)

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = explain_write_error(
                error,
                self._folder,
                failure=f"{self._folder} cannot hold the take while it is made",
                needed_bytes=4 * self._channels * self._num_samples,
                advice="{}, or choose another folder" if is_disk_full(error, self._folder) else "{}",
            )
            raise OutputError(message) from error


def stream_of(audio: NDArray[np.float32]) -> Stream:
    """Return an array [shape=(channels, samples)] as a stream; nothing is copied."""

    def pieces() -> Iterator[Piece]:
        for start in range(0, audio.shape[1], PIECE_SAMPLES):
            yield audio[:, start : start + PIECE_SAMPLES]

    return Stream(audio.shape[0], audio.shape[1], pieces)


def collect(pieces: Iterable[Piece], channels: int, num_samples: int) -> NDArray[np.float32]:
    """Write pieces into one array made beforehand [shape=(channels, num_samples)]: they are never in memory all at once."""
    out = np.empty((channels, num_samples), dtype=np.float32)
    position = 0
    for piece in pieces:
        out[:, position : position + piece.shape[1]] = piece
        position += piece.shape[1]
    return out


def cut(pieces: Iterable[Piece], num_samples: int) -> Iterator[Piece]:
    """Yield the first `num_samples` samples; nothing is asked of `pieces` beyond them."""
    left = num_samples
    for piece in pieces:
        if piece.shape[1] >= left:
            yield piece[:, :left]
            return
        yield piece
        left -= piece.shape[1]


def recut(pieces: Iterable[Piece], piece_samples: int) -> Iterator[Piece]:
    """Yield the same samples in pieces of `piece_samples`, the last one shorter."""
    waiting: list[Piece] = []
    num_waiting = 0
    for piece in pieces:
        waiting.append(piece)
        num_waiting += piece.shape[1]
        if num_waiting < piece_samples:
            continue
        joined = np.concatenate(waiting, axis=1)
        whole = num_waiting - num_waiting % piece_samples
        for start in range(0, whole, piece_samples):
            yield joined[:, start : start + piece_samples]
        waiting, num_waiting = [joined[:, whole:]], num_waiting - whole
    if num_waiting:
        yield np.concatenate(waiting, axis=1)


def _exactly(pieces: Iterable[Piece], channels: int, num_samples: int) -> Iterator[Piece]:
    """Pass on what has the shape that was promised; a renderer that breaks its promise shall not fill a take with nothing."""
    position, found = 0, channels
    for piece in pieces:
        position, found = position + piece.shape[1], piece.shape[0]
        if piece.shape[0] != channels or position > num_samples:
            break
        yield piece
    else:
        if position == num_samples:
            return
    raise InvalidAudioError(
        f"the vocoder rendered pieces of {found} channels, {position} samples so far; this take has {channels} "
        f"channels of {num_samples} samples"
    )


def checked(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Pass pieces on, or stop where one holds NaN or infinite samples.

    Raises
    ------
    InvalidAudioError
    """
    for piece in pieces:
        yield check_audio(piece)
