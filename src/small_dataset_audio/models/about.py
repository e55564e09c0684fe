"""What the owner of a model says of it after it was made: another name, the licence of its recordings.

It stands in a small file of its own beside the weights, so that these stay as they are, byte for byte, and with them the hash
that the sidecars of all takes name the model by. A name in it is believed only where the folder is called so: a model is
renamed in one step, by renaming its folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from small_dataset_audio.errors import InvalidConfigError, InvalidNameError, ModelDamagedError
from small_dataset_audio.files import write_json
from small_dataset_audio.json_types import read_from_json
from small_dataset_audio.models.metadata_limits import check_text_of_owner
from small_dataset_audio.names import one_line, safe_folder_name

ABOUT_FILE: Final = "about.json"

_MAX_BYTES: Final = 100_000


@dataclass(frozen=True)
class About:
    """What the owner says; None where nothing.

    Parameters
    ----------
    name : str or None
        As the owner wrote it.
    licence : str or None
        Of the recordings.
    """

    name: str | None = None
    licence: str | None = None


@read_from_json
class _Page(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    name: str | None = None
    licence: str | None = None


VERSION: Final = 1


def read_about(folder: Path) -> About:
    """Read what the owner of the model in `folder` says; nothing where there is no such file.

    Raises
    ------
    ModelDamagedError
        The file is not what this program writes; the message says what to do.
    """
    path = folder / ABOUT_FILE
    try:
        if not path.exists() and not path.is_symlink():
            return About()
        if path.is_symlink() or not path.is_file():
            raise ModelDamagedError(f"{path} is no plain file; remove it, and say name or licence again")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ModelDamagedError(f"{path} is over {_MAX_BYTES // 1000} kB; remove it, and say name or licence again")
        page = msgspec.json.decode(data, type=_Page)
        about = About(page.name, page.licence)
        if page.version != VERSION:
            raise InvalidConfigError(f"version is {page.version}; this release reads {VERSION}")
        check_about(about)
    except OSError as error:
        raise ModelDamagedError(f"{path} cannot be read ({error.strerror}); see to its permissions") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidConfigError) as error:
        reason = one_line(str(error))
        raise ModelDamagedError(f"{path} is damaged ({reason}); remove it, and say name or licence again") from error
    return about


def write_about(folder: Path, about: About) -> None:
    """Write what the owner says, over what was said before.

    Raises
    ------
    InvalidConfigError
        A text is too long, or holds control characters.
    OutputError
        The folder cannot be written.
    """
    check_about(about)
    said = {"name": about.name, "licence": about.licence}
    write_json(
        folder / ABOUT_FILE, {"version": VERSION, **{key: text for key, text in said.items() if text is not None}}
    )


def check_about(about: About) -> None:
    """Check the texts of an owner.

    Raises
    ------
    InvalidConfigError
        Names the field and the rule.
    """
    for field, text in (("name", about.name), ("licence", about.licence)):
        if text is not None:
            check_text_of_owner(field, text)


def bears(folder_name: str, name: str | None) -> bool:
    """Whether a folder is called as a model of this name is."""
    try:
        return name is not None and safe_folder_name(name) == folder_name
    except InvalidNameError:
        return False
