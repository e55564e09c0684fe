"""Kits are found again on disk, packed, put away and brought back."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from small_dataset_audio.errors import OutputError
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import (
    Kit,
    discard_kit,
    discarded_kits,
    empty_trash,
    find_kit,
    find_kits,
    list_trash,
    make_kit,
    restore_kit,
    write_kit_archive,
)
from tiny import hashes_below
from workflow.walks import strokes, walk_of

ID = "strokes-walk/my kit"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Read only, please."""
    folder = tmp_path_factory.mktemp("strokes")
    _, pipeline = walk_of(strokes(), folder, "strokes")
    config = GenerationConfig(duration_s=2.5, seed=0)
    return make_kit(pipeline, config, hits=3, folder=folder / "takes" / ID)


@pytest.fixture
def takes(made: Kit, tmp_path: Path) -> Path:
    """A folder of takes with a kit in it, to be changed."""
    shutil.copytree(made.folder.parent.parent, tmp_path / "takes")
    return tmp_path / "takes"


def say(kit: Path, **changes: object) -> None:
    path = kit / "kit.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_kit_is_found_as_it_was_made(made: Kit, takes: Path):
    (kit,) = find_kits(takes)
    assert (kit.id, kit.name, kit.model_name, kit.folder) == (ID, "my kit", "strokes-walk", takes / ID)
    assert [(sound.path.name, sound.key, sound.position) for sound in kit.sounds] == [
        (sample.shot.audio_path.name, sample.key, sample.position) for sample in made.samples
    ]
    assert [sound.duration_s for sound in kit.sounds] == [sample.shot.duration_s for sample in made.samples]
    assert find_kit(ID, takes) == kit


def test_where_nothing_was_made_there_is_no_kit(tmp_path: Path):
    assert find_kits(tmp_path / "takes") == ()
    assert find_kit(ID, tmp_path) is None


def test_the_newest_kit_comes_first(takes: Path):
    shutil.copytree(takes / ID, takes / "another" / "older")
    say(takes / "another" / "older", timestamp="2001-01-01T00:00:00+00:00")
    assert [kit.name for kit in find_kits(takes)] == ["my kit", "older"]


@pytest.mark.parametrize("spoilt", [b"", b"{", b"[]", b"{}", b"\xff", b'{"version": 1e999}'])
def test_what_is_damaged_is_no_kit(takes: Path, spoilt: bytes):
    (takes / ID / "kit.json").write_bytes(spoilt)
    assert find_kits(takes) == ()


def test_a_kit_of_a_newer_release_or_a_link_is_none(takes: Path, tmp_path: Path):
    shutil.move(takes / ID, tmp_path / "elsewhere")
    (takes / ID).symlink_to(tmp_path / "elsewhere")
    assert find_kits(takes) == ()
    (takes / ID).unlink()
    shutil.move(tmp_path / "elsewhere", takes / ID)
    say(takes / ID, version=2)
    assert find_kits(takes) == ()


@pytest.mark.parametrize("file", ["../../../secret.wav", "samples/../../../secret.wav", "kit.json", "samples/link.wav"])
def test_a_kit_names_no_file_but_its_own(takes: Path, file: str):
    (takes / "secret.wav").write_bytes(b"secret")
    (takes / ID / "samples" / "link.wav").symlink_to(takes / "secret.wav")
    say(takes / ID, samples=[{"file": file, "key": 36, "position": 1, "duration_s": 1.0}])
    assert [kit.sounds for kit in find_kits(takes)] == [()]


@pytest.mark.parametrize("kit_id", ["", "my kit", "../takes/" + ID, "strokes-walk/../" + ID, "strokes-walk/nothing"])
def test_a_kit_is_known_by_its_own_name_alone(takes: Path, kit_id: str):
    assert find_kit(kit_id, takes) is None
    with pytest.raises(OutputError, match="no kit"):
        discard_kit(kit_id, takes, Library(takes.parent))
    with pytest.raises(OutputError, match="no kit"):
        restore_kit(kit_id, takes, Library(takes.parent))
    assert len(find_kits(takes)) == 1


def test_a_packed_kit_holds_its_files_and_no_link(made: Kit, takes: Path, tmp_path: Path):
    (takes / ID / "link.txt").symlink_to(takes / ID / "kit.json")
    write_kit_archive(takes / ID, tmp_path / "kit.zip")
    with zipfile.ZipFile(tmp_path / "kit.zip") as archive:
        archive.extractall(tmp_path / "out")
    wanted = {name: hash_ for name, (hash_, _) in hashes_below(made.folder).items()}
    assert {name: hash_ for name, (hash_, _) in hashes_below(tmp_path / "out" / "my kit").items()} == wanted


def test_a_discarded_kit_lies_in_the_trash_and_comes_back_as_it_was(takes: Path):
    library, before = Library(takes.parent), hashes_below(takes)
    entry = discard_kit(ID, takes, library)
    assert find_kits(takes) == ()
    assert discarded_kits(library) == (entry,)
    assert (entry.kind, entry.name) == ("kit", "my kit")
    assert restore_kit(entry.id, takes, library) == takes / ID
    assert hashes_below(takes) == before
    assert discarded_kits(library) == ()


def test_a_kit_comes_back_over_no_other(takes: Path):
    library = Library(takes.parent)
    shutil.copytree(takes / ID, takes / "copy")
    entry = discard_kit(ID, takes, library)
    shutil.move(takes / "copy", takes / ID)
    with pytest.raises(OutputError, match="exists already"):
        restore_kit(entry.id, takes, library)
    assert discarded_kits(library) == (entry,)


def test_kits_of_one_name_lie_side_by_side_until_the_trash_is_emptied(takes: Path):
    library = Library(takes.parent)
    shutil.copytree(takes / ID, takes / "copy")
    discard_kit(ID, takes, library)
    shutil.move(takes / "copy", takes / ID)
    discard_kit(ID, takes, library)
    assert [entry.kind for entry in list_trash(library)] == ["kit", "kit"]
    assert empty_trash(library) == 2
    assert list_trash(library) == ()
