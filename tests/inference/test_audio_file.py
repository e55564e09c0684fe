"""A stream becomes a file: the same bytes each time, no decoded over, tags and loops that other readers find."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edges import noise
from small_dataset_audio.errors import InvalidAudioError
from small_dataset_audio.inference.aiff_chunks import append_loop
from small_dataset_audio.inference.audio_file import DECODED_PEAK, AudioFile, decoded_peak, write_audio
from small_dataset_audio.inference.file_formats import FILE_FORMATS, FileFormat
from small_dataset_audio.inference.ogg_pages import set_serial
from small_dataset_audio.inference.pieces import Stream, stream_of
from small_dataset_audio.inference.sampler_chunk import Loop, SamplerNotes
from small_dataset_audio.inference.tags import MADE_WITH, tags_of

each_format = pytest.mark.parametrize("file_format", FILE_FORMATS)
lossy = pytest.mark.parametrize("entry", [e for e in FILE_FORMATS.values() if e.is_lossy], ids=lambda e: e.name)
TAGS = tags_of("Wälder 🌲 עברית", 2**63 - 1)


def write(path: Path, audio: np.ndarray, kind: AudioFile) -> float:
    return write_audio(path, path, stream_of(np.atleast_2d(audio).astype(np.float32)), kind)


def square(frequency_hz: float, num_samples: int = 48_000) -> np.ndarray:
    """The kind of sound that a lossy format overshoots most."""
    return 0.891 * np.sign(np.sin(2 * np.pi * frequency_hz * np.arange(num_samples) / 48_000) + 1e-9)


# --- the same bytes ---


@pytest.mark.parametrize("bit_depth", ["24-bit", "32-bit float"])
@each_format
def test_the_same_audio_gives_the_same_bytes_at_another_time(tmp_path: Path, file_format: str, bit_depth: str):
    if bit_depth == "32-bit float" and bit_depth not in FILE_FORMATS[file_format].bit_depths:
        pytest.skip("no such files")
    kind = AudioFile(48_000, bit_depth, file_format, tags=TAGS, sampler_notes=SamplerNotes(Loop(0, 999)))
    paths = [tmp_path / name for name in ("a", "b")]
    write(paths[0], noise(1000), kind)
    time.sleep(1.05)  # time stamps count seconds
    write(paths[1], noise(1000), kind)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@each_format
def test_no_byte_depends_on_how_the_audio_comes(tmp_path: Path, file_format: str):
    kind, audio = AudioFile(48_000, "24-bit", file_format), noise(70_000)[None]

    def cut_at(*borders: int) -> Stream:
        return Stream(1, 70_000, lambda: iter(np.split(audio, borders, axis=1)))

    for name, stream in (("whole", cut_at()), ("cut", cut_at(1, 333, 65_537, 69_999))):
        write_audio(tmp_path / name, tmp_path / name, stream, kind)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "cut").read_bytes()


@each_format
def test_memory_does_not_grow_with_the_length(tmp_path: Path, file_format: str):
    def peak_bytes(seconds: int) -> int:
        block = 0.3 * noise(48_000)[None]

        def pieces() -> Iterator[np.ndarray]:
            return (block for _ in range(seconds))

        tracemalloc.start()
        path = tmp_path / str(seconds)
        write_audio(path, path, Stream(1, seconds * 48_000, pieces), AudioFile(48_000, "24-bit", file_format))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(24) < 1.1 * peak_bytes(6) + 100_000


# --- peaks of lossy formats ---


@lossy
def test_what_a_lossy_file_decodes_to_does_not_go_over_full_scale(tmp_path: Path, entry: FileFormat):
    kind = AudioFile(48_000, "24-bit", entry.name)
    path, bare = tmp_path / "take", tmp_path / "bare"
    audio = square(997.0)
    with soundfile.SoundFile(
        bare,
        "w",
        48_000,
        1,
        entry.codec,
        format=entry.container,
        compression_level=entry.compression_level,
        bitrate_mode=entry.bitrate_mode,
    ) as file:
        file.write(audio)
    assert decoded_peak(bare) > 1.0, "the sound overshoots, else this test shows nothing"
    gain_db = write(path, audio, kind)
    assert decoded_peak(path) <= DECODED_PEAK
    assert -6.0 < gain_db < 0.0
    back, _ = soundfile.read(path)
    expected = np.sqrt(np.mean(audio**2)) * 10 ** (gain_db / 20)
    assert np.sqrt(np.mean(back**2)) == pytest.approx(expected, rel=0.02)


@lossy
def test_what_stays_under_full_scale_is_left_as_loud_as_it_is(tmp_path: Path, entry: FileFormat):
    assert write(tmp_path / "take", 0.3 * noise(48_000), AudioFile(48_000, "24-bit", entry.name)) == 0.0


def test_lossless_files_are_not_turned_down(tmp_path: Path):
    for entry in FILE_FORMATS.values():
        if not entry.is_lossy:
            assert write(tmp_path / entry.name, square(997.0), AudioFile(48_000, "24-bit", entry.name)) == 0.0
            assert decoded_peak(tmp_path / entry.name) == pytest.approx(0.891, abs=1e-6)


# --- tags ---


def id3_frames(data: bytes) -> dict[str, list[str]]:
    """A small reader of ID3v2.3, written from the standard and not from the writer: text by name of its frame."""
    assert data[:5] == b"ID3\x03\x00"
    assert max(data[6:10]) < 0x80
    size = data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9]
    position, found = 10, {}
    while position < 10 + size:
        name, length = (
            data[position : position + 4].decode("ascii"),
            int.from_bytes(data[position + 4 : position + 8], "big"),
        )
        body = data[position + 10 : position + 10 + length]
        assert body[0] == 1
        texts = body[4 if name == "COMM" else 1 :].decode("utf-16-le").split("\0")
        found.setdefault(name, []).append("=".join(text.removeprefix("\ufeff") for text in texts))
        position += 10 + length
    assert position == 10 + size == len(data)
    return found


def expected_frames() -> dict[str, list[str]]:
    return {
        "TIT2": [TAGS.title],
        "TSSE": [MADE_WITH],
        "COMM": [f"={TAGS.comment}"],
        "TXXX": [f"model={TAGS.model}", f"seed={TAGS.seed}"],
    }


@pytest.mark.parametrize("file_format", [name for name in FILE_FORMATS if name != "mp3"])
def test_title_model_seed_and_maker_are_read_back(tmp_path: Path, file_format: str):
    write(tmp_path / "take", noise(1000), AudioFile(48_000, "24-bit", file_format, tags=TAGS))
    with soundfile.SoundFile(tmp_path / "take") as file:
        assert file.title == TAGS.title == "Wälder 🌲 עברית, seed 9223372036854775807"
        assert file.comment == "made with sda; model: Wälder 🌲 עברית; seed: 9223372036854775807"
        assert file.software.startswith(MADE_WITH) or file_format == "aiff"  # libsndfile reads two letters less there


def test_an_mp3_begins_with_its_tags_and_plays_all_the_same(tmp_path: Path):
    kind = AudioFile(48_000, "24-bit", "mp3")
    write(tmp_path / "bare", noise(5000), kind)
    write(tmp_path / "tagged", noise(5000), replace(kind, tags=TAGS))
    bare, tagged = (tmp_path / name for name in ("bare", "tagged"))
    tag, audio = tagged.read_bytes()[: -bare.stat().st_size], tagged.read_bytes()[-bare.stat().st_size :]
    assert audio == bare.read_bytes()
    assert id3_frames(tag) == expected_frames()
    np.testing.assert_array_equal(soundfile.read(tagged)[0], soundfile.read(bare)[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare", "tagged"]


def aiff_chunks_of(path: Path) -> list[tuple[str, bytes]]:
    """All chunks of an AIFF, checked: sizes that add up, even borders, nothing behind the end."""
    data = path.read_bytes()
    assert data[:4] == b"FORM"
    assert int.from_bytes(data[4:8], "big") == len(data) - 8
    found, position = [], 12
    while position < len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "big")
        found.append((data[position : position + 4].decode(), data[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    assert position == len(data)
    return found


@pytest.mark.parametrize("bit_depth", ["16-bit", "24-bit", "32-bit float"])
@pytest.mark.parametrize("num_samples", [1000, 1001])
def test_an_aiff_holds_loop_points_and_tags_and_moves_no_sample(tmp_path: Path, bit_depth: str, num_samples: int):
    kind = AudioFile(44_100, bit_depth, "aiff")
    write(tmp_path / "plain", noise(num_samples), kind)
    write(tmp_path / "looped", noise(num_samples), replace(kind, tags=TAGS, sampler_notes=SamplerNotes(Loop(17, 900))))
    chunks = dict(aiff_chunks_of(tmp_path / "looped"))
    assert id3_frames(chunks["ID3 "]) == expected_frames()
    count, first, begin, name, last, end, other = struct.unpack(">HhI12shI10s", chunks["MARK"])
    assert (count, first, last) == (2, 1, 2)
    assert (begin, end) == (17, 901)  # markers lie between samples
    assert (name[:11], other[:9]) == (b"\x0aloop begin", b"\x08loop end")
    instrument = struct.unpack(">6b7h", chunks["INST"])
    assert instrument == (60, 0, 0, 127, 1, 127, 0, 1, 1, 2, 0, 0, 0)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "looped")[0], soundfile.read(tmp_path / "plain")[0])


def test_loop_points_are_for_aiff_files_alone(tmp_path: Path):
    write(tmp_path / "a.wav", noise(10), AudioFile(48_000, "24-bit", "wav"))
    with pytest.raises(InvalidAudioError, match="no AIFF file"):
        append_loop(tmp_path / "a.wav", Loop(0, 9))


# --- Ogg ---


def slow_checksum(page: bytes) -> int:
    """As RFC 3533 words it: bit by bit, polynomial 0x04c11db7, beginning with 0."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
    return register


