"""A process that is made to be killed: a fork that works, says what it has come to, and dies when it is told to.

    fork = Fork(lambda say: save_many(folder, say))
    fork.kill_after(0.3)
    assert fork.end()  # by a kill
    fork.said  # [("saved", "model 1"), ...]

A fork of a process that has imported everything, so that a kill costs no start; for Linux and macOS. What starts one must hold
no threads. Whatever a fork has *said* is said, however it ends.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

Say = Callable[[str, str], None]
"""Tell the parent that something is done: what it is, and which. Neither holds a tab or a line break."""

HALF_A_FILE = "write_bytes"
"""Name among the operations of `die_at`: `Path.write_bytes`, which then has written half."""

_write = os.write  # the real one, whatever is counted below


class Fork:
    """A fork of this process that does one piece of work.

    Parameters
    ----------
    work : callable
        Gets a function that it says things with. Its end is the fork's.
    """

    def __init__(self, work: Callable[[Say], None]) -> None:
        self.said: list[tuple[str, str]] = []
        """What was read so far of what it said."""
        reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reader)
            _work_and_exit(work, writer)
        os.close(writer)
        self._pipe = os.fdopen(reader, encoding="utf-8")

    def lines(self) -> Iterator[tuple[str, str]]:
        """Read what it says, as it says it, until it is dead."""
        for line in self._pipe:
            what, _, which = line.rstrip("\n").partition("\t")
            self.said.append((what, which))
            yield what, which

    def kill_after(self, seconds: float, *, once: str = "") -> None:
        """Kill it after so long, from now or from when it has first said `once`."""
        if once:
            next((what for what, _ in self.lines() if what == once), None)
        time.sleep(seconds)
        os.kill(self._pid, signal.SIGKILL)

    def kill_unless_dead_in(self, most_s: float) -> None:
        """Let it kill itself; where it has not in so long, kill it."""
        ends = time.monotonic() + most_s
        while time.monotonic() < ends:
            if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                break
            time.sleep(0.01)
        os.kill(self._pid, signal.SIGKILL)

    def end(self) -> bool:
        """Wait for its end, and read all that it said; whether the end was a kill.

        Raises
        ------
        RuntimeError
            It failed by itself.
        """
        with self._pipe:
            for _ in self.lines():
                pass
        _, status = os.waitpid(self._pid, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return True
        if status:
            raise RuntimeError(f"a fork ended with status {status}; see its traceback above. It had said {self.said}")
        return False


def in_fork(work: Callable[[], None]) -> None:
    """Do something in a fork to its end, so that no thread starts here."""
    if Fork(lambda _: work()).end():
        raise RuntimeError("a fork was killed by somebody else: too little memory?")


def _work_and_exit(work: Callable[[Say], None], writer: int) -> None:
    """The fork's life: it never returns."""
    code = 1
    try:
        work(lambda what, which: _say(writer, what, which))
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not go on with its parent's work, whatever happens
        traceback.print_exc()
    finally:
        os._exit(code)


def _say(writer: int, what: str, which: str) -> None:
    _write(writer, f"{what}\t{which}\n".encode())


def die_at(number: int, patch: pytest.MonkeyPatch, operations: Sequence[str]) -> None:
    """Let this process kill itself at its Nth file operation from now: before it, or with half of a file written.

    Parameters
    ----------
    number : int
        From 1.
    patch : MonkeyPatch
    operations : sequence of str
        Names of functions of :mod:`os` that count; `HALF_A_FILE` too.
    """
    left = number

    def is_the_one() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def deadly(operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if is_the_one():
                die()
            return operation(*arguments, **named)

        return call

    def write_bytes(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            if is_the_one():
                file.write(data[: len(data) // 2])
                file.flush()
                die()
            return file.write(data)

    for name in operations:
        if name == HALF_A_FILE:
            patch.setattr(Path, "write_bytes", write_bytes)
        else:
            patch.setattr(os, name, deadly(getattr(os, name)))
