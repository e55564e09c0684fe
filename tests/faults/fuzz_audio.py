"""Feeds damaged audio files to the import: ``python tests/faults/fuzz_audio.py --seconds 1800``.

Small files of every container and subtype that libsndfile writes are damaged in many ways, and each is looked at by
`probe` in this process and taken in as a scan does it, decoded in the guarded process. What must hold for any bytes: a
report comes out and no exception, within 5 s, within 1 GB of memory; a clip has samples, and all of them are finite. A
decoder that crashes, hangs or fills the memory of its process is handled (row 18 of the fault table), and counted here,
since it is a finding all the same.

Every input is a function of ``--seed`` and its number, so that ``--seed S --first N --runs 1`` makes number N again. With
``--keep FOLDER``, inputs that lead to an outcome never seen before are kept there, under their seed and number: of small
ones the last fifty, of those that break a rule all. That is how ``tests/faults/seeds/audio`` is made; see the README there.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import re
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile as sf

from small_dataset_audio.audio.guarded_decoder import CRASHED, FAILED, GREEDY, HUNG, DecoderLimits, GuardedDecoder
from small_dataset_audio.audio.probe import probe
from small_dataset_audio.corpus.intake import take_in
from small_dataset_audio.corpus.levels import even_out
from small_dataset_audio.corpus.records import FileReport, ScanConfig

TIME_LIMIT_S = 5.0
MEMORY_LIMIT_BYTES = 1 << 30
MAX_KEPT_BYTES = 4096
MAX_KEPT_FILES = 50
LIMITS = DecoderLimits(min_time_s=TIME_LIMIT_S, max_time_s=TIME_LIMIT_S, memory_bytes=MEMORY_LIMIT_BYTES)

_UNREACHABLE = {"RAW", "SD2"}  # told by a name or a second file, which the import does not go by
_RATES_HZ = {"OPUS": 48_000, "GSM610": 8_000, "VOX_ADPCM": 8_000}
_NUM_FRAMES = 500  # 23 ms, just enough to be used
_NUM_FRAMES_IN_BLOCKS = 1200
_MAX_MUTATIONS = 6
_HEAD_BYTES = 160
_EXTREMES = (
    0,
    1,
    2,
    3,
    4,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFF0,
)
_FORMAT_TAGS = (1, 2, 3, 6, 7, 0x0011, 0x0031, 0x0055, 0x0064, 0xFFFE)

Mutation = Callable[[np.random.Generator, bytearray, list[bytes]], bytearray]


def sound_files() -> dict[str, bytes]:
    """Small whole files of every kind, the same at every call: what libsndfile draws or dates is overwritten."""
    files: dict[str, bytes] = {}
    for container in sorted(set(sf.available_formats()) - _UNREACHABLE):
        for subtype in sorted(sf.available_subtypes(container)):
            for channels in (1, 2):
                rate = _RATES_HZ.get(subtype, 22_050)
                if sf.check_format(container, subtype):
                    data = _written(container, subtype, channels, rate)
                    if data:
                        files[f"{container} {subtype} {channels}"] = _undated(data)
    return files


def _written(container: str, subtype: str, channels: int, rate: int) -> bytes:
    rng = np.random.default_rng(7)
    frames = _NUM_FRAMES_IN_BLOCKS if container in {"FLAC", "MP3", "OGG", "XI"} else _NUM_FRAMES
    audio = np.cumsum(rng.uniform(-0.05, 0.05, (frames, channels)), axis=0).clip(-0.9, 0.9)
    buffer = io.BytesIO()
    try:
        with sf.SoundFile(buffer, "w", rate, channels, subtype, format=container) as sound:
            if container in {"WAV", "AIFF", "FLAC", "OGG", "CAF", "RF64"}:
                sound.title = "a title"
            sound.write(audio)
    except sf.LibsndfileError:  # not every combination can be written
        return b""
    return buffer.getvalue()


def _undated(data: bytes) -> bytes:
    undated = bytearray(data)
    peak = data.find(b"PEAK")
    if peak >= 0:
        undated[peak + 12 : peak + 16] = bytes(4)
    if data.startswith(b"MATLAB"):
        undated[52:71] = b"2026-01-02 03:04:05"
    for page in _ogg_pages(data):
        undated[page + 14 : page + 18] = b"sda "
    return bytes(with_ogg_checksums(undated))


# Damage.


def _flip_bits(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    for _number in range(int(rng.integers(1, 9))):
        data[_place(rng, data)] ^= 1 << int(rng.integers(8))
    return data


def _overwrite(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    place, length = _place(rng, data), int(rng.integers(1, 65))
    fill = bytes([int(rng.choice([0, 0x7F, 0x80, 0xFF]))]) * length if rng.random() < 0.5 else rng.bytes(length)
    data[place : place + length] = fill[: len(data) - place]
    return data


def _write_number(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    """Put an extreme number where a size, a count or a rate may be."""
    width = str(rng.choice(["B", "H", "I", "I", "I", "Q"]))
    value = int(rng.choice(_EXTREMES)) if rng.random() < 0.7 else int(rng.integers(2**32)) >> int(rng.integers(32))
    if width == "Q" and rng.random() < 0.5:
        value = value << 32 | 0xFFFFFFFF
    number = struct.pack(str(rng.choice(["<", ">"])) + width, value % (1 << 8 * struct.calcsize("=" + width)))
    place = _place(rng, data)
    if rng.random() < 0.7:
        place -= place % 2
    data[place : place + len(number)] = number
    return data


def _write_chunk_size(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    chunks = list(_chunks(bytes(data)))
    if not chunks:
        return _write_number(rng, data, [])
    begin, end = chunks[int(rng.integers(len(chunks)))]
    near = end - begin - 8 + int(rng.integers(-9, 10))
    value = int(rng.choice([*_EXTREMES, near, near, near])) % 2**32
    data[begin + 4 : begin + 8] = struct.pack(">I" if data.startswith((b"FORM", b"RIFX")) else "<I", value)
    return data


def _write_format_tag(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    place = data.find(b"fmt ")
    if place < 0 or place + 36 > len(data):
        return _overwrite(rng, data, [])
    offset = 8 + int(rng.choice([0, 24, 16]))
    data[place + offset : place + offset + 2] = struct.pack("<H", int(rng.choice(_FORMAT_TAGS)))
    return data


def _truncate(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    return data[: _place(rng, data)]


def _cut_out(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    begin, end = _stretch(rng, data)
    return data[:begin] + data[end:]


def _repeat(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    begin, end = _stretch(rng, data)
    return data[:end] + data[begin:end] * int(rng.integers(1, 4)) + data[end:]


def _insert(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    place = _place(rng, data)
    return data[:place] + rng.bytes(int(rng.integers(1, 257))) + data[place:]


def _shuffle_chunks(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    """Reorder, leave out and double the chunks of a file."""
    chunks = list(_chunks(bytes(data)))
    if not chunks:
        return _repeat(rng, data, [])
    drawn = rng.permutation(len(chunks)) if rng.random() < 0.5 else rng.integers(len(chunks), size=len(chunks) + 1)
    shuffled = data[: chunks[0][0]]
    for number in drawn:
        begin, end = chunks[int(number)]
        shuffled += data[begin:end]
    return shuffled


def _take_chunk_of_another(rng: np.random.Generator, data: bytearray, others: list[bytes]) -> bytearray:
    other = others[int(rng.integers(len(others)))]
    theirs, ours = list(_chunks(other)), list(_chunks(bytes(data)))
    if not theirs or not ours:
        return _splice(rng, data, others)
    begin, end = theirs[int(rng.integers(len(theirs)))]
    place = ours[int(rng.integers(len(ours)))][int(rng.integers(2))]
    return data[:place] + other[begin:end] + data[place:]


def _splice(rng: np.random.Generator, data: bytearray, others: list[bytes]) -> bytearray:
    """Go on with the rest of another file."""
    other = others[int(rng.integers(len(others)))]
    return data[: _place(rng, data)] + other[int(rng.integers(len(other))) :]


def _put_before(rng: np.random.Generator, data: bytearray, _: list[bytes]) -> bytearray:
    """An ID3 tag, as taggers put before anything; its size may lie."""
    length = int(rng.integers(0, 64))
    claimed = length if rng.random() < 0.6 else int(rng.integers(2**28))
    size = bytes(claimed >> shift & 0x7F for shift in (21, 14, 7, 0))
    return bytearray(b"ID3\x04\0\0" + size + bytes(length)) + data


MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits,
    _flip_bits,
    _overwrite,
    _write_number,
    _write_number,
    _write_number,
    _write_chunk_size,
    _write_chunk_size,
    _write_format_tag,
    _truncate,
    _cut_out,
    _repeat,
    _insert,
    _shuffle_chunks,
    _take_chunk_of_another,
    _splice,
    _put_before,
)


def damaged(files: list[bytes], seed: int, number: int) -> bytes:
    """Input `number` of the series that belongs to `seed`."""
    rng = np.random.default_rng([seed, number])
    data = bytearray(files[int(rng.integers(len(files)))])
    for _ in range(int(rng.integers(1, _MAX_MUTATIONS + 1))):
        if not data:
            break
        data = MUTATIONS[int(rng.integers(len(MUTATIONS)))](rng, data, files)
    # With its checksums wrong, nothing of an Ogg stream ever reaches a decoder.
    return bytes(with_ogg_checksums(data) if rng.random() < 0.8 else data)


def _place(rng: np.random.Generator, data: bytearray) -> int:
    """A position, more often than not in the head."""
    return int(rng.integers(min(len(data), _HEAD_BYTES) if rng.random() < 0.7 else len(data)))


def _stretch(rng: np.random.Generator, data: bytearray) -> tuple[int, int]:
    begin = _place(rng, data)
    return begin, min(begin + int(rng.integers(1, 300)), len(data))


def _chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of the chunks of RIFF and IFF, of the blocks of FLAC's head, of the pages of Ogg."""
    if data[:4] in {b"RIFF", b"RIFX", b"RF64", b"FORM"}:
        order, place = ">" if data[:4] in {b"FORM", b"RIFX"} else "<", 12
        while place + 8 <= len(data):
            (size,) = struct.unpack_from(f"{order}I", data, place + 4)
            end = min(place + 8 + size + size % 2, len(data))
            yield place, end
            place = end
    elif data[:4] == b"caff":
        place = 8
        while place + 12 <= len(data):
            (size,) = struct.unpack_from(">Q", data, place + 4)
            end = min(place + 12 + size, len(data))
            yield place, end
            place = end
    elif data[:4] == b"fLaC":
        place = 4
        while place + 4 <= len(data) and data[place] != 0xFF:
            end = min(place + 4 + int.from_bytes(data[place + 1 : place + 4], "big"), len(data))
            yield place, end
            place = end
    elif data[:4] == b"OggS":
        pages = _ogg_pages(data)
        yield from zip(pages, [*pages[1:], len(data)], strict=True)


