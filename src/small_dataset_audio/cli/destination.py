"""Where takes go, and as which files: ``-o`` names a folder or a file, and a file's suffix its format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from small_dataset_audio.inference.file_formats import FILE_FORMATS, format_of

DEFAULT_COUNT: Final = 4

FormatName = Literal["wav", "flac", "aiff", "ogg", "mp3"]
Format = Annotated[
    FormatName | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="wav, flac, aiff: nothing is lost; ogg, mp3: small. docs/formats.md says what each can hold.",
        show_default="wav, or as -o names a file",
    ),
]


@dataclass(frozen=True)
class Destination:
    """Where takes go.

    Parameters
    ----------
    folder : Path or None
        None for the usual one.
    filename : str or None
        Of a single take; several get numbers. None for names by time and seed.
    file_format : str
    count : int
        Of takes.
    """

    folder: Path | None
    filename: str | None
    file_format: str
    count: int


def destination(output: Path | None, file_format: str | None, count: int | None) -> Destination:
    """Make out what ``-o``, ``--format`` and ``-n`` mean together.

    Raises
    ------
    typer.BadParameter
        The format is not that of the file that is named.
    """
    named = None if output is None or output.is_dir() else format_of(output)
    if output is None or named is None:
        return Destination(output, None, file_format or "wav", DEFAULT_COUNT if count is None else count)
    if file_format not in {None, named.name}:
        chosen = FILE_FORMATS[str(file_format)]
        raise typer.BadParameter(
            f"{output} is the name of a {named.container} file, and --format is {chosen.name}; call it "
            f"{output.with_suffix(chosen.suffix).name}, or leave --format out",
            param_hint="'-o'",
        )
    return Destination(output.parent, output.name, named.name, 1 if count is None else count)
