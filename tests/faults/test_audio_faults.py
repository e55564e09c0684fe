"""What each bad file and folder gets. The number in a test's name is the row of the fault table that it stands for."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from badfiles import EXTENSIBLE, IMA_ADPCM, aiff_ima4_bytes, extensible, pcm16, tone, w64_bytes, wav_bytes
from small_dataset_audio.audio import guarded_decoder, read_audio
from small_dataset_audio.audio.guarded_decoder import DecoderLimits, GuardedDecoder
from small_dataset_audio.corpus import FileReport, ScanConfig, inspect_folder, require_usable, scan_corpus
from small_dataset_audio.errors import AudioFileError, CorpusError, InvalidConfigError

GOOD = "good.wav"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good recording in it, which every scan below must still find."""
    (tmp_path / GOOD).write_bytes(wav_bytes(pcm16(tone(2.0, hz=220))))
    return tmp_path


def scanned(folder: Path, name: str, config: ScanConfig | None = None) -> FileReport:
    """The report on one file; and proof that it kept nothing else from being used."""
    corpus = scan_corpus(folder, config or ScanConfig())
    reports = {report.name: report for report in corpus.files}
    assert reports[GOOD].status == "used"
    assert "\n" not in reports[name].reason
    assert (reports[name].status == "used") == (name in {clip.name for clip in corpus.clips})
    return reports[name]


