"""MPEG audio frame headers (ISO 11172-3 table B, ISO 13818-3, and the unofficial MPEG 2.5)."""

from __future__ import annotations

from typing import Final

FRAME_HEADER_BYTES: Final = 4

_KBIT_PER_SECOND: Final = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_1_RATES: Final = (44_100, 48_000, 32_000)


def mpeg_frame_bytes(header: bytes) -> int | None:
    """Length of the frame that `header` begins, in bytes; None where it is no header of a frame.

    Free-format frames, whose length no header gives, count as none: nobody has exported one for decades.
    """
    if len(header) < FRAME_HEADER_BYTES or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version_bits, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate_index, rate_index = header[2] >> 4, header[2] >> 2 & 3
    if version_bits == 1 or layer == 4 or bitrate_index in {0, 15} or rate_index == 3:
        return None
    generation = 1 if version_bits == 3 else 2
    rate = _MPEG_1_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version_bits]  # MPEG 1, 2, 2.5
    bits_per_second = 1000 * _KBIT_PER_SECOND[generation, layer][bitrate_index - 1]
    padding = header[2] >> 1 & 1
    if layer == 1:
        return (12 * bits_per_second // rate + padding) * 4
    samples_over_8 = 72 if layer == 3 and generation == 2 else 144
    return samples_over_8 * bits_per_second // rate + padding
