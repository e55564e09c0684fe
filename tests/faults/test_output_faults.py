"""Faults on the way out: rows 11, 24, 25, 26 and 34 of the fault table, as far as a take's files are concerned."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edges import noise
from small_dataset_audio.constants import BIT_DEPTH_MAP
from small_dataset_audio.errors import InvalidAudioError, OutputError
from small_dataset_audio.files import TEMPORARY_PREFIX, sweep_temporaries, write_bytes
from small_dataset_audio.inference.export import export_take, export_wav, write_sidecar_json

SETTINGS = {"sample_rate": 48_000, "bit_depth": "24-bit", "stereo_mode": "mono"}
TAKE: dict[str, Any] = {"model_name": "m", "generation_config": SETTINGS, "seed": 1, "quality_metrics": {}}

needs_file_limits = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked copies of itself")


@contextlib.contextmanager
def disk_that_takes_only(num_bytes: int) -> Iterator[None]:
    """Let the operating system refuse what goes beyond, as a quota or a full disk would."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- row 11: NaN in generated audio ---


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 4799])
def test_row_11_one_bad_sample_stops_the_export_before_anything_is_written(tmp_path: Path, poison: float, where: int):
    audio = noise(4800)
    audio[where] = poison
    folder = tmp_path / "takes"
    with pytest.raises(InvalidAudioError, match="1 NaN or infinite samples of 4800"):
        export_take(audio, folder, **TAKE)
    with pytest.raises(ValueError, match="NaN or infinite"):
        export_wav(audio, folder / "take.wav")
    assert not folder.exists()


# --- row 24: disk full, the older state survives ---


@needs_file_limits
def test_row_24_a_full_disk_leaves_the_older_file_whole(tmp_path: Path):
    path = tmp_path / "checkpoint.bin"
    write_bytes(path, b"old" * 100)
    with disk_that_takes_only(10_000), pytest.raises(OutputError, match=r"checkpoint\.bin cannot be written"):
        write_bytes(path, b"new" * 10_000)
    assert path.read_bytes() == b"old" * 100
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.bin"]


# --- row 25: disk full in an export ---


@needs_file_limits
@pytest.mark.parametrize("bit_depth", BIT_DEPTH_MAP)
@pytest.mark.parametrize("room", [0, 30, 20_000], ids=["for nothing", "not for the header", "for a part"])
def test_row_25_no_partial_wav_remains_and_system_error_is_translated(tmp_path: Path, bit_depth: str, room: int):
    audio = noise(48_000)
    with disk_that_takes_only(room), pytest.raises(OutputError) as caught:
        export_wav(audio, tmp_path / "take.wav", bit_depth=bit_depth)
    assert list(tmp_path.iterdir()) == []
    message = str(caught.value)
    assert "take.wav cannot be written" in message
    assert "MB are needed" in message
    assert "\n" not in message


@needs_file_limits
def test_row_25_a_take_without_room_leaves_no_sidecar_either(tmp_path: Path):
    with disk_that_takes_only(20_000), pytest.raises(OutputError):
        export_take(noise(48_000), tmp_path, **TAKE)
    assert list(tmp_path.iterdir()) == []


def test_row_25_a_full_disk_is_called_full_and_says_how_much_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_room(*_: object) -> None:
        raise soundfile.LibsndfileError(2)  # what libsndfile says: "System error."

    class DiskUsage:
        free = 1_000

    monkeypatch.setattr(soundfile.SoundFile, "write", no_room)
    monkeypatch.setattr("shutil.disk_usage", lambda _: DiskUsage)
    message = r"take\.wav cannot be written: the disk is full \(0\.1 MB are needed, 0\.0 MB are free\); free some space"
    with pytest.raises(OutputError, match=message) as caught:
        export_wav(noise(48_000), tmp_path / "take.wav")
    assert "System error" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing_call", [1, 2, 3], ids=["sidecar", "WAV", "folder"])
