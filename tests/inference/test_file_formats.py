"""What each format holds: the rules, and that libsndfile keeps to what they say."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edges import noise, sine
from small_dataset_audio.constants import BIT_DEPTH_MAP, SAMPLE_RATE_OPTIONS
from small_dataset_audio.errors import InvalidConfigError, InvalidNameError
from small_dataset_audio.inference.audio_file import AudioFile, write_audio
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.export import numbered_names
from small_dataset_audio.inference.file_formats import (
    AUDIO_SUFFIXES,
    DEFAULT_BIT_DEPTH,
    FILE_FORMATS,
    FileFormat,
    check_holds,
    format_of,
    loop_note,
    with_suffix_of,
)
from small_dataset_audio.inference.pieces import stream_of

each_format = pytest.mark.parametrize("entry", FILE_FORMATS.values(), ids=FILE_FORMATS)
EVERYTHING = tuple(product(FILE_FORMATS.values(), SAMPLE_RATE_OPTIONS, BIT_DEPTH_MAP))


def is_held(entry: FileFormat, sample_rate: int, bit_depth: str) -> bool:
    depths = (DEFAULT_BIT_DEPTH,) if entry.is_lossy else entry.bit_depths
    return sample_rate in entry.sample_rates and bit_depth in depths


@pytest.mark.parametrize(("entry", "sample_rate", "bit_depth"), EVERYTHING)
def test_whatever_is_allowed_is_written_and_whatever_is_not_is_refused(
    tmp_path: Path, entry: FileFormat, sample_rate: int, bit_depth: str
):
    config = GenerationConfig(sample_rate=sample_rate, bit_depth=bit_depth, file_format=entry.name)
    if not is_held(entry, sample_rate, bit_depth):
        with pytest.raises(InvalidConfigError, match=f"(sample_rate|bit_depth) is .*; {entry.container} files h"):
            config.validate()
        return
    config.validate()
    audio = 0.5 * noise(2 * 4001).reshape(2, 4001)
    path = tmp_path / f"take{entry.suffix}"
    gain_db = write_audio(path, path, stream_of(audio), AudioFile(sample_rate, bit_depth, entry.name))
    info = soundfile.info(path)
    assert (info.format, info.subtype) == (entry.container, entry.subtype(bit_depth))
    assert (info.samplerate, info.channels, info.frames) == (sample_rate, 2, 4001)
    assert gain_db == 0.0
    back, _ = soundfile.read(path, dtype="float32")
    if not entry.is_lossy:
        half_step = {"16-bit": 2.0**-16, "24-bit": 2.0**-24, "32-bit float": 0.0}[bit_depth]
        np.testing.assert_allclose(back.T, audio, atol=half_step, rtol=0)


def test_what_is_not_allowed_cannot_be_written_by_libsndfile_either(tmp_path: Path):
    """The table refuses nothing that libsndfile could do."""
    for entry, sample_rate, bit_depth in EVERYTHING:
        if entry.is_lossy or is_held(entry, sample_rate, bit_depth):
            continue
        assert entry.subtype(bit_depth) not in soundfile.available_subtypes(entry.container)
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.write(tmp_path / "a.mp3", np.zeros(4800), 96_000)


@pytest.mark.parametrize(
    ("file_format", "sample_rate", "bit_depth", "message"),
    [
        (
            "mp3",
            96_000,
            "24-bit",
            "sample_rate is 96000; MP3 files hold 44100 or 48000 Hz: take one of these, or the file_format 'wav', 'flac', "
            "'aiff' or 'ogg'",
        ),
        (
            "flac",
            48_000,
            "32-bit float",
            "bit_depth is '32-bit float'; FLAC files hold '16-bit' or '24-bit': take one of these, or the file_format "
            "'wav' or 'aiff'",
        ),
        (
            "ogg",
            48_000,
            "16-bit",
            "bit_depth is '16-bit'; OGG files have no bit depth: leave it out ('24-bit'), or take the file_format 'wav', "
            "'flac' or 'aiff'",
        ),
    ],
)
def test_a_refusal_names_field_value_rule_and_next_step(
    file_format: str, sample_rate: int, bit_depth: str, message: str
):
    with pytest.raises(InvalidConfigError) as caught:
        check_holds(file_format, sample_rate, bit_depth)
    assert str(caught.value) == message


@each_format
def test_a_file_is_known_by_its_suffix_in_any_case(entry: FileFormat):
    for suffix in entry.suffixes:
        assert format_of(f"a.b{suffix}") is format_of(f"A{suffix.upper()}") is entry
    assert len(set(AUDIO_SUFFIXES)) == len(AUDIO_SUFFIXES)
    assert format_of("take") is format_of("take.json") is None


@each_format
def test_a_name_gets_the_suffix_of_its_format_and_that_of_another_is_refused(entry: FileFormat):
    assert with_suffix_of("kick", entry.name) == f"kick{entry.suffix}"
    assert with_suffix_of("v1.2", entry.name) == f"v1.2{entry.suffix}"
    for other in FILE_FORMATS.values():
        for suffix in other.suffixes:
            if other is entry:
                assert with_suffix_of(f"kick{suffix}", entry.name) == f"kick{suffix}"
                continue
            with pytest.raises(
                InvalidNameError, match=f"name of a {other.container} file; for file_format '{entry.name}'"
            ):
                with_suffix_of(f"kick{suffix}", entry.name)


def test_several_takes_of_one_name_are_numbered_before_the_suffix():
    assert numbered_names(None, "flac", 2) == [None, None]
    assert numbered_names("kick", "flac", 1) == ["kick.flac"]
    assert numbered_names("v1.2.aif", "aiff", 2) == ["v1.2-1.aif", "v1.2-2.aif"]
    assert numbered_names("a", "wav", 10)[::9] == ["a-01.wav", "a-10.wav"]


def test_who_holds_no_loop_points_says_so():
    assert {name for name in FILE_FORMATS if not loop_note(name)} == {"wav", "aiff"}
    assert loop_note("mp3").startswith("MP3 files hold no loop points: loop the whole file, or take 'wav' or 'aiff'")


@each_format
def test_a_file_needs_no_more_room_than_is_asked_for(tmp_path: Path, entry: FileFormat):
    for audio in (noise(48_000)[None], noise(20)[None], sine(440.0, 48_000)[None]):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}{entry.suffix}"
        write_audio(path, path, stream_of(audio.astype(np.float32)), AudioFile(48_000, "24-bit", entry.name))
        assert path.stat().st_size <= entry.room_bytes(audio.size, "24-bit")
