"""A weights file is looked over before it is handed to the library that reads it.

Model folders and checkpoints come from anywhere: from a friend, from the internet, from a disk that failed. What a file says of
itself is therefore a claim. Here the claims are bounded by what the file really holds, before anything is allocated for them:
it must be a plain file of its folder (a named pipe would wait for ever, a link could lead to anything), its header must lie
within it, and each tensor must be there in the type and shape that the configuration asks for. Pickles are named as such, and
never read.

What is wrong is raised as safetensors' own error, so that a caller has one kind to translate.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from safetensors import SafetensorError, safe_open

from small_dataset_audio.names import one_line

if TYPE_CHECKING:
    from torch import Tensor

MAX_FILE_BYTES: Final = 1 << 30
"""1 GiB. The largest model that is trained here, with the density of four hours of recordings, takes about 150 MB."""

MAX_HEADER_BYTES: Final = 16 << 20
"""Names, shapes and metadata of a model: enough for some 60,000 recordings."""

LIBRARY_HEADER_BYTES: Final = 100_000_000
"""The most that safetensors itself reads; a checkpoint names the recordings that its training began with."""

_LENGTH_BYTES: Final = 8
_DTYPE_CODES: Final = {"torch.float32": "F32", "torch.int64": "I64"}


@contextlib.contextmanager
def open_weights(
    path: Path, framework: Literal["np", "pt"], *, max_header_bytes: int = MAX_HEADER_BYTES
) -> Iterator[Any]:
    """Open a safetensors file whose claims about itself can be true.

    Parameters
    ----------
    path : Path
    framework : {"np", "pt"}
        What tensors are read as.
    max_header_bytes : int

    Yields
    ------
    safetensors.safe_open

    Raises
    ------
    FileNotFoundError
        There is none, or it is a link to nothing.
    SafetensorError
        It is no plain file of its folder, too large, or no safetensors file; in one line.
    OSError
        It cannot be read.
    """
    _check_claims(path, max_header_bytes)
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except SafetensorError as error:  # it may quote names of any length out of the file
        raise SafetensorError(one_line(str(error))) from error


def misfit(file: Any, expected: Mapping[str, Tensor]) -> str:  # noqa: ANN401 - safetensors gives its file no type
    """Name the first tensor that is missing, or of another type or shape than expected; empty where all fit.

    Only the header is looked at: nothing is read, and nothing allocated.

    Parameters
    ----------
    file : safetensors.safe_open
    expected : mapping of str to Tensor
        May be on the ``meta`` device, where tensors have shapes and no numbers.
    """
    there = set(file.keys())
    for name, tensor in expected.items():
        if name not in there:
            return name
        claimed = file.get_slice(name)
        if (claimed.get_dtype(), tuple(claimed.get_shape())) != (_DTYPE_CODES[str(tensor.dtype)], tuple(tensor.shape)):
            return name
    return ""


def check_plain_file(path: Path) -> int:
    """Return the size of a plain file that lies in its folder [bytes].

    Raises
    ------
    FileNotFoundError
        There is none, or it is a link to nothing.
    SafetensorError
        A folder, pipe or device, or a link that leads out of the folder.
    """
    try:
        status = path.stat()
        leads_out = path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve())
    except RuntimeError as error:  # a link to itself, before Python 3.13
        raise SafetensorError("it is a link to itself") from error
    if leads_out:
        raise SafetensorError("it is a link that leads out of its folder")
    if not stat.S_ISREG(status.st_mode):
        raise SafetensorError("it is no plain file")
    return status.st_size


def _check_claims(path: Path, max_header_bytes: int) -> None:
    size_bytes = check_plain_file(path)
    if size_bytes > MAX_FILE_BYTES:
        raise SafetensorError(f"it has {size_bytes} bytes; at most {MAX_FILE_BYTES} are read")
    with path.open("rb") as file:
        begin = file.read(_LENGTH_BYTES)
    header_bytes = int.from_bytes(begin, "little")
    if len(begin) < _LENGTH_BYTES:
        raise SafetensorError(f"it has only {size_bytes} bytes")
    if header_bytes > min(max_header_bytes, size_bytes - _LENGTH_BYTES):
        if begin.startswith(b"PK") or (begin[0] == 0x80 and begin[1] <= 5):
            raise SafetensorError("it is a pickle, which could run any program, and is never read")
        raise SafetensorError(
            f"its header claims {header_bytes} bytes; the file has {size_bytes}, and at most {max_header_bytes} are read"
        )
