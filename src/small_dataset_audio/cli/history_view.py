"""Takes of the history on the screen and in JSON. Loaded late: it stands on the history's floor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from small_dataset_audio.cli.errors import printable
from small_dataset_audio.cli.options import format_duration
from small_dataset_audio.cli.render import RATING_STYLES, print_entry, print_line
from small_dataset_audio.history import TakeComparison, TakeRecord
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import find_in_trash, thumbnail_path

_MARKS: Final = MappingProxyType({"kept": "kept", "discarded": "discarded"})
_IN_TRASH: Final = "in the trash"
STARS: Final = ("", "*", "**", "***", "****", "*****")


def take_table(takes: Sequence[TakeRecord]) -> Table:
    """One line a take."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("made", no_wrap=True)
    table.add_column("model", overflow="fold")
    table.add_column("length", justify="right", no_wrap=True)
    table.add_column("rating", no_wrap=True)
    table.add_column("like corpus", justify="right")
    table.add_column("copied", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("file and note", overflow="fold")
    for take in takes:
        state = " ".join(filter(None, (STARS[take.stars], _state(take))))
        said = take.audio_path.name + (f"\n{take.note}" if take.note else "")
        table.add_row(
            str(take.id),
            local_time(take.made_at),
            Text(printable(take.model_name)),
            format_duration(take.duration_s),
            Text(take.rating, RATING_STYLES.get(take.rating, "")),
            _percent(take.similarity_percent),
            _percent(None if take.copied_share is None else 100 * take.copied_share),
            state,
            Text("\n".join(printable(line) for line in said.splitlines())),
        )
    return table


def take_in_words(take: TakeRecord) -> str:
    """Say in one line what its maker thinks of a take."""
    said = (take.audio_path.name, STARS[take.stars], _state(take), take.note)
    return "  ".join(" ".join(word.split()) for word in said if word)


def print_record(console: Console, take: TakeRecord) -> None:
    """Print all that is known of a take."""
    print_entry(console, "take", f"#{take.id}  {take.state}")
    print_entry(console, "file", "  ".join(filter(None, (str(take.audio_path), _whereabouts(take)))))
    if take.picture_path is not None:
        print_entry(console, "picture", str(take.picture_path))
    print_entry(console, "made", local_time(take.made_at))
    print_entry(console, "model", f"{take.model_name}  {take.model_sha256[:12]}")
    print_entry(console, "seed", str(take.seed))
    print_entry(
        console,
        "sound",
        f"{format_duration(take.duration_s)}, {take.sample_rate} Hz, {take.bit_depth}, {take.channels} ch",
    )
    print_entry(console, "rating", f"{take.rating}: {take.reason}", RATING_STYLES.get(take.rating, ""))
    print_entry(console, "likeness", _percent(take.similarity_percent) or "not measured")
    share = None if take.copied_share is None else 100 * take.copied_share
    print_entry(console, "copied", _percent(share) or "not measured")
    if take.stars:
        print_entry(console, "stars", STARS[take.stars])
    if take.note:
        print_entry(console, "note", take.note)
    print_entry(console, "settings", "")
    for name, value in take.settings.items():
        print_line(console, f"  {name} = {value}")


def print_comparison(console: Console, comparison: TakeComparison, picture: Path | None) -> None:
    """Print what differs, side by side."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for take in (comparison.first, comparison.second):
        table.add_column(Text(printable(f"#{take.id} {take.audio_path.name}")), overflow="fold")
    for difference in (*comparison.settings, *comparison.figures):
        table.add_row(difference.name, _cell(difference.first), _cell(difference.second))
    console.print(table)
    if comparison.same_audio:
        print_line(console, "both are the same sound, sample for sample")
    if picture is not None:
        print_entry(console, "picture", str(picture))


def take_to_json(take: TakeRecord) -> dict[str, Any]:
    """All that a script may want to know; paths are absolute."""
    library = Library()
    thumbnail = thumbnail_path(library, take).absolute()
    trashed = find_in_trash(take, library)
    return {
        "id": take.id,
        "made_at": take.made_at,
        "model": take.model_name,
        "model_sha256": take.model_sha256 or None,
        "seed": take.seed,
        "audio": str(take.audio_path),
        "json": str(take.sidecar_path),
        "picture": None if take.picture_path is None else str(take.picture_path),
        "thumbnail": str(thumbnail) if thumbnail.is_file() else None,
        "trash": None if trashed is None else str(trashed.path),
        "missing": take.is_missing,
        "duration_s": take.duration_s,
        "sample_rate": take.sample_rate,
        "bit_depth": take.bit_depth,
        "channels": take.channels,
        "rating": take.rating,
        "reason": take.reason,
        "similarity_percent": take.similarity_percent,
        "copied_share": take.copied_share,
        "audio_sha256": take.audio_sha256 or None,
        "stars": take.stars,
        "note": take.note,
        "state": take.state,
        "settings": dict(take.settings),
    }


def comparison_to_json(comparison: TakeComparison, picture: Path | None) -> dict[str, Any]:
    """Both takes and what differs."""
    return {
        "first": take_to_json(comparison.first),
        "second": take_to_json(comparison.second),
        "same_audio": comparison.same_audio,
        "settings": {item.name: [item.first, item.second] for item in comparison.settings},
        "figures": {item.name: [item.first, item.second] for item in comparison.figures},
        "picture": None if picture is None else str(picture.absolute()),
    }


def local_time(moment: str) -> str:
    """A moment of the history as the clock on the wall says it."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):  # a date that the calendar of this system does not have
        return moment


def _state(take: TakeRecord) -> str:
    """Kept or discarded, and where it is; of one in the trash, that says both."""
    whereabouts = _whereabouts(take)
    mark = "" if take.state == "discarded" and whereabouts == _IN_TRASH else _MARKS.get(take.state, "")
    return " ".join(filter(None, (mark, whereabouts)))


def _whereabouts(take: TakeRecord) -> str:
    if not take.is_missing:
        return ""
    return "missing" if find_in_trash(take) is None else _IN_TRASH


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} %"


def _cell(value: object) -> Text:
    if isinstance(value, float):
        return Text(f"{value:.4g}")
    return Text("-" if value is None else printable(str(value)))
