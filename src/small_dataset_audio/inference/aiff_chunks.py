"""Chunks that are appended to a finished AIFF: loop points, and the tags that players read.

Source: *Audio Interchange File Format: "AIFF"*, version 1.3 (Apple, 1989). A loop runs between two markers, which lie between
samples: the one at the end stands behind the last sample that is played. A chunk of an odd size has one byte more that is not
counted.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

from small_dataset_audio.errors import InvalidAudioError
from small_dataset_audio.inference.id3 import id3_tag
from small_dataset_audio.inference.sampler_chunk import MIDDLE_C, Loop
from small_dataset_audio.inference.tags import Tags

_MARKER: Final = struct.Struct(">hI")  # its number and position; its name follows, a Pascal string
_INSTRUMENT: Final = struct.Struct(">bbbbbbhhhhhhh")
_BEGIN, _END = 1, 2
_FORWARD: Final = 1
_NO_LOOP: Final = 0
_MOST_BYTES: Final = 2**32 - 1


def append_loop(aiff: Path, loop: Loop) -> None:
    """Append MARK and INST chunks with one loop that is held as long as a key is.

    Raises
    ------
    InvalidAudioError
        No AIFF file, or one that would be over 4 GiB.
    """
    markers = struct.pack(">H", 2)
    for number, position, name in ((_BEGIN, loop.first, b"loop begin"), (_END, loop.last + 1, b"loop end")):
        text = bytes([len(name)]) + name
        markers += _MARKER.pack(number, position) + text + bytes(len(text) % 2)
    lowest_key, highest_key, lowest_velocity, highest_velocity = 0, 127, 1, 127
    instrument = _INSTRUMENT.pack(
        *(MIDDLE_C, 0, lowest_key, highest_key, lowest_velocity, highest_velocity, 0),
        *(_FORWARD, _BEGIN, _END),
        *(_NO_LOOP, 0, 0),
    )
    _append(aiff, (b"MARK", markers), (b"INST", instrument))


def append_tags(aiff: Path, tags: Tags) -> None:
    """Append the tags as ID3, since few players read the text chunks that libsndfile writes.

    Raises
    ------
    InvalidAudioError
        No AIFF file, or one that would be over 4 GiB.
    """
    _append(aiff, (b"ID3 ", id3_tag(tags)))


def _append(aiff: Path, *chunks: tuple[bytes, bytes]) -> None:
    with aiff.open("r+b") as file:
        form = file.read(12)
        if len(form) < 12 or form[:4] != b"FORM" or form[8:] not in {b"AIFF", b"AIFC"}:
            raise InvalidAudioError(f"{aiff} is no AIFF file; its chunks stand in AIFF files alone")
        end = file.seek(0, os.SEEK_END)
        data = bytes(end % 2)  # where whoever wrote the last chunk left that to us
        for name, body in chunks:
            data += struct.pack(">4sI", name, len(body)) + body + bytes(len(body) % 2)
        if end + len(data) - 8 > _MOST_BYTES:
            raise InvalidAudioError(
                f"{aiff} is too long for loop points and tags: an AIFF holds 4 GiB; make it shorter"
            )
        file.write(data)
        file.seek(4)
        file.write(struct.pack(">I", end + len(data) - 8))
