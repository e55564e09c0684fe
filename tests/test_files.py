from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_dataset_audio.errors import InvalidAudioError, OutputError, SidecarError
from small_dataset_audio.files import (
    TEMPORARY_PREFIX,
    atomic_write,
    atomic_write_new,
    dump_json,
    make_output_folder,
    parse_json,
    sha256_file,
    sweep_temporaries,
    write_bytes,
    write_json,
)

needs_posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file systems only")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- the atomic write ---


def test_the_file_appears_whole_at_the_end_of_the_block(tmp_path: Path):
    path = tmp_path / "model.bin"
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["model.bin"]


def test_an_older_file_is_replaced_at_once(tmp_path: Path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyboardInterrupt(), InvalidAudioError("NaN")])
def test_an_exception_inside_the_block_leaves_the_older_file_and_no_temporary(tmp_path: Path, error: BaseException):
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    with pytest.raises(type(error)) as caught, atomic_write(path) as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert caught.value is error
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["model.bin"]


def test_an_operating_system_error_inside_the_block_becomes_an_output_error_that_names_the_file(tmp_path: Path):
    message = r"take\.wav cannot be written: the disk is full"
    with pytest.raises(OutputError, match=message) as caught, atomic_write(tmp_path / "take.wav"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "\n" not in str(caught.value)


def test_an_error_that_explains_itself_already_is_not_explained_again(tmp_path: Path):
    with pytest.raises(OutputError, match=r"^12 MB are needed$"), atomic_write(tmp_path / "take.wav"):
        raise OutputError("12 MB are needed")


def test_the_temporary_lies_in_the_same_folder_and_has_the_same_suffix(tmp_path: Path):
    with atomic_write(tmp_path / "take.wav") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".wav"
        assert temporary.name.startswith(TEMPORARY_PREFIX)
        temporary.touch()


def test_without_overwrite_an_existing_file_stays(tmp_path: Path):
    path = tmp_path / "take.wav"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"), atomic_write(path, overwrite=False) as temporary:
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["take.wav"]


@pytest.fixture(params=["hard links", "no hard links"])
def either_way_to_move(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both moves that do not overwrite: by a hard link, and as on exFAT or a network drive without them."""
    if request.param == "no hard links":

        def refuse_links(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse_links)
    return str(request.param)


def test_of_many_writers_in_a_race_for_one_name_exactly_one_wins(tmp_path: Path, either_way_to_move: str):
    path = tmp_path / "take.wav"
    start = threading.Barrier(8)
    won: list[int] = []
    lost: list[str] = []

    def write(number: int) -> None:
        try:
            with atomic_write(path, overwrite=False) as temporary:
                temporary.write_bytes(bytes([number]) * 1000)
                start.wait()
            won.append(number)
        except OutputError as error:
            lost.append(str(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lost) == 7
    assert all("exists already" in message for message in lost)
    assert path.read_bytes() == bytes(won) * 1000
    assert names_in(tmp_path) == ["take.wav"]


def test_a_failed_move_without_hard_links_does_not_leave_an_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OutputError, match="no permission"):
        write_bytes(tmp_path / "take.wav", b"new", overwrite=False)
    assert names_in(tmp_path) == []


@needs_posix
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_a_folder_still_takes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
):
    really_sync = os.fsync

    def sync_files_only(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 - asks about a descriptor
            raise OSError(code, "no such call")
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_files_only)
    write_bytes(tmp_path / "model.bin", b"new")
    assert (tmp_path / "model.bin").read_bytes() == b"new"


def test_several_new_files_appear_together(tmp_path: Path, either_way_to_move: str):
    first, second = tmp_path / "a.json", tmp_path / "a.wav"
    with atomic_write_new(first, second) as (first_temporary, second_temporary):
        first_temporary.write_bytes(b"1")
        second_temporary.write_bytes(b"2")
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")
    assert names_in(tmp_path) == ["a.json", "a.wav"]


@pytest.mark.parametrize("taken", ["a.json", "a.wav"])
def test_where_one_of_several_names_is_taken_none_is_written(tmp_path: Path, taken: str, either_way_to_move: str):
    (tmp_path / taken).write_bytes(b"mine")
    with (
        pytest.raises(OutputError, match=f"{taken} exists already"),
        atomic_write_new(tmp_path / "a.json", tmp_path / "a.wav") as temporaries,
    ):
        for temporary in temporaries:
            temporary.write_bytes(b"new")
    assert names_in(tmp_path) == [taken]
    assert (tmp_path / taken).read_bytes() == b"mine"


def test_a_missing_folder_is_an_error_that_names_the_file(tmp_path: Path):
    with pytest.raises(OutputError, match=r"missing.take\.wav cannot be written"):
        write_bytes(tmp_path / "missing" / "take.wav", b"new")


# --- JSON ---


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_know_are_not_written(tmp_path: Path, number: float):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"deep": [{"number": number}]})
    assert names_in(tmp_path) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=st.dictionaries(st.text(), json_values, max_size=5))
@settings(deadline=None, max_examples=80)
def test_what_was_written_is_read_back(value: dict[str, object]):
    assert parse_json(dump_json(value), source="test") == value


def test_json_is_written_as_readable_utf_8(tmp_path: Path):
    write_json(tmp_path / "a.json", {"name": "Wälder 🌲"})
    assert "Wälder 🌲" in (tmp_path / "a.json").read_text("utf-8")
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"name": "Wälder 🌲"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "nonsense", '{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', "[" * 100_000, "[1]", '"text"', "null"],
    ids=lambda text: text[:12] or "empty",
)
def test_what_is_not_a_strict_json_object_is_refused_by_name(text: str):
    with pytest.raises(SidecarError, match=r"take\.json") as caught:
        parse_json(text, source="take.json")
    assert "\n" not in str(caught.value)


def test_the_hash_is_that_of_the_bytes(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# --- output folders (FAILURES row 34) ---


def test_an_output_folder_is_made_with_its_parents_and_left_empty(tmp_path: Path):
    folder = make_output_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert names_in(folder) == []
    assert make_output_folder(folder) == folder


def test_row_34_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path):
    (tmp_path / "takes").write_text("a file")
    with pytest.raises(OutputError, match="takes is a file"):
        make_output_folder(tmp_path / "takes")


def test_row_34_a_file_in_the_path_to_the_folder_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OutputError, match="part of this path is a file"):
        make_output_folder(tmp_path / "file" / "takes")


@pytest.mark.parametrize("operation", ["mkdir", "touch"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_row_34_a_read_only_place_is_an_error_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, code: int
):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, operation, refuse)
    with pytest.raises(OutputError, match="no permission; choose another folder") as caught:
        make_output_folder(tmp_path / "takes")
    assert "takes" in str(caught.value)


# --- strays ---


def test_strays_of_a_killed_process_are_swept_and_nothing_else(tmp_path: Path):
    (tmp_path / f"{TEMPORARY_PREFIX}0123456789abcdef.wav").touch()
    (tmp_path / "take.wav").touch()
    assert sweep_temporaries(tmp_path) == 1
    assert names_in(tmp_path) == ["take.wav"]
    assert sweep_temporaries(tmp_path / "missing") == 0


def test_a_folder_that_goes_while_it_is_swept_stops_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def gone(self: Path, pattern: str) -> Iterator[Path]:
        raise FileNotFoundError(2, "No such file or directory", str(self))
        yield self

    monkeypatch.setattr(Path, "glob", gone)
    assert sweep_temporaries(tmp_path) == 0


def test_temporaries_of_a_process_that_still_writes_are_not_swept(tmp_path: Path):
    with atomic_write(tmp_path / "take.wav") as temporary:
        temporary.write_bytes(b"half")
        assert sweep_temporaries(tmp_path) == 0
        make_output_folder(tmp_path)
        assert temporary.exists()
    assert (tmp_path / "take.wav").read_bytes() == b"half"


def test_temporaries_of_a_killed_process_are_swept_by_whoever_writes_there_next(tmp_path: Path):
    program = """
import os, signal, sys
from pathlib import Path
from small_dataset_audio.files import atomic_write
with atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "take.wav")], check=False)
    (stray,) = tmp_path.iterdir()
    assert stray.name.startswith(TEMPORARY_PREFIX)
    make_output_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system does not say when it began")
