"""Writes ``docs/formats.md``: what the files of each format hold, from the table that the program goes by.

    python docs/make_formats.py

``tests/test_formats_page.py`` fails where the page is not what this makes; ``tests/inference/test_file_formats.py`` writes
every format at every rate and depth and reads it back, so that the table is true.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from small_dataset_audio.constants import BIT_DEPTH_MAP, SAMPLE_RATE_OPTIONS
from small_dataset_audio.inference.file_formats import DEFAULT_BIT_DEPTH, FILE_FORMATS, FileFormat

PAGE: Final = Path(__file__).resolve().with_name("formats.md")

HEAD: Final = """\
# File formats

Made by `python docs/make_formats.py`, from the table that the program goes by.

```sh
sda generate rain --format flac            # four takes, as FLAC
sda generate rain -d 30 -o drone.aiff      # one take; the suffix says the format
sda generate rain -n 3 -o drone.mp3        # drone-1.mp3, drone-2.mp3, drone-3.mp3
```

In Python it is `GenerationConfig(file_format="flac")`. A rate or a depth that a format cannot hold is refused before the work
begins.

"""
COLUMNS: Final = ("`--format`", "suffixes", "`--bits`", "`--rate`", "loop points", "tags", "longest")

TAIL: Final = """
## What is in the tags

Title (model and seed), model, seed, and "made with sda". Of a blend, the names of both models. Nothing else: no date, no file
name, no path. They are written as the format has them (see the table); players that show one field only show them all in the
comment. Model and seed are fields of their own in ID3.

## The same bits again

Every file depends on its take and its tags alone, in every format: what the encoders write by the clock (the time in
floating-point WAV and AIFF, the serial number of an Ogg stream) is set right afterwards. `sda rerender` says two things:

- *identical*: the samples are the same, before they were encoded. That is promised on the same machine, libraries and thread
  count, for every format.
- *the file*: it is the same, byte for byte. For lossless formats that follows. For OGG and MP3 it is promised for the same
  version of the encoder: it comes with libsndfile and soundfile, whose versions are in the sidecar. With another version the
  samples that were encoded are still the same, and the file is another one, which `sda rerender` says.

The sidecar keeps the hash of both (`audio_sha256`, `file_sha256`).

## Lossy formats

OGG and MP3 have no bit depth: `--bits 16` or `32f` is refused with them. A take peaks at -1 dBFS, but what a player
decodes from a lossy file can be louder. So each file is decoded once when it is written; where it would go over -0.1
dBFS, it is encoded again, as much lower as that asks for. The sidecar has the difference as `audio.gain_db`, which is 0
unless that was needed, and how it was encoded as `audio.encoding`.

## Loops

A take made with `--loop` is one period: play the whole file over and over. WAV and AIFF files also have loop points that
samplers read. The others hold none, and the command says so. OGG and MP3 decode to exactly as many samples as the take has;
yet a player may leave a gap between the end of an MP3 and its beginning, and coding does not know that the end leads into the
beginning: for loops, take WAV, AIFF or FLAC.
"""


def page() -> str:
    """The whole page."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(row(entry) for entry in FILE_FORMATS.values())]
    return HEAD + "\n".join(f"| {' | '.join(cells)} |" for cells in rows) + "\n" + TAIL


def row(entry: FileFormat) -> tuple[str, ...]:
    """Row of a format."""
    default = " (unless asked)" if entry.name == next(iter(FILE_FORMATS)) else ""
    depths = (
        f"none: {entry.quality}"
        if entry.is_lossy
        else ", ".join(_marked(d) for d in BIT_DEPTH_MAP if d in entry.bit_depths)
    )
    rates = ", ".join(str(rate) for rate in SAMPLE_RATE_OPTIONS if rate in entry.sample_rates)
    suffixes = ", ".join(f"`{suffix}`" for suffix in entry.suffixes)
    longest = "4 GiB" if entry.has_32_bit_sizes else "any"
    return (f"`{entry.name}`{default}", suffixes, depths, rates, entry.loop_points or "none", entry.tags, longest)


def _marked(bit_depth: str) -> str:
    return f"**{bit_depth}**" if bit_depth == DEFAULT_BIT_DEPTH else bit_depth


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
