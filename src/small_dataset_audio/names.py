"""Names and words that come from outside: shown in a message, made a folder's, kept inside their folder."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

from small_dataset_audio.errors import InvalidNameError

_MAX_FOLDER_NAME_BYTES = 120
_MAX_QUOTED = 120
_MAX_REASON = 300
_WINDOWS_RESERVED = frozenset(
    [
        "CON",
        "PRN",
        "AUX",
        "NUL",
        "CONIN$",
        "CONOUT$",
        *(f"{port}{i}" for port in ("COM", "LPT") for i in "123456789¹²³"),
    ]
)


def quoted(value: object) -> str:
    """Show a value in a message: its ``repr``, cut to what a line can hold, whatever a file may have put in it."""
    shown = repr(value)
    return shown if len(shown) <= _MAX_QUOTED else f"{shown[:_MAX_QUOTED]}..."


def one_line(text: str) -> str:
    """Cut what another library says, which may quote the file it could not read, to a line of a message."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_REASON else f"{line[:_MAX_REASON]} ..."


def safe_folder_name(display_name: str) -> str:
    """Derive a folder name that every file system takes from a name as the user wrote it.

    Letters of every script and emoji are kept (NFC). What Windows forbids, control characters, line separators, marks that
    turn the reading direction and halves of surrogate pairs become ``_``; reserved device names get a ``_``; over 120 bytes
    the name is cut and ends in a hash of the whole. A folder name given again comes back as it is.

    Raises
    ------
    InvalidNameError
        Empty, ``.``, ``..``, an absolute path, or a name with a path separator.
    """
    name = unicodedata.normalize("NFC", display_name).strip()
    if not name or name in {".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise InvalidNameError(
            f"{quoted(display_name)} is not a usable name; give one without '/' or '\\', that is not empty, '.' or '..'"
        )
    folder = "".join("_" if _is_unsafe(character) else character for character in name).strip(". ") or "_"
    stem, dot, rest = folder.partition(".")
    if stem.rstrip().upper() in _WINDOWS_RESERVED:  # Windows reserves "con.txt" as well
        folder = f"{stem.rstrip()}_{dot}{rest}"
    if len(folder.encode()) > _MAX_FOLDER_NAME_BYTES:
        digest = hashlib.sha256(folder.encode()).hexdigest()[:12]
        head = folder.encode()[: _MAX_FOLDER_NAME_BYTES - 13].decode(errors="ignore")
        folder = f"{head}-{digest}"
    return folder


def resolve_inside(root: Path, name: str) -> Path:
    """Path of `name` below `root`; refuses anything that resolves to outside of it.

    Raises
    ------
    InvalidNameError
        The name is unusable, or a link leads out of `root` or to itself.
    """
    path = root / safe_folder_name(name)
    try:
        inside = path.resolve().parent == root.resolve()
    except (OSError, RuntimeError):  # a link that leads to itself: RuntimeError until Python 3.12
        inside = False
    if not inside:
        raise InvalidNameError(f"{quoted(name)} leads out of {root}; rename or remove the link {path}")
    return path


def _is_unsafe(character: str) -> bool:
    """Whether a folder name should not hold `character`; joiners stay, emoji and Indic scripts are spelt with them."""
    if character in '<>:"|?*':
        return True
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return hidden and character not in "\u200c\u200d"