def test_every_page_has_the_serial_and_a_checksum_that_is_right(tmp_path: Path):
    path = tmp_path / "take"
    write(path, noise(9000), AudioFile(48_000, "24-bit", "ogg", tags=TAGS))
    set_serial(path, 0x89ABCDEF)
    data, position, pages = path.read_bytes(), 0, 0
    while position < len(data):
        assert data[position : position + 4] == b"OggS"
        segments = data[position + 26]
        size = 27 + segments + sum(data[position + 27 : position + 27 + segments])
        page = bytearray(data[position : position + size])
        assert page[14:18] == bytes.fromhex("efcdab89")
        stored, page[22:26] = int.from_bytes(page[22:26], "little"), bytes(4)
        assert stored == slow_checksum(bytes(page))
        position, pages = position + size, pages + 1
    assert position == len(data)
    assert pages >= 3


def test_takes_that_may_stand_one_behind_the_other_have_serials_of_their_own(tmp_path: Path):
    serials = set()
    for seed in (1, 2):
        kind = AudioFile(48_000, "24-bit", "ogg", tags=tags_of("rain", seed))
        write(tmp_path / str(seed), noise(100), kind)
        serials.add((tmp_path / str(seed)).read_bytes()[14:18])
    assert len(serials) == 2


def test_what_is_no_ogg_is_not_changed(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"RIFF" + bytes(60))
    with pytest.raises(InvalidAudioError, match="no Ogg file from byte 0"):
        set_serial(tmp_path / "a", 1)
    assert (tmp_path / "a").read_bytes() == b"RIFF" + bytes(60)


# --- another reader ---


@pytest.mark.parametrize("file_format", [name for name in FILE_FORMATS if name != "mp3"])  # which needs a package more
def test_sox_finds_the_same_samples_and_tags(tmp_path: Path, file_format: str):
    if shutil.which("sox") is None:
        pytest.skip("sox is not installed")
    entry = FILE_FORMATS[file_format]
    path = tmp_path / f"take{entry.suffix}"
    audio = 0.5 * noise(2 * 5001).reshape(2, 5001)
    write(
        path,
        audio,
        AudioFile(44_100, "24-bit", file_format, tags=tags_of("rain", 7), sampler_notes=SamplerNotes(Loop(0, 5000))),
    )
    sox = subprocess.run(["sox", path, "-t", "f64", "-"], capture_output=True, check=True)
    samples = np.frombuffer(sox.stdout, np.float64).reshape(-1, 2)
    ours, _ = soundfile.read(path)
    assert len(samples) == 5001
    np.testing.assert_allclose(samples, ours, atol=2.0**-15 if entry.is_lossy else 2.0**-30)
    about = subprocess.run(["soxi", path], capture_output=True, check=True, text=True).stdout
    if file_format != "wav":  # of which sox reads no tags
        assert "made with sda; model: rain; seed: 7" in about
