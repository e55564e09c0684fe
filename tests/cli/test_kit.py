from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from small_dataset_audio.inference.generation import GenerationPipeline
from tiny import write_recordings
from workflow.walks import strokes


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GenerationPipeline, "generate", lambda *_, **__: pytest.fail("work began"))


def test_a_kit_is_made_of_a_folder_of_recordings(sda: Any, tmp_path: Path):
    recordings = write_recordings(tmp_path / "strokes", strokes())
    done = sda("kit", recordings, "--hits", "4", "-d", "2", "--seed", "1", "-o", "my kit", home=tmp_path / "home")
    assert done.code == 0
    assert done.out.splitlines()[0].startswith(f"{Path('my kit') / 'my kit.sfz'}  4 sounds on ")
    again = sda("kit", recordings, "--hits", "4", "-d", "2", "--seed", "1", "--json", home=tmp_path / "home")
    assert again.code == 0
    assert Path(again.json["folder"]) == Path.cwd() / "data" / "generated" / "strokes-walk" / "kit_seed1"
    assert len(again.json["samples"]) == 4
    for path in map(Path, again.json["samples"]):
        assert path.read_bytes() == (Path("my kit") / "samples" / path.name).read_bytes()
    assert json.loads(Path(again.json["json"]).read_text())["seed"] == 1
    refused = sda("kit", recordings, "--hits", "4", "-d", "2", "-o", "my kit", home=tmp_path / "home")
    assert refused.code == 1
    assert "my kit exists already and is not overwritten" in refused.err


@pytest.mark.usefixtures("with_tiny", "no_work")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--hits", "0"), "--hits is 0; it must be from 1 to 128"),
        (("--round-robins", "17"), "--round-robins is 17; it must be from 1 to 16"),
        (("-d", "61"), "--duration is"),
        (("-d", "2h"), "--duration is"),
        (("--rate", "22050"), "--rate is 22050"),
        (("--seed", "-1"), "--seed is -1"),
    ],
)
def test_what_cannot_be_is_a_wrong_command_line(sda: Any, options: tuple[str, ...], words: str):
    done = sda("kit", "tiny", *options, "-o", "kit")
    assert done.code == 2
    done.assert_one_error_line(words)
    assert not Path("kit").exists()


def test_a_model_that_is_not_there_is_named(sda: Any):
    done = sda("kit", "nothing")
    assert done.code == 1
    done.assert_one_error_line("no model 'nothing'")
