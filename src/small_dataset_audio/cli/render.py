"""Rich on two streams: messages and progress go to stderr, results to stdout.

Lines with paths are never wrapped, so that they can be copied, and read by a script. Only letters that every console has are
used for spinners and rules.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from small_dataset_audio.cli.errors import printable

_WIDTH_WITHOUT_TERMINAL: Final = 120
_KEY_WIDTH: Final = 11
RATING_STYLES: Final = {"green": "bold green", "yellow": "bold yellow", "red": "bold red"}


def messages() -> Console:
    """Console for what a person reads while waiting (stderr)."""
    return Console(stderr=True, highlight=False)


def results() -> Console:
    """Console for what the command was called for (stdout)."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDTH_WITHOUT_TERMINAL
    return console


def print_line(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print one unwrapped line of plain or styled parts; no part is read as markup."""
    safe = [printable(part) if isinstance(part, str) else (printable(part[0]), part[1]) for part in parts]
    console.print(Text.assemble(*safe), soft_wrap=True)


def print_entry(console: Console, key: str, value: str, style: str = "") -> None:
    """Print one line of a list of properties."""
    print_line(console, (f"{key:<{_KEY_WIDTH}}", "bold"), (value, style))


def print_warnings(console: Console, warnings: tuple[str, ...]) -> None:
    """Print each warning on its own line."""
    for warning in warnings:
        print_line(console, ("note: ", "yellow"), warning)


def print_json(value: Mapping[str, Any]) -> None:
    """Print strict JSON in ASCII, which every pipe and every parser takes."""
    typer.echo(json.dumps(value, allow_nan=False, indent=2))


@contextlib.contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Show that something is being done, on a terminal only."""
    if not console.is_terminal:
        yield
        return
    with console.status(printable(what), spinner="line"):
        yield


@contextlib.contextmanager
def counting(console: Console, what: str) -> Iterator[Callable[[int, int, object], None]]:
    """Show a bar for work of known number; yields what takes (done, total, the words for it or anything else)."""
    if not console.is_terminal:
        yield lambda *_: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.completed:.0f} of {task.total:.0f}"))
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task(printable(what), total=1)

        def show(done: int, total: int, current: object) -> None:
            words = printable(current) if isinstance(current, str) else None  # None leaves them as they are
            progress.update(task, completed=done, total=total, description=words)

        yield show


@contextlib.contextmanager
def rendering(console: Console, what: str) -> Iterator[Callable[[float, float], None]]:
    """Show a bar for audio that is being made; yields what takes (how far it is, how far it goes) in seconds."""
    if not console.is_terminal:
        yield lambda *_: None
        return
    made = TextColumn("{task.completed:.0f} of {task.total:.0f} s, left:")
    columns = (TextColumn("{task.description}"), BarColumn(30), made, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task(printable(what), total=1, visible=False)
        yield lambda done_s, total_s: progress.update(task, completed=done_s, total=total_s, visible=True)
