from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from small_dataset_audio.errors import HistoryError, OutputError
from small_dataset_audio.history import HISTORY_FILE, HistoryQuery
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import (
    ModelPipeline,
    Take,
    compare_takes,
    discard_take,
    empty_trash,
    forget_take,
    generate_takes,
    get_take,
    keep_take,
    list_trash,
    load_pipeline,
    mark_take,
    note_take,
    rate_take,
    rerender,
    restore_take,
    scan_takes,
    search_takes,
    take_thumbnail,
)
from tiny import hashes_below

SHORT = GenerationConfig(0.3, seed=40, chunk_duration_s=0.2)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def pipeline(tiny_model_folder: Path) -> ModelPipeline:
    return load_pipeline(str(tiny_model_folder), device="cpu")


@pytest.fixture
def make(tmp_path: Path, library: Library, pipeline: ModelPipeline):
    """Make short takes in the folder ``takes``, recorded in the history of the test's library."""

    def takes(count: int = 1, **wanted: object) -> list[Take]:
        pipeline.home = library.root
        return list(generate_takes(pipeline, SHORT, count=count, output_dir=tmp_path / "takes", **wanted))  # type: ignore[arg-type]

    return takes


# --- takes are recorded ---


def test_every_take_is_recorded_with_what_its_sidecar_says(make, library: Library):
    first, second = make(2, plot=True)
    newest, oldest = search_takes(library=library)
    assert (first.history_id, second.history_id) == (oldest.id, newest.id) == (1, 2)
    sidecar = json.loads(first.json_path.read_text())
    assert oldest.audio_path == first.wav_path
    assert oldest.sidecar_path == first.json_path
    assert oldest.picture_path == first.picture_path
    assert (oldest.model_name, oldest.seed, oldest.sample_rate, oldest.channels) == ("tiny", 40, 48_000, 1)
    assert oldest.settings == sidecar["generation"]
    assert (oldest.rating, oldest.reason) == (sidecar["quality"]["rating"], sidecar["quality"]["reason"])
    assert oldest.audio_sha256 == sidecar["provenance"]["audio_sha256"] == first.result.audio_sha256
    assert oldest.model_sha256 == sidecar["provenance"]["model_sha256"]
    assert oldest.duration_s == 0.3
    assert first.warnings == second.warnings == ()


def test_every_recorded_take_has_its_thumbnail_at_once(make, library: Library):
    first, second = make(2)
    assert first.thumbnail_path != second.thumbnail_path
    for take in (first, second):
        assert take.thumbnail_path is not None
        assert take.thumbnail_path.is_relative_to(library.root)
        assert take.thumbnail_path.read_bytes().startswith(PNG)
        assert take_thumbnail(take.history_id, library=library) == take.thumbnail_path


def test_takes_that_shall_not_be_recorded_are_not(make, library: Library):
    (take,) = make(record=False)
    assert take.wav_path.is_file()
    assert (take.history_id, take.thumbnail_path) == (None, None)
    assert not library.root.exists()


def test_a_history_that_cannot_be_written_loses_no_take(make, library: Library):
    library.root.mkdir()
    (library.root / HISTORY_FILE).mkdir()
    takes = make(2)
    for take in takes:
        assert take.wav_path.is_file()
        assert take.json_path.is_file()
        assert take.history_id is None
        assert "is written, but is not in the history: " in take.warnings[0]


def test_a_damaged_history_is_set_aside_and_the_take_is_the_first_of_a_new_one(make, library: Library):
    library.root.mkdir()
    (library.root / HISTORY_FILE).write_bytes(b"damage" * 1000)
    (take,) = make()
    assert take.history_id == 1
    assert "was damaged" in take.warnings[0]
    assert get_take(1, library=library).audio_path == take.wav_path
    assert len(list(library.root.glob(f"{HISTORY_FILE}.damaged-*"))) == 1


def test_a_thumbnail_that_cannot_be_drawn_loses_neither_take_nor_record(make, library: Library):
    library.root.mkdir()
    (library.root / "thumbnails").touch()
    (take,) = make()
    assert take.history_id == 1
    assert take.thumbnail_path is None
    assert "has no thumbnail" in take.warnings[0]


def test_a_new_history_after_damage_shows_no_pictures_of_the_old_takes(make, library: Library, pipeline: ModelPipeline):
    (old,) = make()
    (library.root / HISTORY_FILE).write_bytes(b"damage" * 1000)
    pipeline.home = library.root
    config = dataclasses.replace(SHORT, seed=99)
    (new,) = generate_takes(pipeline, config, output_dir=old.wav_path.parent)
    assert new.history_id == old.history_id == 1
    assert new.thumbnail_path != old.thumbnail_path


# --- kept and discarded ---


def test_a_discarded_take_lies_in_the_trash_and_comes_back_as_it_was(make, library: Library, tmp_path: Path):
    make(2, plot=True)
    rate_take(1, 4, library=library)
    note_take(1, "long fade", library=library)
    before = hashes_below(tmp_path / "takes")
    discarded = discard_take(1, library=library)
    assert discarded.record.state == "discarded"
    assert discarded.record.is_missing
    (entry,) = list_trash(library)
    assert entry == discarded.trash
    assert (entry.kind, entry.name) == ("take", discarded.record.audio_path.name)
    assert len(hashes_below(tmp_path / "takes")) == 3
    restored = restore_take(1, library=library)
    assert (restored.state, restored.stars, restored.note) == ("undecided", 4, "long fade")
    assert hashes_below(tmp_path / "takes") == before
    assert list_trash(library) == ()


