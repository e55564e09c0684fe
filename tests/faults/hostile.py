"""Model files as someone would make them who means harm, or a disk that failed: written byte by byte, by no library."""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from models.modelfiles import KEY, header_of
from small_dataset_audio.errors import ModelDamagedError, ModelError
from small_dataset_audio.library import Library
from small_dataset_audio.models import load_bundle
from tiny import start_python

MODEL = "model.safetensors"
CORPUS = "corpus.flac"

REFUSED_WITHIN_S = 1.0
REFUSED_WITHIN_MB = 1000

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither named pipes nor /dev/zero")


def weights_bytes(header: Mapping[str, Any] | bytes, data: bytes = b"") -> bytes:
    """A safetensors file: eight bytes of length, the header, the numbers."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def change_header(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what a file says of its tensors, and leave its numbers as they are."""
    header = header_of(path)
    contents = path.read_bytes()
    (length,) = struct.unpack("<Q", contents[:8])
    change(header)
    path.write_bytes(weights_bytes(header, contents[8 + length :]))


def metadata_text(path: Path) -> str:
    """What a model file says of itself, as it stands there."""
    text: str = header_of(path)["__metadata__"][KEY]
    return text


def with_metadata_text(path: Path, text: str) -> None:
    """Put any text in its place."""
    change_header(path, lambda header: header["__metadata__"].update({KEY: text}))


def refused(folder: Path, file_name: str = MODEL, error: type[ModelError] = ModelDamagedError) -> str:
    """The message; and proof that it came at once, names the file, and is one line that can be read."""
    begin = time.process_time()
    with pytest.raises(ModelError) as caught:
        load_bundle(folder)
    took_s = time.process_time() - begin
    assert type(caught.value) is error, caught.value
    message = str(caught.value)
    assert str(folder / file_name) in message
    assert "\n" not in message
    assert len(message) < 800
    assert took_s < REFUSED_WITHIN_S
    return message


def listed(library: Library) -> dict[str, str]:
    """Problems by folder, as `sda models` lists them; the sound model must be there without one."""
    problems = {entry.folder.name: entry.problem for entry in library.entries()}
    assert problems["sound"] == ""
    return problems


IN_ITS_OWN_PROCESS = """
import resource, sys, time
from pathlib import Path
from small_dataset_audio.errors import SdaError
from small_dataset_audio.models import load_bundle
from small_dataset_audio.training import load_checkpoint
import torch, soundfile, small_dataset_audio.models.vae
kind, path = sys.argv[1:]
begin = time.process_time()
try:
    load_bundle(Path(path)) if kind == "model" else load_checkpoint(Path(path))
except SdaError as error:
    took_s = time.process_time() - begin
    # Not ru_maxrss where there is better: that begins with the peak of the process that started this one.
    status = Path("/proc/self/status")
    peak = [line.split()[1] for line in status.read_text().splitlines() if "VmHWM" in line] if status.exists() else []
    most_kb = int(peak[0]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(took_s, most_kb / 1000, type(error).__name__, error, sep="|")
"""


def refused_in_its_own_process(kind: str, path: Path) -> str:
    """The message, and that it came in under a second with under 1 GB."""
    done = start_python(IN_ITS_OWN_PROCESS, kind, path)
    assert done.returncode == 0, done.stderr
    took_s, most_mb, _, message = done.stdout.strip().split("|", 3)
    assert float(took_s) < REFUSED_WITHIN_S
    assert float(most_mb) < REFUSED_WITHIN_MB
    return message
