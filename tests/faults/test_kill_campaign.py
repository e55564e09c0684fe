"""The short form of the campaign, and whether it would see what it looks for."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from faults.kill_jobs import ExportJob, Loss, SaveJob, leftovers
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import ModelBundle, save_bundle
from tiny import start_python

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked copies of itself")


@needs_fork
def test_row_26_nothing_is_lost_by_kills_at_random_moments():
    program = "import sys; from faults.kill_campaign import main; sys.exit(main(['--kills', '30', '--seed', '1']))"
    done = start_python(program)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["failures"] == []
    assert (report["bytes_lost"], report["strays_left"]) == (0, 0), done.stderr
    assert report["kills"] == dict.fromkeys(("training", "generation", "export", "catalogue", "saving a model"), 6)
    assert done.returncode == 0, done.stderr


class EnoughError(Exception):
    """Ends a job that has no end."""


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    """A folder with three takes as the export job makes them; the root of its work."""

    def stop_after_three(_: str, __: str) -> None:
        if len(list((tmp_path / "takes").glob("*.wav"))) == 3:
            raise EnoughError

    ExportJob().prepare(tmp_path)
    with pytest.raises(EnoughError):
        ExportJob().run(tmp_path, stop_after_three)
    return tmp_path


def losses(root: Path, *said: str) -> list[Loss]:
    return list(ExportJob().check(root, [("take", which) for which in said]))


def test_whole_takes_are_no_loss_and_neither_is_a_temporary(takes: Path):
    names = [f"{path.name}/1" for path in (takes / "takes").glob("*.wav")]
    (takes / "takes" / f".sda-tmp-00000000-{os.getpid()}-0123456789abcdef.wav").write_bytes(b"half")
    assert losses(takes, *names) == []


def test_half_a_take_under_its_final_name_is_seen(takes: Path):
    path = next((takes / "takes").glob("*.wav"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (loss,) = losses(takes)
    assert path.name in loss.what
    assert loss.num_bytes == path.stat().st_size


def test_a_take_without_its_sidecar_is_seen(takes: Path):
    next((takes / "takes").glob("*.json")).unlink()
    assert "it has no sidecar" in losses(takes)[0].what


def test_a_take_that_was_reported_and_is_gone_is_seen(takes: Path):
    assert losses(takes, "gone.wav/4321") == [Loss("gone.wav was reported and is not there", 4321)]


def test_a_take_is_reported_with_the_bytes_of_its_pair(tmp_path: Path):
    said = []

    def stop_after_one(what: str, which: str) -> None:
        said.append((what, which))
        raise EnoughError

    ExportJob().prepare(tmp_path)
    with pytest.raises(EnoughError):
        ExportJob().run(tmp_path, stop_after_one)
    num_bytes = sum(path.stat().st_size for path in (tmp_path / "takes").iterdir())
    ((what, which),) = said
    assert (what, which.rpartition("/")[2]) == ("take", str(num_bytes))


# --- saves ---


@pytest.fixture
def saved_over(tmp_path: Path, tiny_bundle: ModelBundle) -> ModelBundle:
    """The model of the job that saves, on its fifth save."""
    return save_bundle(
        Library(tmp_path / "home").folder_of("model"),
        replace(tiny_bundle, metadata=replace(tiny_bundle.metadata, name="5")),
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], []),
        (["4/other"], []),  # one more was saved than could be said
        (["5/{sha256}"], []),
        (["5/other"], ["save 5 is not what was reported"]),
        (["6/other"], ["save 5 came back after 6 was reported"]),
        (["5/{sha256}", "6/other"], ["save 5 came back after 6 was reported"]),
    ],
)
def test_a_save_that_was_reported_and_is_lost_is_seen_even_the_only_one(
    tmp_path: Path, saved_over: ModelBundle, said: list[str], expected: list[str]
):
    reported = [("saved", which.format(sha256=saved_over.sha256)) for which in said]
    assert [loss.what for loss in SaveJob().check(tmp_path, reported)] == expected


def test_temporaries_and_recordings_that_no_model_lists_are_left_over_and_nothing_else(
    tmp_path: Path, saved_over: ModelBundle
):
    assert leftovers(tmp_path) == []
    folder = Library(tmp_path / "home").folder_of("model")
    names = [".sda-tmp-00000000-1-0123456789abcdef.flac", "corpus-0123456789abcdef.flac"]
    for name in names:
        (folder / name).write_bytes(b"half")
    assert [path.name for path in leftovers(tmp_path)] == names
