"""A take on the screen and in JSON. Loaded late: it stands on the workflow floor."""

from __future__ import annotations

from typing import Any

from small_dataset_audio.cli.render import RATING_STYLES, print_line, results
from small_dataset_audio.workflow import Take


def print_take(take: Take) -> None:
    """Print path, length and quality on one line, and the picture's path on the next."""
    quality = take.result.quality
    rating = quality["rating"]
    console = results()
    length = f"  {take.result.duration_s:.2f} s  "
    print_line(console, (str(take.wav_path), "bold"), length, (rating, RATING_STYLES[rating]), f"  {quality['reason']}")
    if take.picture_path is not None:
        print_line(console, f"  {take.picture_path}")


def to_json(take: Take) -> dict[str, Any]:
    """All that a script may want to know of a take; paths are absolute."""
    result = take.result
    return {
        "wav": str(take.wav_path.absolute()),
        "json": str(take.json_path.absolute()),
        "picture": None if take.picture_path is None else str(take.picture_path.absolute()),
        "seed": result.seed_used,
        "duration_s": result.duration_s,
        "sample_rate": result.sample_rate,
        "bit_depth": result.config.bit_depth,
        "channels": result.channels,
        "quality": result.quality,
    }
