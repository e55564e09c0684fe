"""What a scan takes and gives: its settings, a clip, the report on a file, the corpus."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.constants import HOP_LENGTH, SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError

FEW_FILES: Final = 5
MANY_FILES: Final = 500
_LITTLE_AUDIO_S: Final = 10.0

Status: TypeAlias = Literal["used", "skipped", "duplicate"]

Mark: TypeAlias = Literal[
    "resampled",
    "downmixed",
    "padded",
    "truncated",
    "capped",
    "clipped",
    "over_full_scale",
    "eight_bit",
    "dc_offset",
    "levelled",
    "wrong_extension",
]
"""One kind of note, for counting; the note itself is words for people."""


@dataclass(frozen=True)
class ScanConfig:
    """Settings of a scan.

    Parameters
    ----------
    min_duration_s : float [seconds]
        Shorter files are skipped. The default keeps the shortest single drum strokes.
    follow_links : bool
        Follow symbolic links that lead out of the folder.
    silence_db : float [dBFS]
        A file whose every channel stays within this level around its own mean is silence. The default lies above 16-bit
        dither (-90 dBFS) and below the room tone of a quiet recording.
    training_window_s : float [seconds]
        Shorter clips are noted, since training pads them; 128 mel frames.
    even_levels : bool
        Bring every recording to one level (:mod:`small_dataset_audio.corpus.levels`), as those are that a model is made of.
    max_total_s : float [seconds]
        Audio beyond this is skipped and named: all of a corpus is held in memory (4 hours are 2.8 GB, of stereo 5.5 GB).
    """

    min_duration_s: float = 0.02
    follow_links: bool = False
    silence_db: float = -80.0
    training_window_s: float = 128 * HOP_LENGTH / SAMPLE_RATE
    even_levels: bool = False
    max_total_s: float = 4 * 3600.0

    def validate(self) -> None:
        """Check every field.

        Raises
        ------
        InvalidConfigError
            Names the field, its value and the rule.
        """
        for name in ("min_duration_s", "training_window_s", "max_total_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InvalidConfigError(f"{name} is {value}; it must be a finite number of seconds over 0")
        if not (math.isfinite(self.silence_db) and self.silence_db < 0):
            raise InvalidConfigError(f"silence_db is {self.silence_db}; it must be a finite level under 0 dBFS")


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording, ready for training.

    Parameters
    ----------
    name : str
        Path relative to the corpus folder, with forward slashes.
    audio : ndarray [shape=(samples,), float32, 48 kHz]
        Nominal range [-1, 1]; float recordings may go over it. Of a stereo recording, the mid: (left + right) / 2.
    content_hash : str
        SHA-256 of the decoded samples at their own rate: the same recording in another container has the same hash.
    side : ndarray [shape=(samples,), float32, 48 kHz], or None
        (left - right) / 2 of a stereo recording; None of any other.
    level_db : float [dB]
        By how much it is louder here than in its file.
    """

    name: str
    audio: NDArray[np.float32] = field(repr=False)
    content_hash: str
    side: NDArray[np.float32] | None = field(default=None, repr=False)
    level_db: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.audio) / SAMPLE_RATE


@dataclass(frozen=True)
class FileReport:
    """What was found in one file, and what was done to it.

    Parameters
    ----------
    name : str
        Path relative to the corpus folder, with forward slashes.
    status : {"used", "skipped", "duplicate"}
    reason : str
        Why it is not used; a detail follows the cause after a colon. Empty when it is used.
    duration_s : float [seconds]
        At its own rate; 0 where the file could not be decoded, as in all fields below.
    sample_rate : int [Hz]
    channels : int
    format, subtype : str
        As libsndfile names them: ``"WAV"``, ``"PCM_24"``.
    peak : float [linear amplitude, 1.0 is full scale]
    clipped_samples : int
        Samples in flat tops at full scale.
    notes : tuple of str
        What was done and what to know, one sentence each.
    marks : frozenset of Mark
        The kinds of the notes.
    duplicate_of : str
        Name of the file that holds the same recording and is used; empty unless `status` is ``"duplicate"``.
    """

    name: str
    status: Status
    reason: str = ""
    duration_s: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    format: str = ""
    subtype: str = ""
    peak: float = 0.0
    clipped_samples: int = 0
    notes: tuple[str, ...] = ()
    marks: frozenset[Mark] = field(default=frozenset(), repr=False)  # the notes say the same in words
    duplicate_of: str = ""

    @property
    def cause(self) -> str:
        """The reason without its detail, for counting."""
        return self.reason.partition(":")[0]


@dataclass(frozen=True)
class ScanProgress:
    """News of a scan: files done, files in all, and the report on the last one."""

    done: int
    total: int
    report: FileReport


@dataclass(frozen=True, eq=False)
class Corpus:
    """A scanned folder.

    Parameters
    ----------
    folder : Path
    clips : tuple of Clip
        In natural order of their names, each recording once; may be empty.
    files : tuple of FileReport
        Every file that is audio or claims to be, in natural order.
    """

    folder: Path
    clips: tuple[Clip, ...]
    files: tuple[FileReport, ...]

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the sorted hashes of the clips: names and order of the files play no part."""
        return hashlib.sha256("\n".join(sorted(clip.content_hash for clip in self.clips)).encode()).hexdigest()

    @property
    def duration_s(self) -> float:
        """Length of all clips together in seconds."""
        return sum(len(clip.audio) for clip in self.clips) / SAMPLE_RATE

    @property
    def sides(self) -> tuple[NDArray[np.float32] | None, ...]:
        """The side of each clip, None of one that is mono; empty where all are."""
        sides = tuple(clip.side for clip in self.clips)
        return sides if any(side is not None for side in sides) else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know about the corpus as a whole, in words."""
        if not self.clips:
            return ()
        count, warnings = len(self.clips), []
        if count < FEW_FILES:
            warnings.append(
                f"only {count} usable {'recording' if count == 1 else 'recordings'}: training works, but takes will stay "
                f"close to them; {FEW_FILES} or more give it something to vary"
            )
        if count > MANY_FILES:
            warnings.append(
                f"{count} usable recordings: more than the {MANY_FILES} this tool is made for; training sees each of them "
                "less often, so give it a longer budget or a smaller folder"
            )
        if self.duration_s < _LITTLE_AUDIO_S:
            warnings.append(
                f"only {self.duration_s:.1f} s of audio in all: takes will repeat themselves; add recordings if you can"
            )
        return tuple(warnings)
