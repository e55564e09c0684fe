"""Loop points and the root key in a WAV: the ``smpl`` chunk, which samplers and most DAWs read.

Sources: *Multimedia Programming Interface and Data Specifications 1.0* (IBM and Microsoft, 1991) for the frame of a RIFF file;
*New Multimedia Data Types and Data Techniques* (Microsoft, revision 3.0, 1994) for the chunk. It stands behind the samples,
where it does not move them; a chunk of an odd size has one byte more that is not counted.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from small_dataset_audio.errors import InvalidAudioError

MIDDLE_C: Final = 60
_HEADER: Final = struct.Struct("<9I")  # of the chunk: 9 numbers, then 6 for each loop
_LOOP: Final = struct.Struct("<6I")
_FORWARD: Final = 0
_FOR_EVER: Final = 0
_MOST_BYTES: Final = 2**32 - 1


@dataclass(frozen=True)
class Loop:
    """What is played over and over.

    Parameters
    ----------
    first, last : int [samples of each channel, both are played]
    """

    first: int
    last: int


@dataclass(frozen=True)
class SamplerNotes:
    """What a sampler is told of a sound.

    Parameters
    ----------
    loop : Loop or None
    key : int [0 to 127, MIDI note]
        At which the samples are played as they are.
    cents : float [0 to 100]
        How much higher than `key` the samples sound.
    """

    loop: Loop | None = None
    key: int = MIDDLE_C
    cents: float = 0.0


def append_sampler_notes(wav: Path, sample_rate: int, notes: SamplerNotes) -> None:
    """Append the chunk to a finished WAV that has none.

    Parameters
    ----------
    wav : Path
        Not yet where someone may read it: it is changed in place.
    sample_rate : int [Hz]
    notes : SamplerNotes

    Raises
    ------
    InvalidAudioError
        No RIFF file, or one that would be over 4 GiB.
    """
    fraction = min(round(notes.cents / 100.0 * 2**32), 2**32 - 1)
    period_ns = round(1e9 / sample_rate)
    loops = [] if notes.loop is None else [notes.loop]
    chunk = _HEADER.pack(0, 0, period_ns, notes.key, fraction, 0, 0, len(loops), 0)
    chunk += b"".join(_LOOP.pack(0, _FORWARD, loop.first, loop.last, 0, _FOR_EVER) for loop in loops)
    with wav.open("r+b") as file:
        _check_riff(file, wav)
        end = file.seek(0, os.SEEK_END)
        padding = bytes(end % 2)  # where whoever wrote the last chunk left that to us
        data = padding + struct.pack("<4sI", b"smpl", len(chunk)) + chunk
        if end + len(data) - 8 > _MOST_BYTES:
            raise InvalidAudioError(f"{wav} is too long for loop points: a WAV holds 4 GiB; make it shorter")
        file.write(data)
        file.seek(4)
        file.write(struct.pack("<I", end + len(data) - 8))


def _check_riff(file: BinaryIO, wav: Path) -> None:
    riff = file.read(12)
    if len(riff) < 12 or riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        raise InvalidAudioError(f"{wav} is no WAV file; loop points stand in WAV files alone")
