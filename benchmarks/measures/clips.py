"""Audio as the instruments take it: mono clips with a name and a rate, read from files by soundfile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from small_dataset_audio.audio.io import check_audio, resample
from small_dataset_audio.errors import AudioFileError, CorpusError, InvalidAudioError

AUDIO_SUFFIXES = frozenset({".aif", ".aiff", ".flac", ".mp3", ".ogg", ".wav"})


@dataclass(frozen=True)
class Clip:
    """One recording or one take.

    Attributes
    ----------
    name : str
        What tables and reports call it: the file name.
    samples : ndarray [shape=(samples,), float32, nominal range -1 to 1]
    rate_hz : int [Hz]
    """

    name: str
    samples: NDArray[np.float32]
    rate_hz: int

    def __post_init__(self) -> None:
        """Refuse what no instrument can measure."""
        if check_audio(self.samples, name=self.name).ndim != 1:
            raise InvalidAudioError(f"{self.name} has shape {self.samples.shape}; mix it down to (samples,) first")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz

    @property
    def is_silent(self) -> bool:
        """True where every sample is zero: nothing to normalise, nothing to hear."""
        return not self.samples.any()

    def at(self, rate_hz: int) -> NDArray[np.float32]:
        """Samples at another rate (soxr VHQ)."""
        return resample(self.samples, self.rate_hz, rate_hz)


def read_clip(path: Path) -> Clip:
    """Read one file; several channels are averaged to mono.

    Raises
    ------
    AudioFileError
        libsndfile cannot read it.
    InvalidAudioError
        It holds no samples, or NaN or infinite ones.
    """
    try:
        samples, rate_hz = sf.read(path, dtype="float32", always_2d=True)
    except sf.LibsndfileError as error:
        raise AudioFileError(f"{path} cannot be read ({error}); remove it or name other files") from error
    mono = np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32))
    return Clip(name=path.name, samples=mono, rate_hz=int(rate_hz))


def read_folder(folder: Path, pattern: str = "*") -> list[Clip]:
    """Read the audio files of a folder that match `pattern`, by name.

    Raises
    ------
    CorpusError
        Not a folder, or none of its files match.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder} is not a folder; name one that holds audio files")
    paths = sorted(path for path in folder.glob(pattern) if path.suffix.lower() in AUDIO_SUFFIXES)
    if not paths:
        raise CorpusError(f"{folder} holds no audio file that matches {pattern!r}; check the folder and --glob")
    return [read_clip(path) for path in paths]


def audible(clips: Iterable[Clip], *, what: str) -> Sequence[Clip]:
    """Leave out clips of digital silence.

    Raises
    ------
    CorpusError
        Nothing is left.
    """
    kept = [clip for clip in clips if not clip.is_silent]
    if not kept:
        raise CorpusError(f"{what} holds nothing but silence; there is nothing to measure")
    return kept
