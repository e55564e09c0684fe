"""A model as one file, to be given away or kept: a zip whose members are stored as they are.

::

    rain.sda
      about.json           name and licence, as the owner says them
      model.safetensors
      corpus-HASH.flac     where the model keeps its recordings
      presets/NAME.json

What is imported comes from anywhere. Only these names are taken, nothing compressed, nothing that claims to be larger than the
file it is in, no links; then the model is loaded as every model is, with all the checks of that, before it gets its name.
"""

from __future__ import annotations

import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from small_dataset_audio.errors import ModelDamagedError, ModelError, ModelNotFoundError, OutputError
from small_dataset_audio.files import atomic_write, dump_json, make_output_folder
from small_dataset_audio.folders import scratch_folder, settle_folder
from small_dataset_audio.library.changes import free_folder, say, untrained
from small_dataset_audio.library.home import Library
from small_dataset_audio.models.about import ABOUT_FILE, VERSION, read_about
from small_dataset_audio.models.bundle import load_bundle
from small_dataset_audio.models.corpus_files import listed_corpus_audio
from small_dataset_audio.models.metadata import MODEL_FILE, ModelMetadata, read_metadata
from small_dataset_audio.names import one_line, quoted, safe_folder_name

ARCHIVE_SUFFIX: Final = ".sda"
PRESET_FOLDER: Final = "presets"

_PARTS: Final = re.compile(
    rf"about\.json|model\.safetensors|corpus(-[0-9a-f]{{16}})?\.flac|{PRESET_FOLDER}/([^/\\]+)\.json"
)
_MOST_MEMBERS: Final = 1100
_MAX_SMALL_BYTES: Final = 100_000  # of a preset, or of what the owner says
_MAX_READ_BYTES: Final = 1 << 21
_PIECE_BYTES: Final = 1 << 20
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same model is the same file
# What Python's zipfile raises for files that are none, or that were made to harm.
_NO_ZIP: Final = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    OverflowError,
    struct.error,
)


def export_model(model: str, path: Path, library: Library | None = None, *, overwrite: bool = False) -> Path:
    """Write a model, with its presets, into one file; returns its path.

    Parameters
    ----------
    model : str
        Name or folder.
    path : Path
        ``.sda`` is appended where it is missing; its folder is made.
    library : Library, optional
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError
        The model cannot be read.
    ModelError
        It is being trained.
    OutputError
        The file exists, or cannot be written; nothing is left behind.
    """
    folder = (library or Library()).find(model)
    path = path if path.suffix == ARCHIVE_SUFFIX else path.with_name(f"{path.name}{ARCHIVE_SUFFIX}")
    make_output_folder(path.parent)
    with untrained(folder, model, "exported"):
        metadata = read_metadata(folder)
        about = {"version": VERSION, "name": metadata.name, "licence": metadata.corpus.licence}
        with (
            atomic_write(path, overwrite=overwrite) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
        ):
            archive.writestr(_member(ABOUT_FILE), dump_json(about))
            for name, file in _parts(folder, metadata):
                with file.open("rb") as source, archive.open(_member(name), "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target, _PIECE_BYTES)
    return path


def import_model(path: Path, library: Library | None = None, *, name: str | None = None) -> Path:
    """Take a model out of a file that :func:`export_model` wrote; returns its folder in the library.

    Parameters
    ----------
    path : Path
    library : Library, optional
    name : str, optional
        What it shall be called, instead of what the file says.

    Raises
    ------
    ModelNotFoundError
        There is no such file.
    ModelDamagedError, ModelVersionError
        It is no model, or a damaged one, or of a newer release. The library is as it was.
    ModelError
        There is a model of that name.
    InvalidNameError, InvalidConfigError
        The name cannot be used.
    OutputError
        The library cannot be written, or the disk has no room.
    """
    library = library or Library()
    if name is not None:
        free_folder(library, name)  # before the work
    with scratch_folder(library.models_folder) as temporary:
        _extract(path, temporary)
        try:
            metadata = load_bundle(temporary).metadata
            about = read_about(temporary)
        except ModelError as error:  # its words are about a folder that nobody will find
            raise type(error)(str(error).replace(f"{temporary}", str(path))) from error
        chosen = name or about.name or metadata.name
        try:
            target = free_folder(library, chosen)
        except ModelError as error:
            raise ModelError(f"a model {quoted(chosen)} exists already; import it under another --name") from error
        say(temporary, name=chosen)
        settle_folder(temporary, target)
    return target


def _parts(folder: Path, metadata: ModelMetadata) -> Iterator[tuple[str, Path]]:
    """Names in the archive, and files, of all that makes a model."""
    yield MODEL_FILE, folder / MODEL_FILE
    if metadata.corpus_audio is not None:
        audio = listed_corpus_audio(folder, metadata.corpus_audio)
        yield audio.name, audio
    for file in sorted((folder / PRESET_FOLDER).glob("*.json")):
        if not file.name.startswith(".") and file.is_file() and not file.is_symlink():
            yield f"{PRESET_FOLDER}/{file.name}", file


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DATE)
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    return member


