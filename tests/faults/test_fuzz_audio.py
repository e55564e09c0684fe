"""Damaged audio files: those that were found worth keeping, and some new ones each time the clock allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faults.fuzz_audio import MAX_KEPT_BYTES, Trial, damaged, fuzz, sound_files, with_ogg_checksums

SEEDS = sorted((Path(__file__).parent / "seeds" / "audio").glob("*.bin"))


@pytest.fixture(scope="module")
def whole_files() -> dict[str, bytes]:
    return sound_files()


def test_the_seeds_are_few_and_small():
    assert 20 < len(SEEDS) < 60
    assert max(path.stat().st_size for path in SEEDS) <= MAX_KEPT_BYTES


def test_every_seed_gets_a_report_in_time_and_breaks_nothing(tmp_path):
    with Trial(tmp_path) as trial:
        outcomes = {path.name: trial.run(path.read_bytes(), path.name) for path in SEEDS}
    findings = trial.findings
    assert findings.broken == [], findings.line()
    assert (findings.crashes, findings.hangs, findings.out_of_memory) == (0, 0, 0), outcomes
    assert findings.runs == len(SEEDS)


def test_new_damage_gets_a_report_in_time_and_breaks_nothing():
    findings = fuzz(seed=20, seconds=30.0)  # each finding says the seed and number that make it again
    assert findings.broken == [], findings.line()
    assert findings.runs > 100
    assert 0 < findings.used < findings.runs


def test_whole_files_of_every_kind_are_used(whole_files, tmp_path):
    with Trial(tmp_path) as trial:
        outcomes = {name: trial.run(data, name) for name, data in whole_files.items()}
    refused = {name for name, outcome in outcomes.items() if not outcome.startswith("used")}
    containers = {name.split()[0] for name in whole_files}
    assert containers >= {"WAV", "WAVEX", "AIFF", "AU", "FLAC", "OGG", "MP3", "W64", "RF64", "CAF"}
    assert {name for name in whole_files if "IMA_ADPCM" in name} == refused


def test_the_same_seed_and_number_make_the_same_damage_from_the_same_files(whole_files):
    files = list(whole_files.values())
    assert list(sound_files().values()) == files
    assert [damaged(files, 1, number) for number in range(50)] == [damaged(files, 1, number) for number in range(50)]
    assert len({damaged(files, 1, number) for number in range(50)}) > 40


def test_checksums_of_ogg_pages_are_made_as_libogg_makes_them(whole_files):
    written = whole_files["OGG VORBIS 1"]
    assert with_ogg_checksums(bytearray(written)) == written
    wrong = bytearray(written)
    wrong[22:26] = bytes(4)
    assert with_ogg_checksums(wrong) == written


def test_a_broken_rule_is_found_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr("faults.fuzz_audio.take_in", lambda *_: np.zeros(3)[5])
    with Trial(tmp_path) as trial:
        trial.run(b"any", "--seed 7 --first 8")
    assert trial.findings.exceptions == 1
    assert trial.findings.broken[0].startswith("--seed 7 --first 8: IndexError: index 5 is out of bounds")
