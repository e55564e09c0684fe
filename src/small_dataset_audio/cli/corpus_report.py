"""A corpus in words and a table. Loaded late: it stands on the corpus floor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from small_dataset_audio.cli.errors import printable
from small_dataset_audio.cli.render import print_entry, print_line, print_warnings, results
from small_dataset_audio.corpus import CorpusSummary, FileReport
from small_dataset_audio.corpus.records import Mark

_MANY_FILES: Final = 40
_USUAL: Final[Mapping[Mark, tuple[str, str]]] = MappingProxyType(
    {
        "downmixed": ("mixed down", "downmixed from"),
        "resampled": ("resampled", "resampled from"),
        "padded": ("padded", "shorter than one training window"),
        "levelled": ("levelled", "level changed by"),
    }
)
"""What is done to most files: in one word, and how its note begins. Rate and channels stand in the table already."""
_STATUS_STYLES: Final = {"used": "green", "skipped": "red", "duplicate": "yellow"}


def print_report(summary: CorpusSummary, *, every: bool, picture: Path | None, next_command: str) -> None:
    """Print all of a report on stdout.

    Parameters
    ----------
    summary : CorpusSummary
    every : bool
        List the usual files as well where there are over 40.
    picture : Path or None
    next_command : str
        What to type next where the corpus can be used.
    """
    console = results()
    listed = [report for report in summary.files if every or len(summary.files) <= _MANY_FILES or _is_notable(report)]
    if listed:
        console.print(_table(listed))
    if unlisted := len(summary.files) - len(listed):
        print_line(console, (f"and {unlisted} more files with nothing unusual; --all lists them", "dim"))
    print_summary(console, summary)
    if picture is not None:
        print_entry(console, "picture", str(picture))
    if summary.used:
        print_entry(console, "next", next_command, "bold cyan")


def print_summary(console: Console, summary: CorpusSummary) -> None:
    """Print what was found and what was done to it, in a few lines, and what to know."""
    found = f"{summary.used} of {_count(summary.looked_at, 'file')} usable, {summary.duration_s:.1f} s in all"
    if summary.used > 1:
        found += f" ({summary.shortest_s:.2f} to {summary.longest_s:.2f} s each)"
    print_entry(console, "found", found)
    if summary.used:
        rates = _listing((count, f"at {rate} Hz") for rate, count in summary.sample_rates.items())
        layouts = _listing((count, layout) for layout, count in summary.channel_layouts.items())
        print_entry(console, "sound", f"{rates}; {layouts}")
        print_entry(console, "formats", _listing((count, name) for name, count in summary.formats.items()))
        print_entry(console, "done", _what_was_done(summary))
    if summary.reasons:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in summary.reasons.items())
        print_entry(console, "skipped", reasons, "red")
    print_warnings(console, summary.warnings)


def _what_was_done(summary: CorpusSummary) -> str:
    done = [
        (summary.resampled, "resampled to 48000 Hz"),
        (summary.downmixed, "mixed down to mono"),
        (summary.padded, "padded in training (shorter than its window)"),
        (summary.levelled, "brought to the level of the others"),
    ]
    return _listing(done) or "nothing to convert: all are 48000 Hz mono"


def _table(reports: Iterable[FileReport]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("file", overflow="fold", ratio=2)
    table.add_column("length", justify="right", no_wrap=True)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("channels", justify="right", no_wrap=True)
    table.add_column("what was found and done", overflow="fold", ratio=3)
    for report in reports:
        decoded = report.sample_rate > 0
        table.add_row(
            Text(printable(report.name)),
            f"{report.duration_s:.2f} s" if decoded else "",
            f"{report.sample_rate} Hz" if decoded else "",
            str(report.channels) if decoded else "",
            _remarks(report),
        )
    return table


def _remarks(report: FileReport) -> Text:
    beginnings = tuple(beginning for _, beginning in _USUAL.values())
    unusual = [note for note in report.notes if not note.startswith(beginnings)]
    usual = [word for mark, (word, _) in _USUAL.items() if mark in report.marks and report.status == "used"]
    details = "; ".join(part for part in (report.reason, *unusual, ", ".join(usual)) if part)
    return Text.assemble((report.status, _STATUS_STYLES[report.status]), printable(f": {details}" if details else ""))


def _is_notable(report: FileReport) -> bool:
    return report.status != "used" or bool(report.marks - _USUAL.keys())


def _listing(counted: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{count} {what}" for count, what in counted if count)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
