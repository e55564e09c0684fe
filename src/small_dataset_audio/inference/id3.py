"""ID3v2.3 tags, which stand before an MP3 and in a chunk of an AIFF.

Source: M. Nilsson, *ID3 tag version 2.3.0* (1999). libsndfile writes the older ID3v1 alone, 30 letters of Latin-1 a field, and
puts UTF-8 into it; here text is UTF-16 with a byte order mark, which every reader of 2.3 knows.
"""

from __future__ import annotations

import struct
from typing import Final

from small_dataset_audio.inference.tags import MADE_WITH, Tags

_UTF_16: Final = b"\x01"
_FRAME: Final = struct.Struct(">4sIH")


def id3_tag(tags: Tags) -> bytes:
    """Encode tags: title (TIT2), what encoded it (TSSE), a comment (COMM), model and seed as fields of their own (TXXX)."""
    frames = b"".join(
        (
            _frame(b"TIT2", _UTF_16 + _text(tags.title)),
            _frame(b"TSSE", _UTF_16 + _text(MADE_WITH)),
            _frame(b"COMM", _UTF_16 + b"eng" + _text("") + b"\0\0" + _text(tags.comment)),
            _frame(b"TXXX", _UTF_16 + _text("model") + b"\0\0" + _text(tags.model)),
            _frame(b"TXXX", _UTF_16 + _text("seed") + b"\0\0" + _text(str(tags.seed))),
        )
    )
    return b"ID3\x03\x00\x00" + _synchsafe(len(frames)) + frames


def _frame(name: bytes, body: bytes) -> bytes:
    return _FRAME.pack(name, len(body), 0) + body


def _text(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le", "replace")


def _synchsafe(size: int) -> bytes:
    """Write a size of 28 bits in four bytes that cannot be taken for the beginning of a frame of audio."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