def test_row_25_a_disk_that_fails_in_a_sync_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
):
    calls = 0
    really_sync = os.fsync

    def sync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise OSError(errno.ENOSPC, "No space left on device")
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(OutputError, match="the disk is full"):
        export_take(noise(4800), tmp_path, **TAKE, filename="take")
    assert list(tmp_path.iterdir()) == []


# --- row 26: kill -9 at any moment ---

KILL_AT_THE_NTH_OPERATION = """
import json, os, signal, sys
from pathlib import Path
import numpy as np
from small_dataset_audio.inference.export import export_take

folder = Path(sys.argv[1])
audio = np.linspace(-0.5, 0.5, 48_000, dtype=np.float32)
take = json.loads(sys.argv[2])

def die_at(number):
    calls = 0
    def counting(operation):
        def count(*arguments, **keywords):
            nonlocal calls
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **keywords)
        return count
    for name in ("open", "write", "fsync", "link", "replace", "unlink", "close"):
        setattr(os, name, counting(getattr(os, name)))
    export_take(audio, folder / str(number), filename="take", **take)

for number in range(1, 100):
    (folder / str(number)).mkdir()
    child = os.fork()
    if child == 0:
        die_at(number)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(status)
"""


@needs_fork
def test_row_26_a_kill_at_any_moment_leaves_nothing_a_sidecar_or_a_whole_pair(tmp_path: Path):
    command = [sys.executable, "-W", "ignore", "-c", KILL_AT_THE_NTH_OPERATION, str(tmp_path), json.dumps(TAKE)]
    assert subprocess.run(command, check=False).returncode == 0
    left = []
    for folder in sorted(tmp_path.iterdir(), key=lambda path: int(path.name)):
        sweep_temporaries(folder)
        left.append(sorted(path.name for path in folder.iterdir()))
        if "take.json" in left[-1]:
            assert json.loads((folder / "take.json").read_text())["audio"]["file"] == "take.wav"
        if "take.wav" in left[-1]:
            assert soundfile.info(folder / "take.wav").frames == 48_000
    assert left[0] == []
    assert left[-1] == ["take.json", "take.wav"]
    # Nothing, then the sidecar alone for the moment between two moves, then both: never a WAV alone.
    assert [names for i, names in enumerate(left) if i == 0 or names != left[i - 1]] == [
        [],
        ["take.json"],
        ["take.json", "take.wav"],
    ]


@needs_fork
def test_row_26_what_a_kill_leaves_behind_has_the_prefix_that_is_swept(tmp_path: Path):
    program = (
        "import os, signal, sys; from pathlib import Path; from small_dataset_audio.files import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "take.wav")], check=False)
    assert killed.returncode == -signal.SIGKILL
    (stray,) = tmp_path.iterdir()
    assert stray.name.startswith(TEMPORARY_PREFIX)
    assert sweep_temporaries(tmp_path) == 1


# --- row 34: output folder read-only or missing ---


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: export_wav(noise(480), folder / "take.wav"),
        lambda folder: export_take(noise(480), folder, **TAKE),
        lambda folder: write_sidecar_json(folder / "take.wav", "m", SETTINGS, 1, {}, 0.01),
    ],
    ids=["export_wav", "export_take", "write_sidecar_json"],
)
class TestRow34:
    def test_a_missing_folder_is_made(self, tmp_path: Path, write):
        write(tmp_path / "a" / "b")
        assert list((tmp_path / "a" / "b").iterdir())

    def test_a_folder_below_a_file_cannot_be_made(self, tmp_path: Path, write):
        (tmp_path / "file").write_text("a file")
        with pytest.raises(OutputError, match="choose another folder"):
            write(tmp_path / "file" / "takes")

    def test_a_read_only_folder_is_refused_by_name(self, tmp_path: Path, write, monkeypatch: pytest.MonkeyPatch):
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "touch", refuse)  # permissions mean nothing to root, who may run this test
        with pytest.raises(OutputError, match="takes cannot be written: no permission"):
            write(tmp_path / "takes")
        assert list((tmp_path / "takes").iterdir()) == []
