"""Asking before something goes: a person on a terminal is asked, a script has to say ``--yes``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from small_dataset_audio.cli.errors import EXIT_NOTHING_DONE, WrongOptionError, printable

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def ask(question: str, yes: bool) -> None:
    """Return where the answer is yes.

    Parameters
    ----------
    question : str
        Ends in a question mark.
    yes : bool
        It was said on the command line.

    Raises
    ------
    WrongOptionError
        Nobody can be asked.
    typer.Exit
        With code 1, where the answer is no: nothing was done.
    """
    if yes:
        return
    if not _can_be_asked():
        raise WrongOptionError(f"{question} There is nobody to ask; say so with --yes")
    if not typer.confirm(printable(question), err=True):
        raise typer.Exit(EXIT_NOTHING_DONE)


def _can_be_asked() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
