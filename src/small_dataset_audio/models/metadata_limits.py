"""What a model may say of itself.

Metadata are data from anywhere: they are counted, measured and shown, and nothing in them is followed. Names of recordings are
names below the user's folder, and stay below it. :func:`with_plain_names` makes them so when a model is saved, so that what is
saved here is always read here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Final

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError, InvalidNameError
from small_dataset_audio.names import safe_folder_name

if TYPE_CHECKING:
    from small_dataset_audio.models.metadata import ModelMetadata

MAX_RECORDINGS: Final = 50_000
LONGEST_CORPUS_S: Final = 8 * 3600.0
"""Twice what a scan holds, whose last recording may reach beyond that."""

_MAX_PATH_CHARACTERS: Final = 4096
_MAX_NAME_CHARACTERS: Final = 1000
_MAX_TEXT_CHARACTERS: Final = 10_000
_LARGEST_COUNT: Final = 2**63 - 1
_LEVEL_RANGE_DB: Final = 400.0
_SMALLEST_GAIN: Final = 1e-9
_SHA256: Final = re.compile("[0-9a-f]{64}")


def check_limits(metadata: ModelMetadata) -> None:
    """Check everything in metadata that no configuration checks by itself.

    Raises
    ------
    InvalidConfigError
        Names the field, its value, and the rule.
    """
    for field, text, most in _texts(metadata):
        _check_text(field, text, most)
    try:
        safe_folder_name(metadata.name)
    except InvalidNameError as error:
        raise InvalidConfigError(f"name: {error}") from error
    _check_date(metadata.created)
    _check_clips(metadata)
    training = metadata.training
    counts = {
        "seed": training.seed,
        "steps": training.steps,
        "elapsed_s": training.elapsed_s,
        "budget_s": training.budget_s,
        "batch_size": training.batch_size or 0,
    }
    for field, value in counts.items():
        if not 0 <= value <= _LARGEST_COUNT:
            raise InvalidConfigError(f"training.{field} is {value}; it must be 0 to {_LARGEST_COUNT}")
    audio = metadata.corpus_audio
    if audio is None:
        return
    if not _SMALLEST_GAIN <= audio.gain <= 1.0:
        raise InvalidConfigError(f"corpus_audio.gain is {audio.gain}; it must be {_SMALLEST_GAIN:g} to 1")
    if not _SHA256.fullmatch(audio.sha256):
        raise InvalidConfigError(f"corpus_audio.sha256 is {_shown(audio.sha256)}; it must be 64 hexadecimal digits")


def check_wishes(name: str, licence: str | None) -> None:
    """Check what a user says of a model before it is made: it would be refused when it is saved, after all the work.

    Raises
    ------
    InvalidConfigError
        Too long.
    """
    for field, text, most in (("name", name, _MAX_NAME_CHARACTERS), ("licence", licence or "", _MAX_TEXT_CHARACTERS)):
        if len(text) > most:
            raise InvalidConfigError(f"{field} has {len(text)} characters; it must have at most {most}")


def check_text_of_owner(field: str, text: str) -> None:
    """Check a text that a model's owner gives it after it was made: its ``name``, or its ``licence``.

    Raises
    ------
    InvalidConfigError
        Too long, or with control characters.
    """
    _check_text(field, text, _MAX_NAME_CHARACTERS if field == "name" else _MAX_TEXT_CHARACTERS)


def with_plain_names(metadata: ModelMetadata) -> ModelMetadata:
    """Return the same with every control character in a name shown as ``?``: some systems take them in file names."""
    corpus = metadata.corpus
    clips = tuple(replace(clip, name=_plain(clip.name)) for clip in corpus.clips)
    return replace(
        metadata,
        name=_plain(metadata.name),
        corpus=replace(corpus, folder_name=_plain(corpus.folder_name), licence=_plain(corpus.licence), clips=clips),
    )


def _texts(metadata: ModelMetadata) -> Iterator[tuple[str, str, int]]:
    """All texts but those of recordings, each with its name and the most characters."""
    yield "name", metadata.name, _MAX_NAME_CHARACTERS
    yield "created", metadata.created, _MAX_NAME_CHARACTERS
    yield "sda_version", metadata.sda_version, _MAX_NAME_CHARACTERS
    yield "torch_version", metadata.torch_version, _MAX_NAME_CHARACTERS
    yield "corpus.folder_name", metadata.corpus.folder_name, _MAX_NAME_CHARACTERS
    yield "corpus.content_hash", metadata.corpus.content_hash, _MAX_NAME_CHARACTERS
    yield "corpus.licence", metadata.corpus.licence, _MAX_TEXT_CHARACTERS
    yield "training.stop_reason", metadata.training.stop_reason, _MAX_NAME_CHARACTERS


def _check_clips(metadata: ModelMetadata) -> None:
    clips = metadata.corpus.clips
    if len(clips) > MAX_RECORDINGS:
        raise InvalidConfigError(f"corpus.clips has {len(clips)} recordings; at most {MAX_RECORDINGS} are listed")
    most_samples = round(LONGEST_CORPUS_S * SAMPLE_RATE)
    total = 0
    for number, clip in enumerate(clips):
        field = f"corpus.clips[{number}]"
        _check_text(f"{field}.name", clip.name, _MAX_PATH_CHARACTERS)
        _check_text(f"{field}.content_hash", clip.content_hash, _MAX_NAME_CHARACTERS)
        if not is_contained(clip.name):
            raise InvalidConfigError(f"{field}.name is {_shown(clip.name)}; it must be a path below the corpus folder")
        if not -_LEVEL_RANGE_DB <= clip.level_db <= _LEVEL_RANGE_DB:
            raise InvalidConfigError(
                f"{field}.level_db is {clip.level_db}; it must be -{_LEVEL_RANGE_DB:g} to {_LEVEL_RANGE_DB:g} dB"
            )
        total += clip.num_samples
        if clip.num_samples < 0 or total > most_samples:
            raise InvalidConfigError(
                f"{field}.num_samples is {clip.num_samples}; all together may be 0 to {most_samples} "
                f"({LONGEST_CORPUS_S / 3600:g} h)"
            )


def is_contained(name: str) -> bool:
    """Whether a recording's name, with slashes of either kind, stays below the folder that it is relative to."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and not name.startswith("/") and ".." not in parts and not PureWindowsPath(name).is_absolute()


def _check_text(field: str, text: str, max_characters: int) -> None:
    if len(text) > max_characters:
        raise InvalidConfigError(f"{field} has {len(text)} characters; at most {max_characters} are read")
    if not text.isprintable() and any(_is_control(character) for character in text):
        raise InvalidConfigError(f"{field} is {_shown(text)}; it must hold no control characters")


def _check_date(created: str) -> None:
    try:
        year = datetime.fromisoformat(created).year
    except ValueError as error:
        raise InvalidConfigError(f"created is {_shown(created)}; it must be a date in ISO 8601") from error
    if not 1970 <= year <= 9998:  # the first and last year turn over in some time zones, and out of the calendar
        raise InvalidConfigError(f"created is {_shown(created)}; its year must be 1970 to 9998")


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def _plain(text: str) -> str:
    return text if text.isprintable() else "".join("?" if _is_control(character) else character for character in text)


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 60 else f"{text[:60]}...")
