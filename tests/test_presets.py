from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from small_dataset_audio.errors import InvalidConfigError, InvalidNameError, OutputError, PresetError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.presets import (
    MAX_PRESETS,
    apply_settings,
    delete_preset,
    list_presets,
    preset_path,
    read_preset,
    read_preset_file,
    rename_preset,
    save_preset,
    settings_of,
)
from test_library import BAD_NAMES

CHANGED = {
    "duration_s": 2.5,
    "max_duration_s": 3600.0,
    "seed": 2**63 - 1,
    "chunk_duration_s": 0.5,
    "concat_mode": "latent_interpolation",
    "stereo_mode": "mid_side",
    "stereo_width": 1.5,
    "sample_rate": 96_000,
    "bit_depth": "32-bit float",
    "steps_between": 7,
    "overlap_samples": 480,
    "vocoder": "griffin_lim",
    "novelty": "high",
    "temperature": 0.25,
    "loop": True,
    "file_format": "aiff",
}
"""Another value than the default's for fields that can have one."""


# --- what goes in comes out ---


def test_a_preset_is_plain_json_in_the_folder_of_its_model(tmp_path: Path):
    preset = save_preset(tmp_path, "slow drift", {"duration_s": 3.0, "novelty": "high"})
    assert preset.path == tmp_path / "presets" / "slow drift.json"
    assert json.loads(preset.path.read_text()) == {
        "version": 1,
        "name": "slow drift",
        "settings": {"duration_s": 3.0, "novelty": "high"},
    }
    assert read_preset(tmp_path, "slow drift") == preset


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(GenerationConfig)])
def test_every_setting_can_be_kept_alone(tmp_path: Path, field: str):
    """A setting that is new has no value here, and is kept as its default is."""
    value = CHANGED.get(field, getattr(GenerationConfig(), field))
    config = dataclasses.replace(GenerationConfig(), **{field: value})
    save_preset(tmp_path, "x", {field: settings_value(config, field)})
    assert apply_settings(GenerationConfig(), read_preset(tmp_path, "x").settings) == config


def settings_value(config: GenerationConfig, field: str) -> Any:
    return json.loads(json.dumps(dataclasses.asdict(config)))[field]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(st.sampled_from(sorted(CHANGED))), with_seed=st.booleans())
def test_a_whole_configuration_comes_back_but_for_the_seed(tmp_path: Path, names: set[str], with_seed: bool):
    config = dataclasses.replace(GenerationConfig(), **{name: CHANGED[name] for name in names})
    config.validate()
    save_preset(tmp_path, "x", settings_of(config, with_seed=with_seed), overwrite=True)
    found = apply_settings(GenerationConfig(seed=5), read_preset(tmp_path, "x").settings)
    seed = config.seed if with_seed and config.seed is not None else 5
    assert found == dataclasses.replace(config, seed=seed)


def test_what_was_asked_for_comes_before_the_preset():
    asked = GenerationConfig(duration_s=2.0, novelty="low")
    found = apply_settings(asked, {"duration_s": 9.0, "novelty": "high", "loop": True}, keep={"duration_s"})
    assert (found.duration_s, found.novelty, found.loop) == (2.0, "high", True)
    with pytest.raises(InvalidConfigError, match=r"duration_s is 9\.0"):
        apply_settings(dataclasses.replace(asked, max_duration_s=5.0), {"duration_s": 9.0})


# --- names ---


@pytest.mark.parametrize("name", ["plain", "Wälder 🌲", "שלום", "CON", "a: b?", "x" * 200, "100 %", "..."])
def test_a_preset_is_found_by_the_name_it_was_given(tmp_path: Path, name: str):
    save_preset(tmp_path, name, {"loop": True})
    assert read_preset(tmp_path, name).name == name
    (entry,) = list_presets(tmp_path)
    assert (entry.name, entry.problem) == (name, "")
    assert len(preset_path(tmp_path, name).name.encode()) < 256


