"""Exit codes, and errors in one line."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from small_dataset_audio.cli.options import format_duration
from small_dataset_audio.errors import InvalidConfigError, SdaError

EXIT_NOTHING_DONE: Final = 1
EXIT_WRONG_COMMAND_LINE: Final = 2
EXIT_INTERRUPTED: Final = 130

_OPTION_OF: Final = {
    "budget_s": "--budget",
    "seed": "--seed",
    "device": "--device",
    "duration_s": "--duration",
    "count": "--count",
    "one_shots": "--one-shots",
    "hits": "--hits",
    "round_robins": "--round-robins",
    "concat_mode": "--concat",
    "stereo_mode": "--stereo",
    "stereo_width": "--width",
    "vocoder": "--vocoder",
    "novelty": "--novelty",
    "temperature": "--temperature",
    "sample_rate": "--rate",
    "bit_depth": "--bits",
    "file_format": "--format",
    "blend_model": "--blend",
    "blend_weight": "--blend",
    "blend_in": "--blend-in",
    "loop": "--loop",
    "controls": "--set",
    "near": "--like",
    "near_strength": "--strength",
    "variations": "--vary",
    "amount": "--amount",
    "path": "--path",
    "max_duration_s": "--duration",
    "chunk_duration_s": "--chunk",
    "chunk_samples": "--chunk",
    "overlap_samples": "--overlap",
    "steps_between": "--steps-between",
    "accept_changes": "--accept-changes",
    "name": "--name",
    "licence": "--licence",
}
"""Options by the name of the setting that they are."""
_DURATIONS: Final = {"--budget", "--duration"}
_NUMBER: Final = re.compile(r"(?<![\w.+-])\d+(?:\.\d+)?(?![\w.]| Hz)")


class WrongOptionError(SdaError, ValueError):
    """An option has a value that cannot be used."""

    next_step = "Give the option a value that the message allows; `--help` lists them."


@contextlib.contextmanager
def settings_from_options() -> Iterator[None]:
    """Blame the command line for a wrong setting, and call the setting by the name of its option.

    Raises
    ------
    WrongOptionError
        In place of an :class:`InvalidConfigError`.
    """
    try:
        yield
    except InvalidConfigError as error:
        field, blank, rest = str(error).partition(" ")
        option = _OPTION_OF.get(field, field)
        raise WrongOptionError(f"{option}{blank}{_as_on_a_command_line(option, rest)}") from error


def _as_on_a_command_line(option: str, rule: str) -> str:
    """Say a rule of the library in the words of a command line, which knows no None, and durations such as 1h."""
    rule = rule.replace("must be None, or ", "must be ")
    if option not in _DURATIONS:
        return rule
    rule = re.sub(r"max_duration_s \(([^)]*)\)", r"\1", rule)
    return _NUMBER.sub(lambda number: format_duration(float(number[0])), rule)


def exit_code(error: SdaError) -> int:
    """Exit code for an error."""
    return EXIT_WRONG_COMMAND_LINE if isinstance(error, WrongOptionError) else EXIT_NOTHING_DONE


def print_error(message: str) -> None:
    """Write one line to stderr, whatever the message holds."""
    line = Text.assemble(("error: ", "bold red"), printable(" ".join(message.split())))
    Console(stderr=True, highlight=False).print(line, soft_wrap=True)


def printable(text: str) -> str:
    """Replace control characters, which a file name may hold and a terminal would obey."""
    return "".join("?" if unicodedata.category(letter) in {"Cc", "Cs"} else letter for letter in text)
