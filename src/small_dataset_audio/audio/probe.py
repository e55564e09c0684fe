"""What a file is, told by its first bytes, before any decoder sees it.

Three questions are answered here without libsndfile: which container the content is (the extension is never asked), how
much audio the header promises against how many bytes are there (libsndfile shortens a truncated file silently), and
whether the file must be refused unopened. The last is so for IMA-ADPCM: in libsndfile 1.2.2 the samples per block of a
hostile header overflow an int in ``ima_adpcm.c`` and the decoder writes past its buffer, for WAV, W64 and AIFF alike. It is
also so for two kinds of damage behind an ID3 tag, found by feeding it damaged files, where libsndfile 1.2.2 never returns.

Formats: RIFF (Microsoft and IBM, 1991), RF64 (EBU Tech 3306), AIFF-C (Apple, 1991), Ogg (RFC 3533), ID3v2.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from small_dataset_audio.audio.formats import MAGIC_CHUNKED, MAGIC_READABLE, MAGIC_UNREADABLE
from small_dataset_audio.audio.mpeg import FRAME_HEADER_BYTES, mpeg_frame_bytes

_WAVE_FORMAT_IMA_ADPCM: Final = 0x0011
_WAVE_FORMAT_EXTENSIBLE: Final = 0xFFFE
_UNKNOWN_SIZE_32: Final = 0xFFFFFFFF
_MAX_CHUNKS: Final = 10_000
_MAX_ID3_TAGS: Final = 8
_HEAD_BYTES: Final = 1 << 16
_OGG_LAST_PAGE_BYTES: Final = 1 << 16  # a page is at most 65,307 bytes


@dataclass(frozen=True)
class AudioProbe:
    """What the first bytes of a file say.

    Parameters
    ----------
    container : str
        ``"WAV"``, ``"FLAC"``, ...; for content that no decoder here reads its common name (``"WMA"``); empty where the
        content is not known to be audio.
    has_decoder : bool
        libsndfile reads this container.
    channels, sample_rate : int or None [Hz]
        As a WAV header states them, None for other containers.
    claimed_bytes, present_bytes : int or None
        Audio data that the header promises, and bytes that are there; None where the container does not say.
    is_ima_adpcm : bool
        Must not be opened: see the head of this module.
    has_end_mark : bool
        False for an Ogg stream whose last page is missing.
    is_cut_behind_tag : bool
        Must not be opened: a WAV or RF64 behind an ID3 tag that ends before its audio, which libsndfile seeks for ever.
    """

    container: str = ""
    has_decoder: bool = False
    channels: int | None = None
    sample_rate: int | None = None
    claimed_bytes: int | None = None
    present_bytes: int | None = None
    is_ima_adpcm: bool = False
    has_end_mark: bool = True
    is_cut_behind_tag: bool = False


def probe(file: io.RawIOBase | io.BytesIO) -> AudioProbe:
    """Look at the head of an open binary file; its position is left anywhere.

    Raises
    ------
    OSError
        The medium cannot be read.
    """
    size = file.seek(0, io.SEEK_END)
    start = _skip_id3(file)
    container, has_decoder = _recognise(file, start)
    if container == "SVX" and start:  # libsndfile reads none of these, and searches one that is cut short for ever
        return AudioProbe("8SVX behind an ID3 tag")
    if container in {"WAV", "RF64", "W64"}:
        return _probe_wave(file, start, size, container)
    if container == "AIFF":
        return _probe_aiff(file, start, size)
    if container == "AU":
        return _probe_au(file, start, size)
    if container == "OGG":
        return AudioProbe(container, has_decoder, has_end_mark=_has_ogg_end_mark(file, size))
    return AudioProbe(container, has_decoder)


def _read_at(file: io.RawIOBase | io.BytesIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count) or b""


def _skip_id3(file: io.RawIOBase | io.BytesIO) -> int:
    """Offset after any ID3v2 tags, which taggers put before every kind of audio."""
    offset = 0
    for _ in range(_MAX_ID3_TAGS):
        header = _read_at(file, offset, 10)
        if header[:3] != b"ID3" or len(header) < 10:
            break
        a, b, c, d = header[6:]
        offset += 10 + (a << 21 | b << 14 | c << 7 | d)
    return offset


def _recognise(file: io.RawIOBase | io.BytesIO, start: int) -> tuple[str, bool]:
    head = _read_at(file, start, 32)
    for magic, container in MAGIC_READABLE:
        if head.startswith(magic):
            return container, True
    if container := MAGIC_CHUNKED.get((head[:4], head[8:12]), ""):
        return container, True
    if _is_mpeg_stream(file, start):
        return "MP3", True
    if head[4:8] == b"ftyp":
        return "MP4 (M4A, AAC)", False
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0:
        return "AAC", False
    for magic, container in MAGIC_UNREADABLE:
        if head.startswith(magic):
            return container, False
    return "", False


def _chunks(
    file: io.RawIOBase | io.BytesIO, start: int, end: int, order: Literal["<", ">"]
) -> Iterator[tuple[bytes, int, int]]:
    """Walk RIFF or IFF chunks, yielding (id, claimed size, offset of the data); bounded, whatever the sizes claim."""
    offset = start + 12
    for _ in range(_MAX_CHUNKS):
        header = _read_at(file, offset, 8)
        if len(header) < 8:
            return
        (size,) = struct.unpack(f"{order}I", header[4:])
        yield header[:4], size, offset + 8
        offset += 8 + size + size % 2
        if offset >= end:
            return


def _chunks_w64(file: io.RawIOBase | io.BytesIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Walk Wave64 chunks: 16-byte names, 64-bit sizes that include their own header, padded to 8 bytes."""
    offset = start + 40
    for _ in range(_MAX_CHUNKS):
        header = _read_at(file, offset, 24)
        if len(header) < 24:
            return
        (size,) = struct.unpack("<Q", header[16:])
        yield header[:4], max(size - 24, 0), offset + 24
        offset += max(-(-size // 8) * 8, 24)
        if offset >= end:
            return


def _probe_wave(file: io.RawIOBase | io.BytesIO, start: int, size: int, container: str) -> AudioProbe:
    order: Literal["<", ">"] = ">" if _read_at(file, start, 4) == b"RIFX" else "<"
    walk = _chunks_w64(file, start, size) if container == "W64" else _chunks(file, start, size, order)
    data_size_64: int | None = None
    fmt = b""
    claimed: int | None = None
    present: int | None = None
    is_ima = _mentions_ima_adpcm(_read_at(file, start, _HEAD_BYTES), order)
    for name, claimed_size, offset in walk:
        if name == b"ds64":
            data_size_64 = struct.unpack("<Q", _read_at(file, offset, 16)[8:16].ljust(8, b"\0"))[0]
        elif name == b"fmt ":
            fmt = _read_at(file, offset, 40)
            is_ima = is_ima or _format_tag(fmt, order) == _WAVE_FORMAT_IMA_ADPCM
        elif name == b"data" and claimed is None:
            claimed, present = claimed_size, size - offset
            if container == "RF64" and claimed == _UNKNOWN_SIZE_32 and data_size_64 is not None:
                claimed = data_size_64
                break  # the walk cannot step over a size that its own header does not give
    channels, rate = struct.unpack(f"{order}HI", fmt[2:8]) if len(fmt) >= 8 else (None, None)
    is_cut = bool(start) and claimed is None
    return AudioProbe(container, True, channels, rate, claimed, present, is_ima_adpcm=is_ima, is_cut_behind_tag=is_cut)


def _format_tag(fmt: bytes, order: Literal["<", ">"]) -> int:
    """WAVE format tag of a ``fmt`` chunk's body; for WAVE_FORMAT_EXTENSIBLE the one inside its GUID."""
    if len(fmt) < 2:
        return 0
    (tag,) = struct.unpack(f"{order}H", fmt[:2])
    if tag == _WAVE_FORMAT_EXTENSIBLE and len(fmt) >= 26:
        (tag,) = struct.unpack(f"{order}H", fmt[24:26])
    return int(tag)


def _mentions_ima_adpcm(head: bytes, order: Literal["<", ">"]) -> bool:
    """Search for an IMA ``fmt`` chunk by its name alone.

    libsndfile steps over damaged chunks in its own way, so a hostile file could show our walk one ``fmt`` chunk and
    libsndfile another. Neither can hide from a search of the bytes.
    """
    offset = head.find(b"fmt ")
    while offset >= 0:
        bodies = (head[offset + 8 :][:40], head[offset + 24 :][:40])  # after a RIFF header, after a Wave64 one
        if any(_format_tag(body, order) == _WAVE_FORMAT_IMA_ADPCM for body in bodies):
            return True
        offset = head.find(b"fmt ", offset + 1)
    return False


def _probe_aiff(file: io.RawIOBase | io.BytesIO, start: int, size: int) -> AudioProbe:
    claimed: int | None = None
    present: int | None = None
    is_ima = False
    for name, claimed_size, offset in _chunks(file, start, size, ">"):
        if name == b"SSND" and claimed is None:
            claimed, present = claimed_size, size - offset
        elif name == b"COMM":
            is_ima = is_ima or _read_at(file, offset, 22)[18:] == b"ima4"
    return AudioProbe("AIFF", True, None, None, claimed, present, is_ima_adpcm=is_ima)


def _probe_au(file: io.RawIOBase | io.BytesIO, start: int, size: int) -> AudioProbe:
    header = _read_at(file, start, 12)
    if len(header) < 12:
        return AudioProbe("AU", True)
    order = "<" if header[:4] == b"dns." else ">"
    data_offset, claimed = struct.unpack(f"{order}II", header[4:])
    if claimed == _UNKNOWN_SIZE_32:  # the format's own word for "until the end of the file"
        return AudioProbe("AU", True)
    return AudioProbe("AU", True, None, None, claimed, max(size - start - data_offset, 0))


def _has_ogg_end_mark(file: io.RawIOBase | io.BytesIO, size: int) -> bool:
    tail = _read_at(file, max(0, size - _OGG_LAST_PAGE_BYTES), _OGG_LAST_PAGE_BYTES)
    last_page = tail.rfind(b"OggS")
    return last_page >= 0 and len(tail) > last_page + 5 and bool(tail[last_page + 5] & 4)


def _is_mpeg_stream(file: io.RawIOBase | io.BytesIO, start: int) -> bool:
    """Require a valid MPEG audio frame header, and another one where the first frame ends.

    A lone sync word is eleven set bits: one random file in two thousand begins so, and every UTF-16 text does.
    """
    first = mpeg_frame_bytes(_read_at(file, start, FRAME_HEADER_BYTES))
    if first is None:
        return False
    return mpeg_frame_bytes(_read_at(file, start + first, FRAME_HEADER_BYTES)) is not None