def _ogg_pages(data: bytes | bytearray) -> list[int]:
    return [match.start() for match in re.finditer(rb"OggS", data)] if data[:4] == b"OggS" else []


def with_ogg_checksums(data: bytearray) -> bytearray:
    """Make the checksum of every Ogg page right that lies within `data`; other data stays as it is."""
    for page in _ogg_pages(data):
        num_segments = data[page + 26] if page + 27 <= len(data) else 0
        end = page + 27 + num_segments + sum(data[page + 27 : page + 27 + num_segments])
        if page + 27 <= len(data) and end <= len(data):
            data[page + 22 : page + 26] = bytes(4)
            data[page + 22 : page + 26] = struct.pack("<I", _ogg_checksum(data[page:end]))
    return data


def _ogg_checksum(page: bytearray) -> int:
    """CRC of RFC 3533: polynomial 0x04C11DB7, not reflected, begun with 0."""
    checksum = 0
    for byte in page:
        checksum = (checksum << 8 & 0xFFFFFFFF) ^ _CRC_TABLE[checksum >> 24 ^ byte]
    return checksum


def _crc_of_byte(byte: int) -> int:
    remainder = byte << 24
    for _ in range(8):
        remainder = (remainder << 1 ^ (0x04C11DB7 if remainder & 0x80000000 else 0)) & 0xFFFFFFFF
    return remainder


