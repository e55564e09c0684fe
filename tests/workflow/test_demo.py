from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from small_dataset_audio.errors import OutputError
from small_dataset_audio.library import Library
from small_dataset_audio.models import load_bundle
from small_dataset_audio.workflow import DemoFinished, DemoRequest, ModelSaved, Take, TrainRequest, run_demo
from small_dataset_audio.workflow.demo import CorpusWritten
from tiny import five_clips

pytestmark = pytest.mark.usefixtures("quick_training")


@pytest.fixture(autouse=True)
def _small_corpus_and_three_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five plucks instead of a minute of synthesis, three steps instead of a minute of training."""

    def write(folder: Path, *, seed: int) -> tuple[Path, ...]:
        folder.mkdir(exist_ok=True)
        paths = tuple(folder / f"{number}.wav" for number in range(5))
        for path, clip in zip(paths, five_clips(), strict=True):
            soundfile.write(path, clip * (1 - 0.1 * seed), 48_000)
        return paths

    monkeypatch.setattr("small_dataset_audio.workflow.demo.write_demo_corpus", write)
    monkeypatch.setattr("small_dataset_audio.workflow.demo.TrainRequest", partial(TrainRequest, max_steps=3))


def demo(folder: Path, library: Library, **settings: Any) -> list[Any]:
    return list(run_demo(DemoRequest(folder, **{"count": 2, "duration_s": 0.5, **settings}), library))


def test_the_demo_makes_a_corpus_a_model_and_takes_with_pictures(tmp_path: Path, library: Library):
    events = demo(tmp_path / "demo", library)
    kinds = [kind for kind, _ in itertools.groupby(type(event) for event in events)]
    assert (kinds[0], kinds[-3:]) == (CorpusWritten, [ModelSaved, Take, DemoFinished])
    finished = events[-1]
    assert {path.parent for path in finished.corpus} == {tmp_path / "demo" / "corpus"}
    assert finished.model_name == "demo"
    assert finished.model_folder == library.find("demo")
    assert finished.loss_picture.is_file()
    assert finished.takes == tuple(event for event in events if isinstance(event, Take))
    assert [take.result.seed_used for take in finished.takes] == [0, 1]
    for take in finished.takes:
        assert take.wav_path.parent == tmp_path / "demo" / "takes"
        assert soundfile.info(take.wav_path).frames == 24_000
        assert take.json_path.is_file()
        assert take.picture_path is not None
        assert take.picture_path.is_file()
    assert load_bundle(finished.model_folder).metadata.corpus.licence == "CC0-1.0"


def test_a_second_demo_keeps_the_first_ones_model_and_takes(tmp_path: Path, library: Library):
    first, second = (demo(tmp_path / "demo", library)[-1] for _ in "ab")
    assert (first.model_name, second.model_name) == ("demo", "demo-2")
    assert {take.wav_path for take in first.takes}.isdisjoint(take.wav_path for take in second.takes)
    for one, other in zip(first.takes, second.takes, strict=True):
        assert one.result.audio_sha256 == other.result.audio_sha256


def test_the_seed_is_that_of_corpus_training_and_first_take(tmp_path: Path, library: Library):
    finished = demo(tmp_path / "demo", library, seed=3, count=1)[-1]
    assert finished.takes[0].result.seed_used == 3
    assert load_bundle(finished.model_folder).metadata.training.seed == 3
    loudest = np.abs(soundfile.read(finished.corpus[0])[0]).max()
    assert loudest == pytest.approx(0.7 * np.abs(five_clips()[0]).max(), abs=1e-3)


def test_row_34_a_file_where_the_folder_should_be_is_an_error_before_the_work(tmp_path: Path, library: Library):
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(OutputError, match="demo is a file, not a folder"):
        demo(tmp_path / "demo", library)
    assert not library.root.exists()