def _extract(path: Path, folder: Path) -> None:
    """Unpack an archive of a stranger into an empty folder, once it is known that it can be nothing but a model."""
    try:
        if not path.is_file():
            raise ModelNotFoundError(f"{path} is no file; give one that `sda model export` made")
        source = path.open("rb")
    except OSError as error:
        raise ModelNotFoundError(f"{path} cannot be read ({error.strerror}); see to its permissions") from error
    with source:
        try:
            archive = zipfile.ZipFile(_Guarded(source))
            members = archive.infolist()
            _check_members(path, members)
            _check_room(folder, sum(member.file_size for member in members))
            for member in members:
                target = folder / member.filename
                target.parent.mkdir(exist_ok=True)
                with archive.open(member) as packed, target.open("xb") as file:
                    shutil.copyfileobj(packed, file, _PIECE_BYTES)
        except _NO_ZIP as error:
            if isinstance(error, ModelError):
                raise
            raise ModelDamagedError(
                f"{path} is no model, or damaged ({one_line(str(error)) or type(error).__name__}); get it again"
            ) from error


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    def refuse(reason: str) -> None:
        raise ModelDamagedError(f"{path} {reason}; it is not imported")

    if len(members) > _MOST_MEMBERS:
        refuse(f"has {len(members)} members, where a model has at most {_MOST_MEMBERS}")
    names = [member.filename for member in members]
    for member in members:
        name = quoted(member.filename)
        match = _PARTS.fullmatch(member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if (
            match is None
            or (match[2] is not None and not _is_plain(match[2]))
            or member.orig_filename != member.filename
        ):
            refuse(f"holds {name}, which is no part of a model")
        if kind not in {0, stat.S_IFREG}:
            refuse(f"holds {name} as a link or worse")
        if member.flag_bits & 0x1:
            refuse("is encrypted")
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            refuse(f"holds {name} compressed, which no model is")
        if member.filename.endswith(".json") and member.file_size > _MAX_SMALL_BYTES:
            refuse(f"holds {name} of {member.file_size} bytes, which may have {_MAX_SMALL_BYTES}")
    if len({name.casefold() for name in names}) < len(names):
        refuse("holds two members of one name")
    if MODEL_FILE not in names:
        refuse(f"holds no {MODEL_FILE}")
    size_bytes = path.stat().st_size
    if sum(member.file_size for member in members) > size_bytes:
        refuse(f"claims to hold more than the {size_bytes} bytes that it has")


def _is_plain(preset: str) -> bool:
    try:
        return safe_folder_name(preset) == preset
    except ValueError:
        return False


def _check_room(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise OutputError(
            f"{folder.parent} has no room for this model: {needed_bytes} bytes are needed, {free_bytes} are free; "
            "free some space"
        )


class _Guarded:
    """A file that is read in small pieces only: nobody's directory of a zip fills the memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._file.tell())
        size = left if size < 0 else min(size, left)
        if size > _MAX_READ_BYTES:
            raise zipfile.BadZipFile(f"its directory claims {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0 and offset < 0:
            raise zipfile.BadZipFile(f"its directory points to byte {offset}")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True