_CRC_TABLE = tuple(_crc_of_byte(byte) for byte in range(256))


# Trial.


@dataclasses.dataclass
class Findings:
    """Counts of a run, and the inputs that broke a rule."""

    runs: int = 0
    used: int = 0
    crashes: int = 0
    hangs: int = 0
    out_of_memory: int = 0
    exceptions: int = 0
    slow: int = 0
    slowest_s: float = 0.0
    max_memory_mb: float = 0.0
    seconds: float = 0.0
    broken: list[str] = dataclasses.field(default_factory=list)

    def line(self) -> str:
        """One line of JSON."""
        facts = dataclasses.asdict(self)
        facts.update({name: round(facts[name], 3) for name in ("slowest_s", "max_memory_mb", "seconds")})
        return json.dumps({"fuzz": "audio import", "libsndfile": sf.__libsndfile_version__, **facts})


class Trial:
    """Takes in one input after another and judges what comes of it; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.findings = Findings()
        self._path = folder / "input.wav"
        self._decoder = GuardedDecoder(LIMITS)
        with contextlib.suppress(OSError):  # from here on: what this process held before is no matter
            Path("/proc/self/clear_refs").write_text("5")
        self._before_bytes = _memory_bytes("VmRSS")
        self._began = time.perf_counter()

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()
        self.findings.seconds = time.perf_counter() - self._began
        self.findings.max_memory_mb = (_memory_bytes("VmHWM") - self._before_bytes) / 2**20
        if self.findings.max_memory_mb > MEMORY_LIMIT_BYTES / 2**20:
            self.findings.broken.append(f"{self.findings.max_memory_mb:.0f} MB of memory were needed")

    def run(self, data: bytes, name: str) -> str:
        """Take in `data`; returns the kind of the outcome, in words."""
        findings = self.findings
        findings.runs += 1
        self._path.write_bytes(data)
        began = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # NumPy's are of overflows: numbers that nobody thought of
                probe(io.BytesIO(data))
                report, clip = take_in(self._path, "input.wav", ScanConfig(), self._decoder.decode)
                if clip is not None:
                    clip = even_out(clip)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the finding)
            findings.exceptions += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            findings.broken.append(f"{name}: {type(error).__name__}: {error} ({Path(place.filename).name})")
            return f"exception {type(error).__name__} {error}"
        elapsed_s = time.perf_counter() - began
        findings.slowest_s = max(findings.slowest_s, elapsed_s)
        if report.reason.startswith(FAILED):
            findings.exceptions += 1
            findings.broken.append(f"{name}: {report.reason}")
        if clip is not None and not (len(clip.audio) and np.isfinite(clip.audio).all()):
            findings.broken.append(f"{name}: a clip without samples, or with some that are not finite")
        findings.used += report.status == "used"
        findings.crashes += report.reason.startswith(CRASHED)
        findings.hangs += report.reason.startswith(HUNG)
        findings.out_of_memory += report.reason.startswith(GREEDY)
        if elapsed_s > TIME_LIMIT_S and not report.reason.startswith(HUNG):
            findings.slow += 1
            findings.broken.append(f"{name}: took {elapsed_s:.1f} s")
        return _kind(report)


def _kind(report: FileReport) -> str:
    """What came of an input, without what differs from one file to the next."""
    if report.status == "used":
        return " ".join(["used", report.format, *sorted(report.marks & {"truncated", "over_full_scale", "dc_offset"})])
    words = re.sub(r"^damaged [A-Z0-9]+(, or a kind of it without a decoder)?", "damaged", report.reason)
    return re.sub(r"[0-9.]+", "N", words)


def _memory_bytes(name: str) -> int:
    """Memory of this process by the name that Linux has for it; 0 elsewhere. That of the decoder has a limit of its own."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def fuzz(
    *, seed: int, seconds: float, first: int = 0, runs: int | None = None, keep: Path | None = None, log: bool = False
) -> Findings:
    """Try damaged inputs until the time is up, or so many were tried."""
    files = list(sound_files().values())
    outcomes: set[str] = set()
    keeper = None if keep is None else _Keeper(keep)
    with tempfile.TemporaryDirectory() as folder, Trial(Path(folder)) as trial:
        end = time.perf_counter() + seconds
        number = first
        while time.perf_counter() < end and (runs is None or number < first + runs):
            data = damaged(files, seed, number)
            num_broken = len(trial.findings.broken)
            outcome = trial.run(data, f"--seed {seed} --first {number}")
            is_broken = len(trial.findings.broken) > num_broken
            if log and (is_broken or outcome not in outcomes):
                sys.stderr.write(f"{number}: {outcome}\n")
            if keeper is not None and (is_broken or outcome not in outcomes):
                keeper.keep(f"{seed}-{number}", outcome, data, is_broken=is_broken)
            outcomes.add(outcome)
            number += 1
    return trial.findings


class _Keeper:
    """Keeps inputs in a folder: those that broke a rule, and of all others the small ones whose outcome was new last."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ordinary: list[Path] = []

    def keep(self, name: str, outcome: str, data: bytes, *, is_broken: bool) -> None:
        if not is_broken and len(data) > MAX_KEPT_BYTES:
            return
        words = re.sub(r"[^A-Za-z0-9]+", "-", outcome).strip("-")[:60]
        path = self._folder / f"{name}-{words}.bin"
        path.write_bytes(data)
        if not is_broken:
            self._ordinary.append(path)
        if len(self._ordinary) > MAX_KEPT_FILES:  # what was new first is what is seen most often
            self._ordinary.pop(0).unlink()


def main() -> int:
    """Run as a program; the exit code is 1 where a rule was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--runs", type=int, help="at most so many inputs")
    parser.add_argument("--keep", type=Path, help="folder for inputs worth keeping")
    parser.add_argument("--log", action="store_true", help="say on stderr what each new outcome is")
    chosen = parser.parse_args()
    findings = fuzz(**vars(chosen))
    sys.stdout.write(findings.line() + "\n")
    return 1 if findings.broken else 0


if __name__ == "__main__":
    sys.exit(main())
