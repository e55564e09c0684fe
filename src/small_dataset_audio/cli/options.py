"""How options are written: durations, bit depths, and the options that several commands share.

Defaults stand here as literals, since the dataclasses that own them load NumPy; a parity test holds them to those.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from small_dataset_audio.durations import read_duration
from small_dataset_audio.errors import InvalidConfigError

_BIT_DEPTHS: Final = {
    "16": "16-bit",
    "16-bit": "16-bit",
    "24": "24-bit",
    "24-bit": "24-bit",
    "32": "32-bit float",
    "32f": "32-bit float",
    "32-bit float": "32-bit float",
    "float": "32-bit float",
}

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def parse_duration(text: str | float) -> float:
    """Read seconds from ``45``, ``90s``, ``3m``, ``1h`` or ``1h30m``.

    Raises
    ------
    typer.BadParameter
        Anything else, or zero.
    """
    try:
        return read_duration(text)
    except InvalidConfigError as error:
        raise typer.BadParameter(str(error)) from error


def format_duration(seconds: float) -> str:
    """Write a duration as `parse_duration` reads it, to the millisecond: ``1h30m``, ``2m5s``, ``0.25s``."""
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    if rest or not milliseconds:
        parts.append(f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)


def parse_bit_depth(text: str) -> str:
    """Read a bit depth as people write it.

    Raises
    ------
    typer.BadParameter
        None of those that can be written.
    """
    try:
        return _BIT_DEPTHS[str(text).strip().lower()]
    except KeyError:
        raise typer.BadParameter(f"{text!r} is no bit depth; write 16, 24 or 32f (32-bit float)") from None


Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with your recordings; it is only read.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Device = Annotated[
    DeviceName,
    typer.Option(metavar="NAME", help="Processor: cpu, cuda, mps; auto takes a graphics card where there is one."),
]
Seed = Annotated[int, typer.Option(metavar="NUMBER", help="Start of all randomness: the same seed, the same result.")]
Licence = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Licence of your recordings; it is stored with the model.",
        show_default="unspecified, or as before with --resume",
    ),
]
