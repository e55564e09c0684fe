"""The serial number of an Ogg stream, which libsndfile draws by the clock: equal audio shall be equal bytes.

Source: S. Pfeiffer, *The Ogg Encapsulation Format Version 0*, RFC 3533 (2003). Every page has the number and a checksum, a
CRC-32 with the polynomial of zlib's, but over bits from the highest to the lowest: with the bits of each byte turned round,
zlib computes it.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Final

from small_dataset_audio.errors import InvalidAudioError

_TURNED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_HEADER_BYTES: Final = 27
_SERIAL: Final = slice(14, 18)
_CHECKSUM: Final = slice(22, 26)
_ALL_ONES: Final = 0xFFFFFFFF


def set_serial(path: Path, serial: int) -> None:
    """Give all pages of a finished file one serial number.

    Parameters
    ----------
    path : Path
        Not yet where someone may read it: it is changed in place, page by page.
    serial : int [0 to 2**32 - 1]

    Raises
    ------
    InvalidAudioError
        No Ogg file.
    """
    with path.open("r+b") as file:
        position = 0
        while header := file.read(_HEADER_BYTES):
            if len(header) < _HEADER_BYTES or header[:4] != b"OggS":
                raise InvalidAudioError(f"{path} is no Ogg file from byte {position} on; write it anew")
            segments = file.read(header[26])
            page = bytearray(header + segments + file.read(sum(segments)))
            page[_SERIAL] = struct.pack("<I", serial)
            page[_CHECKSUM] = bytes(4)
            page[_CHECKSUM] = struct.pack("<I", ogg_checksum(page))
            file.seek(position)
            file.write(page)
            position += len(page)
            file.seek(position)


def ogg_checksum(page: bytes | bytearray) -> int:
    """Checksum of a page in which the checksum itself is zero."""
    turned = zlib.crc32(page.translate(_TURNED), _ALL_ONES) ^ _ALL_ONES  # zlib's begins and ends with all ones
    return int.from_bytes(turned.to_bytes(4, "little").translate(_TURNED), "big")
