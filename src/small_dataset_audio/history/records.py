"""What the history keeps of a take, and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.names import quoted

STATES: Final = ("undecided", "kept", "discarded")
"""What the user has decided about a take."""

RATINGS: Final = ("green", "yellow", "red")
MOST_STARS: Final = 5
MAX_NOTE_CHARACTERS: Final = 10_000


@dataclass(frozen=True)
class TakeRecord:
    """A take that was made.

    Parameters
    ----------
    id : int
        Its number in the history, from 1; 0 before it is recorded. No number is given twice.
    made_at : str
        ISO 8601, UTC.
    model_name : str
        As the model was called then.
    model_sha256 : str
        Of its weights; empty where not known.
    seed : int
    audio_path, sidecar_path : Path
        Absolute; where the take was written, or was found again.
    picture_path : Path or None
        Waveform and spectrogram, where they were drawn.
    duration_s : float [s]
    sample_rate : int [Hz]
    bit_depth : str
    channels : int
    rating : {"green", "yellow", "red"}
    reason : str
        Of the rating.
    similarity_percent : float or None
        How like the corpus; None where that was not measured.
    copied_share : float or None [0 to 1]
        How much of it repeats the corpus word for word; None where that was not measured.
    audio_sha256 : str
        Of the samples, as the sidecar has it; empty where not known.
    settings : mapping
        As in the sidecar, under ``generation``.
    note : str
        What the user wrote about it.
    state : {"undecided", "kept", "discarded"}
    stars : int [0 to 5]
        What the user makes of it; 0 where that was not said.
    """

    id: int
    made_at: str
    model_name: str
    model_sha256: str
    seed: int
    audio_path: Path
    sidecar_path: Path
    picture_path: Path | None
    duration_s: float
    sample_rate: int
    bit_depth: str
    channels: int
    rating: str
    reason: str
    similarity_percent: float | None
    copied_share: float | None
    audio_sha256: str
    settings: Mapping[str, Any] = field(repr=False)
    note: str = ""
    state: str = "undecided"
    stars: int = 0

    @property
    def is_missing(self) -> bool:
        """Whether its sound is no longer where it was: moved, renamed or deleted by the user."""
        try:
            return not self.audio_path.is_file()
        except OSError:  # a folder that may not be looked into
            return True


@dataclass(frozen=True)
class HistoryQuery:
    """Which takes are wanted; all conditions must hold, and without any all takes are.

    Parameters
    ----------
    text : str
        Words, each of which occurs in the model's name, the note or the file's name; capitals do not matter.
    model : str
        Exact name of the model; empty for all.
    rating : {"", "green", "yellow", "red"}
    state : {"", "undecided", "kept", "discarded"}
    since, until : str
        First and last day, or moment, in UTC, as ISO 8601: ``2026-11-29``. Empty for no bound.
    limit : int or None
        At most so many, the newest; None for all.
    offset : int
        So many of the newest are left out first, for pages.
    min_stars : int [0 to 5]
        Takes with at least so many stars.
    """

    text: str = ""
    model: str = ""
    rating: str = ""
    state: str = ""
    since: str = ""
    until: str = ""
    limit: int | None = None
    offset: int = 0
    min_stars: int = 0

    def validate(self) -> None:
        """Check every field.

        Raises
        ------
        InvalidConfigError
            Names the field, its value, and the rule.
        """
        for name, value, allowed in (("rating", self.rating, RATINGS), ("state", self.state, STATES)):
            if value and value not in allowed:
                raise InvalidConfigError(f"{name} is {quoted(value)}; it must be one of {', '.join(allowed)}")
        for name, value in (("since", self.since), ("until", self.until)):
            if value:
                _check_date(name, value)
        if self.limit is not None and self.limit < 1:
            raise InvalidConfigError(f"limit is {self.limit}; it must be 1 or more")
        if self.offset < 0:
            raise InvalidConfigError(f"offset is {self.offset}; it must be 0 or more")
        check_stars("min_stars", self.min_stars)


def check_stars(name: str, stars: int) -> int:
    """Return a number of stars, if it is one.

    Raises
    ------
    InvalidConfigError
    """
    if isinstance(stars, bool) or not isinstance(stars, int) or not 0 <= stars <= MOST_STARS:
        raise InvalidConfigError(f"{name} is {quoted(str(stars))}; it must be a whole number from 0 to {MOST_STARS}")
    return stars


def check_note(text: str) -> str:
    """Return a note without white space around it.

    Raises
    ------
    InvalidConfigError
        Over 10,000 characters.
    """
    note = text.strip()
    if len(note) > MAX_NOTE_CHARACTERS:
        raise InvalidConfigError(f"note has {len(note)} characters; it must have at most {MAX_NOTE_CHARACTERS}")
    return note.encode(errors="replace").decode()  # halves of surrogate pairs, which no database takes


def _check_date(name: str, value: str) -> None:
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise InvalidConfigError(f"{name} is {quoted(value)}; it must be a day such as 2026-11-29") from error
