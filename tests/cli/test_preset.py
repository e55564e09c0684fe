from __future__ import annotations

import dataclasses
import inspect
import json
import shutil
from pathlib import Path

import pytest

from cli.conftest import Sda
from small_dataset_audio.cli.generate import generate
from small_dataset_audio.cli.settings_given import FIELDS_OF, NO_SETTINGS
from small_dataset_audio.inference.config import GenerationConfig

FIELDS = {field.name for field in dataclasses.fields(GenerationConfig)}


@pytest.fixture(autouse=True)
def own_tiny(home: Path, tiny_model_folder: Path) -> Path:
    shutil.copytree(tiny_model_folder, home / "models" / "tiny")
    return home


def test_every_option_of_generate_is_a_setting_or_known_to_be_none():
    """Whoever adds an option says whether a preset holds it."""
    names = set(inspect.signature(generate).parameters)
    settings = {name for name in names if name in FIELDS or name in FIELDS_OF}
    assert names == settings | NO_SETTINGS
    assert not settings & NO_SETTINGS
    # What files, places and takes come to needs the model.
    assert {field for name in settings for field in FIELDS_OF.get(name, (name,))} == FIELDS - {"near", "variations"}


def test_the_options_that_were_given_are_kept_and_come_back(sda: Sda):
    saved = sda(
        "preset", "save", "tiny", "slow drift", "-d", "0.4", "--stereo", "corpus", "--novelty", "high", "--json"
    )
    assert saved.code == 0
    shown = sda("preset", "show", "tiny", "slow drift", "--json").json
    assert saved.json == shown
    assert shown["settings"] == {"duration_s": 0.4, "max_duration_s": 60.0, "stereo_mode": "corpus", "novelty": "high"}
    assert json.loads(Path(shown["path"]).read_text())["name"] == "slow drift"
    made = ("generate", "tiny", "-n", "1", "--seed", "3", "-o", "takes", "--no-evaluate", "--json")
    (take,) = sda(*made, "--preset", "slow drift").json["takes"]
    settings = json.loads(Path(take["json"]).read_text())["generation"]
    assert (settings["duration_s"], settings["stereo_mode"], settings["novelty"]) == (0.4, "corpus", "high")
    (take,) = sda(*made, "--preset", "slow drift", "--novelty", "medium", "-d", "0.2").json["takes"]
    settings = json.loads(Path(take["json"]).read_text())["generation"]
    assert (settings["duration_s"], settings["stereo_mode"], settings["novelty"]) == (0.2, "corpus", "medium")


def test_a_default_that_was_given_is_kept_and_a_default_that_was_not_is_not(sda: Sda):
    sda("preset", "save", "tiny", "mono", "--stereo", "mono")
    assert sda("preset", "show", "tiny", "mono", "--json").json["settings"] == {"stereo_mode": "mono"}


def test_settings_of_a_take_are_kept_without_its_seed_unless_asked(sda: Sda):
    done = sda(
        "generate", "tiny", "-n", "1", "-d", "0.3", "--seed", "5", "--loop", "-o", "takes", "--no-evaluate", "--json"
    )
    sidecar = done.json["takes"][0]["json"]
    assert sda("preset", "save", "tiny", "that", "--from", sidecar).code == 0
    assert sda("preset", "show", "tiny", "that", "--json").json["settings"] == {"duration_s": 0.3, "loop": True}
    assert sda("preset", "save", "tiny", "just that", "--from", sidecar, "--with-seed").code == 0
    assert sda("preset", "show", "tiny", "just that", "--json").json["settings"]["seed"] == 5


def test_presets_are_listed_renamed_and_deleted(sda: Sda, home: Path):
    assert "no presets yet" in sda("preset", "list", "tiny").out
    sda("preset", "save", "tiny", "b", "-d", "2")
    sda("preset", "save", "tiny", "a", "--loop")
    (home / "models" / "tiny" / "presets" / "c.json").write_text("no JSON")
    listed = sda("preset", "list", "tiny", "--json").json["presets"]
    assert [preset["name"] for preset in listed] == ["a", "b", "c"]
    assert "is no preset" in listed[2]["problem"]
    assert sda("preset", "rename", "tiny", "a", "long one").code == 0
    sda("preset", "rename", "tiny", "long one", "b").assert_one_error_line("a preset 'b' exists already")
    sda("preset", "delete", "tiny", "b").assert_one_error_line("Delete the preset b of tiny for ever?", "--yes")
    for name in ("b", "c", "long one"):
        assert sda("preset", "delete", "tiny", name, "--yes").code == 0
    assert sda("preset", "list", "tiny", "--json").json["presets"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "mentions"),
    [
        (("save", "tiny", "x"), 2, "give options of `sda generate`"),
        (("save", "tiny", "x", "-n", "3"), 2, "--count is no setting of a take"),
        (("save", "tiny", "x", "--one-shots", "3"), 2, "--one-shots is no setting of a take"),
        (("save", "tiny", "x", "--no-evaluate"), 2, "--evaluate is no setting"),
        (("save", "tiny", "x", "--seed", "3"), 2, "--with-seed"),
        (("save", "tiny", "x", "--width", "9"), 2, "--width is 9"),
        (("save", "tiny", "x", "--wdith", "1"), 2, "--wdith"),
        (("save", "tiny", "../x", "--loop"), 1, "'../x'"),
        (("save", "drone", "x", "--loop"), 1, "no model 'drone'"),
        (("save", "tiny", "x", "--from", "nothing.json"), 1, "nothing.json"),
        (("show", "tiny", "x"), 1, "no preset 'x'; this model has: none yet"),
        (("delete", "tiny", "x"), 1, "no preset 'x'"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    sda: Sda, home: Path, arguments: tuple[str, ...], code: int, mentions: str
):
    done = sda("preset", *arguments)
    assert done.code == code
    assert mentions in done.err
    assert not (home / "models" / "tiny" / "presets").exists()


def test_a_preset_is_not_overwritten_unless_asked(sda: Sda):
    sda("preset", "save", "tiny", "x", "-d", "2")
    sda("preset", "save", "tiny", "x", "-d", "3").assert_one_error_line("a preset 'x' exists already")
    assert sda("preset", "save", "tiny", "x", "-d", "3", "--force").code == 0
    assert sda("preset", "show", "tiny", "x", "--json").json["settings"]["duration_s"] == 3.0


def test_a_preset_that_was_changed_by_hand_to_what_cannot_be_names_file_and_field(sda: Sda, home: Path):
    sda("preset", "save", "tiny", "x", "-d", "2")
    path = home / "models" / "tiny" / "presets" / "x.json"
    path.write_text(path.read_text().replace("2.0", "-2.0"))
    done = sda("generate", "tiny", "--preset", "x", "-o", "takes")
    done.assert_one_error_line(str(path), "duration_s is -2.0")
    assert done.code == 1
    assert not Path("takes").exists()
