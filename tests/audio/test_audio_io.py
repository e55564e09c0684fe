"""Audio in memory, and reading whole, honest files; dishonest ones are in tests/faults."""

from __future__ import annotations

import io
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from badfiles import extensible, pcm16, tone, wav_bytes
from small_dataset_audio.audio import check_audio, read_audio, resample
from small_dataset_audio.audio.formats import extension_contradicts
from small_dataset_audio.audio.mpeg import mpeg_frame_bytes
from small_dataset_audio.audio.probe import probe
from small_dataset_audio.errors import AudioFileError, InvalidAudioError

LOSSLESS = [
    ("WAV", "PCM_16", 2**-15),
    ("WAV", "PCM_24", 2**-23),
    ("WAV", "PCM_32", 2**-23),
    ("WAV", "PCM_U8", 2**-7),
    ("WAV", "FLOAT", 0),
    ("WAV", "DOUBLE", 0),
    ("WAVEX", "PCM_24", 2**-23),
    ("RF64", "PCM_16", 2**-15),
    ("W64", "PCM_24", 2**-23),
    ("AIFF", "PCM_16", 2**-15),
    ("AIFF", "FLOAT", 0),
    ("CAF", "PCM_24", 2**-23),
    ("AU", "PCM_16", 2**-15),
    ("FLAC", "PCM_16", 2**-15),
    ("FLAC", "PCM_24", 2**-23),
]


