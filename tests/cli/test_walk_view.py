"""A folder of recordings in place of a model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile


def test_a_folder_of_recordings_makes_takes_at_once_and_says_how(sda: Any, home: Path, recordings: Path):
    done = sda("generate", recordings, "-d", "0.5", "-n", "2", "-o", "takes")
    assert done.code == 0
    assert len(list(Path("takes").glob("*.wav"))) == 2
    (line,) = done.err.splitlines()
    assert line.startswith(
        f"{recordings} holds 5 recordings: takes walk along them, with no training (model plucks-walk, "
    )
    assert line.endswith(f"to learn them: sda train {recordings}")
    assert [path.name for path in (home / "models").iterdir()] == ["plucks-walk"]


def test_the_second_time_the_model_is_there(sda: Any, home: Path, recordings: Path):
    options = ("-d", "0.5", "-n", "1", "--seed", "3", "--json")
    first, second = (sda("generate", recordings, *options, "-o", folder) for folder in ("one", "two"))
    assert "made in" in first.err
    assert "made before" in second.err
    assert first.json["model"] == second.json["model"] == "plucks-walk"
    one, two = (Path(done.json["takes"][0]["wav"]).read_bytes() for done in (first, second))
    assert one == two
    by_name = sda("generate", "plucks-walk", *options, "-o", "three")
    assert Path(by_name.json["takes"][0]["wav"]).read_bytes() == one
    assert by_name.err == ""


@pytest.mark.parametrize("options", [("-n", "0"), ("-n", "2", "--seed", str(2**63 - 1))])
def test_row_34_a_number_of_takes_that_cannot_be_is_refused_before_a_model_is_made(
    sda: Any, home: Path, recordings: Path, options: tuple[str, ...]
):
    assert sda("generate", recordings, *options).code == 2
    assert not (home / "models").exists()


def test_its_takes_are_made_again_and_its_model_is_listed(sda: Any, recordings: Path):
    done = sda("generate", recordings, "-d", "0.5", "-n", "1", "-o", "takes", "--json")
    assert sda("rerender", done.json["takes"][0]["json"]).code == 0
    (model,) = sda("models", "--json").json["models"]
    assert (model["name"], model["steps"], model["problem"]) == ("plucks-walk", 0, None)


def test_a_folder_in_the_working_folder_is_found_unless_a_model_has_its_name(
    sda: Any, recordings: Path, tiny_home: Path
):
    shutil.copytree(recordings, "tiny")
    assert sda("generate", "tiny", "-d", "0.3", "-n", "1", "-o", "one", "--json").json["model"] == "tiny-walk"
    of_the_library = sda("generate", "tiny", "-d", "0.3", "-n", "1", "-o", "two", "--json", home=tiny_home)
    assert of_the_library.json["model"] == "tiny"


def test_a_folder_with_nothing_in_it_is_an_error_and_leaves_no_model(sda: Any):
    Path("empty").mkdir()
    done = sda("generate", "empty")
    assert done.code == 1
    done.assert_one_error_line("empty", "put recordings into it")
    assert sda("models", "--json").json["models"] == []


def test_row_13_silence_is_an_error_and_leaves_no_model(sda: Any):
    Path("silent").mkdir()
    soundfile.write("silent/nothing.wav", np.zeros(48_000), 48_000)
    done = sda("generate", "silent")
    assert done.code == 1
    done.assert_one_error_line("silent", "put recordings into it")
    assert sda("models", "--json").json["models"] == []


def test_a_wrong_option_is_told_before_the_recordings_are_read(
    sda: Any, recordings: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("small_dataset_audio.workflow.quick_model", lambda *_, **__: pytest.fail("work began"))
    assert sda("generate", recordings, "--width", "3").code == 2
    assert list(home.iterdir()) == []
