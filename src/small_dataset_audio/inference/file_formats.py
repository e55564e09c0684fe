"""Files that a take can be written as: what each can hold. Plain facts; importing this module loads no decoder.

Lossless formats keep the samples at the bit depth asked for. Lossy ones have no bit depth: their encoder is given the samples
as floating point, and what a player decodes is near them. The rates of MP3 end at 48 kHz (ISO 11172-3); libsndfile's FLAC
holds integers of up to 24 bits; sizes inside WAV and AIFF have 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

from small_dataset_audio.constants import BIT_DEPTH_MAP, SAMPLE_RATE_OPTIONS
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, InvalidNameError
from small_dataset_audio.names import quoted

DEFAULT_BIT_DEPTH: Final = "24-bit"
_BITS_OF: Final[Mapping[str, int]] = MappingProxyType({"16-bit": 16, "24-bit": 24, "32-bit float": 32})
_LOSSY_BYTES_PER_SAMPLE: Final = 2  # more than any of the encoders takes, for the question whether the disk has room
_LOSSY_HEADER_BYTES: Final = 65_536  # tags, and the books of codes that a Vorbis file begins with
_HEADER_BYTES: Final = 4096
_MAX_BYTES: Final = 2**32 - 1 - _HEADER_BYTES  # of the samples, where sizes have 32 bits


@dataclass(frozen=True)
class FileFormat:
    """A format, and what its files can hold.

    Parameters
    ----------
    name : str
        By which a user chooses it.
    container : str
        What libsndfile and a sidecar call it.
    suffixes : tuple of str
        Of its files, in lower case; new ones get the first.
    bit_depths : tuple of str
        Of :data:`BIT_DEPTH_MAP`; none for a lossy format.
    sample_rates : tuple of int [Hz]
        Of those that a take can have.
    loop_points : str
        What holds the loop of a file; empty where nothing does.
    tags : str
        What holds its tags.
    has_32_bit_sizes : bool
        Whether a file ends at 4 GiB.
    codec : str
        libsndfile's name for the coding of a lossy format.
    quality : str
        At which a lossy format is encoded, for people.
    compression_level : float or None [0 to 1, the smaller the better]
    bitrate_mode : str or None
        As soundfile has them.
    """

    name: str
    container: str
    suffixes: tuple[str, ...]
    bit_depths: tuple[str, ...]
    sample_rates: tuple[int, ...]
    loop_points: str
    tags: str
    has_32_bit_sizes: bool = False
    codec: str = ""
    quality: str = ""
    compression_level: float | None = None
    bitrate_mode: str | None = None

    @property
    def is_lossy(self) -> bool:
        """Whether what is decoded differs from what was encoded."""
        return bool(self.codec)

    @property
    def suffix(self) -> str:
        """Suffix of a new file."""
        return self.suffixes[0]

    def subtype(self, bit_depth: str) -> str:
        """Name that libsndfile has for how samples are coded."""
        return self.codec or BIT_DEPTH_MAP[bit_depth]

    def depth_in_file(self, bit_depth: str) -> str | None:
        """The bit depth that a file has; None where it has none."""
        return None if self.is_lossy else bit_depth

    def room_bytes(self, num_samples: int, bit_depth: str) -> int:
        """Bytes that a file with `num_samples` samples, of all channels together, may need."""
        if self.is_lossy:
            return num_samples * _LOSSY_BYTES_PER_SAMPLE + _LOSSY_HEADER_BYTES
        return num_samples * _BITS_OF[bit_depth] // 8 + _HEADER_BYTES

    def check_size(self, num_samples: int, bit_depth: str) -> None:
        """Refuse what is longer than a file can be; `num_samples` are those of all channels.

        Raises
        ------
        InvalidAudioError
        """
        if self.has_32_bit_sizes and num_samples * _BITS_OF[bit_depth] // 8 > _MAX_BYTES:
            raise InvalidAudioError(
                f"audio has {num_samples} samples; in {bit_depth} that is over the 4 GiB a {self.container} can hold: "
                "make it shorter"
            )


_RATES_OF_MPEG_1: Final = (44_100, 48_000)

FILE_FORMATS: Final[Mapping[str, FileFormat]] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            FileFormat(
                "wav",
                "WAV",
                (".wav",),
                tuple(BIT_DEPTH_MAP),
                SAMPLE_RATE_OPTIONS,
                loop_points="smpl chunk",
                tags="INFO list",
                has_32_bit_sizes=True,
            ),
            FileFormat(
                "flac", "FLAC", (".flac",), ("16-bit", "24-bit"), SAMPLE_RATE_OPTIONS, "", tags="Vorbis comments"
            ),
            FileFormat(
                "aiff",
                "AIFF",
                (".aiff", ".aif"),
                tuple(BIT_DEPTH_MAP),
                SAMPLE_RATE_OPTIONS,
                loop_points="MARK and INST chunks",
                tags="text chunks and ID3",
                has_32_bit_sizes=True,
            ),
            FileFormat(
                "ogg",
                "OGG",
                (".ogg", ".oga"),
                (),
                SAMPLE_RATE_OPTIONS,
                "",
                tags="Vorbis comments",
                codec="VORBIS",
                quality="Vorbis quality 8",
                compression_level=0.2,
            ),
            FileFormat(
                "mp3",
                "MP3",
                (".mp3",),
                (),
                _RATES_OF_MPEG_1,
                "",
                tags="ID3",
                codec="MPEG_LAYER_III",
                quality="LAME V0, variable bit rate",
                compression_level=0.0,
                bitrate_mode="VARIABLE",
            ),
        )
    }
)
"""By name."""

AUDIO_SUFFIXES: Final = tuple(suffix for entry in FILE_FORMATS.values() for suffix in entry.suffixes)
"""Of the files that takes are written as."""


def check_holds(file_format: str, sample_rate: int, bit_depth: str) -> None:
    """Refuse a rate or a depth that files of a format cannot hold.

    Raises
    ------
    InvalidConfigError
        Names the field, its value, what the format holds, and the formats that hold what was asked for.
    """
    entry = FILE_FORMATS[file_format]
    if sample_rate not in entry.sample_rates:
        raise InvalidConfigError(
            f"sample_rate is {sample_rate}; {_all_of(entry)} hold {_one_of(entry.sample_rates)} Hz: take one of these, or the "
            f"file_format {_formats_where(lambda other: sample_rate in other.sample_rates)}"
        )
    if entry.is_lossy and bit_depth != DEFAULT_BIT_DEPTH:
        raise InvalidConfigError(
            f"bit_depth is {quoted(bit_depth)}; {_all_of(entry)} have no bit depth: leave it out ({DEFAULT_BIT_DEPTH!r}), or "
            f"take the file_format {_formats_where(lambda other: bit_depth in other.bit_depths)}"
        )
    if not entry.is_lossy and bit_depth not in entry.bit_depths:
        raise InvalidConfigError(
            f"bit_depth is {quoted(bit_depth)}; {_all_of(entry)} hold {_one_of(map(repr, entry.bit_depths))}: take one of "
            f"these, or the file_format {_formats_where(lambda other: bit_depth in other.bit_depths)}"
        )


def format_of(path: PurePath | str) -> FileFormat | None:
    """The format whose suffix a file has; None for any other suffix."""
    suffix = PurePath(path).suffix.lower()
    return next((entry for entry in FILE_FORMATS.values() if suffix in entry.suffixes), None)


def with_suffix_of(filename: str, file_format: str) -> str:
    """Append the suffix of a format where `filename` has none.

    Raises
    ------
    InvalidNameError
        It has the suffix of another format, which would lie about the content.
    """
    entry, named = FILE_FORMATS[file_format], format_of(filename)
    if named is entry:
        return filename
    if named is not None:
        raise InvalidNameError(
            f"{filename} is the name of a {named.container} file; for file_format {file_format!r} give it the suffix "
            f"{entry.suffix}, or take file_format {named.name!r}"
        )
    return filename + entry.suffix


def loop_note(file_format: str) -> str:
    """What to know about a loop in a file that holds no loop points; empty where it holds them."""
    entry = FILE_FORMATS[file_format]
    if entry.loop_points:
        return ""
    gap = "; a player may leave a gap between the end of an MP3 and its beginning" if entry.name == "mp3" else ""
    having = _formats_where(lambda other: bool(other.loop_points))
    return f"{entry.container} files hold no loop points: loop the whole file, or take {having}{gap}"


def _all_of(entry: FileFormat) -> str:
    return f"{entry.container} files"


def _formats_where(holds: Callable[[FileFormat], bool]) -> str:
    return _one_of(repr(entry.name) for entry in FILE_FORMATS.values() if holds(entry))


def _one_of(values: Iterable[object]) -> str:
    *rest, last = map(str, values)
    return f"{', '.join(rest)} or {last}" if rest else last