def skipped(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    report = scanned(folder, name)
    assert report.status == "skipped"
    return report.reason


def used(folder: Path, name: str) -> FileReport:
    report = scanned(folder, name)
    assert report.status == "used", report.reason
    return report


def clip_audio(folder: Path, name: str) -> np.ndarray:
    return next(clip.audio for clip in scan_corpus(folder).clips if clip.name == name)


# Rows 1 to 3: too little.


def test_row_01_an_empty_file_is_skipped(folder):
    assert skipped(folder, "x.wav", b"") == "empty file"


@pytest.mark.parametrize("container", ["WAV", "AIFF", "W64", "CAF"])
def test_row_02_a_header_without_samples_is_skipped(folder, container):
    sf.write(folder / "x.wav", np.zeros((0, 2)), 44_100, format=container)
    report = scanned(folder, "x.wav")
    assert (report.status, report.reason) == ("skipped", "no audio")


def test_row_03_one_sample_is_skipped_with_its_length_and_the_minimum(folder):
    reason = skipped(folder, "x.wav", wav_bytes(pcm16(np.array([0.5]))))
    assert reason == "too short: 0.0000 s (1 sample); at least 0.02 s is needed"


def test_row_03_the_minimum_is_a_setting_and_itself_is_enough(folder):
    (folder / "x.wav").write_bytes(wav_bytes(pcm16(tone(0.04))))
    assert used(folder, "x.wav").duration_s == 0.04
    assert scanned(folder, "x.wav", ScanConfig(min_duration_s=0.04)).status == "used"
    report = scanned(folder, "x.wav", ScanConfig(min_duration_s=0.0401))
    assert report.reason == "too short: 0.0400 s (1920 samples); at least 0.0401 s is needed"


# Rows 4 and 5: headers that promise more than there is.


def test_row_04_a_truncated_wav_is_used_as_far_as_it_goes_and_warned_about(folder):
    data = wav_bytes(pcm16(tone(10.0)))
    (folder / "x.wav").write_bytes(data[: 44 + round(3.2 * 96_000)])
    report = used(folder, "x.wav")
    assert "truncated" in report.marks
    assert "truncated: header says 10.00 s, 3.20 s are there" in report.notes
    assert abs(report.duration_s - 3.2) < 1e-4
    np.testing.assert_allclose(clip_audio(folder, "x.wav"), tone(3.2), atol=1e-4)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_24"),
        ("WAV", "MS_ADPCM"),
        ("WAVEX", "FLOAT"),
        ("RF64", "PCM_16"),
        ("W64", "PCM_16"),
        ("AIFF", "PCM_24"),
        ("AU", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("MP3", None),
    ],
)
def test_row_04_a_truncated_file_is_used_as_far_as_it_goes_whatever_its_container(folder, container, subtype):
    rng = np.random.default_rng(3)
    sf.write(folder / "whole", 0.2 * rng.standard_normal((441_000, 2)), 44_100, format=container, subtype=subtype)
    data = (folder / "whole").read_bytes()
    (folder / "cut").write_bytes(data[: len(data) * 2 // 5])

    whole, cut = read_audio(folder / "whole"), read_audio(folder / "cut")

    assert whole.truncated == ""
    assert cut.truncated.startswith("truncated")
    assert ": header says 10.0" in cut.truncated or ": header says 9.9" in cut.truncated
    assert 3.8 < cut.duration_s < 4.1
    # The very end of a lossy stream lacks its overlap with the next frame.
    agreeing = slice(0, cut.audio.shape[1] - (2304 if container == "MP3" else 0))
    np.testing.assert_allclose(cut.audio[:, agreeing], whole.audio[:, agreeing], atol=1e-6)
    assert used(folder, "cut").marks >= {"truncated"}


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_row_04_an_ogg_stream_without_its_end_is_used_and_warned_about(folder, subtype):
    sf.write(folder / "x.ogg", tone(10.0), 48_000, format="OGG", subtype=subtype)
    data = (folder / "x.ogg").read_bytes()
    (folder / "x.ogg").write_bytes(data[: len(data) // 2])
    report = used(folder, "x.ogg")
    assert any(note.startswith("truncated: the stream has no end mark") for note in report.notes)
    assert 2.0 < report.duration_s < 6.0


def test_row_04_damage_in_the_middle_of_a_flac_keeps_what_lies_before_it(folder):
    rng = np.random.default_rng(3)
    sf.write(folder / "x.flac", 0.2 * rng.standard_normal(441_000), 44_100)
    whole = read_audio(folder / "x.flac").audio
    data = bytearray((folder / "x.flac").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    (folder / "x.flac").write_bytes(data)
    damaged = read_audio(folder / "x.flac")
    assert damaged.truncated.startswith("truncated or damaged: header says 10.00 s")
    assert damaged.duration_s > 4.5
    np.testing.assert_array_equal(damaged.audio, whole[:, : damaged.audio.shape[1]])


def test_row_04_a_header_cut_in_half_is_skipped(folder):
    reason = skipped(folder, "x.wav", wav_bytes(pcm16(tone(1.0)))[:30])
    assert reason.startswith("damaged WAV")


@pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\0\x10" + bytes(16)], ids=["bare", "behind a tag"])
@pytest.mark.parametrize("container", ["WAV", "RF64"])
def test_row_04_a_header_cut_anywhere_is_skipped_at_once(folder, container, tag):
    with sf.SoundFile(folder / "whole", "w", 48_000, 1, format=container) as sound:
        sound.title = "a title"
        sound.write(tone(1.0))
    data = (folder / "whole").read_bytes()
    audio_begins = data.find(b"data") + 8
    with GuardedDecoder(DecoderLimits(min_time_s=5.0, max_time_s=5.0)) as decoder:
        for length in range(1, audio_begins):
            (folder / "cut").write_bytes(tag + data[:length])
            with pytest.raises(AudioFileError, match=r"^damaged|^not audio$|^no audio$") as error:
                decoder.decode(folder / "cut")
            if tag and length >= 12:
                assert str(error.value) == f"damaged {container}: it ends before its audio begins"


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0xFFFFFFF0, 0x7FFFF000])
def test_row_05_a_claim_of_4_gb_allocates_nothing_and_is_warned_about(folder, claimed):
    (folder / "x.wav").write_bytes(wav_bytes(pcm16(tone(1.0)), claimed=claimed))
    tracemalloc.start()
    audio = read_audio(folder / "x.wav")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert audio.audio.shape == (1, 48_000)
    assert audio.truncated == f"truncated: header says {claimed / 96_000:.2f} s, 1.00 s are there"
    assert peak_bytes < 4e6
    assert "truncated" in used(folder, "x.wav").marks


def test_row_05_a_flac_header_that_claims_two_weeks_allocates_nothing(folder):
    sf.write(folder / "x.flac", tone(1.0), 48_000)
    data = bytearray((folder / "x.flac").read_bytes())
    data[21] |= 0x0F  # total samples: the low four bits here, and the next four bytes
    data[22:26] = b"\xff" * 4
    (folder / "x.flac").write_bytes(data)
    tracemalloc.start()
    audio = read_audio(folder / "x.flac")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(audio.audio[0], tone(1.0), atol=1e-4)
    assert audio.truncated.endswith("1.00 s are there")
    assert peak_bytes < 4e6


def test_row_05_a_flac_header_that_leaves_its_length_open_is_no_fault(folder):
    sf.write(folder / "x.flac", tone(1.0), 48_000)
    data = bytearray((folder / "x.flac").read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (folder / "x.flac").write_bytes(data)
    audio = read_audio(folder / "x.flac")
    np.testing.assert_allclose(audio.audio[0], tone(1.0), atol=1e-4)
    assert audio.notes == ()


def test_row_05_an_rf64_header_may_claim_what_it_likes(folder):
    sf.write(folder / "x.wav", tone(1.0), 48_000, format="RF64")
    data = bytearray((folder / "x.wav").read_bytes())
    assert data[12:16] == b"ds64"
    data[28:36] = struct.pack("<Q", 2**60)
    (folder / "x.wav").write_bytes(data)
    assert read_audio(folder / "x.wav").audio.shape == (1, 48_000)
    assert "truncated" in used(folder, "x.wav").marks


@pytest.mark.parametrize("container", ["W64", "WAV", "AIFF"])
def test_row_05_a_gsm_header_that_claims_days_yields_no_more_than_its_bytes_can_hold(folder, container):
    sf.write(folder / "x.wav", tone(1.0, 8000), 8000, format=container, subtype="GSM610")
    data = bytearray((folder / "x.wav").read_bytes())
    data_chunk = data.find(b"SSND" if container == "AIFF" else b"data")
    if container == "W64":
        data[data_chunk + 16 : data_chunk + 24] = struct.pack("<Q", 2**40)
    else:
        data[data_chunk + 4 : data_chunk + 8] = b"\x7f\xff\xff\x7f"
    (folder / "x.wav").write_bytes(data)
    report = used(folder, "x.wav")
    assert "truncated" in report.marks
    assert 0.9 < report.duration_s <= 8 * len(data) / 8000


# Rows 6 and 7: layouts and rates out of reason.


def test_row_06_over_32_channels_are_refused(folder):
    assert skipped(folder, "x.wav", wav_bytes(bytes(2048 * 10), channels=1024)) == "1024 channels; at most 32"
    assert skipped(folder, "x.wav", wav_bytes(bytes(66 * 100), channels=33)) == "33 channels; at most 32"
    assert skipped(folder, "x.wav", wav_bytes(bytes(8), channels=65_535)) == "65535 channels; at most 32"


def test_row_06_a_container_whose_header_only_the_decoder_reads_is_refused_as_well(folder):
    sf.write(folder / "x.aiff", np.full((4800, 40), 0.1), 48_000)
    assert scanned(folder, "x.aiff").reason == "40 channels; at most 32"


def test_row_06_thirty_two_channels_are_read(folder):
    sf.write(folder / "x.wav", np.repeat(tone(1.0)[:, None], 32, axis=1), 48_000, subtype="FLOAT")
    assert "downmixed from 32 channels (mean)" in used(folder, "x.wav").notes


@pytest.mark.parametrize("rate", [0, 1, 3_999, 768_001, 10_000_000, 2**31 + 5])
def test_row_07_rates_out_of_range_are_refused(folder, rate):
    reason = skipped(folder, "x.wav", wav_bytes(pcm16(tone(1.0)), rate=rate))
    assert reason == f"sample rate {rate} Hz; 4000 to 768000 Hz are read"


@pytest.mark.parametrize("rate", [4_000, 768_000])
def test_row_07_the_ends_of_the_range_are_read(folder, rate):
    (folder / "x.wav").write_bytes(wav_bytes(pcm16(tone(0.5, rate)), rate=rate))
    assert used(folder, "x.wav").sample_rate == rate
    assert abs(len(clip_audio(folder, "x.wav")) - 24_000) <= 1


# Rows 8 and 9: names that lie.


@pytest.mark.parametrize(
    ("name", "container", "note"),
    [
        ("x.wav", "FLAC", "extension says .wav, content is FLAC"),
        ("x.mp3", "WAV", "extension says .mp3, content is WAV"),
        ("x.m4a", "OGG", "extension says .m4a, content is OGG"),
        ("x.txt", "AIFF", "extension says .txt, content is AIFF"),
        ("x.DAT", "MP3", "extension says .DAT, content is MP3"),
        ("x", "WAV", "no extension, content is WAV"),
    ],
)
def test_row_08_content_decides_and_a_wrong_extension_is_noted(folder, name, container, note):
    sf.write(folder / name, tone(1.0), 48_000, format=container)
    report = used(folder, name)
    assert report.format == container
    assert note in report.notes


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html><html><body>404</body></html>" * 50,
        b"just a few words",
        b"x",
        "notes in another encoding ".encode("utf-16") * 50,
        bytes(5000),
        b"\xff\xfb\x90\x64" + bytes(5000),
        b"\xff" * 5000,
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(500),
    ],
)
@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.flac"])
def test_row_09_what_is_not_audio_is_skipped_whatever_its_name(folder, name, data):
    assert skipped(folder, name, data) == "not audio"


def test_row_09_random_bytes_named_wav_are_skipped(folder, capfd):
    rng = np.random.default_rng(9)
    for length in (3, 44, 1000, 100_000):
        assert skipped(folder, "x.wav", rng.bytes(length)) == "not audio"
    assert capfd.readouterr().err == ""


def test_row_09_files_that_never_claimed_to_be_audio_are_not_complained_about(folder):
    for name in ("README.txt", "cover.jpg", "Thumbs.db", "session.als", "take.mid", "notes", "empty"):
        (folder / name).write_bytes(b"" if name == "empty" else b"MThd some bytes that are no recording" * 100)
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "._good.wav").write_bytes(b"\0\x05\x16\x07\0\2\0\0Mac OS X")
    (folder / ".hidden.wav").write_bytes((folder / GOOD).read_bytes())
    (folder / ".Trash").mkdir()
    (folder / ".Trash" / "old.wav").write_bytes((folder / GOOD).read_bytes())
    assert [report.name for report in scan_corpus(folder).files] == [GOOD]


# Rows 10, 12, 13: samples.


def test_row_10_nan_and_inf_are_skipped_with_their_count(folder):
    audio = tone(1.0).astype(np.float32)
    audio[[5, 6, 40_000]] = np.nan, np.inf, -np.inf
    sf.write(folder / "x.wav", audio, 48_000, subtype="FLOAT")
    report = scanned(folder, "x.wav")
    assert (report.status, report.reason) == ("skipped", "3 NaN or infinite samples of 48000")


def test_row_12_float_peaks_over_one_are_kept_and_reported(folder):
    audio = tone(1.0, level=0.5)
    audio[100], audio[200] = 1.5, -2.0
    sf.write(folder / "x.wav", audio, 48_000, subtype="FLOAT")
    report = used(folder, "x.wav")
    assert report.peak == 2.0
    assert "holds 2 samples over 1.0 (peak 2.00): kept as they are" in report.notes
    assert np.abs(clip_audio(folder, "x.wav")).max() == 2.0


@pytest.mark.parametrize("value", [3e38, -3e38, 5e9])
def test_row_12_samples_that_would_overflow_are_skipped_with_the_largest(folder, value):
    audio = np.stack([tone(1.0), tone(1.0)], axis=1)
    audio[:2] = value
    sf.write(folder / "x.wav", audio, 44_100, subtype="FLOAT")
    report = scanned(folder, "x.wav")
    assert report.status == "skipped"
    assert report.reason == f"samples out of reason: as large as {abs(value):.1e}, where full scale is 1.0"


def test_row_12_integers_that_were_never_scaled_are_kept(folder):
    sf.write(folder / "x.wav", tone(1.0, level=2.0**31), 44_100, subtype="FLOAT")
    assert "over_full_scale" in used(folder, "x.wav").marks


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_row_13_silence_is_excluded_and_named(folder, level):
    audio = level * np.random.default_rng(1).choice([-1.0, 1.0], (48_000, 2))
    sf.write(folder / "x.wav", audio, 48_000, subtype="PCM_24")
    report = scanned(folder, "x.wav")
    assert (report.status, report.reason) == ("skipped", "silence")


def test_row_13_a_constant_is_excluded_and_named(folder):
    sf.write(folder / "x.wav", np.full(48_000, -0.25), 48_000, subtype="PCM_24")
    report = scanned(folder, "x.wav")
    assert report.status == "skipped"
    assert report.reason == "only a constant offset (DC): 0.250, with no sound on it"


def test_row_13_a_quiet_recording_is_not_silence(folder):
    sf.write(folder / "x.wav", tone(1.0, level=3e-4), 48_000, subtype="PCM_24")
    assert used(folder, "x.wav").peak < 4e-4


def test_row_13_a_corpus_with_nothing_else_is_an_error(tmp_path):
    for name in ("a.wav", "b.wav"):
        sf.write(tmp_path / name, np.zeros(48_000), 48_000)
    (tmp_path / "c.wav").write_bytes(b"")
    corpus = scan_corpus(tmp_path)
    with pytest.raises(CorpusError) as error:
        require_usable(corpus)
    message = str(error.value)
    assert str(tmp_path) in message
    assert "3 files were looked at: silence (2), empty file (1)" in message
    assert "put recordings into it" in message
    assert "\n" not in message
    summary = inspect_folder(tmp_path)
    assert (summary.used, summary.skipped, summary.reasons) == (0, 3, {"silence": 2, "empty file": 1})


def test_row_13_a_folder_without_audio_files_is_an_error_that_says_what_to_put_in(tmp_path):
    (tmp_path / "README.txt").write_text("nothing yet")
    with pytest.raises(CorpusError, match=r"holds no audio files; put recordings into it \(WAV, AIFF, FLAC"):
        require_usable(scan_corpus(tmp_path))


# Rows 14 to 17: kinds of audio.


@pytest.mark.parametrize(
    ("rate", "subtype", "notes"),
    [
        (48_000, "PCM_U8", {"8-bit audio (PCM_U8): its noise will be learned as well"}),
        (192_000, "PCM_24", {"resampled from 192000 Hz"}),
        (22_050, "PCM_16", {"resampled from 22050 Hz"}),
        (11_025, "ULAW", {"8-bit audio (ULAW): its noise will be learned as well", "resampled from 11025 Hz"}),
    ],
)
def test_row_14_unusual_rates_and_depths_are_converted_and_noted(folder, rate, subtype, notes):
    sf.write(folder / "x.wav", tone(2.0, rate), rate, subtype=subtype)
    # libsndfile rounds 8 bits downwards, which is an offset of half a step; it is noted and taken out as any other.
    said = {note for note in used(folder, "x.wav").notes if not note.startswith("constant offset")}
    assert said == notes
    audio = clip_audio(folder, "x.wav")
    assert abs(len(audio) - 96_000) <= 1
    middle = audio[24_000:72_000]
    level_at_440_hz = 2 * np.abs(np.mean(middle * np.exp(-2j * np.pi * 440 * np.arange(48_000) / 48_000)))
    assert abs(level_at_440_hz - 0.5) < 0.01


def test_row_15_five_point_one_is_mixed_after_bs_775_and_noted(folder):
    frequencies = [200, 300, 400, 50, 500, 600]  # left, right, centre, low frequencies, surround left and right
    channels = np.stack([tone(1.0, hz=hz, level=0.5) for hz in frequencies])
    sf.write(folder / "x.wav", channels.T, 48_000, subtype="FLOAT")
    assert "downmixed from 6 channels (ITU-R BS.775, without the low-frequency channel)" in used(folder, "x.wav").notes
    levels = 2 * np.abs(np.fft.rfft(clip_audio(folder, "x.wav"))) / 48_000
    expected = 0.5 * np.array([0.7071, 0.7071, 1.0, 0.0, 0.5, 0.5]) / 3.4142
    np.testing.assert_allclose(levels[frequencies], expected, atol=1e-4)


@pytest.mark.parametrize("channels", [3, 4, 8])
def test_row_15_other_layouts_are_averaged_and_noted(folder, channels):
    audio = np.stack([tone(1.0, hz=100 * (i + 1)) for i in range(channels)])
    sf.write(folder / "x.wav", audio.T, 48_000, subtype="FLOAT")
    assert f"downmixed from {channels} channels (mean)" in used(folder, "x.wav").notes
    np.testing.assert_allclose(clip_audio(folder, "x.wav"), audio.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        ("x.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0", "MP4 (M4A, AAC)"),
        ("x.wav", b"\0\0\0\x20ftypisom\0\0\0\0", "MP4 (M4A, AAC)"),
        ("x.aac", b"\xff\xf1\x50\x80", "AAC"),
        ("x.wma", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "WMA"),
        ("x.ape", b"MAC \x96\x0f", "Monkey's Audio"),
        ("x.wv", b"wvPk", "WavPack"),
        (
            "x.8svx",
            b"ID3\x04\0\0\0\0\0\x04" + bytes(4) + b"FORM\0\0\x02\x508SVXVHDR\0\0\0\x14",
            "8SVX behind an ID3 tag",
        ),
        ("x.webm", b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
        ("x.m4a", b"something never seen before", "M4A"),
    ],
)
def test_row_16_a_format_without_a_decoder_is_named_with_those_that_are_read(folder, name, head, said):
    reason = skipped(folder, name, head + bytes(2000))
    assert reason.startswith(f"no decoder for {said}; WAV, AIFF, FLAC, OGG (Vorbis, Opus), MP3")
    assert reason.endswith("are read: convert it")


@pytest.mark.parametrize(
    "data",
    [
        wav_bytes(bytes(2048), tag=IMA_ADPCM, bits=4, fmt_extension=struct.pack("<HH", 2, 505)),
        wav_bytes(bytes(2048), tag=EXTENSIBLE, fmt_extension=extensible(IMA_ADPCM)),
        # Behind 100 kB of padding, and where libsndfile, resynchronising after a broken chunk, might find it.
        wav_bytes(bytes(2048), tag=IMA_ADPCM, before_fmt=b"JUNK" + struct.pack("<I", 100_000) + bytes(100_000)),
        wav_bytes(bytes(2048), tag=IMA_ADPCM, before_fmt=b"\x01\x02\x03\x04" * 5 + b"\xff"),
        b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + wav_bytes(bytes(2048), tag=IMA_ADPCM),
        w64_bytes(bytes(2048), tag=IMA_ADPCM),
        aiff_ima4_bytes(),
    ],
    ids=["plain", "extensible", "behind padding", "behind a broken chunk", "behind a tag", "W64", "AIFF"],
)
def test_row_17_ima_adpcm_is_refused_before_libsndfile_opens_it(folder, data, monkeypatch):
    (folder / "x.wav").write_bytes(data)
    (folder / GOOD).unlink()

    def open_nothing(*_: object, **__: object) -> None:
        raise AssertionError("libsndfile was asked to open the file")

    monkeypatch.setattr(sf, "SoundFile", open_nothing)
    monkeypatch.setattr(guarded_decoder, "_start", open_nothing)
    with pytest.raises(AudioFileError, match="IMA-ADPCM"):
        read_audio(folder / "x.wav")
    (report,) = scan_corpus(folder).files
    assert report.status == "skipped"
    assert report.reason == "IMA-ADPCM, whose decoder is not safe; convert it to PCM WAV or FLAC"


def test_row_17_a_real_ima_adpcm_file_is_refused_and_ms_adpcm_is_read(folder):
    sf.write(folder / "ima.wav", tone(1.0), 48_000, subtype="IMA_ADPCM")
    sf.write(folder / "ms.wav", tone(1.0), 48_000, subtype="MS_ADPCM")
    assert scanned(folder, "ima.wav").reason.startswith("IMA-ADPCM")
    assert used(folder, "ms.wav").subtype == "MS_ADPCM"


# Row 19: the same recording twice.


def test_row_19_the_same_recording_in_other_containers_is_used_once(folder):
    audio = np.random.default_rng(2).uniform(-0.5, 0.5, (48_000, 2))
    (folder / "later").mkdir()
    sf.write(folder / "b.wav", audio, 44_100, subtype="PCM_16")
    sf.write(folder / "c.flac", sf.read(folder / "b.wav")[0], 44_100, subtype="PCM_16")
    sf.write(folder / "d.aiff", sf.read(folder / "b.wav")[0], 44_100, subtype="PCM_24")
    (folder / "later" / "copy of b.wav").write_bytes((folder / "b.wav").read_bytes())
    corpus = scan_corpus(folder)
    assert [clip.name for clip in corpus.clips] == ["b.wav", GOOD]
    duplicates = [report for report in corpus.files if report.status == "duplicate"]
    assert [report.name for report in duplicates] == ["c.flac", "d.aiff", "later/copy of b.wav"]
    assert {report.duplicate_of for report in duplicates} == {"b.wav"}
    assert {report.reason for report in duplicates} == {"same recording as b.wav"}


def test_row_19_the_same_samples_at_another_rate_are_another_recording(folder):
    for rate in (44_100, 48_000):
        sf.write(folder / f"{rate}.wav", tone(1.0), rate)
    assert len(scan_corpus(folder).clips) == 3


# Rows 22 and 23: folders.


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target)
    except OSError as error:
        pytest.skip(f"no symbolic links here: {error}")


