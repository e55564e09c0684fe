"""What the worker makes of what takes shall be near to, and of a take to be varied."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.ui import near_state
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.play_place import recall_settings, start_takes
from small_dataset_audio.ui.play_settings import default_values
from small_dataset_audio.ui.presets_row import WITHOUT_TRAINING
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.variations import set_amount, start_variations, variations_of
from small_dataset_audio.ui.worker import Worker
from tiny import write_recordings


@dataclass
class Bench:
    """A worker, and a browser that asks it."""

    worker: Worker
    session: Session
    folder: Path

    def do(self, job_id: str) -> JobStatus:
        (job,) = [job for job in self.session.queue.waiting() if job.id == job_id]
        self.worker.do(job)
        return self.session.queue.status(self.session.id, job_id)

    def take(self, seed: int = 5) -> tuple[JobStatus, dict[str, Any]]:
        """Make a take with what is set, and read its recipe."""
        settings = asdict(GenerationConfig(duration_s=0.5, seed=seed))
        request = {"model": "", "folder": str(self.folder), "settings": settings, "count": 1, "evaluate": False}
        status = self.do(self.session.start("take", {**request, **near_state.near_request(self.session)}))
        return status, read_sidecar(Path(status.files["json-0"])) if status.state == "done" else {}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    home = tmp_path_factory.mktemp("home")
    folders = StudioFolders(home)
    folders.make()
    folder = write_recordings(tmp_path_factory.mktemp("recordings") / "plucks")
    return Bench(Worker(home), Session("guest", folders), folder)


def test_a_take_is_like_what_was_dropped_and_again_without_the_file(bench: Bench):
    example = bench.session.corpus_folder("to be like") / "door.wav"
    example.parent.mkdir(parents=True)
    example.write_bytes(min(bench.folder.glob("*.wav")).read_bytes())
    near_state.add_files(bench.session, "to be like", ["door.wav"])
    near_state.set_strength(bench.session, 0.9)
    status, recipe = bench.take()
    assert status.news["takes"][0]["near"] == ["door.wav"]
    assert recipe["generation"]["near_strength"] == 0.9
    example.unlink()
    near_state.set_targets(bench.session, recipe["generation"], recipe["model_name"])
    again, _ = bench.take()
    assert Path(again.files["wav-0"]).read_bytes() == Path(status.files["wav-0"]).read_bytes()
    near_state.set_targets(bench.session, recipe["generation"], "another")
    other, _ = bench.take()
    assert other.state == "failed"
    assert "'another'" in other.message


def test_the_map_is_drawn_and_a_place_of_it_is_gone_to(bench: Bench):
    request = {"model": "", "folder": str(bench.folder)}
    drawn = bench.do(bench.session.start("map", request))
    assert Path(drawn.files["map"]).read_bytes().startswith(b"\x89PNG")
    near_state.set_place(bench.session, -3, 4.5)
    near_state.set_place(bench.session, 2, 0, then=True)
    _, recipe = bench.take()
    assert [target["name"] for target in recipe["generation"]["near"]] == ["-3,4.5", "2,0"]
    near_state.set_targets(bench.session, {}, "")


def test_a_take_is_varied_from_its_recipe_as_much_as_was_set(bench: Bench):
    made, recipe = bench.take()
    bench.session.remember("play", {"values": {"count": 2, "evaluate": False}})
    set_amount(bench.session, "0")
    status = bench.do(start_variations(bench.session, Path(made.files["json-0"])))
    assert [take["seed"] for take in status.news["takes"]] == [str(recipe["seed"])] * 2
    assert Path(status.files["wav-0"]).read_bytes() == Path(made.files["wav-0"]).read_bytes()
    set_amount(bench.session, "2")
    varied = bench.do(start_variations(bench.session, Path(made.files["json-0"])))
    said = read_sidecar(Path(varied.files["json-0"]))["generation"]
    assert said["variations"][0][0] == 1.0
    assert {**said, "variations": []} == {**recipe["generation"], "variations": []}


def test_settings_and_seed_of_a_varied_take_make_it_again_and_another_seed_another_take(bench: Bench):
    session, name = bench.session, "pluck.wav"
    example = session.corpus_folder("again") / name
    example.parent.mkdir(parents=True)
    example.write_bytes(min(bench.folder.glob("*.wav")).read_bytes())
    near_state.add_files(session, "again", [name])
    made, _ = bench.take(seed=11)
    session.remember("play", {**session.recall("play"), "values": {"count": 2, "evaluate": False}})
    set_amount(session, "0.5")
    varied = bench.do(start_variations(session, Path(made.files["json-0"])))
    session.remember("corpus", {"name": "plucks", "folder": str(bench.folder)})

    recall_settings(session, varied_id(session), 1, True)
    values = {**default_values(), "count": 1, "evaluate": False, "device": "auto", **session.recall("play")["values"]}
    again = bench.do(start_takes(session, WITHOUT_TRAINING, {**values, "count": 1}))
    assert Path(again.files["wav-0"]).read_bytes() == Path(varied.files["wav-1"]).read_bytes()

    other = bench.do(start_takes(session, WITHOUT_TRAINING, {**values, "count": 1, "seed": "12"}))
    assert read_sidecar(Path(other.files["json-0"]))["generation"]["variations"] == []
    recall_settings(session, varied_id(session), 1, False)
    assert variations_of(session, "11") == []


def varied_id(session: Session) -> str:
    """Id of the job that made variations last."""
    return next(job_id for job_id, status in session.queue.of_session(session.id, "take") if "vary" in status.request)
