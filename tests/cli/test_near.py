"""``--like``, ``--morph``, ``--at``, ``--path``, ``--vary`` and ``sda explore`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from cli.conftest import Sda
from tiny import pluck

QUICK = ("-d", "0.3", "-n", "1", "--no-evaluate", "--no-history", "--json", "-o", "takes")


@pytest.fixture
def sounds(tmp_path: Path) -> tuple[Path, Path, Path]:
    paths = tuple(tmp_path / f"{name}.wav" for name in "abc")
    for number, path in enumerate(paths):
        soundfile.write(path, pluck(150.0 + 90.0 * number, 0.4), 48_000)
    assert len(paths) == 3
    return paths


def near_of(outcome_json: dict[str, object]) -> list[str]:
    (take,) = outcome_json["takes"]  # type: ignore[misc]
    settings = json.loads(Path(take["json"]).read_text())["generation"]
    return [target["name"] for target in settings["near"]]


@pytest.mark.usefixtures("with_tiny")
def test_what_is_wanted_stands_in_the_sidecar(sda: Sda, sounds: tuple[Path, Path, Path]):
    a, b, c = sounds
    asked = {
        ("--like", a): ["a.wav"],
        ("--morph", a, b): ["a.wav", "b.wav"],
        ("--morph", a, b, "--then", c, "--then", a): ["a.wav", "b.wav", "c.wav", "a.wav"],
        ("--at", "-3,4.5"): ["-3,4.5"],
        ("--path", "-3,4.5; 2,0;9,-9"): ["-3,4.5", "2,0", "9,-9"],
    }
    for options, names in asked.items():
        outcome = sda("generate", "tiny", *QUICK, *options, "--strength", "0.9")
        assert (outcome.code, outcome.err) == (0, "")
        assert near_of(outcome.json) == names


@pytest.mark.usefixtures("with_tiny")
def test_a_place_off_the_map_is_said(sda: Sda):
    outcome = sda("generate", "tiny", *QUICK, "--at", "50,0")
    assert outcome.code == 0
    assert "50,0 is off the map" in outcome.err
    assert near_of(outcome.json) == ["10,0"]


@pytest.mark.usefixtures("with_tiny")
def test_a_take_is_varied_with_its_own_settings_but_for_those_that_are_given(sda: Sda):
    first = sda("generate", "tiny", *QUICK, "--stereo", "mid-side", "--seed", "9").json["takes"][0]["json"]
    outcome = sda("generate", "--vary", first, "--amount", "0.5", "--seed", "3", "--rate", "44100", *QUICK[2:])
    assert (outcome.code, outcome.err) == (0, "")
    sidecar = json.loads(Path(outcome.json["takes"][0]["json"]).read_text())
    settings = sidecar["generation"]
    assert (sidecar["seed"], settings["duration_s"], settings["stereo_mode"]) == (9, 0.3, "mid_side")
    assert (settings["sample_rate"], settings["variations"]) == (44_100, [[0.5, 3]])


@pytest.mark.usefixtures("with_tiny")
@pytest.mark.parametrize(
    ("options", "mentions"),
    [
        (("--like", "x.wav", "--at", "0,0"), "--at"),
        (("--at", "0,0", "--path", "0,0;1,1"), "--path"),
        (("--then", "x.wav"), "--then"),
        (("--at", "here"), "--at"),
        (("--at", "1,2,3"), "--at"),
        (("--path", "1,2;"), "--path"),
        (("--path", ""), "--path"),
        (("--at", "nan,0"), "the place"),
        (("--strength", "1.5"), "--strength"),
        (("--vary", "x.json", "--one-shots", "3"), "--one-shots"),
    ],
)
def test_a_wrong_option_is_named(sda: Sda, options: tuple[str, ...], mentions: str):
    outcome = sda("generate", "tiny", *QUICK[:2], *QUICK[4:], *options)
    assert outcome.code == 2
    assert outcome.out == ""
    assert mentions in outcome.err


@pytest.mark.usefixtures("with_tiny")
def test_what_is_not_there_is_told_in_one_line(sda: Sda):
    sda("generate", "tiny", *QUICK, "--like", "missing.wav").assert_one_error_line("missing.wav", "give a recording")
    sda("generate", *QUICK, "--vary", "missing.json").assert_one_error_line("missing.json")
    sda("generate", *QUICK).assert_one_error_line("MODEL is missing")
    assert not list(Path().rglob("*.wav"))


@pytest.mark.usefixtures("with_tiny")
def test_explore_draws_and_tells_the_map(sda: Sda):
    outcome = sda("explore", "tiny")
    assert outcome.code == 0
    assert "tiny_map.png" in outcome.out
    assert Path("tiny_map.png").is_file()
    told = sda("explore", "tiny", "--no-plot", "--json").json
    assert told["picture"] is None
    assert len(told["recordings"]) == 5
    assert sda("explore", "nothing").code == 1


@pytest.mark.usefixtures("with_tiny")
def test_a_preset_holds_no_file_but_how_near(sda: Sda, home: Path):
    outcome = sda("preset", "save", "tiny", "near", "--like", "x.wav")
    assert outcome.code == 2
    assert "--like is no setting" in outcome.err
