"""Pictures of takes in the history: a thumbnail of each, and two of them compared."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from small_dataset_audio.audio.io import read_audio
from small_dataset_audio.errors import HistoryError
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.history import TakeComparison, TakeRecord, compare_records
from small_dataset_audio.library import Library
from small_dataset_audio.plots import plot_comparison, plot_thumbnail
from small_dataset_audio.workflow.takes import history_of, thumbnail_path

LONGEST_SHOWN_S: Final = 60.0


def take_thumbnail(number: int, *, library: Library | None = None) -> Path:
    """A small picture of a take, drawn when it is first asked for and kept in the library's home.

    Raises
    ------
    HistoryError
        There is no such take, or its sound is missing and was never drawn.
    AudioFileError, OutputError
    """
    library = library or Library()
    record = history_of(library).get(number)
    path = thumbnail_path(library, record)
    if path.is_file():
        return path
    if record.is_missing:
        raise HistoryError(f"take {number} is not at {record.audio_path}; `sda history scan FOLDER` finds it again")
    make_output_folder(path.parent)
    shown = read_audio(record.audio_path, max_samples=_shown_samples(record))
    return plot_thumbnail(shown.audio, shown.sample_rate, path)


def compare_takes(
    first: int, second: int, *, picture: Path | None = None, library: Library | None = None
) -> TakeComparison:
    """Compare two takes: the settings and figures in which they differ, and one picture of both where it is asked for.

    Parameters
    ----------
    first, second : int
        Their numbers.
    picture : Path, optional
        PNG to be drawn; of takes over a minute the first minute is shown.
    library : Library, optional

    Raises
    ------
    HistoryError
        There is no such take; or a picture is asked for and its sound is missing.
    AudioFileError, OutputError
    """
    history = history_of(library)
    comparison = compare_records(history.get(first), history.get(second))
    if picture is not None:
        sounds = []
        for record in (comparison.first, comparison.second):
            if record.is_missing:
                raise HistoryError(
                    f"take {record.id} is not at {record.audio_path}; `sda history scan FOLDER` finds it again"
                )
            shown = read_audio(record.audio_path, max_samples=_shown_samples(record))
            sounds.append((f"{record.id}: {record.audio_path.stem}", shown.audio, shown.sample_rate))
        make_output_folder(picture.parent)
        plot_comparison(sounds, picture)
    return comparison


def _shown_samples(record: TakeRecord) -> int:
    """How much of a take is drawn, in samples of all channels; what a sidecar says of them is not believed too far."""
    rate, channels = min(max(record.sample_rate, 1), 192_000), min(max(record.channels, 1), 2)
    return round(LONGEST_SHOWN_S * rate) * channels
