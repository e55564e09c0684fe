from __future__ import annotations

import time
import warnings
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from edges import UNUSABLE, USABLE, noise, sine
from small_dataset_audio.constants import BIT_DEPTH_MAP, SAMPLE_RATE_OPTIONS
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, InvalidNameError, OutputError
from small_dataset_audio.inference import audio_file, file_formats
from small_dataset_audio.inference.wav import export_wav

each_depth = pytest.mark.parametrize("bit_depth", BIT_DEPTH_MAP)


def read_pcm_with_the_standard_library(path: Path) -> tuple[np.ndarray, int]:
    """Integer samples [shape=(channels, samples)], read without libsndfile."""
    with wave.open(str(path), "rb") as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, width)
        rate = file.getframerate()
    padded = np.zeros((len(raw), 4), np.uint8)
    padded[:, 4 - width :] = raw
    steps = padded.view("<i4")[:, 0] >> (32 - 8 * width)
    return steps.reshape(-1, channels).T, rate


def read_float_with_scipy(path: Path) -> tuple[np.ndarray, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # it does not know the PEAK chunk, and says so
        rate, data = wavfile.read(path)
    return np.atleast_2d(data.T), rate


@each_depth
@pytest.mark.parametrize("sample_rate", SAMPLE_RATE_OPTIONS)
@pytest.mark.parametrize("channels", [1, 2])
def test_soundfile_reads_back_what_was_written(tmp_path: Path, bit_depth: str, sample_rate: int, channels: int):
    audio = noise(1001 * channels).reshape(channels, 1001)
    path = export_wav(audio if channels == 2 else audio[0], tmp_path / "take.wav", sample_rate, bit_depth)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.frames) == (sample_rate, channels, 1001)
    assert (info.format, info.subtype) == ("WAV", BIT_DEPTH_MAP[bit_depth])
    back, _ = soundfile.read(path, dtype="float32", always_2d=True)
    half_step = {"16-bit": 2.0**-16, "24-bit": 2.0**-24, "32-bit float": 0.0}[bit_depth]
    np.testing.assert_allclose(back.T, audio, atol=half_step, rtol=0)


@pytest.mark.parametrize(("bit_depth", "bits"), [("16-bit", 16), ("24-bit", 24)])
def test_a_second_reader_finds_each_sample_rounded_to_the_nearest_step(tmp_path: Path, bit_depth: str, bits: int):
    audio = np.stack([noise(1000), noise(1000, seed=1)])
    steps, rate = read_pcm_with_the_standard_library(export_wav(audio, tmp_path / "a.wav", 44_100, bit_depth))
    assert rate == 44_100
    np.testing.assert_array_equal(steps, np.rint(audio.astype(np.float64) * 2 ** (bits - 1)))


def test_a_second_reader_finds_float_samples_bit_for_bit_over_full_scale_too(tmp_path: Path):
    audio = np.stack([3 * noise(1000), noise(1000, seed=1)])
    back, rate = read_float_with_scipy(export_wav(audio, tmp_path / "a.wav", 96_000, "32-bit float"))
    assert rate == 96_000
    np.testing.assert_array_equal(back, audio)


def test_24_bit_at_48_khz_is_what_one_gets_without_asking(tmp_path: Path):
    info = soundfile.info(export_wav(noise(10), tmp_path / "a.wav"))
    assert (info.samplerate, info.subtype) == (48_000, "PCM_24")


@pytest.mark.parametrize("bit_depth", ["16-bit", "24-bit"])
def test_a_fading_tail_ends_in_silence_not_in_the_lowest_bit(tmp_path: Path, bit_depth: str):
    tail = -1e-9 * np.abs(sine(100.0, 1000))
    steps, _ = read_pcm_with_the_standard_library(export_wav(tail, tmp_path / "a.wav", bit_depth=bit_depth))
    assert not steps.any()


@pytest.mark.parametrize(("bit_depth", "bits"), [("16-bit", 16), ("24-bit", 24)])
def test_over_full_scale_is_clipped_not_wrapped(tmp_path: Path, bit_depth: str, bits: int):
    audio = np.array([1.0, 1.5, 100.0, -1.0, -1.5, -100.0], np.float32)
    steps, _ = read_pcm_with_the_standard_library(export_wav(audio, tmp_path / "a.wav", bit_depth=bit_depth))
    top = 2 ** (bits - 1)
    np.testing.assert_array_equal(steps[0], [top - 1] * 3 + [-top] * 3)


