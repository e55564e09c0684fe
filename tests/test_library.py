from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import filelock
import platformdirs
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from small_dataset_audio.errors import InvalidNameError, ModelNotFoundError
from small_dataset_audio.files import TEMPORARY_PREFIX
from small_dataset_audio.library import CHECKPOINT_FILE, HOME_VARIABLE, Library, display_folder_name
from small_dataset_audio.models.bundle import MODEL_FILE
from small_dataset_audio.shell import shell_word
from small_dataset_audio.training_lock import LOCK_FILE
from tiny import hashes_below

BAD_NAMES = ["../x", "..", ".", "", " ", "/etc", "/etc/passwd", "a/b", "a\\b", "..\\x", "C:\\x", "a\0b"]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "home")


@pytest.fixture
def add_model(library: Library, tiny_model_folder: Path):
    """Put a small model into the library under a name, as if made at a time of one's choice."""

    def add(name: str, created: str = "2026-01-02T00:00:00+00:00", **header: object) -> Path:
        folder = library.folder_of(name)
        folder.mkdir(parents=True)
        with safe_open(tiny_model_folder / MODEL_FILE, framework="pt") as file:
            metadata = json.loads(file.metadata()["small_dataset_audio"])
        metadata.update(name=name, created=created, **header)
        tensors = load_file(tiny_model_folder / MODEL_FILE)
        save_file(tensors, folder / MODEL_FILE, metadata={"small_dataset_audio": json.dumps(metadata)})
        return folder

    return add


# --- where it is ---


def test_the_library_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "elsewhere"))
    assert Library().root == tmp_path / "elsewhere"
    assert Library(tmp_path / "given").root == tmp_path / "given"


@pytest.mark.parametrize("empty", [None, ""])
def test_without_a_word_it_is_in_the_data_folder_of_the_user(monkeypatch: pytest.MonkeyPatch, empty: str | None):
    monkeypatch.delenv(HOME_VARIABLE)
    if empty is not None:
        monkeypatch.setenv(HOME_VARIABLE, empty)
    assert Library().root == platformdirs.user_data_path("small_dataset_audio", appauthor=False)


def test_looking_makes_no_folder(library: Library):
    assert library.entries() == ()
    library.folder_of("a")
    assert library.free_name("a") == "a"
    with pytest.raises(ModelNotFoundError):
        library.find("a")
    assert not library.root.exists()


# --- finding ---


@pytest.mark.parametrize("name", ["plucks", "Wälder 🌲", "שלום", "CON", "a: b?", "x" * 300])
def test_a_model_is_found_by_the_name_it_was_given(library: Library, add_model, name: str):
    folder = add_model(name)
    assert library.find(name) == folder
    assert folder.parent == library.models_folder


def test_a_model_is_found_by_the_path_of_its_folder(
    monkeypatch: pytest.MonkeyPatch, library: Library, tiny_model_folder: Path
):
    assert library.find(str(tiny_model_folder)) == tiny_model_folder
    monkeypatch.chdir(tiny_model_folder.parent)
    assert library.find("./tiny").resolve() == tiny_model_folder.resolve()
    monkeypatch.chdir(tiny_model_folder)
    assert library.find(".").resolve() == tiny_model_folder.resolve()
    monkeypatch.setenv("HOME", str(tiny_model_folder.parent))
    monkeypatch.setenv("USERPROFILE", str(tiny_model_folder.parent))
    assert library.find("~/tiny") == tiny_model_folder


def test_a_folder_of_the_same_name_that_is_no_model_does_not_hide_the_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Library, add_model
):
    folder = add_model("plucks")
    (tmp_path / "plucks").mkdir()  # the recordings it was trained on, say
    monkeypatch.chdir(tmp_path)
    assert library.find("plucks") == folder


def test_a_folder_that_is_no_model_is_named(tmp_path: Path, library: Library):
    with pytest.raises(ModelNotFoundError, match=rf"{re.escape(str(tmp_path))} holds no model\.safetensors"):
        library.find(str(tmp_path))


# --- recordings in place of a model ---


def test_a_folder_that_is_no_model_is_one_of_recordings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Library
):
    (tmp_path / "takes").mkdir()
    assert library.recordings_folder(str(tmp_path / "takes")) == tmp_path / "takes"
    monkeypatch.chdir(tmp_path)
    for written in ("takes", "./takes", "takes/"):
        assert library.recordings_folder(written) == Path("takes")
    monkeypatch.chdir(tmp_path / "takes")
    assert library.recordings_folder(".") == Path()
    assert library.recordings_folder("../").resolve() == tmp_path


def test_a_model_and_what_is_nowhere_are_left_to_be_found(library: Library, add_model):
    folder = add_model("plucks")
    for argument in ("plucks", str(folder), "drone", "/nowhere/at/all", "", "a\0b", "x" * 5000):
        assert library.recordings_folder(argument) is None


