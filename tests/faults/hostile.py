"""Model files as someone would make them who means harm, or a disk that failed: written byte by byte, by no library."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.modelfiles import KEY, header_of

MODEL = "model.safetensors"
CORPUS = "corpus.flac"


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


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Free a name for something that is no file."""
    path.unlink(missing_ok=True)
    yield path
