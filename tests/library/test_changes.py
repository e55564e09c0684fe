"""Renaming, duplicating, deleting and restoring whole models; and the trash that they lie in meanwhile."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import filelock
import pytest

from models.tiny import tiny_bundle
from small_dataset_audio import presets
from small_dataset_audio.errors import InvalidConfigError, InvalidNameError, ModelError, ModelNotFoundError, OutputError
from small_dataset_audio.library import (
    Library,
    ModelQuery,
    Trash,
    delete_model,
    duplicate_model,
    export_model,
    rename_model,
    restore_model,
    search_models,
    set_licence,
)
from small_dataset_audio.models.bundle import MODEL_FILE, ModelBundle, load_bundle, save_bundle
from small_dataset_audio.training_lock import LOCK_FILE
from test_library import BAD_NAMES
from tiny import hashes_below


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library with one model, ``rain``, that has a preset."""
    library = Library(tmp_path / "home")
    save_bundle(library.folder_of("rain"), rain_bundle())
    presets.save_preset(library.folder_of("rain"), "slow", {"duration_s": 3.0})
    return library


def rain_bundle() -> ModelBundle:
    bundle = tiny_bundle()
    return replace(bundle, metadata=replace(bundle.metadata, name="rain"))


def contents(folder: Path) -> dict[str, str]:
    """Hashes of all that is in a model's folder, but for what its owner says of it."""
    return {name: digest for name, (digest, _) in hashes_below(folder).items() if name != "about.json"}


def names(library: Library) -> list[str]:
    return sorted(entry.name for entry in library.entries())


# --- renaming ---


@pytest.mark.parametrize("new", ["tabla", "Wälder: 🌲", "CON", "RAIN", "x" * 150])
def test_a_renamed_model_is_the_same_model_under_another_name(library: Library, new: str):
    before = contents(library.folder_of("rain"))
    folder = rename_model("rain", new, library)
    assert folder == library.folder_of(new) == library.find(new)
    assert names(library) == [new]
    assert contents(folder) == before
    assert load_bundle(folder).metadata.name == new
    rename_model(new, "rain", library)
    assert names(library) == ["rain"]


def test_no_model_is_renamed_over_another(library: Library):
    duplicate_model("rain", "tabla", library)
    before = hashes_below(library.root)
    for change in (rename_model, duplicate_model):
        with pytest.raises(ModelError, match="a model 'tabla' exists already and is not overwritten"):
            change("rain", "tabla", library)
    assert hashes_below(library.root) == before


@pytest.mark.parametrize("bad", [*BAD_NAMES, "a\nb", "\x1b[2J"])
def test_a_name_that_leads_elsewhere_changes_nothing(library: Library, bad: str):
    library.entries()  # its catalogue is an index, and may come to be
    before = hashes_below(library.root.parent)
    for change in (rename_model, duplicate_model):
        with pytest.raises((InvalidNameError, InvalidConfigError)):
            change("rain", bad, library)
    for other in (rename_model, duplicate_model):
        with pytest.raises((InvalidNameError, InvalidConfigError, ModelNotFoundError)):
            other(bad, "x", library)
    with pytest.raises((InvalidNameError, ModelNotFoundError)):
        delete_model(bad, library)
    assert hashes_below(library.root.parent) == before


def test_a_folder_elsewhere_is_not_deleted_though_it_is_a_model(library: Library, tmp_path: Path):
    save_bundle(tmp_path / "mine", tiny_bundle())
    with pytest.raises((InvalidNameError, ModelNotFoundError)):
        delete_model(str(tmp_path / "mine"), library)
    assert (tmp_path / "mine" / MODEL_FILE).is_file()


# --- duplicating ---


def test_a_copy_has_all_of_the_model_and_is_its_own(library: Library):
    original = library.folder_of("rain")
    copy = duplicate_model("rain", "tabla", library)
    assert contents(copy) == contents(original)
    assert names(library) == ["rain", "tabla"]
    set_licence("tabla", "CC BY 4.0", library)
    presets.delete_preset(copy, "slow")
    assert load_bundle(original).metadata.corpus.licence == "CC0-1.0"
    assert presets.read_preset(original, "slow").settings == {"duration_s": 3.0}


def test_what_is_not_finished_is_not_duplicated(library: Library):
    folder = library.folder_of("half")
    folder.mkdir()
    (folder / "checkpoint.safetensors").touch()
    with pytest.raises(ModelError, match="is not finished; there is nothing to duplicate yet"):
        duplicate_model("half", "x", library)


# --- deleting ---


