from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from small_dataset_audio.corpus import CorpusSummary
from tiny import hashes_below, pluck, write_recordings


def swell(frequency_hz: float) -> np.ndarray:
    """A fifth of a second that starts and ends in silence, without an offset."""
    num_samples = 8820
    return 0.5 * np.hanning(num_samples) * np.sin(2 * np.pi * frequency_hz * np.arange(num_samples) / 44_100)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_report_says_what_was_found_and_what_to_type_next(sda: Any, recordings: Path):
    done = sda("inspect", recordings)
    assert done.code == 0
    report = words(done.out)
    for number in range(5):
        assert f"pluck {number}.wav" in report
    assert "5 of 5 files usable" in report
    assert "3 at 44100 Hz, 2 at 48000 Hz" in report
    assert "3 resampled to 48000 Hz, 1 mixed down to mono" in report
    assert f"sda train {recordings}" in report


def test_the_json_holds_every_field_of_the_summary(sda: Any, recordings: Path):
    done = sda("inspect", recordings, "--json")
    assert done.code == 0
    assert set(done.json) == {field.name for field in dataclasses.fields(CorpusSummary)} | {"picture"}
    assert (done.json["used"], done.json["resampled"], done.json["downmixed"]) == (5, 3, 1)
    assert len(done.json["files"]) == 5
    assert done.json["picture"] is None


def test_a_bad_file_is_named_with_its_reason_and_the_rest_is_used(sda: Any, tmp_path: Path):
    folder = write_recordings(tmp_path / "mixed")
    (folder / "empty.wav").touch()
    (folder / "page.wav").write_text("<html></html>")
    done = sda("inspect", folder)
    assert done.code == 0
    assert "5 of 7 files usable" in words(done.out)
    assert re.search(r"empty\.wav.*skipped: empty file", done.out)
    assert re.search(r"page\.wav.*skipped: not audio", done.out)


def test_row_13_a_folder_with_nothing_usable_is_reported_and_exits_with_1(sda: Any, tmp_path: Path):
    (tmp_path / "silent").mkdir()
    soundfile.write(tmp_path / "silent" / "nothing.wav", np.zeros(48_000), 48_000)
    done = sda("inspect", tmp_path / "silent", "--plot")
    assert done.code == 1
    assert "0 of 1 file usable" in words(done.out)
    assert "silence" in done.out
    assert "sda train" not in done.out
    as_json = sda("inspect", tmp_path / "silent", "--json")
    assert as_json.code == 1
    assert as_json.json["used"] == 0


def test_row_23_a_folder_that_is_missing_or_a_file_is_an_error(sda: Any, tmp_path: Path):
    file = tmp_path / "file.wav"
    soundfile.write(file, pluck(220.0, 0.5), 48_000)
    for folder, says in ((tmp_path / "nowhere", "does not exist"), (file, "not a folder")):
        done = sda("inspect", folder)
        assert done.code == 1
        done.assert_one_error_line(str(folder), says, ";")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_row_23_a_folder_that_may_not_be_read_is_an_error(sda: Any, tmp_path: Path):
    folder = write_recordings(tmp_path / "locked")
    folder.chmod(0)
    try:
        done = sda("inspect", folder)
    finally:
        folder.chmod(0o700)
    assert done.code == 1
    done.assert_one_error_line(str(folder))


def test_many_usual_files_are_counted_and_the_notable_ones_listed(sda: Any, tmp_path: Path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(41):
        soundfile.write(folder / f"usual {number}.wav", swell(200.0 + number), 44_100)
    (folder / "broken.wav").touch()
    done = sda("inspect", folder)
    assert "broken.wav" in done.out
    assert "usual 7.wav" not in done.out
    assert "41 more files" in words(done.out)
    assert "usual 7.wav" in sda("inspect", folder, "--all").out


def test_the_picture_goes_to_the_present_folder_and_the_recordings_stay_as_they_are(sda: Any, recordings: Path):
    before = hashes_below(recordings)
    done = sda("inspect", recordings, "--plot", "--json")
    picture = Path(done.json["picture"])
    assert picture == Path.cwd() / "plucks_overview.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert hashes_below(recordings) == before


def test_no_picture_is_drawn_among_the_recordings(sda: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_recordings(tmp_path / "mine")
    before = hashes_below(folder)
    monkeypatch.chdir(folder)
    for arguments in (["."], [folder, "-o", "more"]):
        done = sda("inspect", *arguments, "--plot")
        assert done.code == 1
        done.assert_one_error_line("among your recordings", "--output")
    assert hashes_below(folder) == before


def test_row_34_a_picture_folder_that_is_a_file_is_an_error_before_the_reading(
    sda: Any, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setattr("small_dataset_audio.corpus.scan_corpus", lambda *_, **__: pytest.fail("work began"))
    done = sda("inspect", recordings, "--plot", "-o", tmp_path / "file")
    assert done.code == 1
    done.assert_one_error_line(str(tmp_path / "file"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_a_file_name_cannot_send_commands_to_the_terminal(sda: Any, tmp_path: Path):
    folder = tmp_path / "odd"
    folder.mkdir()
    soundfile.write(folder / "plain.wav", pluck(220.0, 0.5), 48_000)
    (folder / "plain.wav").rename(folder / "a\x1b[2J\n[red]b.wav")
    done = sda("inspect", folder)
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert "a?[2J?[red]b.wav" in done.out
    assert sda("inspect", folder, "--json").json["files"][0]["name"] == "a\x1b[2J\n[red]b.wav"