def test_temporaries_of_before_the_machine_began_are_swept_though_a_process_has_their_number(tmp_path: Path):
    with atomic_write(tmp_path / "take.wav") as temporary:
        old = tmp_path / temporary.name.replace(".wav", ".json")
        for path in (temporary, old):
            path.write_bytes(b"half")
        os.utime(old, (1000.0, 1000.0))
        assert sweep_temporaries(tmp_path) == 1
        assert temporary.exists()


def test_temporaries_of_another_machine_are_swept_when_nobody_wrote_to_them_for_a_day(tmp_path: Path):
    fresh = tmp_path / f"{TEMPORARY_PREFIX}00000000-1-0123456789abcdef.wav"
    old = tmp_path / f"{TEMPORARY_PREFIX}00000000-2-0123456789abcdef.wav"
    for path in (fresh, old):
        path.touch()
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    assert sweep_temporaries(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [fresh]


# --- fail the Nth ---

OPERATIONS = ("open", "fsync", "link", "replace", "close")


class FailTheNth:
    """Makes the Nth call of the module's file operations fail as on a full disk; counts them all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.calls = 0
        self._number = number
        for name in OPERATIONS:
            monkeypatch.setattr(os, name, self._counting(name, getattr(os, name)))

    def _counting(self, name: str, operation):
        def count(*arguments, **keywords):
            if name == "close":  # a close that fails has closed all the same
                operation(*arguments, **keywords)
            self.calls += 1
            if self.calls == self._number:
                raise OSError(errno.ENOSPC, "No space left on device", name)
            return None if name == "close" else operation(*arguments, **keywords)

        return count


def every_failing_operation(monkeypatch: pytest.MonkeyPatch, write) -> Iterator[bool]:
    """Run `write` once for each operation that can fail, then once without; yields whether it failed."""
    for number in range(1, 50):
        with monkeypatch.context() as patch:
            faults = FailTheNth(patch, number)
            try:
                write()
                failed = False
            except OutputError:
                failed = True
        yield failed
        if faults.calls < number:
            return
    raise AssertionError("the write never came to its end")


def test_whichever_operation_fails_an_atomic_write_leaves_the_older_file_or_the_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    failures = 0
    for failed in every_failing_operation(monkeypatch, lambda: write_bytes(path, b"new")):
        failures += failed
        assert path.read_bytes() in ((b"old", b"new") if failed else (b"new",))
        assert names_in(tmp_path) == ["model.bin"]
        path.write_bytes(b"old")
    assert failures >= 5  # opening, syncing and closing, of file and folder, and the move


def test_whichever_operation_fails_several_new_files_are_all_there_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, either_way_to_move: str
):
    paths = (tmp_path / "a.json", tmp_path / "a.wav")

    def write() -> None:
        with atomic_write_new(*paths) as temporaries:
            for temporary in temporaries:
                temporary.write_bytes(b"new")

    failures = 0
    for failed in every_failing_operation(monkeypatch, write):
        failures += failed
        if failed:
            assert names_in(tmp_path) == []
        elif names_in(tmp_path) == ["a.json", "a.wav"]:
            for path in paths:
                assert path.read_bytes() == b"new"
                path.unlink()
        else:
            pytest.fail(f"neither all nor none: {names_in(tmp_path)}")
    assert failures >= 7
