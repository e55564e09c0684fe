"""Row 18 of the fault table: a decoder that crashes, hangs or fills the memory costs the one file that made it do so."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile as sf

from badfiles import pcm16, tone, wav_bytes
from small_dataset_audio.audio import guarded_decoder
from small_dataset_audio.audio.guarded_decoder import DecoderLimits, GuardedDecoder
from small_dataset_audio.corpus import Corpus, iter_scan, scan_corpus
from small_dataset_audio.errors import AudioFileError

BAD_DECODER = Path(__file__).with_name("bad_decoder.py")
MEMORY_BYTES = 256 << 20
SHORT = DecoderLimits(min_time_s=1.0, memory_bytes=MEMORY_BYTES)
PATIENT = DecoderLimits(memory_bytes=MEMORY_BYTES)

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes otherwise")
needs_memory_limit = pytest.mark.skipif(sys.platform != "linux", reason="the system enforces no such limit")


def bad_decoder(limits: DecoderLimits = PATIENT) -> GuardedDecoder:
    return GuardedDecoder(limits, command=(sys.executable, str(BAD_DECODER), str(limits.memory_bytes)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good recordings, first and last in order."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, hz in (("a.wav", 220.0), ("z.wav", 330.0)):
        (folder / name).write_bytes(wav_bytes(pcm16(tone(0.5, hz=hz))))
    return folder


@pytest.fixture
def scan_badly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Corpus]:
    def scan(*names: str, limits: DecoderLimits = PATIENT) -> Corpus:
        for number, name in enumerate(names):
            (folder / name).write_bytes(wav_bytes(pcm16(tone(0.5, hz=400.0 + number))))
        monkeypatch.setattr("small_dataset_audio.corpus.scan.GuardedDecoder", partial(bad_decoder, limits))
        return scan_corpus(folder)

    return scan


def reasons(corpus: Corpus) -> dict[str, str]:
    return {report.name: report.reason for report in corpus.files if report.status == "skipped"}


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_gone_soon(pid: int, within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


# The file alone is skipped, named, with the reason, and the scan goes on.


@needs_signals
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("segfault.wav", "its decoder crashed: SIGSEGV; export the recording anew, as WAV or FLAC"),
        ("late segfault.wav", "its decoder crashed: SIGSEGV; export the recording anew, as WAV or FLAC"),
        ("abort.wav", "its decoder crashed: SIGABRT; export the recording anew, as WAV or FLAC"),
        ("leave.wav", "its decoder crashed: exit code 3; export the recording anew, as WAV or FLAC"),
    ],
)
def test_row_18_a_file_that_crashes_its_decoder_is_skipped_alone(scan_badly, name, reason):
    corpus = scan_badly(name)
    assert reasons(corpus) == {name: reason}
    assert [clip.name for clip in corpus.clips] == ["a.wav", "z.wav"]


@pytest.mark.parametrize("name", ["hang.wav", "late hang.wav", "busy.wav", "locked hang.wav"])
def test_row_18_a_file_that_hangs_its_decoder_is_skipped_alone_when_its_time_is_up(scan_badly, name):
    if name == "locked hang.wav" and sys.platform == "win32":
        pytest.skip("the sleep of the C library has another name there")
    corpus = scan_badly(name, limits=SHORT)
    assert reasons(corpus) == {
        name: "its decoder did not answer: 1 s were not enough; export the recording anew, as WAV or FLAC"
    }
    assert [clip.name for clip in corpus.clips] == ["a.wav", "z.wav"]


@needs_memory_limit
@pytest.mark.parametrize("name", ["greedy.wav", "late greedy.wav"])
def test_row_18_a_file_whose_decoder_fills_the_memory_is_skipped_alone(scan_badly, name):
    corpus = scan_badly(name)
    assert reasons(corpus) == {
        name: "its decoder wanted too much memory: more than 0.25 GB; export the recording anew, as WAV or FLAC"
    }
    assert [clip.name for clip in corpus.clips] == ["a.wav", "z.wav"]


def test_row_18_an_error_that_nobody_foresaw_costs_one_file_and_is_named_on_one_line(scan_badly):
    corpus = scan_badly("odd.wav")
    assert reasons(corpus) == {
        "odd.wav": "its decoder failed: ValueError: odd number of things; export the recording anew, as WAV or FLAC"
    }
    assert [clip.name for clip in corpus.clips] == ["a.wav", "z.wav"]


@pytest.mark.parametrize("name", ["wide.wav", "huge.wav", "nothing.wav"])
def test_row_18_answers_that_make_no_sense_are_not_believed(scan_badly, name):
    corpus = scan_badly(name)
    assert reasons(corpus)[name].startswith("its decoder crashed: it sent ")
    assert [clip.name for clip in corpus.clips] == ["a.wav", "z.wav"]


def test_row_18_what_a_decoder_prints_is_not_taken_for_an_answer(scan_badly):
    corpus = scan_badly("chatter.wav")
    assert [clip.name for clip in corpus.clips] == ["a.wav", "chatter.wav", "z.wav"]


@needs_signals
def test_row_18_bad_files_between_good_ones_leave_the_good_ones_bit_for_bit(scan_badly, folder):
    before = {clip.name: clip.audio for clip in scan_corpus(folder).clips}
    corpus = scan_badly("b segfault.wav", "c odd.wav", "d leave.wav", "e late abort.wav")
    assert len(reasons(corpus)) == 4
    for clip in corpus.clips:
        np.testing.assert_array_equal(clip.audio, before[clip.name])


# Nothing is left behind.


@needs_signals
def test_row_18_a_crash_leaves_no_process_no_open_file_and_nothing_on_disk(scan_badly, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def held() -> set[object]:
        """Processes, open files and shared memory: what may be fewer afterwards, never more."""
        gc.collect()  # Earlier tests' garbage holds files too, and would be let go of at any moment
        return {
            *(child.pid for child in psutil.Process().children(recursive=True)),
            *(f"{number} open" for number in Path("/proc/self/fd").iterdir()),
            *Path("/dev/shm").glob("*"),  # noqa: S108 (looked at only)
        }

    before = held()
    scan_badly("segfault.wav", "late segfault.wav", "late hang.wav", limits=SHORT)
    assert held() - before == set()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert list((tmp_path / "here").iterdir()) == []
    assert len(list(folder.iterdir())) == 5


def test_row_18_one_process_decodes_a_whole_folder(folder, monkeypatch):
    starts = []
    start = guarded_decoder._start
    monkeypatch.setattr(guarded_decoder, "_start", lambda command: starts.append(command) or start(command))
    for number in range(5):
        (folder / f"more {number}.wav").write_bytes(wav_bytes(pcm16(tone(0.5, hz=500.0 + number))))
    assert len(scan_corpus(folder).clips) == 7
    assert len(starts) == 1


def test_row_18_files_that_no_decoder_may_see_start_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(guarded_decoder, "_start", lambda _: pytest.fail("a process was started"))
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "film.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    assert len(reasons(scan_corpus(tmp_path))) == 2


def test_row_18_a_scan_that_is_given_up_ends_its_process(folder):
    scan = iter_scan(folder)
    next(scan)
    (child,) = psutil.Process().children()
    scan.close()
    assert not is_alive(child.pid)


SCAN_AND_TELL = """
import sys
from pathlib import Path
from small_dataset_audio.audio.guarded_decoder import GuardedDecoder
from small_dataset_audio.errors import AudioFileError
decoder = GuardedDecoder(command=sys.argv[2:])
decoder.decode(Path(sys.argv[1]) / "a.wav")
print(decoder._worker._process.pid, flush=True)
decoder.decode(Path(sys.argv[1]) / "hang.wav")
"""
SCAN_AND_WAIT = SCAN_AND_TELL.replace('decoder.decode(Path(sys.argv[1]) / "hang.wav")', "sys.stdin.read()")


def scanning(folder: Path, program: str) -> tuple[subprocess.Popen[str], int]:
    """A process that decodes, at a file that hangs or between two files, and the process that decodes for it."""
    (folder / "hang.wav").write_bytes(wav_bytes(pcm16(tone(0.5))))
    parent = subprocess.Popen(
        [sys.executable, "-c", program, folder, sys.executable, BAD_DECODER, str(MEMORY_BYTES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pid = int(parent.stdout.readline())
    time.sleep(0.2)
    assert is_alive(pid)
    return parent, pid


@needs_signals
@pytest.mark.parametrize(
    "program", [SCAN_AND_TELL, SCAN_AND_WAIT], ids=["in a decoder that hangs", "between two files"]
)
def test_row_18_no_process_stays_when_the_program_is_killed(folder, program):
    parent, pid = scanning(folder, program)
    with parent:
        parent.kill()
    assert is_gone_soon(pid)


@needs_signals
def test_row_18_ctrl_c_stops_a_decoder_that_hangs_and_only_the_program_itself_says_so(folder):
    parent, pid = scanning(folder, SCAN_AND_TELL)
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    _, said = parent.communicate(timeout=10)
    assert is_gone_soon(pid)
    assert said.count("KeyboardInterrupt") == 1
    assert said.count("Traceback") == 1


STOPPED_FOR_A_WHILE = """
import sys
from pathlib import Path
from small_dataset_audio.audio import guarded_decoder
guarded_decoder._STEP_S = 0.1
limits = guarded_decoder.DecoderLimits(min_time_s=0.8)
decoder = guarded_decoder.GuardedDecoder(limits, command=sys.argv[2:])
decoder.decode(Path(sys.argv[1]) / "a.wav")
print(decoder._worker._process.pid, flush=True)
print(decoder.decode(Path(sys.argv[1]) / "slow.wav").duration_s)
"""


@needs_signals
def test_row_18_time_that_the_program_itself_was_stopped_for_does_not_count(folder):
    (folder / "slow.wav").write_bytes((folder / "a.wav").read_bytes())
    parent, _ = scanning(folder, STOPPED_FOR_A_WHILE)
    parent.send_signal(signal.SIGSTOP)
    time.sleep(1.0)
    parent.send_signal(signal.SIGCONT)
    said, complaints = parent.communicate(timeout=10)
    assert (said, complaints) == ("0.5\n", "")


# Where no process can be started.


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        (["/nowhere/python"], "2]"),  # [Errno 2], [WinError 2]
        ([sys.executable, "-c", "raise SystemExit(1)"], "it did not begin as it should"),
        ([sys.executable, "-c", "print('x' * 1000)"], "it did not begin as it should"),
        ([sys.executable, "-c", "import time; time.sleep(1000)"], "it was not ready in time"),
    ],
    ids=["no interpreter", "it ends", "it is another program", "it is never ready"],
)
def test_row_18_without_a_process_files_are_decoded_in_this_one_and_a_warning_says_so_once(folder, command, cause):
    with (
        GuardedDecoder(DecoderLimits(start_time_s=1.0), command=command) as decoder,
        pytest.warns(RuntimeWarning, match="no process can be started to decode in") as warned,
    ):
        decoded = [decoder.decode(folder / name) for name in ("a.wav", "z.wav")]
    assert len(warned) == 1
    assert cause in str(warned[0].message)
    assert [audio.audio.shape for audio in decoded] == [(1, 24_000), (1, 24_000)]
    assert psutil.Process().children() == []


def test_row_18_a_frozen_program_does_not_start_itself_again(folder, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(guarded_decoder, "_start", lambda _: pytest.fail("it did"))
    with GuardedDecoder() as decoder, pytest.warns(RuntimeWarning, match="brings no interpreter of its own"):
        assert decoder.decode(folder / "a.wav").duration_s == 0.5


# The decoder on its own.


@needs_signals
def test_row_18_a_decoder_that_crashed_is_started_again_for_the_next_file(folder):
    (folder / "segfault.wav").write_bytes((folder / "a.wav").read_bytes())
    with bad_decoder() as decoder:
        for _ in range(3):
            with pytest.raises(AudioFileError, match=r"^its decoder crashed: SIGSEGV"):
                decoder.decode(folder / "segfault.wav")
            assert decoder.decode(folder / "a.wav").duration_s == 0.5


def test_row_18_a_process_that_is_killed_between_two_files_costs_neither(folder):
    with bad_decoder() as decoder:
        decoder.decode(folder / "a.wav")
        process = decoder._worker._process
        process.kill()
        process.wait()
        assert decoder.decode(folder / "z.wav").duration_s == 0.5


def test_row_18_time_grows_with_the_size_of_a_file_between_a_floor_and_a_ceiling():
    limits = DecoderLimits()
    assert [limits.time_s(size) for size in (0, 1_000_000, 40_000_000, 2**40)] == [20.0, 20.0, 200.0, 900.0]


@needs_memory_limit
def test_row_18_a_long_file_needs_no_more_memory_there_than_a_short_one(tmp_path):
    rng = np.random.default_rng(1)
    sf.write(tmp_path / "long.flac", rng.uniform(-0.5, 0.5, (60 * 48_000, 2)), 48_000)
    tight = DecoderLimits(memory_bytes=16 << 20)
    with GuardedDecoder(tight) as decoder:
        assert decoder.decode(tmp_path / "long.flac").audio.nbytes > tight.memory_bytes
