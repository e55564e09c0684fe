from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from badfiles import tone
from small_dataset_audio.constants import PEAK_TARGET
from small_dataset_audio.corpus import Clip, ScanConfig, scan_corpus
from small_dataset_audio.corpus.levels import MAX_CHANGE_DB, even_out


def clip_of(audio: np.ndarray, side: np.ndarray | None = None) -> Clip:
    return Clip("x.wav", audio.astype(np.float32), "hash", None if side is None else side.astype(np.float32))


@pytest.mark.parametrize("peak", [0.25, 0.5, 0.891, 1.0, 3.0])
def test_the_loudest_moment_is_at_the_common_level_and_all_else_in_proportion(peak: float):
    audio = np.array([0.1, -1.0, 0.5]) * peak
    levelled = even_out(clip_of(audio))
    np.testing.assert_allclose(levelled.audio, [0.1 * PEAK_TARGET, -PEAK_TARGET, 0.5 * PEAK_TARGET], rtol=1e-6)
    assert levelled.level_db == pytest.approx(20 * np.log10(PEAK_TARGET / peak), abs=1e-5)
    assert levelled.audio.dtype == np.float32


@pytest.mark.parametrize(("peak", "sign"), [(0.001, 1), (20.0, -1)])
def test_no_recording_is_changed_by_more_than_12_db(peak: float, sign: int):
    levelled = even_out(clip_of(np.array([peak, -peak / 2])))
    assert levelled.level_db == sign * MAX_CHANGE_DB
    assert levelled.audio[0] == pytest.approx(peak * 10 ** (sign * MAX_CHANGE_DB / 20), rel=1e-6)


def test_the_side_goes_with_the_mid_which_alone_decides():
    levelled = even_out(clip_of(np.array([0.5, 0.0]), np.array([0.0, 5.0])))
    np.testing.assert_allclose(levelled.side, [0.0, 5.0 * PEAK_TARGET / 0.5], rtol=1e-6)


def test_silence_stays_silence():
    silent = clip_of(np.zeros(10))
    assert even_out(silent) is silent


def test_a_clip_levelled_twice_remembers_all_that_was_done():
    once = even_out(clip_of(np.array([0.01, 0.0])))
    twice = even_out(once)
    assert once.level_db == MAX_CHANGE_DB
    assert twice.audio[0] == pytest.approx(0.01 * 10 ** (twice.level_db / 20), rel=1e-5)


def test_a_scan_evens_levels_out_where_it_is_asked_to_and_the_hash_is_of_what_was_recorded(tmp_path: Path):
    for name, level in (("loud", 1.6), ("soft", 0.6)):
        sf.write(tmp_path / f"{name}.wav", level * tone(0.5, hz=300), 48_000, subtype="FLOAT")
    as_they_are, levelled = (scan_corpus(tmp_path, ScanConfig(even_levels=even)) for even in (False, True))
    assert levelled.content_hash == as_they_are.content_hash
    changes = [report.notes[-1] for report in levelled.files]
    assert changes == [f"level changed by {clip.level_db:+.1f} dB" for clip in levelled.clips]
    assert all(report.marks >= {"levelled"} for report in levelled.files)
    for clip, plain in zip(levelled.clips, as_they_are.clips, strict=True):
        assert np.abs(clip.audio).max() == pytest.approx(PEAK_TARGET, rel=1e-5)
        assert plain.level_db == 0.0
        np.testing.assert_allclose(clip.audio, plain.audio * 10 ** (clip.level_db / 20), rtol=1e-5, atol=1e-7)
