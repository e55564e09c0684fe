from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from badfiles import pcm16, tone, wav_bytes
from small_dataset_audio.corpus import Clip, Corpus, ScanConfig, require_usable, scan_corpus
from small_dataset_audio.errors import CorpusError

MIX = [
    # name, rate, channels, container, subtype
    ("1 eight.wav", 22_050, 1, "WAV", "PCM_U8"),
    ("2 deep.wav", 96_000, 2, "WAV", "PCM_24"),
    ("3 float.wav", 48_000, 1, "WAV", "FLOAT"),
    ("4 mac.aiff", 44_100, 2, "AIFF", "PCM_16"),
    ("drones/5.flac", 192_000, 1, "FLAC", "PCM_24"),
    ("drones/low/6.ogg", 44_100, 2, "OGG", "VORBIS"),
    ("drones/low/7.mp3", 32_000, 2, "MP3", None),
    ("drones/low/8.opus", 48_000, 1, "OGG", "OPUS"),
    ("surround.w64", 48_000, 6, "W64", "PCM_32"),
]


@pytest.fixture
def mixed_folder(tmp_path):
    for index, (name, rate, channels, container, subtype) in enumerate(MIX):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        audio = np.repeat(tone(1.5, rate, hz=200 + 50 * index)[:, None], channels, axis=1)
        sf.write(path, audio, rate, format=container, subtype=subtype)
    (tmp_path / "notes.txt").write_text("recorded in the kitchen")
    return tmp_path


def test_a_mixed_folder_becomes_mono_clips_at_48_khz_in_order(mixed_folder):
    corpus = scan_corpus(mixed_folder)
    assert [clip.name for clip in corpus.clips] == [name for name, *_ in MIX]
    for index, clip in enumerate(corpus.clips):
        assert clip.audio.dtype == np.float32
        assert clip.audio.ndim == 1
        # An MP3 comes with its encoder's padding, and 1.5 s of it may be a frame longer.
        assert abs(len(clip.audio) - 72_000) <= (3 * 1728 if clip.name.endswith("mp3") else 2)
        middle = clip.audio[12_000:60_000]
        assert np.abs(np.fft.rfft(middle)).argmax() == 200 + 50 * index
        assert abs(np.abs(middle).max() - 0.5) < 0.02


def test_every_file_is_reported_with_what_it_is(mixed_folder):
    reports = scan_corpus(mixed_folder).files
    assert [(r.name, r.sample_rate, r.channels, r.format) for r in reports] == [row[:4] for row in MIX]
    assert all(report.status == "used" for report in reports)
    for report, (_, rate, channels, *_) in zip(reports, MIX, strict=True):
        assert ("resampled" in report.marks) == (rate != 48_000)
        assert ("downmixed" in report.marks) == (channels > 1)


def test_scanning_twice_gives_the_same_bits(mixed_folder):
    first, second = scan_corpus(mixed_folder), scan_corpus(mixed_folder)
    assert first.files == second.files
    assert first.content_hash == second.content_hash
    for one, other in zip(first.clips, second.clips, strict=True):
        np.testing.assert_array_equal(one.audio, other.audio)


def test_progress_counts_every_file_with_its_report(mixed_folder):
    (mixed_folder / "bad.wav").write_bytes(b"")
    calls = []
    corpus = scan_corpus(mixed_folder, on_file=lambda *call: calls.append(call))
    assert [call[0] for call in calls] == list(range(1, len(MIX) + 2))
    assert {call[1] for call in calls} == {len(MIX) + 1}
    assert tuple(call[2] for call in calls) == corpus.files


def test_the_recordings_are_untouched(mixed_folder):
    def state():
        return {
            path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in mixed_folder.rglob("*")
            if path.is_file()
        }

    before = state()
    scan_corpus(mixed_folder)
    assert state() == before