def noise(seconds: float, channels: int, rate: int = 44_100) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.uniform(-0.9, 0.9, (channels, round(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize(("container", "subtype", "step"), LOSSLESS)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_lossless_file_is_read_to_within_its_own_quantisation(tmp_path, container, subtype, step, channels):
    # Longer than two blocks of the reader, and not a multiple of one.
    audio = noise(3.3, channels)
    path = tmp_path / "clip.bin"
    sf.write(path, audio.T, 44_100, format=container, subtype=subtype)

    decoded = read_audio(path)

    assert (decoded.sample_rate, decoded.format, decoded.subtype) == (44_100, container, subtype)
    assert decoded.audio.dtype == np.float32
    assert decoded.audio.flags.c_contiguous
    assert decoded.audio.shape == audio.shape
    assert np.abs(decoded.audio - audio).max() <= step
    assert decoded.notes == ()


@pytest.mark.parametrize(("container", "subtype"), [("MP3", None), ("OGG", "VORBIS"), ("OGG", "OPUS")])
def test_a_lossy_file_keeps_its_tone_and_its_length(tmp_path, container, subtype):
    audio = np.stack([tone(4.0, hz=440), tone(4.0, hz=1000)])
    path = tmp_path / "clip"
    sf.write(path, audio.T, 48_000, format=container, subtype=subtype)

    decoded = read_audio(path)

    assert decoded.format == container
    assert decoded.audio.shape == audio.shape
    for channel, hz in zip(decoded.audio, (440, 1000), strict=True):
        spectrum = np.abs(np.fft.rfft(channel[48_000:144_000]))
        assert spectrum.argmax() == hz * 2
    assert decoded.notes == ()


def test_16_bit_samples_agree_with_the_standard_librarys_reader(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(wav_bytes(pcm16(noise(0.1, 1)[0])))
    with wave.open(str(path)) as file:
        expected = np.frombuffer(file.readframes(-1), dtype="<i2") / 32768

    np.testing.assert_array_equal(read_audio(path).audio[0], expected.astype(np.float32))


def test_every_byte_order_of_wav_is_read(tmp_path):
    audio = noise(0.1, 2)
    sf.write(tmp_path / "big.wav", audio.T, 44_100, format="WAV", subtype="FLOAT", endian="BIG")
    assert (tmp_path / "big.wav").read_bytes()[:4] == b"RIFX"

    np.testing.assert_array_equal(read_audio(tmp_path / "big.wav").audio, audio)


@pytest.mark.parametrize("extension", [".raw", ".gsm", ".vox", ".txt", ".mp3", ""])
def test_no_extension_misleads_the_reader(tmp_path, extension):
    audio = noise(0.1, 1)
    path = tmp_path / f"clip{extension}"
    sf.write(path, audio.T, 44_100, format="WAV", subtype="FLOAT")

    np.testing.assert_array_equal(read_audio(path).audio, audio)


def test_tags_in_front_of_the_audio_are_stepped_over(tmp_path):
    tag = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
    audio = noise(0.5, 1)
    sf.write(tmp_path / "clip.flac", audio.T, 44_100)
    path = tmp_path / "tagged.flac"
    path.write_bytes(tag + (tmp_path / "clip.flac").read_bytes())

    assert read_audio(path).audio.shape == audio.shape


def test_a_name_in_no_encoding_is_opened_all_the_same(tmp_path):
    path = Path(str(tmp_path / "caf\udce9 \u2013 \U0001f941.wav"))
    try:
        path.write_bytes(wav_bytes(pcm16(tone(0.1))))
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system refuses names that are not UTF-8")

    assert read_audio(path).audio.shape == (1, 4800)


def test_a_file_longer_than_the_limit_is_read_up_to_it_and_says_so(tmp_path):
    audio = noise(3.0, 2)
    sf.write(tmp_path / "long.wav", audio.T, 44_100, subtype="FLOAT")

    decoded = read_audio(tmp_path / "long.wav", max_samples=200_001)

    np.testing.assert_array_equal(decoded.audio, audio[:, :100_000])
    assert decoded.notes == ("too long to hold in memory: only the first 2.27 s are used; cut it to use the rest",)
    assert not decoded.truncated


def test_a_file_of_just_the_limit_is_whole(tmp_path):
    sf.write(tmp_path / "clip.wav", noise(1.0, 2).T, 44_100)

    assert read_audio(tmp_path / "clip.wav", max_samples=88_200).notes == ()


def test_memory_grows_with_the_audio_and_not_twice(tmp_path):
    sf.write(tmp_path / "clip.wav", noise(20.0, 2).T, 44_100)
    tracemalloc.start()
    decoded = read_audio(tmp_path / "clip.wav")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # The blocks and the array that they are joined into, and no third copy.
    assert peak_bytes < 2.3 * decoded.audio.nbytes


def test_an_error_names_the_file_and_the_reason_on_one_line(tmp_path):
    path = tmp_path / "page.wav"
    path.write_text("<html>not found</html>")

    with pytest.raises(AudioFileError) as error:
        read_audio(path)
    assert str(error.value) == f"{path}: not audio"
    assert isinstance(error.value, OSError)


@given(st.binary(max_size=4096))
@settings(max_examples=200)
def test_probing_any_bytes_ends_in_a_verdict(data):
    found = probe(io.BytesIO(data))
    assert found.container or not found.has_decoder


@given(st.sampled_from([b"RIFF", b"RIFX", b"RF64", b"FORM", b"riff", b"OggS", b".snd", b"ID3\x04"]), st.binary())
@settings(max_examples=200)
def test_probing_a_broken_container_ends_in_a_verdict(magic, data):
    kind = b"AIFC" if magic == b"FORM" else b"WAVE"
    probe(io.BytesIO(magic + data[:4].ljust(4, b"\xff") + kind + data))


def test_a_container_of_endless_empty_chunks_is_given_up_on():
    found = probe(io.BytesIO(b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\0\0\0" * 50_000))
    assert found.container == "WAV"
    assert found.claimed_bytes is None


def test_text_in_utf_16_is_not_taken_for_mpeg_audio():
    assert probe(io.BytesIO("these are my notes, nothing to hear".encode("utf-16"))).container == ""


def test_the_frames_of_a_real_mp3_follow_each_other_to_its_end(tmp_path):
    sf.write(tmp_path / "clip.mp3", tone(2.0), 48_000, format="MP3")
    data = (tmp_path / "clip.mp3").read_bytes()
    offset = frames = 0
    while offset < len(data):
        length = mpeg_frame_bytes(data[offset : offset + 4])
        assert length is not None, f"lost after {frames} frames"
        offset, frames = offset + length, frames + 1
    assert offset == len(data)
    assert abs(frames * 1152 - 96_000) <= 4 * 1152


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("fffb9064", 417),  # MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 144 * 128000 / 44100
        ("fffb9264", 418),  # the same, padded
        ("fff38064", 208),  # MPEG 2 layer III, 64 kbit/s, 22.05 kHz: 72 * 64000 / 22050
        ("fffda400", 576),  # MPEG 1 layer II, 192 kbit/s, 48 kHz: 144 * 192000 / 48000
        ("ffff1400", 32),  # MPEG 1 layer I, 32 kbit/s, 48 kHz: 12 * 32000 / 48000 slots of four bytes
        ("fffb0064", None),  # free format
        ("fffbf064", None),  # no such bitrate
        ("fffb9c64", None),  # no such sampling rate
        ("fff19064", None),  # AAC
        ("00000000", None),
    ],
)
def test_an_mpeg_frame_is_as_long_as_the_standard_says(header, expected):
    assert mpeg_frame_bytes(bytes.fromhex(header)) == expected


def test_probing_reads_the_wav_header_as_it_stands():
    data = wav_bytes(bytes(100), channels=3, rate=96_000, tag=0xFFFE, claimed=4000, fmt_extension=extensible(1))
    found = probe(io.BytesIO(data))
    assert (found.channels, found.sample_rate) == (3, 96_000)
    assert (found.claimed_bytes, found.present_bytes) == (4000, 100)
    assert not found.is_ima_adpcm


def test_the_word_fmt_in_the_sound_itself_is_no_reason_to_refuse():
    found = probe(io.BytesIO(wav_bytes(b"fmt " * 1000)))
    assert not found.is_ima_adpcm


@pytest.mark.parametrize(
    ("extension", "container", "contradicts"),
    [
        (".wav", "WAV", False),
        (".wav", "WAVEX", False),
        (".wav", "FLAC", True),
        (".aifc", "AIFF", False),
        (".opus", "OGG", False),
        ("", "WAV", True),
        (".dat", "MP3", True),
        (".odd", "HTK", False),
    ],
)
def test_an_extension_contradicts_content_that_is_not_its_own(extension, container, contradicts):
    assert extension_contradicts(extension, container) is contradicts


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.zeros((1, 1, 4), np.float32), r"shape \(1, 1, 4\)"),
        (np.float32(0.5), r"shape \(\)"),
        (np.zeros(4, np.int16), "int16"),
        (np.zeros(4, complex), "complex128"),
        (np.zeros(0, np.float32), "is empty"),
        (np.zeros((2, 0), np.float32), "is empty"),
        (np.array([0.0, np.nan, np.inf, -np.inf]), "3 NaN or infinite samples of 4"),
    ],
)
def test_what_is_not_audio_is_refused_by_its_name(audio, words):
    with pytest.raises(InvalidAudioError, match=words) as error:
        check_audio(audio, name="seed")
    assert str(error.value).startswith("seed ")
    assert isinstance(error.value, ValueError)


def test_checked_audio_is_contiguous_float32_and_over_full_scale_is_kept():
    given_audio = np.array([[0.25, 9.0, -1.5, 9.0], [0.0, 9.0, 2.0, 9.0]])[:, ::2]
    checked = check_audio(given_audio)
    assert checked.dtype == np.float32
    assert checked.flags.c_contiguous
    np.testing.assert_array_equal(checked, [[0.25, -1.5], [0.0, 2.0]])


def test_empty_audio_passes_where_it_is_allowed():
    assert check_audio(np.zeros(0), allow_empty=True).shape == (0,)


@pytest.mark.parametrize("rate_in", [4_000, 8_000, 22_050, 44_100, 96_000, 192_000, 768_000])
def test_a_resampled_sine_keeps_its_frequency_and_level(rate_in):
    resampled = resample(tone(1.0, rate_in, hz=1000), rate_in, 48_000)
    middle = resampled[9600:38_400]
    expected = tone(1.0, 48_000, hz=1000)[9600:38_400]
    assert abs(len(resampled) - 48_000) <= 1
    assert np.abs(middle - expected).max() < 1e-4


def test_what_lies_over_the_new_nyquist_does_not_fold_back():
    assert np.abs(resample(tone(1.0, 96_000, hz=30_000), 96_000, 48_000)[4800:-4800]).max() < 1e-6


def test_channels_are_resampled_alike_and_stay_apart():
    left, right = tone(0.5, 44_100, hz=300), tone(0.5, 44_100, hz=3000)
    together = resample(np.stack([left, right]), 44_100, 48_000)
    np.testing.assert_allclose(together[0], resample(left, 44_100, 48_000), atol=1e-6)
    np.testing.assert_allclose(together[1], resample(right, 44_100, 48_000), atol=1e-6)


def test_an_equal_rate_changes_nothing():
    audio = noise(0.1, 2)
    np.testing.assert_array_equal(resample(audio, 48_000, 48_000), audio)