def test_row_22_loops_of_links_end(folder):
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "deep.wav").write_bytes(wav_bytes(pcm16(tone(1.0, hz=777))))
    link(folder / "a" / "b" / "up", folder)
    link(folder / "self", folder / "self")
    link(folder / "self.wav", folder / "self.wav")
    for follow_links in (False, True):
        corpus = scan_corpus(folder, ScanConfig(follow_links=follow_links))
        assert [clip.name for clip in corpus.clips] == ["a/b/deep.wav", GOOD]
        assert [(report.name, report.reason) for report in corpus.files if report.status == "skipped"] == [
            ("self.wav", "broken link")
        ]


def test_row_22_links_out_of_the_folder_are_followed_only_when_asked(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "far.wav").write_bytes(wav_bytes(pcm16(tone(1.0, hz=777))))
    (outside / "sub").mkdir()
    (outside / "sub" / "farther.wav").write_bytes(wav_bytes(pcm16(tone(1.0, hz=888))))
    link(outside / "sub" / "back", outside)
    link(folder / "far.wav", outside / "far.wav")
    link(folder / "sub", outside / "sub")

    here = scan_corpus(folder)
    assert [clip.name for clip in here.clips] == [GOOD]
    assert [(r.name, r.reason) for r in here.files if r.status == "skipped"] == [
        ("far.wav", "link out of the folder: not followed"),
        ("sub", "link out of the folder: not followed"),
    ]
    everywhere = scan_corpus(folder, ScanConfig(follow_links=True))
    assert {clip.name for clip in everywhere.clips} == {"far.wav", GOOD, "sub/farther.wav"}