def test_keeping_a_discarded_take_brings_it_back(make, library: Library):
    (take,) = make()
    discard_take(1, library=library)
    assert keep_take(1, library=library).state == "kept"
    assert take.wav_path.is_file()


def test_what_is_back_already_is_no_obstacle_and_another_file_is(make, library: Library):
    (take,) = make()
    sound, sidecar = take.wav_path.read_bytes(), take.json_path.read_bytes()
    discard_take(1, library=library)
    take.wav_path.write_bytes(b"another")
    mark_take(1, "discarded", library=library)
    take.wav_path.unlink()
    take.json_path.write_bytes(b"another")
    with pytest.raises(OutputError, match="exists already"):
        restore_take(1, library=library)
    assert not take.wav_path.exists()
    assert len(list_trash(library)) == 1
    take.json_path.write_bytes(sidecar)  # as a killed process would have left it
    restore_take(1, library=library)
    assert take.wav_path.read_bytes() == sound


def test_of_takes_of_one_name_each_gets_its_own_back(make, library: Library, tmp_path: Path):
    first, second = make(2)
    other = tmp_path / "other"
    other.mkdir()
    for suffix in (".wav", ".json"):
        shutil.move(second.wav_path.with_suffix(suffix), (other / first.wav_path.name).with_suffix(suffix))
    scan_takes(other, library=library)
    sounds = {number: get_take(number, library=library).audio_path.read_bytes() for number in (1, 2)}
    for number in (1, 2):
        discard_take(number, library=library)
    for number in (1, 2):
        restore_take(number, library=library)
        assert get_take(number, library=library).audio_path.read_bytes() == sounds[number]


def test_a_take_that_was_removed_for_ever_cannot_be_restored(make, library: Library):
    make()
    discard_take(1, library=library)
    assert empty_trash(library) == 1
    with pytest.raises(HistoryError, match=r"neither at .* nor in the trash"):
        restore_take(1, library=library)
    assert discard_take(1, library=library).trash is None
    assert keep_take(1, library=library).state == "kept"


@pytest.mark.skipif(os.name == "nt", reason="no read-only folders there")
def test_a_take_that_cannot_go_to_the_trash_is_left_as_it_is(make, library: Library):
    (take,) = make()
    (library.root / "trash").touch()
    with pytest.raises(OutputError):
        discard_take(1, library=library)
    assert get_take(1, library=library).state == "undecided"
    assert take.wav_path.is_file()


def test_forgetting_leaves_the_files_unless_they_shall_go_too(make, library: Library):
    first, second = make(2)
    assert forget_take(1, library=library).trash is None
    assert first.wav_path.is_file()
    assert not first.thumbnail_path.exists()
    entry = forget_take(2, with_files=True, library=library).trash
    assert entry is not None
    assert {path.name for path in entry.path.iterdir()} == {second.wav_path.name, second.json_path.name}
    assert not second.wav_path.exists()
    assert search_takes(library=library) == ()


# --- finding again ---


def test_moved_and_renamed_takes_are_found_by_their_sound(make, library: Library, tmp_path: Path):
    first, second = make(2)
    new = tmp_path / "elsewhere" / "deep"
    new.mkdir(parents=True)
    for suffix in (".wav", ".json"):
        shutil.move(first.wav_path.with_suffix(suffix), new / f"renamed{suffix}")
    note_take(1, "mine", library=library)
    report = scan_takes(tmp_path, library=library)
    assert [record.id for record in report.found] == [1]
    assert (report.looked_at, report.added, report.still_missing) == (2, (), 0)
    record = get_take(1, library=library)
    assert (record.audio_path, record.note) == (new / "renamed.wav", "mine")
    assert get_take(2, library=library).audio_path == second.wav_path


def test_unknown_takes_are_recorded_only_where_that_is_asked_for(make, library: Library, tmp_path: Path):
    make(2, record=False)
    (tmp_path / "takes" / "notes.json").write_text("[1, 2]")
    (tmp_path / "takes" / "lost.json").write_text((next((tmp_path / "takes").glob("gen*.json"))).read_text())
    assert scan_takes(tmp_path, library=library).added == ()
    assert len(scan_takes(tmp_path, add_unknown=True, library=library).added) == 2
    assert scan_takes(tmp_path, add_unknown=True, library=library).added == ()
    assert {record.seed for record in search_takes(HistoryQuery(model="tiny"), library=library)} == {40, 41}
    with pytest.raises(HistoryError, match="is no folder"):
        scan_takes(tmp_path / "nowhere", library=library)


def test_a_take_that_is_made_again_is_the_same_take_of_the_history(
    make, library: Library, tmp_path: Path, tiny_model_folder: Path
):
    (take,) = make()
    sidecar = tmp_path / "kept.json"
    shutil.copy(take.json_path, sidecar)
    take.wav_path.unlink()
    take.json_path.unlink()
    report = rerender(sidecar, model=str(tiny_model_folder), output_dir=tmp_path / "again", library=library)
    assert report.identical
    (record,) = search_takes(library=library)
    assert record.audio_path.parent == tmp_path / "again"
    assert not record.is_missing


# --- side by side ---


def test_two_takes_are_compared_and_drawn(make, library: Library, tmp_path: Path):
    make(2)
    comparison = compare_takes(1, 2, picture=tmp_path / "new" / "both.png", library=library)
    assert [(item.name, item.first, item.second) for item in comparison.settings] == [("seed", 40, 41)]
    assert (tmp_path / "new" / "both.png").read_bytes().startswith(PNG)
    discard_take(2, library=library)
    assert not compare_takes(1, 2, library=library).same_audio
    with pytest.raises(HistoryError, match="take 2 is not at"):
        compare_takes(1, 2, picture=tmp_path / "both.png", library=library)
