"""Decoding in a process of its own, so that a decoder that crashes, hangs or fills the memory costs one file.

One process decodes a whole folder; it is started again only after it had to be given up. It is a fresh interpreter and
no fork (this process may hold threads of torch), and no child of :mod:`multiprocessing`, which would run the script of a
user again who wrote no ``if __name__ == "__main__"``. It ends with the decoder, at Ctrl-C, and when this process is gone
for whatever reason, since its standard input ends then.

The samples come through a pipe, block by block, into the memory where they stay. There is no shared memory and no
temporary file that a crash could leave behind, and the other process holds no more than a block, so that its memory can be
limited tightly. What comes is the same, bit for bit, as decoding here would give.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio import decoder_process as wire
from small_dataset_audio.audio.io import (
    BLOCK_FRAMES,
    MAX_CHANNELS,
    MAX_DECODED_SAMPLES,
    DecodedAudio,
    DecodedFacts,
    decode_audio,
    join_blocks,
    look_before_decoding,
    open_regular_file,
)
from small_dataset_audio.errors import AudioFileError
from small_dataset_audio.names import one_line

CRASHED: Final = "its decoder crashed"
HUNG: Final = "its decoder did not answer"
GREEDY: Final = "its decoder wanted too much memory"
FAILED: Final = "its decoder failed"
"""How the reasons begin with which a file is skipped whose decoder had to be given up."""

_NEXT_STEP: Final = "export the recording anew, as WAV or FLAC"
_MAX_BODY_BYTES: Final = 1 << 16
_STEP_S: Final = 1.0
_PROGRAM: Final = (
    "import sys; limit, *sys.path = sys.argv[1:]; "
    "from small_dataset_audio.audio.decoder_process import main; main(int(limit))"
)

if sys.platform == "win32":
    _CREATION_FLAGS: Final = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _CREATION_FLAGS: Final = 0


@dataclass(frozen=True)
class DecoderLimits:
    """What a decoder may take.

    Parameters
    ----------
    min_time_s, max_time_s : float [seconds]
        Time for one file, whatever its size.
    bytes_per_s : float
        Between these two, the time is the size of the file divided by this: a slow network drive, or Opus on a slow
        processor.
    memory_bytes : int
        Beyond what its process takes to begin with; see :mod:`small_dataset_audio.audio.decoder_process` for where the
        system enforces it.
    start_time_s : float [seconds]
        Time for the process to begin.
    """

    min_time_s: float = 20.0
    max_time_s: float = 900.0
    bytes_per_s: float = 200_000.0
    memory_bytes: int = 1 << 30
    start_time_s: float = 60.0

    def time_s(self, size_bytes: int) -> float:
        """Time limit in seconds for a file of this size."""
        return min(max(self.min_time_s, size_bytes / self.bytes_per_s), self.max_time_s)


_DEFAULT_LIMITS: Final = DecoderLimits()


class GuardedDecoder:
    """Decodes one file after another in a process beside this one; a context manager, which ends that process.

    Where no process can be started (a sandbox, a frozen program), a warning says so once, and files are decoded in this
    process: the recordings can be used, but a decoder that crashes takes this process along.

    Parameters
    ----------
    limits : DecoderLimits
    command : sequence of str, optional
        Program to start in place of :func:`small_dataset_audio.audio.decoder_process.main`, for tests.
    """

    def __init__(self, limits: DecoderLimits = _DEFAULT_LIMITS, *, command: Sequence[str] | None = None) -> None:
        self._limits = limits
        self._command = command
        self._worker: _Worker | None = None
        self._has_no_process = False

    def __enter__(self) -> GuardedDecoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, if there is one; the next file would start another."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()

    def decode(self, path: Path) -> DecodedAudio:
        """Decode a file as :func:`small_dataset_audio.audio.read_audio` does.

        What can be told without a decoder (an empty file, a format that none reads) is told without the process.

        Raises
        ------
        AudioFileError
            The reason alone, without the path.
        """
        with open_regular_file(path) as file:
            extension = path.suffix.lower()
            look_before_decoding(file, extension)
            worker = self._running_worker()
            if worker is None:
                return decode_audio(file, extension=extension)
            size_bytes = os.fstat(file.fileno()).st_size
        finished = False
        try:
            decoded = worker.decode(path, self._limits.time_s(size_bytes))
            finished = True
        except _RefusedError as error:
            finished = True
            raise AudioFileError(str(error)) from error
        except _GoneError as error:
            raise AudioFileError(str(error)) from error
        finally:
            if not finished or worker.timed_out:  # half an answer may be left in the pipe
                self.close()
        return decoded

    def _running_worker(self) -> _Worker | None:
        if self._worker is not None and not self._worker.is_running():  # killed meanwhile, which is no file's fault
            self.close()
        if self._worker is None and not self._has_no_process:
            try:
                self._worker = _Worker(self._command or _command(self._limits), self._limits)
            except (OSError, _GoneError) as error:
                self._has_no_process = True
                warnings.warn(
                    f"no process can be started to decode in: {error}; recordings are decoded in this one, where a file "
                    "that crashes its decoder ends the program",
                    RuntimeWarning,
                    stacklevel=3,
                )
        return self._worker


class _GoneError(Exception):
    """The process had to be given up; says why a file cannot be used for it."""


class _RefusedError(Exception):
    """The file cannot be used, and the process goes on."""


class _Worker:
    """A process that decodes, and the conversation with it."""

    def __init__(self, command: Sequence[str], limits: DecoderLimits) -> None:
        self.timed_out = False
        self._limits = limits
        self._process = _start(command)
        # Popen makes both of what was asked for: pipes without a buffer.
        self._questions = cast(io.RawIOBase, self._process.stdin)
        self._answers = cast(io.RawIOBase, self._process.stdout)
        is_ready = False
        try:
            with contextlib.suppress(_GoneError), self._time_limit(limits.start_time_s):
                is_ready = self._read_head(limits.start_time_s)[0] == wire.READY
        finally:
            if not is_ready or self.timed_out:
                self.kill()
        if not is_ready or self.timed_out:
            raise _GoneError("it was not ready in time" if self.timed_out else "it did not begin as it should")

    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._questions.close()
        self._answers.close()

    def decode(self, path: Path, time_limit_s: float) -> DecodedAudio:
        blocks: list[NDArray[np.float32]] = []
        num_samples = 0
        with self._time_limit(time_limit_s):
            self._request(path, time_limit_s)
            while True:
                kind, first, second = self._read_head(time_limit_s)
                if kind != wire.BLOCK:
                    break
                frames, channels = first, second
                num_samples += frames * channels
                if (
                    not (0 < frames <= BLOCK_FRAMES and 0 < channels <= MAX_CHANNELS)
                    or num_samples > MAX_DECODED_SAMPLES
                ):
                    raise _nonsense("a block out of bounds")
                if blocks and blocks[0].shape[1] != channels:
                    raise _nonsense("blocks that do not fit each other")
                block = np.empty((frames, channels), dtype=np.float32)
                self._read_into(block.data.cast("B"), time_limit_s)
                blocks.append(block)
            if first > _MAX_BODY_BYTES:
                raise _nonsense("a message out of bounds")
            body = bytearray(first)
            self._read_into(memoryview(body), time_limit_s)
        return join_blocks(blocks, self._facts(kind, bytes(body), bool(blocks)))

    def _facts(self, kind: bytes, body: bytes, has_blocks: bool) -> DecodedFacts:
        if kind == wire.REFUSED:
            raise _RefusedError(body.decode(errors="replace"))
        if kind == wire.OUT_OF_MEMORY:
            raise _GoneError(f"{GREEDY}: more than {self._limits.memory_bytes / 2**30:.3g} GB; {_NEXT_STEP}")
        if kind == wire.FAILED:
            raise _GoneError(f"{FAILED}: {one_line(body.decode(errors='replace'))}; {_NEXT_STEP}")
        if kind != wire.FACTS or not has_blocks:
            raise _nonsense("a message out of place")
        try:
            return msgspec.json.decode(body, type=DecodedFacts)
        except msgspec.MsgspecError as error:
            raise _nonsense("facts that cannot be read") from error

    def _request(self, path: Path, time_limit_s: float) -> None:
        name = os.fsencode(path.absolute())
        try:
            self._questions.write(wire.REQUEST.pack(len(name)) + name)
        except OSError:
            self._give_up(time_limit_s)

    def _read_head(self, time_limit_s: float) -> tuple[bytes, int, int]:
        head = bytearray(wire.HEAD.size)
        self._read_into(memoryview(head), time_limit_s)
        kind, first, second = wire.HEAD.unpack(head)
        return kind, first, second

    def _read_into(self, memory: memoryview, time_limit_s: float) -> None:
        while memory:
            count = self._answers.readinto(memory)
            if not count:
                self._give_up(time_limit_s)
            memory = memory[count:]

    def _give_up(self, time_limit_s: float) -> NoReturn:
        """Say why the process is not there any more."""
        status = self._process.wait()
        if self.timed_out:
            raise _GoneError(f"{HUNG}: {time_limit_s:.3g} s were not enough; {_NEXT_STEP}")
        raise _GoneError(f"{CRASHED}: {_how_it_ended(status)}; {_NEXT_STEP}")

    @contextlib.contextmanager
    def _time_limit(self, limit_s: float) -> Iterator[None]:
        """End the process when the time is up, which ends every read from it.

        The clock goes on while the machine sleeps, or Ctrl-Z holds this process, so time is counted step by step.
        """
        done = threading.Event()

        def watch() -> None:
            left_s = limit_s
            while left_s > 0:
                step_s = min(left_s, _STEP_S)
                if done.wait(step_s):
                    return
                left_s -= step_s
            self.timed_out = True
            self._process.kill()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _command(limits: DecoderLimits) -> Sequence[str]:
    if not sys.executable or getattr(sys, "frozen", False):  # it would be this very program, started again
        raise OSError("this program brings no interpreter of its own")
    # Modules come from where this process has them; -P keeps the folder the user stands in from being searched first.
    return (sys.executable, "-P", "-c", _PROGRAM, str(limits.memory_bytes), *sys.path)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # One thread: nothing is multiplied there, and each would reserve memory. Ctrl-C is for this process alone.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(  # noqa: S603 (this package, run by the interpreter that runs it now)
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        creationflags=_CREATION_FLAGS,
        process_group=None if os.name == "nt" else 0,
    )


def _nonsense(what: str) -> _GoneError:
    return _GoneError(f"{CRASHED}: it sent {what}; {_NEXT_STEP}")


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"exit code {status:#x}" if status > 255 else f"exit code {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
