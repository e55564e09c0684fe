from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from small_dataset_audio.write_errors import explain_write_error, free_bytes


@pytest.fixture(autouse=True)
def three_megabytes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))


def failed(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_full_with_what_is_needed(number: int):
    said = explain_write_error(failed(number), Path("take.wav"), needed_bytes=4_000_000)
    assert said == (
        "take.wav cannot be written: the disk is full (4.0 MB are needed, 3.0 MB are free); free some space"
    )


def test_an_error_of_a_library_that_does_not_say_why_is_a_full_disk_only_where_room_is_missing():
    silent = OSError("System error")
    full = explain_write_error(silent, Path("take.wav"), needed_bytes=4_000_000)
    assert "the disk is full (4.0 MB are needed, 3.0 MB are free)" in full
    roomy = explain_write_error(silent, Path("take.wav"), needed_bytes=1_000_000)
    assert "the disk is full" not in roomy
    assert "(System error; 1.0 MB are needed, 3.0 MB are free); check the disk and its quota" in roomy


def test_the_first_step_stands_within_the_advice_that_is_given():
    said = explain_write_error(failed(errno.EROFS), Path("c"), advice="all is whole: {}, then go on", otherwise="wait")
    assert said == "c cannot be written: no permission; all is whole: wait, then go on"


def test_a_name_that_is_taken_and_a_file_in_the_path_have_words_of_their_own():
    assert "exists already" in explain_write_error(FileExistsError(errno.EEXIST, "there"), Path("a"))
    assert "a part of this path is a file" in explain_write_error(NotADirectoryError(errno.ENOTDIR, "no"), Path("a"))


def test_room_that_nobody_can_tell_is_none(monkeypatch: pytest.MonkeyPatch):
    def gone(_: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(shutil, "disk_usage", gone)
    assert free_bytes(Path("nowhere/at/all")) == 0
