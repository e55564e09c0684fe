"""``sda inspect``: what is in a folder of recordings, and what would be done with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from small_dataset_audio.cli.errors import EXIT_NOTHING_DONE
from small_dataset_audio.cli.options import Folder, Json
from small_dataset_audio.cli.render import counting, messages, print_json
from small_dataset_audio.errors import OutputError
from small_dataset_audio.shell import shell_word

if TYPE_CHECKING:
    from small_dataset_audio.corpus import Corpus

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda inspect my-recordings
  sda inspect my-recordings --all --plot
  sda inspect my-recordings --json > report.json

Exit code 1 where nothing in the folder can be used; the report is printed all the same."""


def inspect(
    folder: Folder,
    plot: Annotated[bool, typer.Option("--plot", help="Draw all recordings into FOLDER_overview.png.")] = False,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where --plot draws; never among your recordings.")
    ] = Path(),
    every: Annotated[bool, typer.Option("--all", help="List every file, also where they are many.")] = False,
    as_json: Json = False,
) -> None:
    """Look through a folder of recordings, and say what is usable and what is not.

    Nothing is changed. What would be resampled, mixed down, padded or skipped is listed with the reason.
    """
    from small_dataset_audio.corpus import summarise

    if plot:
        _check_output(folder, output)
    corpus = scan(folder)
    summary = summarise(corpus)
    picture = _draw(corpus, output) if plot and corpus.clips else None
    if as_json:
        print_json({**summary.to_json(), "picture": None if picture is None else str(picture.absolute())})
    else:
        from small_dataset_audio.cli.corpus_report import print_report

        print_report(summary, every=every, picture=picture, next_command=f"sda train {shell_word(folder)}")
    if not corpus.clips:
        raise typer.Exit(EXIT_NOTHING_DONE)


def scan(folder: Path) -> Corpus:
    """Read a folder behind a progress bar.

    Raises
    ------
    CorpusError
        The folder is missing, not a folder, or cannot be listed.
    """
    from small_dataset_audio.corpus import MODEL_SCAN, scan_corpus

    with counting(messages(), "reading recordings") as show:
        return scan_corpus(folder, MODEL_SCAN, on_file=show)


def _check_output(folder: Path, output: Path) -> None:
    from small_dataset_audio.files import make_output_folder

    if output.resolve().is_relative_to(folder.resolve()):
        raise OutputError(
            f"{output.resolve()} is among your recordings, where nothing is written; choose another folder with --output"
        )
    make_output_folder(output)


def _draw(corpus: Corpus, output: Path) -> Path:
    from small_dataset_audio.names import safe_folder_name
    from small_dataset_audio.plots import plot_corpus

    name = safe_folder_name(corpus.folder.resolve().name or "recordings")
    return plot_corpus(corpus, output / f"{name}_overview.png")
