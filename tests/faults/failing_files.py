"""Makes one file operation fail, the first, the second, and so on, until a run gets through without any.

    for fault in every_fault(tmp_path, lambda: write_bytes(path, b"new")):
        assert fault.error is None or isinstance(fault.error, OutputError)
        ...  # whatever failed: the older state or the newer, and nothing else

What counts is what is done below one folder: opening, writing, syncing, closing, moving, linking, making and removing. Python's
own files are wrapped; what libsndfile writes goes past Python, but for the call that makes it write.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import soundfile

CODES = (errno.ENOSPC, errno.EIO, errno.EACCES)
"""Disk full, a medium that fails, no permission."""

_BY_PATH = ("open", "link", "replace", "unlink", "mkdir")
_BY_DESCRIPTOR = ("write", "fsync", "close")
_MOST_OPERATIONS = 200


@dataclass(frozen=True)
class Fault:
    """What came of a run in which one operation failed, or none.

    Parameters
    ----------
    number : int
        Of the operation that failed, from 1.
    code : int
        Its errno.
    operation : str
        Its name; empty on the last run, which got through.
    target : str
        Name of the file, empty where it is not known.
    error : Exception or None
        What the run raised.
    """

    number: int
    code: int
    operation: str
    target: str
    error: Exception | None

    def __str__(self) -> str:
        return f"{errno.errorcode[self.code]} in operation {self.number}, {self.operation} {self.target}"


@dataclass
class _Counter:
    root: Path
    number: int
    code: int
    calls: int = 0
    failed: tuple[str, str] = ("", "")
    descriptors: dict[int, str] = field(default_factory=dict)

    def count(self, operation: str, target: str) -> None:
        self.calls += 1
        if self.calls == self.number:
            self.failed = (operation, Path(target).name)
            raise OSError(self.code, os.strerror(self.code), target)

    def is_below(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and Path(os.fsdecode(path)).is_relative_to(self.root)


def every_fault(root: Path, run: Callable[[], Any], codes: Sequence[int] = CODES) -> Iterator[Fault]:
    """Run once for each operation below `root` that can fail, with each error, and at last without one.

    Parameters
    ----------
    root : Path
    run : callable
        The caller brings everything back to the older state between two runs.
    codes : sequence of int
    """
    for code in codes:
        for number in range(1, _MOST_OPERATIONS):
            counter, error = _Counter(root, number, code), None
            with pytest.MonkeyPatch.context() as patch:
                _patch_all(patch, counter)
                try:
                    run()
                except Exception as caught:  # noqa: BLE001 - whatever comes is what the test is about
                    error = caught
            yield Fault(number, code, *counter.failed, error)
            if not counter.failed[0]:
                break
        else:
            raise AssertionError(f"no run got through with {_MOST_OPERATIONS} operations")


def _patch_all(patch: pytest.MonkeyPatch, counter: _Counter) -> None:
    for name in _BY_PATH:
        patch.setattr(os, name, _by_path(name, getattr(os, name), counter))
    for name in _BY_DESCRIPTOR:
        patch.setattr(os, name, _by_descriptor(name, getattr(os, name), counter))
    patch.setattr(io, "open", _wrapping(io.open, counter))  # what pathlib opens files with
    for name in ("write", "close"):
        patch.setattr(soundfile.SoundFile, name, _of_libsndfile(name, getattr(soundfile.SoundFile, name), counter))


def _by_path(name: str, operation: Callable[..., Any], counter: _Counter) -> Callable[..., Any]:
    def call(path: Any, *arguments: Any, **named: Any) -> Any:
        if counter.is_below(path):
            counter.count(name, os.fsdecode(path))
        result = operation(path, *arguments, **named)
        if name == "open" and counter.is_below(path):
            counter.descriptors[result] = os.fsdecode(path)
        return result

    return call


def _by_descriptor(name: str, operation: Callable[..., Any], counter: _Counter) -> Callable[..., Any]:
    def call(descriptor: int, *arguments: Any) -> Any:
        path = counter.descriptors.get(descriptor)
        if name == "close":  # one that fails has closed all the same
            counter.descriptors.pop(descriptor, None)
            operation(descriptor)
        if path is not None:
            counter.count(name, path)
        return None if name == "close" else operation(descriptor, *arguments)

    return call


def _wrapping(operation: Callable[..., Any], counter: _Counter) -> Callable[..., Any]:
    def call(path: Any, *arguments: Any, **named: Any) -> Any:
        if not counter.is_below(path):
            return operation(path, *arguments, **named)
        counter.count("open", os.fsdecode(path))
        file = operation(path, *arguments, **named)
        return _File(file, os.fsdecode(path), counter) if file.writable() else file

    return call


class _File:
    """A Python file whose writes and whose end can fail; half of what a failing write was to write is there."""

    def __init__(self, file: Any, path: str, counter: _Counter) -> None:
        self._file, self._path, self._counter = file, path, counter

    def write(self, data: Any) -> int:
        try:
            self._counter.count("write", self._path)
        except OSError:
            self._file.write(data[: len(data) // 2])
            raise
        return int(self._file.write(data))

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._counter.count("close", self._path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _of_libsndfile(name: str, operation: Callable[..., Any], counter: _Counter) -> Callable[..., Any]:
    def call(self: soundfile.SoundFile, *arguments: Any) -> Any:
        counts = counter.is_below(self.name) and self.mode != "r" and not self.closed
        if name == "close":
            operation(self)
        if counts:
            try:
                counter.count(name, os.fsdecode(self.name))
            except OSError:
                raise soundfile.LibsndfileError(2) from None  # all that libsndfile says of it: "System error."
        return None if name == "close" else operation(self, *arguments)

    return call