def test_the_corpus_hash_knows_the_contents_and_not_the_names(tmp_path):
    sounds = [wav_bytes(pcm16(tone(0.5, hz=hz))) for hz in (200, 300, 400)]
    for folder, names in (("one", "abc"), ("two", "cab")):
        (tmp_path / folder).mkdir()
        for name, sound in zip(names, sounds, strict=True):
            (tmp_path / folder / f"{name}.wav").write_bytes(sound)
    one, two = scan_corpus(tmp_path / "one"), scan_corpus(tmp_path / "two")
    assert one.content_hash == two.content_hash
    (tmp_path / "two" / "d.wav").write_bytes(wav_bytes(pcm16(tone(0.5, hz=500))))
    assert scan_corpus(tmp_path / "two").content_hash != one.content_hash


def test_audio_beyond_what_memory_holds_is_skipped_by_name_without_being_read(tmp_path):
    for index in range(4):
        (tmp_path / f"{index}.wav").write_bytes(wav_bytes(pcm16(tone(1.0, hz=200 + index))))
    corpus = scan_corpus(tmp_path, ScanConfig(max_total_s=1.5))
    assert [clip.name for clip in corpus.clips] == ["0.wav", "1.wav"]
    assert [report.reason.partition(":")[0] for report in corpus.files[2:]] == ["too much audio"] * 2


def test_a_file_longer_than_all_that_is_held_is_skipped_with_its_length(tmp_path):
    (tmp_path / "night.wav").write_bytes(wav_bytes(pcm16(tone(7.2))))
    (tmp_path / "note.wav").write_bytes(wav_bytes(pcm16(tone(0.5))))
    corpus = scan_corpus(tmp_path, ScanConfig(max_total_s=3.6))
    reasons = {report.name: report.reason for report in corpus.files}
    assert reasons == {"night.wav": "too long: 0.002 h; at most 0.001 h are held in all", "note.wav": ""}


def test_a_usable_corpus_is_handed_through(mixed_folder):
    corpus = scan_corpus(mixed_folder)
    assert require_usable(corpus) is corpus


def test_the_error_of_an_unusable_corpus_counts_one_file_as_one(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes(pcm16(tone(0.001))))
    with pytest.raises(CorpusError, match=r"1 file was looked at: too short \(1\); put"):
        require_usable(scan_corpus(tmp_path))


def corpus_of(tmp_path, count, seconds):
    audio = np.zeros(round(seconds * 48_000), np.float32)
    return Corpus(tmp_path, tuple(Clip(f"{i}", audio, f"{i}") for i in range(count)), ())


@pytest.mark.parametrize(
    ("count", "seconds", "words"),
    [
        (0, 1.0, []),
        (1, 20.0, ["only 1 usable recording:"]),
        (4, 20.0, ["only 4 usable recordings:"]),
        (5, 20.0, []),
        (5, 1.0, ["only 5.0 s of audio in all"]),
        (500, 0.1, []),
        (501, 0.1, ["501 usable recordings: more than the 500"]),
    ],
)
def test_a_corpus_that_is_too_small_or_too_large_is_warned_about(tmp_path, count, seconds, words):
    warnings = corpus_of(tmp_path, count, seconds).warnings
    assert len(warnings) == len(words)
    assert all(warning.startswith(word) for warning, word in zip(warnings, words, strict=True))


SONIC_PI = Path("/usr/share/sonic-pi/samples")


@pytest.mark.real
@pytest.mark.skipif(not SONIC_PI.is_dir(), reason="needs the Debian package sonic-pi-samples")
def test_real_drum_strokes_of_a_few_hundredths_of_a_second_come_through_without_their_offset(tmp_path):
    for path in SONIC_PI.glob("tabla_*.flac"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    corpus = scan_corpus(tmp_path)
    assert len(corpus.clips) == len(corpus.files) == 26
    assert min(clip.duration_s for clip in corpus.clips) < 0.05
    assert abs(corpus.duration_s - 31.4) < 0.1
    # Eight of the strokes were recorded with an offset of about -0.03, which is -30 dBFS.
    assert sum("dc_offset" in report.marks for report in corpus.files) == 8
    assert abs(np.concatenate([clip.audio for clip in corpus.clips]).mean()) < 1e-3
