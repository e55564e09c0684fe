"""A folder of recordings in place of a model: it becomes one, without training. Loads the workflow late."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from small_dataset_audio.cli.errors import printable
from small_dataset_audio.cli.render import messages, print_line, waiting
from small_dataset_audio.shell import shell_word


def as_model(argument: str, device: str) -> str:
    """Return what stands for a model as it is; of a folder of recordings make one in seconds, say so, and return its name.

    Raises
    ------
    InvalidConfigError, CorpusError, OutputError
        As :func:`~small_dataset_audio.workflow.quick_model`.
    InvalidNameError
        Neither a usable name nor a folder.
    """
    console = messages()
    with waiting(console, "starting"):
        from small_dataset_audio.library import Library

        folder = Library().recordings_folder(argument)
    return argument if folder is None else _make_model(console, folder, device)


def _make_model(console: Console, folder: Path, device: str) -> str:
    with _telling(console) as tell:
        from small_dataset_audio.corpus import ScanProgress
        from small_dataset_audio.workflow import WalkModelReady, WalkProgress, quick_model

        for event in quick_model(folder, device=device):
            match event:
                case ScanProgress():
                    tell(f"reading recordings: {event.done} of {event.total}")
                case WalkProgress():
                    tell(f"{event.stage}: {event.done} of {event.total}" if event.total > 1 else event.stage)
                case WalkModelReady():
                    ready = event
    count = len(ready.corpus.clips)
    recordings = f"{count} {'recording' if count == 1 else 'recordings'}"
    made = f"made in {ready.elapsed_s:.0f} s" if ready.is_new else "made before"
    print_line(
        console,
        f"{folder} holds {recordings}: takes walk along them, with no training (model ",
        (ready.name, "bold"),
        f", {made}); to learn them: ",
        (f"sda train {shell_word(folder)}", "bold cyan"),
    )
    return ready.name


@contextlib.contextmanager
def _telling(console: Console) -> Iterator[Callable[[str], None]]:
    """Show what is being done, on a terminal only; yields what takes the words for it."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("starting", spinner="line") as status:
        yield lambda words: status.update(printable(words))
