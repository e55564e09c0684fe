"""The library of models, as every door of the program uses it; what it does is done one floor below."""

from __future__ import annotations

from pathlib import Path

from small_dataset_audio.library import Library, Trash, TrashEntry
from small_dataset_audio.library import delete_model as delete_model
from small_dataset_audio.library import duplicate_model as duplicate_model
from small_dataset_audio.library import export_model as export_model
from small_dataset_audio.library import import_model as import_model
from small_dataset_audio.library import model_card as model_card
from small_dataset_audio.library import rename_model as rename_model
from small_dataset_audio.library import restore_model as restore_model
from small_dataset_audio.library import search_models as search_models
from small_dataset_audio.library import set_licence as set_licence


def list_trash(library: Library | None = None) -> tuple[TrashEntry, ...]:
    """All that was deleted and can be restored, newest last."""
    return Trash((library or Library()).root).entries()


def trash_folder(library: Library | None = None) -> Path:
    """Where deleted things lie; it may not be there yet."""
    return Trash((library or Library()).root).folder


def empty_trash(library: Library | None = None) -> int:
    """Remove all that was deleted, for ever; returns how many things that were.

    Raises
    ------
    OutputError
        Something cannot be removed.
    """
    return Trash((library or Library()).root).empty()


def model_folder(model: str, library: Library | None = None) -> Path:
    """Folder of a model by its name or folder: presets are kept there.

    Raises
    ------
    ModelNotFoundError, InvalidNameError
    """
    return (library or Library()).find(model)
