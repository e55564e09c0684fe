from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf

from badfiles import tone
from small_dataset_audio.audio import read_audio
from small_dataset_audio.corpus import ScanConfig
from small_dataset_audio.corpus.intake import content_hash, take_in


@pytest.fixture
def intake(tmp_path):
    def write_and_take_in(audio, rate=48_000, *, container="WAV", subtype="FLOAT", name="x.wav"):
        sf.write(tmp_path / name, np.asarray(audio).T, rate, format=container, subtype=subtype)
        return take_in(tmp_path / name, f"sub/{name}", ScanConfig())

    return write_and_take_in


def test_a_fitting_recording_comes_through_bit_for_bit_and_without_a_note(intake):
    audio = tone(2.0).astype(np.float32)
    report, clip = intake(audio)
    np.testing.assert_array_equal(clip.audio, audio)
    assert clip.audio.dtype == np.float32
    assert clip.name == report.name == "sub/x.wav"
    assert (report.status, report.reason, report.notes, report.marks) == ("used", "", (), frozenset())
    assert (report.duration_s, report.sample_rate, report.channels) == (2.0, 48_000, 1)
    assert (report.format, report.subtype, report.clipped_samples) == ("WAV", "FLOAT", 0)
    assert abs(report.peak - 0.5) < 1e-4


def test_everything_that_is_done_is_noted_once(intake):
    audio = np.stack([tone(1.0, 44_100), tone(1.0, 44_100, level=0.3)])
    report, clip = intake(audio, 44_100, subtype="PCM_24", container="FLAC", name="x.aif")
    assert report.notes == (
        "downmixed from 2 channels (mean)",
        "resampled from 44100 Hz",
        "shorter than one training window (1.37 s): padded when training",
        "extension says .aif, content is FLAC",
    )
    assert report.marks == {"downmixed", "resampled", "padded", "wrong_extension"}
    assert len(clip.audio) == 48_000
    np.testing.assert_allclose(clip.audio[4800:-4800], tone(1.0, level=0.4)[4800:-4800], atol=1e-4)


def test_the_shortest_stroke_is_used(intake):
    report, clip = intake(tone(0.02, 44_100), 44_100)
    assert report.status == "used"
    assert len(clip.audio) == 960


def test_flat_tops_at_full_scale_are_counted_as_clipping(intake):
    clipped = np.clip(tone(2.0, hz=100, level=1.2), -1, 1)
    report, _ = intake(clipped, subtype="PCM_16")
    flat = int((np.abs(tone(2.0, hz=100, level=1.2)) >= 1).sum())
    assert abs(report.clipped_samples - flat) <= 0.02 * flat
    assert f"clipped: {report.clipped_samples} samples in flat tops at full scale" in report.notes
    assert "over_full_scale" not in report.marks


@pytest.mark.parametrize("hz", [50, 440, 12_000])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_clean_sine_at_full_scale_is_not_clipped(intake, hz, subtype):
    report, _ = intake(tone(2.0, hz=hz, level=1.0), subtype=subtype)
    assert report.clipped_samples == 0
    assert report.peak > 0.999


def test_clipping_on_one_channel_of_two_is_counted_there(intake):
    left = tone(2.0, level=0.5)
    right = left.copy()
    right[1000:1020] = 1.0
    right[2000:2003] = 1.0
    report, _ = intake(np.stack([left, right]), subtype="FLOAT")
    assert report.clipped_samples == 20


def test_an_offset_is_removed_and_noted(intake):
    report, clip = intake(tone(3.0, hz=220) + 0.05)
    assert "constant offset (DC) of +0.050 removed by a high-pass at 10 Hz" in report.notes
    assert abs(clip.audio.mean()) < 1e-4
    np.testing.assert_allclose(clip.audio[24_000:-24_000], tone(3.0, hz=220)[24_000:-24_000], atol=2e-3)


def test_the_hash_is_of_what_is_heard(tmp_path):
    audio = np.random.default_rng(1).uniform(-0.5, 0.5, (24_000, 2))
    sf.write(tmp_path / "a", audio, 48_000, format="WAV", subtype="PCM_16")
    audio = sf.read(tmp_path / "a")[0]
    sf.write(tmp_path / "b", audio, 48_000, format="FLAC", subtype="PCM_16")
    sf.write(tmp_path / "c", audio, 44_100, format="WAV", subtype="PCM_16")
    sf.write(tmp_path / "d", audio.reshape(-1), 48_000, format="WAV", subtype="PCM_16")
    sf.write(tmp_path / "e", audio[::-1], 48_000, format="WAV", subtype="PCM_16")
    hashes = [content_hash(read_audio(tmp_path / name)) for name in "abcde"]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4
    assert all(len(text) == 64 for text in hashes)


# ---- the side of a stereo recording


def test_a_stereo_recording_keeps_its_side_beside_the_mid(intake):
    left, right = tone(1.5, hz=440), tone(1.5, hz=660, level=0.2)
    _, clip = intake(np.stack([left, right]))
    np.testing.assert_allclose(clip.audio + clip.side, left, atol=1e-6)
    np.testing.assert_allclose(clip.audio - clip.side, right, atol=1e-6)
    assert clip.side.dtype == np.float32


def test_the_side_is_resampled_as_the_mid_is(intake):
    _, clip = intake(np.stack([tone(1.0, 44_100), 0 * tone(1.0, 44_100)]), 44_100, subtype="PCM_24")
    np.testing.assert_array_equal(clip.side, clip.audio)


@pytest.mark.parametrize("right", [1.0, 0.999], ids=["equal channels", "channels 66 dB apart"])
def test_a_recording_that_is_mono_in_two_channels_keeps_no_side(intake, right):
    _, clip = intake(np.stack([tone(1.0), right * tone(1.0)]))
    assert clip.side is None


def test_mono_and_recordings_of_other_layouts_keep_no_side(intake):
    assert intake(tone(1.0))[1].side is None
    assert intake(np.stack([tone(1.0, hz=100 * n) for n in range(1, 7)]))[1].side is None


def test_an_offset_of_one_channel_is_removed_from_the_side_too_and_noted(intake):
    report, clip = intake(np.stack([tone(3.0, hz=220) + 0.04, tone(3.0, hz=330)]))
    assert "constant offset (DC) of +0.020 removed by a high-pass at 10 Hz" in report.notes
    assert "constant offset (DC) between left and right of +0.040 removed likewise" in report.notes
    assert abs(clip.side.mean()) < 1e-4
    middle = slice(24_000, -24_000)
    np.testing.assert_allclose((clip.audio + clip.side)[middle], tone(3.0, hz=220)[middle], atol=4e-3)


def test_an_offset_between_channels_that_are_equal_else_is_no_stereo(intake):
    _, clip = intake(np.stack([tone(3.0) + 0.04, tone(3.0) - 0.04]))
    assert clip.side is None