@pytest.mark.parametrize("name", [*BAD_NAMES, "x" * 201, "a\nb", "\x1b[2J", "a\u202eb"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str):
    for change in (
        lambda: save_preset(tmp_path, name, {"loop": True}),
        lambda: read_preset(tmp_path, name),
        lambda: delete_preset(tmp_path, name),
        lambda: preset_path(tmp_path, name),
    ):
        with pytest.raises(InvalidNameError):
            change()
    assert list(tmp_path.rglob("*")) == []


def test_a_folder_of_presets_that_leads_elsewhere_is_refused(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "model" / "presets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidNameError):
        save_preset(tmp_path / "model", "x", {"loop": True})
    assert list((tmp_path / "elsewhere").iterdir()) == []


# --- changing ---


def test_nothing_is_overwritten_unless_asked(tmp_path: Path):
    save_preset(tmp_path, "x", {"loop": True})
    with pytest.raises(PresetError, match="a preset 'x' exists already"):
        save_preset(tmp_path, "x", {"loop": False})
    assert read_preset(tmp_path, "x").settings == {"loop": True}
    assert save_preset(tmp_path, "x", {"loop": False}, overwrite=True).settings == {"loop": False}


def test_a_preset_is_renamed_and_never_over_another(tmp_path: Path):
    save_preset(tmp_path, "a", {"loop": True})
    save_preset(tmp_path, "b", {"novelty": "low"})
    with pytest.raises(PresetError, match="a preset 'b' exists already"):
        rename_preset(tmp_path, "a", "b")
    rename_preset(tmp_path, "a", "a ")  # the same file: only what it says of its name changes
    rename_preset(tmp_path, "a", "c")
    assert [(entry.name, entry.preset.settings) for entry in list_presets(tmp_path) if entry.preset] == [
        ("b", {"novelty": "low"}),
        ("c", {"loop": True}),
    ]


def test_a_preset_that_is_damaged_can_be_deleted(tmp_path: Path):
    path = save_preset(tmp_path, "x", {"loop": True}).path
    path.write_text("{")
    with pytest.raises(PresetError):
        read_preset(tmp_path, "x")
    assert delete_preset(tmp_path, "x") == path
    with pytest.raises(PresetError, match="no preset 'x'; this model has: none yet"):
        delete_preset(tmp_path, "x")


def test_there_is_an_end_to_the_number_of_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert MAX_PRESETS == 1000
    monkeypatch.setattr("small_dataset_audio.presets.MAX_PRESETS", 2)
    for name in ("a", "b"):
        save_preset(tmp_path, name, {"loop": True})
    with pytest.raises(PresetError, match="holds 2 presets, which is the most; delete some"):
        save_preset(tmp_path, "c", {"loop": True})
    save_preset(tmp_path, "b", {"loop": False}, overwrite=True)


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path):
    (tmp_path / "presets").touch()
    with pytest.raises(OutputError):
        save_preset(tmp_path, "x", {"loop": True})


# --- what cannot be ---


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"durations": 3.0}, "'durations' is no generation setting; the settings are "),
        ({"duration_s": -1.0}, "duration_s is -1.0"),
        ({"duration_s": "3"}, "duration_s is '3'"),
        ({"duration_s": True}, "duration_s is True"),
        ({"duration_s": float("inf")}, "duration_s is inf"),
        ({"duration_s": 10**400}, "duration_s is "),
        ({"novelty": "utter"}, "novelty is 'utter'"),
        ({"novelty": ["high"]}, "novelty is "),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**63}, "seed is "),
        ({"loop": 1}, "loop is 1"),
        ({"sample_rate": 48_000.5}, "sample_rate is "),
        ({"file_format": "../x"}, "file_format is '../x'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_on_the_way_in_and_out(tmp_path: Path, wrong: dict[str, Any], message: str):
    with pytest.raises(InvalidConfigError, match=message):
        save_preset(tmp_path, "x", wrong)
    assert not (tmp_path / "presets").exists()
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"version": 1, "name": "x", "settings": wrong}))
    with pytest.raises(PresetError) as caught:
        read_preset_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


PAGES = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'{"version": 1, "name": "x", "settings": {}',
    b'{"version": 1, "name": "x", "settings": {}} x',
    b'{"version": 1, "name": "x"}',
    b'{"version": 1, "name": "x", "settings": []}',
    b'{"version": 1, "name": "x", "settings": {}, "more": 1}',
    b'{"version": 1, "name": "x", "settings": {}, "' + b"y" * 5000 + b'": 1}',
    b'{"version": 2, "name": "x", "settings": {}}',
    b'{"version": "1", "name": "x", "settings": {}}',
    b'{"version": 1, "name": "../x", "settings": {}}',
    b'{"version": 1, "name": "", "settings": {}}',
    b'{"version": 1, "name": "a\\nb", "settings": {}}',
    b'{"version": 1, "name": 5, "settings": {}}',
    b'{"version": 1, "name": "x", "settings": {"duration_s": NaN}}',
    b'{"version": 1, "name": "x", "settings": {"duration_s": 1e999}}',
    b'{"version": 1, "name": "x", "settings": {"duration_s": ' + b"9" * 5000 + b"}}",
    b'{"version": 1, "name": "x", "settings": {"\\ud800": 1}}',
    b'{"version": 1, "name": "\\ud800", "settings": {}}',
    b'{"version": "\\udc00\\ud800", "name": "x", "settings": {}}',
    b" " * 64_001,
]


@pytest.mark.parametrize("data", PAGES, ids=range(len(PAGES)))
def test_a_file_that_is_no_preset_is_refused_by_its_name_in_one_line_and_stops_no_list(tmp_path: Path, data: bytes):
    save_preset(tmp_path, "whole", {"loop": True})
    path = tmp_path / "presets" / "x.json"
    path.write_bytes(data)
    with pytest.raises(PresetError) as caught:
        read_preset_file(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < 700
    assert {entry.name: bool(entry.problem) for entry in list_presets(tmp_path)} == {"whole": False, "x": True}


def test_links_and_folders_are_no_presets(tmp_path: Path):
    path = save_preset(tmp_path, "whole", {"loop": True}).path
    (tmp_path / "presets" / "link.json").symlink_to(path)
    (tmp_path / "presets" / "dangling.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "presets" / "folder.json").mkdir()
    problems = {entry.name: entry.problem for entry in list_presets(tmp_path)}
    assert set(problems) == {"whole", "link", "dangling", "folder"}
    assert not problems.pop("whole")
    assert all("is no plain file" in problem for problem in problems.values())
