"""What runs in the process that decodes recordings, and the messages it sends.

A decoder is C code that reads whatever bytes a file holds; where it crashes, hangs or fills the memory, it does so here,
and :class:`small_dataset_audio.audio.guarded_decoder.GuardedDecoder`, which starts this process and reads its messages,
goes on with the next file. No torch is imported, so that the start takes a tenth of a second.

Requests come on the standard input, one file each: the length of its path, then the path. Answers go to the standard
output: decoded blocks as they come, then the facts or the reason why there are none. A message is a head (kind, and two
counts) and a body. Both ends are this program on this machine, so numbers have its byte order.
"""

from __future__ import annotations

import contextlib
import io
import os
import queue
import signal
import struct
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.io import decode_blocks, open_regular_file
from small_dataset_audio.errors import AudioFileError

if sys.platform == "win32":
    import ctypes
else:
    import resource

REQUEST: Final = struct.Struct("=I")
"""Bytes of the path that follows, see :func:`os.fsencode`."""

HEAD: Final = struct.Struct("=cII")
"""Kind; of a block its frames and channels, of any other message the bytes of its body and 0."""

READY: Final = b"R"
BLOCK: Final = b"B"
"""Frames x channels float32 samples."""
FACTS: Final = b"F"
"""The last message on a file: its facts as JSON."""
REFUSED: Final = b"A"
"""The last message on a file: the reason of an AudioFileError."""
OUT_OF_MEMORY: Final = b"M"
"""The last message of this process."""
FAILED: Final = b"X"
"""The last message of this process: an exception that nobody foresaw, in words."""

_MAX_REASON_BYTES: Final = 2000


def main(memory_limit_bytes: int) -> None:
    """Answer requests until the standard input ends."""
    answers = _private_output()
    _die_quietly()
    requests: queue.SimpleQueue[Path] = queue.SimpleQueue()
    # A thread, since a decoder that hangs must not keep this process alive when the one that started it is gone.
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    _limit_memory(memory_limit_bytes)

    def report_failure(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more
            if isinstance(error, MemoryError):
                _send(answers, OUT_OF_MEMORY)
            else:
                _send(answers, FAILED, f"{kind.__name__}: {error}".encode(errors="replace")[:_MAX_REASON_BYTES])
        os._exit(1)

    sys.excepthook = report_failure
    _send(answers, READY)
    while True:
        _answer(requests.get(), answers)


def _answer(path: Path, answers: BinaryIO) -> None:
    def send_block(block: NDArray[np.float32]) -> None:
        answers.write(HEAD.pack(BLOCK, *block.shape))
        answers.write(block.data.cast("B"))

    try:
        with open_regular_file(path) as file:
            facts = decode_blocks(file, send_block, extension=path.suffix.lower())
    except AudioFileError as error:
        _send(answers, REFUSED, str(error).encode(errors="replace")[:_MAX_REASON_BYTES])
    else:
        _send(answers, FACTS, msgspec.json.encode(facts))


def _send(answers: BinaryIO, kind: bytes, body: bytes = b"") -> None:
    answers.write(HEAD.pack(kind, len(body), 0) + body)
    answers.flush()


def _listen(requests: queue.SimpleQueue[Path]) -> None:
    # Unbuffered, so that no lock is held here when the interpreter ends.
    with io.FileIO(0, closefd=False) as pipe:
        while True:
            (length,) = REQUEST.unpack(_read(pipe, REQUEST.size))
            requests.put(Path(os.fsdecode(_read(pipe, length))))


def _read(pipe: io.FileIO, length: int) -> bytes:
    """Read exactly so many bytes, or end this process at once where there are no more."""
    data = b""
    while len(data) < length:
        more = pipe.read(length - len(data))
        if not more:
            os._exit(0)
        data += more
    return data


def _private_output() -> BinaryIO:
    """Take the standard output away from C code that might print to it."""
    answers = io.BufferedWriter(io.FileIO(os.dup(1), "wb"))
    os.dup2(2, 1)
    return answers


def _die_quietly() -> None:
    """Let Ctrl-C, which goes to every process of a terminal, be heard by the one that started this, and leave no core file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        # No dialog that waits for somebody to click it away: SEM_FAILCRITICALERRORS and SEM_NOGPFAULTERRORBOX.
        ctypes.windll.kernel32.SetErrorMode(0x0001 | 0x0002)
    else:
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _limit_memory(limit_bytes: int) -> None:
    """Allow `limit_bytes` beyond what is in use now. Linux enforces it; macOS does not, and Windows has no such limit."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        limit = _memory_in_use_bytes() + limit_bytes
        if most != resource.RLIM_INFINITY:
            limit = min(limit, most)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _memory_in_use_bytes() -> int:
    """Bytes that count against RLIMIT_DATA; 0 where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0
