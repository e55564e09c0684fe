from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile as sf

from badfiles import pcm16, tone, wav_bytes
from small_dataset_audio.corpus import inspect_folder, scan_corpus, summarise


@pytest.fixture
def folder(tmp_path):
    sf.write(tmp_path / "a.wav", tone(4.0), 48_000, subtype="PCM_24")
    sf.write(tmp_path / "b.flac", np.stack([tone(3.0, 44_100), tone(3.0, 44_100, hz=300)]).T, 44_100)
    sf.write(tmp_path / "c.wav", np.stack([tone(1.0, hz=50 * i) for i in range(1, 7)]).T, 48_000)
    sf.write(tmp_path / "d.wav", 3 * tone(2.0, 22_050), 22_050, subtype="FLOAT")
    sf.write(tmp_path / "e.mp3", np.clip(3 * tone(2.0), -1, 1), 48_000, format="WAV")
    sf.write(tmp_path / "f.wav", tone(2.0, hz=333) + 0.1, 48_000, subtype="PCM_16")
    (tmp_path / "g.wav").write_bytes(wav_bytes(pcm16(tone(3.0, hz=555)))[:200_000])
    (tmp_path / "h.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    (tmp_path / "i.wav").write_bytes(b"")
    (tmp_path / "j.wav").write_bytes(b"<html>")
    (tmp_path / "k.wav").write_bytes(b"")
    sf.write(tmp_path / "l.wav", tone(2.0, 48_000, hz=999), 48_000, subtype="PCM_U8")
    return tmp_path


def test_a_summary_counts_what_was_found_and_what_was_done(folder):
    summary = inspect_folder(folder)
    assert (summary.looked_at, summary.used, summary.skipped, summary.duplicates) == (12, 8, 3, 1)
    assert summary.reasons == {"empty file": 2, "not audio": 1}
    assert summary.sample_rates == {22_050: 1, 44_100: 1, 48_000: 6}
    assert summary.channel_layouts == {"mono": 6, "stereo": 1, "6 channels": 1}
    assert summary.formats == {"WAV PCM_16": 4, "WAV PCM_24": 1, "FLAC PCM_16": 1, "WAV FLOAT": 1, "WAV PCM_U8": 1}
    assert (summary.resampled, summary.downmixed, summary.padded, summary.truncated) == (2, 2, 1, 1)
    assert (summary.clipped, summary.over_full_scale, summary.wrong_extension) == (1, 1, 1)
    assert summary.eight_bit == 1
    assert summary.dc_offset == 2  # the one that was given it, and the one that rounding to 8 bits gave it
    assert (summary.shortest_s, summary.longest_s) == (1.0, 4.0)
    assert abs(summary.duration_s - (4 + 3 + 1 + 2 + 2 + 2 + 199_956 / 96_000 + 2)) < 1e-3
    assert summary.folder == str(folder)
    assert summary.content_hash == scan_corpus(folder).content_hash


def test_every_warning_says_what_is_done_about_it(folder):
    assert inspect_folder(folder).warnings == (
        "3 files skipped: the list of files says why",
        "1 file holding a recording that is there already: used once",
        "1 file recorded at 22050 Hz or less: used, but with no treble over 11025 Hz",
        "1 file cut short or damaged: what is there is used; copy from the recorder again if you can",
        "1 file clipped (flat tops at full scale): used as they are, so takes may carry the distortion",
        "1 file over full scale (float samples over 1.0): used as they are; takes are normalised",
        "1 file stored in 8 bits: used, and the noise of it is learned as well",
        "2 files with a constant offset (DC): removed by a high-pass at 10 Hz",
        "1 file with an extension that does not fit the content: read by content",
    )


def test_a_clean_corpus_has_no_warnings(tmp_path):
    for index in range(6):
        sf.write(tmp_path / f"{index}.wav", tone(3.0, hz=200 + index), 48_000, subtype="PCM_24")
    summary = inspect_folder(tmp_path)
    assert summary.warnings == ()
    assert summary.used == 6


def test_a_folder_with_nothing_usable_is_a_result_too(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    summary = inspect_folder(tmp_path)
    assert (summary.looked_at, summary.used, summary.duration_s, summary.longest_s) == (1, 0, 0.0, 0.0)
    assert "nothing in this folder can be learned from: put recordings into it" in summary.warnings
    assert json.loads(json.dumps(summary.to_json(), allow_nan=False))["files"][0]["reason"] == "empty file"


def test_the_json_form_is_strict_and_complete(folder):
    summary = summarise(scan_corpus(folder))
    parsed = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    assert parsed == summary.to_json()
    assert parsed["sample_rates"] == {"22050": 1, "44100": 1, "48000": 6}
    assert len(parsed["files"]) == 12
    duplicate = parsed["files"][7]
    assert (duplicate["name"], duplicate["status"], duplicate["duplicate_of"]) == ("h.wav", "duplicate", "a.wav")
    assert set(vars(summary)) == set(parsed)


def test_the_counts_add_up(folder):
    summary = inspect_folder(folder)
    assert summary.used + summary.skipped + summary.duplicates == summary.looked_at == len(summary.files)
    for histogram in (summary.sample_rates, summary.channel_layouts, summary.formats):
        assert sum(histogram.values()) == summary.used
    assert sum(summary.reasons.values()) == summary.skipped


def test_progress_reaches_the_caller(folder):
    seen = []
    inspect_folder(folder, on_file=lambda done, total, report: seen.append((done, total, report.name)))
    assert seen[-1] == (12, 12, "l.wav")