@pytest.mark.parametrize("state", [CHECKPOINT_FILE, LOCK_FILE])
def test_a_model_that_is_not_finished_is_no_folder_of_recordings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Library, state: str
):
    folder = library.folder_of("rain")
    folder.mkdir(parents=True)
    (folder / state).touch()
    assert library.recordings_folder(str(folder)) is None
    (tmp_path / "rain").mkdir()
    monkeypatch.chdir(tmp_path)
    assert library.recordings_folder("rain") is None
    assert library.recordings_folder("./rain") is not None


def test_a_model_comes_before_a_folder_of_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Library, add_model
):
    add_model("plucks")
    (tmp_path / "plucks").mkdir()
    monkeypatch.chdir(tmp_path)
    assert library.recordings_folder("plucks") is None
    assert library.recordings_folder("plucks/") == Path("plucks")


def test_row_20_two_dots_could_be_a_name_and_are_refused(library: Library):
    with pytest.raises(InvalidNameError, match=r"'\.\.'"):
        library.recordings_folder("..")


def test_what_is_not_there_is_answered_with_what_is(library: Library, add_model):
    with pytest.raises(ModelNotFoundError, match=r"no model 'drone'; the library at .*home has: none yet"):
        library.find("drone")
    add_model("bells", "2026-01-01T00:00:00+00:00")
    add_model("plucks")
    with pytest.raises(ModelNotFoundError, match=r"no model 'drone'; .* has: bells, plucks$"):
        library.find("drone")


@pytest.mark.parametrize("name", ["x" * 300, "~nobody-of-that-name", "~nobody-of-that-name/x" * 30])
def test_a_name_that_can_be_no_path_is_only_not_found(library: Library, name: str):
    with pytest.raises((ModelNotFoundError, InvalidNameError)):
        library.find(name)


def test_an_unfinished_model_is_answered_with_how_to_go_on(library: Library):
    folder = library.folder_of("drone")
    folder.mkdir(parents=True)
    (folder / CHECKPOINT_FILE).write_bytes(b"anything")
    with pytest.raises(ModelNotFoundError, match=r"'drone' is unfinished; continue with .*--name drone --resume"):
        library.find("drone")


def test_the_command_to_go_on_with_can_be_pasted(library: Library):
    folder = library.folder_of("my rain")
    folder.mkdir(parents=True)
    (folder / CHECKPOINT_FILE).write_bytes(b"anything")
    with pytest.raises(ModelNotFoundError) as caught:
        library.find("my rain")
    assert f"--name {shell_word('my rain')} --resume" in str(caught.value)


@pytest.mark.parametrize("with_checkpoint", [True, False])
def test_a_model_that_is_being_trained_is_listed_and_answered_as_such(library: Library, with_checkpoint: bool):
    folder = library.folder_of("drone")
    folder.mkdir(parents=True)
    if with_checkpoint:
        (folder / CHECKPOINT_FILE).write_bytes(b"anything")
    with filelock.FileLock(folder / LOCK_FILE):
        assert [entry.problem for entry in library.entries()] == ["being trained now"]
        with pytest.raises(ModelNotFoundError, match="'drone' is being trained now; wait for it"):
            library.find("drone")
    (entry,) = library.entries()
    assert entry.problem == ("unfinished training" if with_checkpoint else "holds no model")


# --- names ---


@pytest.mark.parametrize("name", BAD_NAMES)
def test_row_20_a_name_that_would_leave_the_library_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Library, name: str
):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    with pytest.raises(InvalidNameError):
        library.folder_of(name)
    with pytest.raises(InvalidNameError):
        library.free_name(name)
    with pytest.raises((InvalidNameError, ModelNotFoundError)):
        library.find(name)
    assert list(empty.iterdir()) == []


def test_row_20_an_empty_name_is_not_the_folder_one_is_in(
    monkeypatch: pytest.MonkeyPatch, library: Library, tiny_model_folder: Path
):
    monkeypatch.chdir(tiny_model_folder)
    with pytest.raises(InvalidNameError):
        library.find("")


def test_row_20_a_link_that_leads_out_of_the_library_is_refused(tmp_path: Path, library: Library):
    library.models_folder.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (library.models_folder / "drone").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidNameError, match="leads out of"):
        library.folder_of("drone")


def test_a_taken_name_gets_the_first_free_number(library: Library):
    assert library.free_name("drone") == "drone"
    for taken in ("drone", "drone-2", "drone-4"):
        library.folder_of(taken).mkdir(parents=True)
    assert library.free_name("drone") == "drone-3"


def test_two_spellings_of_one_name_are_one_model(library: Library):
    library.folder_of("Ma\u0308rz").mkdir(parents=True)
    assert library.free_name("M\u00e4rz") == "März-2"


@pytest.mark.parametrize(("folder", "name"), [("my recordings", "my recordings"), ("a: b", "a_ b"), ("con", "con_")])
def test_a_corpus_gives_its_folders_name(tmp_path: Path, folder: str, name: str):
    assert display_folder_name(tmp_path / folder) == name


