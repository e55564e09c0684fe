"""Audio files made by hand, byte by byte, so that their headers can lie."""

from __future__ import annotations

import struct

import numpy as np

IMA_ADPCM = 0x0011
EXTENSIBLE = 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def pcm16(samples: np.ndarray) -> bytes:
    return (np.asarray(samples) * 32767).round().astype("<i2").tobytes()


def tone(seconds: float = 1.0, rate: int = 48_000, hz: float = 440.0, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def wav_bytes(
    data: bytes,
    *,
    channels: int = 1,
    rate: int = 48_000,
    bits: int = 16,
    tag: int = 1,
    claimed: int | None = None,
    fmt_extension: bytes = b"",
    before_fmt: bytes = b"",
) -> bytes:
    """A WAV whose header says what it is told to say; `claimed` is the size that its data chunk states."""
    align = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * align % 2**32, align % 2**16, bits) + fmt_extension
    size = len(data) if claimed is None else claimed
    body = b"WAVE" + before_fmt + b"fmt " + struct.pack("<I", len(fmt)) + fmt
    body += b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body) - len(data) + size, 2**32 - 1)) + body


def extensible(tag: int) -> bytes:
    """The end of a WAVE_FORMAT_EXTENSIBLE ``fmt`` chunk whose GUID stands for `tag`."""
    return struct.pack("<HHIH", 22, 16, 0, tag) + GUID_TAIL


def w64_bytes(data: bytes, *, tag: int = 1, channels: int = 1, rate: int = 48_000, bits: int = 16) -> bytes:
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    align = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * align, align, bits)
    chunks = b"fmt " + tail + struct.pack("<Q", 24 + len(fmt)) + fmt
    chunks += b"data" + tail + struct.pack("<Q", 24 + len(data)) + data
    head = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
    return head + struct.pack("<Q", 40 + len(chunks)) + b"wave" + tail + chunks


def aiff_ima4_bytes() -> bytes:
    rate_48000 = bytes.fromhex("400ebb80000000000000")
    comm = struct.pack(">HIH", 1, 64, 16) + rate_48000 + b"ima4" + b"\0\0"
    ssnd = bytes(8) + bytes(34)
    body = b"AIFC" + b"COMM" + struct.pack(">I", len(comm)) + comm + b"SSND" + struct.pack(">I", len(ssnd)) + ssnd
    return b"FORM" + struct.pack(">I", len(body)) + body
