"""The library of models: folders below one root, each complete in itself.

What the library lists is what the folders say; a catalogue (:mod:`.catalogue`) spares opening those that it has seen. A folder
that cannot be read is listed as damaged, by name, and never stops the listing.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from small_dataset_audio.catalogue import CATALOGUE_FILE, Catalogue
from small_dataset_audio.errors import InvalidNameError, ModelError, ModelNotFoundError
from small_dataset_audio.files import remove_quietly, sweep_temporaries
from small_dataset_audio.folders import folder_size_bytes
from small_dataset_audio.models.corpus_files import strange_corpus_audio
from small_dataset_audio.models.metadata import MODEL_FILE, ModelMetadata, read_metadata
from small_dataset_audio.names import resolve_inside, safe_folder_name
from small_dataset_audio.shell import shell_word
from small_dataset_audio.training_lock import LOCK_FILE, is_being_trained, training_process

HOME_VARIABLE = "SDA_HOME"
CHECKPOINT_FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class ModelEntry:
    """One folder of the library.

    Parameters
    ----------
    folder : Path
    metadata : ModelMetadata or None
        None while it is unfinished, or where it is damaged.
    size_bytes : int
    problem : str
        Empty for a usable model.
    """

    folder: Path
    metadata: ModelMetadata | None
    size_bytes: int
    problem: str = ""

    @property
    def name(self) -> str:
        """What it is called: as its owner wrote it, where that can be read, else as its folder is."""
        return self.folder.name if self.metadata is None else self.metadata.name


class Library:
    """The models on this machine.

    Parameters
    ----------
    root : Path, optional
        The environment variable ``SDA_HOME``, else the user's data folder. Made when something is written.
    """

    def __init__(self, root: Path | None = None) -> None:
        home = os.environ.get(HOME_VARIABLE)
        self.root = root or (
            Path(home).expanduser() if home else platformdirs.user_data_path("small_dataset_audio", appauthor=False)
        )
        self.models_folder = self.root / "models"

    def folder_of(self, name: str) -> Path:
        """Folder that a model of this name has or would have.

        Raises
        ------
        InvalidNameError
            The name would lead out of the library.
        """
        return resolve_inside(self.models_folder, name)

    def free_name(self, name: str) -> str:
        """Return `name`, or `name` with the first free number behind it."""
        candidate, number = name, 1
        while self.folder_of(candidate).exists():
            number += 1
            candidate = f"{name}-{number}"
        return candidate

    def find(self, model: str) -> Path:
        """Folder of a model given by name, or by the path of its folder.

        Raises
        ------
        ModelNotFoundError
            Neither is there; the message lists what is.
        InvalidNameError
            Neither a path that exists nor a usable name.
        """
        as_path = _existing_folder(model)
        if as_path and (as_path / MODEL_FILE).is_file():
            return as_path
        if as_path and as_path.name != model:
            raise ModelNotFoundError(f"{model} holds no {MODEL_FILE}; give a folder that `sda train` made")
        folder = self.folder_of(model)
        if (folder / MODEL_FILE).is_file():
            sweep_temporaries(folder)
            return folder
        if is_being_trained(folder):
            holder = training_process(folder)
            process = "" if holder is None else f" by process {holder}"
            raise ModelNotFoundError(
                f"model {model!r} is being trained now{process}; wait for it, or stop it with Ctrl-C"
            )
        if (folder / CHECKPOINT_FILE).is_file():
            command = f"sda train FOLDER --name {shell_word(model)} --resume"
            raise ModelNotFoundError(f"model {model!r} is unfinished; continue with `{command}`")
        raise ModelNotFoundError(f"no model {model!r}; {self.what_there_is()}")

    def what_there_is(self) -> str:
        """Say which models there are, for messages."""
        names = ", ".join(entry.metadata.name for entry in self.entries() if entry.metadata) or "none yet"
        return f"the library at {self.root} has: {names}"

    def recordings_folder(self, argument: str) -> Path | None:
        """Folder of recordings that stands where a model's name or folder might; None where :meth:`find` has to answer.

        A model of the library comes first: ``rain`` is the model of that name where there is one, and else the folder.

        Raises
        ------
        InvalidNameError
            A folder that is there, but whose name leads out of the library: ``..``; written ``../`` it can only be a path.
        """
        path = _existing_folder(argument)
        if path is None or _is_model_folder(path):
            return None
        may_be_a_name = path.name == argument
        return None if may_be_a_name and _is_model_folder(self.folder_of(argument)) else path

    def entries(self) -> tuple[ModelEntry, ...]:
        """All model folders, newest last."""
        if not self.models_folder.is_dir():
            return ()
        folders = [path for path in self.models_folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        linked = {path: problem for path in folders if (problem := self._link_problem(path))}
        problems = dict(linked)

        def read(folder: Path) -> ModelMetadata | None:
            if not os.path.lexists(folder / MODEL_FILE):  # a pipe, or a link that leads out, is there and is damage
                problems[folder] = _state_without_model(folder)
                return None
            try:
                return read_metadata(folder)
            except ModelError as error:
                problems[folder] = str(error)
                return None

        sweep_temporaries(self.root)
        own = [folder for folder in folders if folder not in linked]
        metadata = Catalogue(self.root / CATALOGUE_FILE).metadata_of(own, read)
        for folder in own:
            _tidy(folder, metadata[folder])
        entries = [
            ModelEntry(
                folder,
                metadata.get(folder),
                0 if folder in linked else folder_size_bytes(folder),
                problems.get(folder, ""),
            )
            for folder in folders
            if folder.is_dir()  # it may have been removed meanwhile
        ]
        return tuple(
            sorted(entries, key=lambda entry: (entry.metadata.created if entry.metadata else "", entry.folder.name))
        )

    def _link_problem(self, folder: Path) -> str:
        """Say what is wrong with a folder that is a link: one that leads out of the library is listed, and not gone through."""
        if folder.is_symlink():
            try:
                resolve_inside(self.models_folder, folder.name)
            except InvalidNameError as error:
                return str(error)
        return ""


def _existing_folder(model: str) -> Path | None:
    try:
        path = Path(model).expanduser()
        return path if model and path.is_dir() else None
    except (OSError, RuntimeError):  # a name can be too long for a path, or begin with ~ and name no user
        return None


def _is_model_folder(folder: Path) -> bool:
    """Whether a model is there, or is being made there."""
    return any((folder / name).is_file() for name in (MODEL_FILE, CHECKPOINT_FILE, LOCK_FILE))


def _tidy(folder: Path, metadata: ModelMetadata | None) -> None:
    """Remove what killed processes left in a model folder: temporaries, and recordings that its model does not list."""
    sweep_temporaries(folder)
    if metadata is None:
        return
    strange: list[Path] = []
    with contextlib.suppress(FileNotFoundError):  # another process has removed the model at this moment
        strange = strange_corpus_audio(folder, metadata.corpus_audio)
    # A save that is at work has its recordings in place before the weights that list them.
    if strange and not is_being_trained(folder):
        for path in strange:
            remove_quietly(path)


def _state_without_model(folder: Path) -> str:
    if is_being_trained(folder):
        return "being trained now"
    return "unfinished training" if (folder / CHECKPOINT_FILE).is_file() else "holds no model"


def display_folder_name(folder: Path) -> str:
    """Name for a model of the corpus in `folder`."""
    return safe_folder_name(folder.resolve().name or "corpus")