def test_a_corpus_in_the_root_of_a_disk_has_a_name_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert display_folder_name(Path(tmp_path.anchor)) == "corpus"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert display_folder_name(Path()) == "here"


# --- the list ---


def test_models_are_listed_by_age_the_newest_last(library: Library, add_model):
    add_model("b", "2026-03-01T00:00:00+00:00")
    add_model("c", "2026-01-01T00:00:00+00:00")
    add_model("a", "2026-02-01T00:00:00+00:00")
    assert [entry.metadata.name for entry in library.entries()] == ["c", "a", "b"]
    assert all(entry.problem == "" for entry in library.entries())


def test_an_entry_tells_the_size_of_all_files_of_a_model(library: Library, add_model):
    folder = add_model("plucks")
    (folder / "previews").mkdir()
    (folder / "previews" / "step.wav").write_bytes(bytes(1000))
    (entry,) = library.entries()
    assert entry.folder == folder
    assert entry.size_bytes == (folder / MODEL_FILE).stat().st_size + 1000


def test_row_27_damaged_models_are_listed_by_name_and_stop_nothing(
    library: Library, add_model, tiny_model_folder: Path
):
    add_model("sound")
    data = (tiny_model_folder / MODEL_FILE).read_bytes()
    for name, content in {
        "empty": b"",
        "truncated": data[: len(data) // 2],
        "pickled": b"\x80\x04\x95" + bytes(100),
        "text": b"not a model",
    }.items():
        library.folder_of(name).mkdir()
        (library.folder_of(name) / MODEL_FILE).write_bytes(content)
    save_file(load_file(tiny_model_folder / MODEL_FILE), add_model("foreign") / MODEL_FILE)
    before = hashes_below(library.models_folder)
    entries = {entry.folder.name: entry for entry in library.entries()}
    assert set(entries) == {"sound", "empty", "truncated", "pickled", "text", "foreign"}
    assert entries.pop("sound").problem == ""
    for name, entry in entries.items():
        assert entry.metadata is None
        assert str(library.folder_of(name)) in entry.problem
        assert "\n" not in entry.problem
    assert hashes_below(library.models_folder) == before


def test_row_28_a_model_of_a_newer_release_is_listed_with_what_to_do(library: Library, add_model):
    add_model("future", format_version=99, sda_version="9.9")
    (entry,) = library.entries()
    assert entry.metadata is None
    assert "made by sda 9.9" in entry.problem
    assert "upgrade" in entry.problem


def test_what_is_unfinished_or_no_model_is_listed_as_such(library: Library):
    for name in ("begun", "nothing"):
        library.folder_of(name).mkdir(parents=True)
    (library.folder_of("begun") / CHECKPOINT_FILE).write_bytes(b"")
    problems = {entry.folder.name: entry.problem for entry in library.entries()}
    assert problems == {"begun": "unfinished training", "nothing": "holds no model"}


def test_stray_files_and_hidden_folders_are_no_models(library: Library, add_model):
    add_model("plucks")
    (library.models_folder / ".trash").mkdir()
    (library.models_folder / "notes.txt").write_text("mine")
    assert [entry.folder.name for entry in library.entries()] == ["plucks"]


def test_a_model_folder_that_is_copied_in_is_a_model(library: Library, tiny_model_folder: Path):
    library.models_folder.mkdir(parents=True)
    shutil.copytree(tiny_model_folder, library.models_folder / "copied")
    assert library.find("copied") == library.models_folder / "copied"
    assert [entry.problem for entry in library.entries()] == [""]


# --- what killed processes leave ---


def test_row_26_a_listing_sweeps_what_killed_processes_left(library: Library, add_model):
    folder = add_model("sound")
    stray = f"{TEMPORARY_PREFIX}0123456789abcdef.flac"
    (library.root / stray).write_bytes(b"of a catalogue")
    (folder / stray).write_bytes(b"of a model")
    (folder / "corpus-0123456789abcdef.flac").write_bytes(b"of a save")
    (folder / "corpus-my-notes.flac").write_bytes(b"the user's own")
    before = {path.name for path in folder.iterdir()}
    library.entries()
    assert {path.name for path in folder.iterdir()} == before - {stray, "corpus-0123456789abcdef.flac"}
    assert not (library.root / stray).exists()


def test_a_listing_leaves_the_recordings_of_a_save_that_is_at_work(library: Library, add_model):
    folder = add_model("sound")
    with filelock.FileLock(folder / LOCK_FILE):
        (folder / "corpus-0123456789abcdef.flac").write_bytes(b"moved into place; the weights follow")
        library.entries()
        assert (folder / "corpus-0123456789abcdef.flac").exists()


def test_who_uses_a_model_sweeps_its_folder(library: Library, add_model):
    stray = add_model("sound") / f"{TEMPORARY_PREFIX}0123456789abcdef.wav"
    stray.write_bytes(b"half")
    library.find("sound")
    assert not stray.exists()