def test_row_22_a_link_within_the_folder_adds_nothing_twice(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "x.wav").write_bytes(wav_bytes(pcm16(tone(1.0, hz=777))))
    link(folder / "alias", folder / "sub")
    link(folder / "again.wav", folder / GOOD)
    corpus = scan_corpus(folder)
    assert [(r.name, r.status) for r in corpus.files] == [
        ("again.wav", "used"),
        (GOOD, "duplicate"),
        ("sub/x.wav", "used"),
    ]


def test_row_23_a_missing_folder_is_an_error_with_the_next_step(tmp_path):
    with pytest.raises(CorpusError) as error:
        scan_corpus(tmp_path / "nowhere")
    assert str(error.value) == f"{tmp_path / 'nowhere'} does not exist; check the path of your recordings"


def test_row_23_a_file_where_a_folder_should_be_is_an_error(folder):
    with pytest.raises(CorpusError) as error:
        scan_corpus(folder / GOOD)
    assert str(error.value) == f"{folder / GOOD} is not a folder; give the folder that holds your recordings"


def deny(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Take the right to read `path` away; from root, whom no mode stops, by refusing in the system's place."""
    path.chmod(0)
    if not os.access(path, os.R_OK):
        return

    def refusing(real: object) -> object:
        def refuse(target: object, *rest: object, **named: object) -> object:
            if Path(target) == path:  # type: ignore[arg-type]
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return real(target, *rest, **named)  # type: ignore[operator]

        return refuse

    monkeypatch.setattr(io, "FileIO", refusing(io.FileIO))
    monkeypatch.setattr(os, "scandir", refusing(os.scandir))


def test_row_23_an_unreadable_file_is_skipped(folder, monkeypatch):
    (folder / "x.wav").write_bytes(wav_bytes(pcm16(tone(1.0))))
    deny(monkeypatch, folder / "x.wav")
    report = scanned(folder, "x.wav")
    assert (report.status, report.reason) == ("skipped", "unreadable: Permission denied")


def test_row_23_an_unreadable_folder_inside_is_skipped_and_named(folder, monkeypatch):
    (folder / "private").mkdir()
    deny(monkeypatch, folder / "private")
    report = scanned(folder, "private/")
    (folder / "private").chmod(0o700)
    assert (report.status, report.reason) == ("skipped", "unreadable folder: Permission denied")


def test_row_23_an_unreadable_folder_is_an_error_with_the_next_step(folder, monkeypatch):
    deny(monkeypatch, folder)
    with pytest.raises(CorpusError) as error:
        scan_corpus(folder)
    folder.chmod(0o700)
    assert "cannot be read (Permission denied); change its permissions" in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_row_23_a_named_pipe_is_skipped_and_does_not_hang_the_scan(folder):
    os.mkfifo(folder / "x.wav")
    os.mkfifo(folder / "pipe")
    report = scanned(folder, "x.wav")
    assert (report.status, report.reason) == ("skipped", "not a regular file")


def test_row_23_a_medium_that_fails_while_read_is_skipped(folder, monkeypatch):
    (folder / "x.wav").write_bytes(wav_bytes(pcm16(tone(1.0))))

    class Failing(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            if Path(self.name).name == "x.wav":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().read(size)

    monkeypatch.setattr(io, "FileIO", Failing)
    report = scanned(folder, "x.wav")
    assert (report.status, report.reason) == ("skipped", "unreadable: Input/output error")


def test_a_scan_leaves_the_recordings_as_they_were(folder):
    sf.write(folder / "loud.wav", 3 * tone(1.0), 48_000, subtype="FLOAT")
    sf.write(folder / "wide.flac", np.stack([tone(1.0), -tone(1.0)]).T, 22_050)
    (folder / "wrong.mp3").write_bytes((folder / GOOD).read_bytes())
    (folder / "html.wav").write_bytes(b"<html>")
    for path in folder.iterdir():
        path.chmod(0o444)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    scan_corpus(folder)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_duration_s", 0.0),
        ("min_duration_s", float("nan")),
        ("training_window_s", -1.0),
        ("max_total_s", float("inf")),
        ("silence_db", 0.0),
        ("silence_db", float("-inf")),
    ],
)
def test_a_setting_out_of_range_is_named_before_any_file_is_read(field, value):
    with pytest.raises(InvalidConfigError, match=f"^{field} is {value}; it must be"):
        scan_corpus(Path("/nowhere"), dataclasses.replace(ScanConfig(), **{field: value}))