@given(steps=st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=50))
@settings(deadline=None, max_examples=30)
def test_16_bit_audio_survives_any_number_of_exports(tmp_path_factory: pytest.TempPathFactory, steps: list[int]):
    folder = tmp_path_factory.mktemp("round")
    audio = np.array(steps, np.float32) / 32768
    for generation in range(2):
        path = export_wav(audio, folder / f"{generation}.wav", bit_depth="16-bit")
        audio, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(audio * 32768, steps)


def test_two_exports_a_second_apart_are_the_same_bytes(tmp_path: Path):
    audio = np.stack([noise(500), noise(500, seed=1)])
    first = {
        depth: export_wav(audio, tmp_path / f"1 {depth}.wav", bit_depth=depth).read_bytes() for depth in BIT_DEPTH_MAP
    }
    time.sleep(1.1)  # libsndfile's own time stamp counts whole seconds
    for depth, expected in first.items():
        assert export_wav(audio, tmp_path / f"2 {depth}.wav", bit_depth=depth).read_bytes() == expected


def test_a_peak_chunk_has_no_time_stamp_but_still_the_peak(tmp_path: Path):
    data = export_wav(
        np.array([0.1, -0.75, 0.2], np.float32), tmp_path / "a.wav", bit_depth="32-bit float"
    ).read_bytes()
    chunk = data[data.index(b"PEAK") + 8 :]
    version, stamp = np.frombuffer(chunk[:8], "<u4")
    assert (version, stamp) == (1, 0)
    assert np.frombuffer(chunk[8:12], "<f4")[0] == 0.75


@each_depth
def test_long_audio_goes_in_blocks_without_a_seam(tmp_path: Path, bit_depth: str, monkeypatch: pytest.MonkeyPatch):
    audio = np.stack([noise(5000), noise(5000, seed=1)])
    whole = export_wav(audio, tmp_path / "whole.wav", bit_depth=bit_depth).read_bytes()
    monkeypatch.setattr(audio_file, "_BLOCK_FRAMES", 333)
    assert export_wav(audio, tmp_path / "blocks.wav", bit_depth=bit_depth).read_bytes() == whole


@each_depth
@pytest.mark.parametrize("audio", USABLE.values(), ids=USABLE.keys())
def test_every_usable_edge_is_written_to_the_last_sample(tmp_path: Path, audio: np.ndarray, bit_depth: str):
    assert soundfile.info(export_wav(audio, tmp_path / "a.wav", bit_depth=bit_depth)).frames == len(audio)


@pytest.mark.parametrize("audio", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_edge_is_a_value_error_and_no_file(tmp_path: Path, audio: np.ndarray):
    with pytest.raises(ValueError) as caught:
        export_wav(audio, tmp_path / "new" / "a.wav")
    assert isinstance(caught.value, InvalidAudioError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bit_depth", ["8-bit", "PCM_24", "24", "", None])
def test_a_wrong_bit_depth_names_those_that_there_are(tmp_path: Path, bit_depth: str):
    with pytest.raises(InvalidConfigError, match="'16-bit', '24-bit', '32-bit float'"):
        export_wav(noise(10), tmp_path / "a.wav", bit_depth=bit_depth)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sample_rate", [0, -1, 3_999, 768_001, 44_100.5, float("nan")])
def test_a_sample_rate_out_of_range_is_refused(tmp_path: Path, sample_rate: float):
    with pytest.raises(InvalidConfigError, match="sample_rate"):
        export_wav(noise(10), tmp_path / "a.wav", sample_rate)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["take", "take.flac", "take.wav.mp3", ".wav"])
def test_a_name_that_does_not_end_in_wav_is_refused(tmp_path: Path, name: str):
    with pytest.raises(InvalidNameError, match=r"does not end in \.wav"):
        export_wav(noise(10), tmp_path / name)


def test_frames_first_is_noticed(tmp_path: Path):
    with pytest.raises(InvalidAudioError, match=r"shape \(48000, 2\).*transpose"):
        export_wav(np.zeros((48_000, 2), np.float32), tmp_path / "a.wav")


def test_more_than_a_wav_can_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(file_formats, "_MAX_BYTES", 3000)
    export_wav(noise(1000), tmp_path / "fits.wav")
    with pytest.raises(InvalidAudioError, match="4 GiB"):
        export_wav(noise(1001), tmp_path / "too_long.wav")


def test_an_existing_file_is_left_as_it_is(tmp_path: Path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"a recording that cannot be made again")
    with pytest.raises(OutputError, match="exists already"):
        export_wav(noise(10), path)
    assert path.read_bytes() == b"a recording that cannot be made again"
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_is_made_and_the_path_may_be_a_string(tmp_path: Path):
    path = export_wav(noise(10), str(tmp_path / "a" / "b" / "take.WAV"))
    assert path == tmp_path / "a" / "b" / "take.WAV"
    assert path.is_file()
