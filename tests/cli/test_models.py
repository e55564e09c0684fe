from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any


def test_an_empty_library_says_what_to_do_and_where_it_is(sda: Any, home: Path):
    done = sda("models")
    assert done.code == 0
    assert "sda train FOLDER" in done.out
    assert str(home / "models") in done.out
    assert sda("models", "--json").json == {"library": str(home / "models"), "models": []}


def test_a_model_is_listed_with_corpus_length_date_and_size(sda: Any, with_tiny: Path):
    done = sda("models")
    assert done.code == 0
    (line,) = [line for line in done.out.splitlines() if line.strip().startswith("tiny")]
    cells = line.split()
    assert cells[:4] == ["tiny", "trained", "plucks", "5"]
    assert "2026-01-0" in line
    assert cells[-1] == "MB"
    assert str(with_tiny / "models") in done.out
    (model,) = sda("models", "--json").json["models"]
    assert (model["name"], model["recordings"], model["licence"], model["problem"]) == ("tiny", 5, "CC0-1.0", None)
    assert model["kind"] == "trained"
    assert model["corpus_duration_s"] > 3.0
    assert model["keeps_audio"]


def test_a_model_that_was_made_without_training_is_listed_as_a_walk(sda: Any, recordings: Path):
    assert sda("generate", recordings, "-n", "1", "-d", "0.2", "-o", "takes").code == 0
    (line,) = [line for line in sda("models").out.splitlines() if "plucks-walk" in line]
    assert line.split()[:4] == ["plucks-walk", "walk", "plucks", "5"]
    (model,) = sda("models", "--json").json["models"]
    assert (model["name"], model["kind"], model["steps"]) == ("plucks-walk", "walk", 0)


def test_a_damaged_and_an_unfinished_model_are_listed_with_what_is_wrong(sda: Any, home: Path, tiny_model_folder: Path):
    shutil.copytree(tiny_model_folder, home / "models" / "broken")
    weights = home / "models" / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    (home / "models" / "half").mkdir()
    (home / "models" / "half" / "checkpoint.safetensors").touch()
    done = sda("models")
    assert done.code == 0
    assert "damaged" in done.out
    assert "unfinished" in done.out
    problems = {model["name"]: model["problem"] for model in sda("models", "--json").json["models"]}
    assert set(problems) == {"broken", "half"}
    assert all(problems.values())