def test_a_deleted_model_lies_whole_in_the_trash_and_comes_back_as_it_was(library: Library):
    before = hashes_below(library.folder_of("rain"))
    entry = delete_model("rain", library)
    assert names(library) == []
    assert hashes_below(entry.path) == before
    assert (entry.kind, entry.name) == ("model", "rain")
    assert abs(entry.deleted_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert restore_model("rain", library) == library.folder_of("rain")
    assert hashes_below(library.folder_of("rain")) == before
    assert Trash(library.root).entries() == ()


def test_damaged_and_unfinished_models_can_be_deleted_too(library: Library):
    (library.folder_of("rain") / MODEL_FILE).write_bytes(b"damage")
    assert delete_model("rain", library).name == "rain"
    restore_model("rain", library)
    assert (library.folder_of("rain") / MODEL_FILE).read_bytes() == b"damage"


def test_of_several_deleted_models_of_one_name_the_newest_comes_back_or_the_one_that_is_meant(library: Library):
    ids = []
    for number in range(3):
        folder = library.folder_of("rain")
        if not folder.exists():
            save_bundle(folder, rain_bundle())
        (folder / "number.txt").write_text(str(number))
        ids.append(delete_model("rain", library).id)
    assert len(set(ids)) == 3
    assert (restore_model("rain", library) / "number.txt").read_text() == "2"
    with pytest.raises(ModelError, match="a model 'rain' exists already"):
        restore_model("rain", library)
    assert (restore_model(ids[0], library, new_name="old") / "number.txt").read_text() == "0"
    assert names(library) == ["old", "rain"]
    assert [entry.id for entry in Trash(library.root).entries()] == [ids[1]]


def test_the_trash_is_emptied_of_what_it_holds_and_of_nothing_else(library: Library, tmp_path: Path):
    trash = Trash(library.root)
    assert trash.empty() == 0
    delete_model("rain", library)
    (tmp_path / "take.wav").write_bytes(b"sound")
    trash.put_files([tmp_path / "take.wav", tmp_path / "take.json"])
    (trash.folder / "notes.txt").write_text("mine")
    (trash.folder / "my folder").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").touch()
    (trash.folder / "20260101T000000Z link").symlink_to(outside)
    assert {entry.kind for entry in trash.entries()} == {"model", "take"}
    assert trash.empty() == 2
    assert (outside / "x").exists()
    assert {path.name for path in trash.folder.iterdir()} == {
        "notes.txt",
        "my folder",
        "20260101T000000Z link",
        "takes",
    }


def test_names_in_the_trash_that_are_no_dates_are_shown_and_harm_nothing(library: Library):
    trash = Trash(library.root)
    (trash.folder / "99999999T999999Z x").mkdir(parents=True)
    (entry,) = trash.entries()
    assert (entry.name, entry.deleted_at.year) == ("x", 1970)


def test_a_take_whose_files_are_gone_is_not_put_into_the_trash(library: Library, tmp_path: Path):
    with pytest.raises(OutputError, match="is not there any more; nothing was moved"):
        Trash(library.root).put_files([tmp_path / "x.wav", tmp_path / "x.json"])
    assert Trash(library.root).entries() == ()


# --- while it is trained ---


@pytest.mark.skipif(os.name == "nt", reason="the lock is held in this process")
def test_a_model_that_is_being_trained_is_left_alone(library: Library, tmp_path: Path):
    folder = library.folder_of("rain")
    with filelock.FileLock(folder / LOCK_FILE):
        before = hashes_below(library.root)
        for done, change in (
            ("renamed", lambda: rename_model("rain", "x", library)),
            ("duplicated", lambda: duplicate_model("rain", "x", library)),
            ("deleted", lambda: delete_model("rain", library)),
            ("exported", lambda: export_model("rain", tmp_path / "x", library)),
        ):
            with pytest.raises(ModelError, match=f"is being trained by .* and cannot be {done} now"):
                change()
        assert hashes_below(library.root) == before
    assert not (tmp_path / "x.sda").exists()
    rename_model("rain", "x", library)


# --- searching ---


def test_models_are_found_by_every_word_of_name_corpus_licence_and_recordings(library: Library):
    duplicate_model("rain", "Tabla", library)
    set_licence("Tabla", "CC BY 4.0, by the sea", library)
    for text, found in (
        ("", ["Tabla", "rain"]),
        ("TABLA", ["Tabla"]),
        ("sea cc", ["Tabla"]),
        ("clip 1.wav", ["Tabla", "rain"]),
        ("glöckchen rain", ["rain"]),
        ("rain tabla", []),
    ):
        assert sorted(entry.name for entry in search_models(ModelQuery(text), library)) == found
    by_name = [entry.name for entry in search_models(ModelQuery(sort="name"), library)]
    assert by_name == ["rain", "Tabla"]
    assert [entry.name for entry in search_models(ModelQuery(sort="name", reverse=True), library)] == by_name[::-1]
    assert len(search_models(ModelQuery(kind="trained"), library)) == 2
    assert search_models(ModelQuery(kind="walk"), library) == ()
    for query, message in ((ModelQuery(kind="x"), "kind is 'x'"), (ModelQuery(sort="x"), "sort is 'x'")):
        with pytest.raises(InvalidConfigError, match=message):
            search_models(query, library)
