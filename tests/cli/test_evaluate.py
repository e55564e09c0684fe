from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_dataset_audio.cli.evaluate import _print_copies, format_position
from small_dataset_audio.evaluation import Copying, Match, ModelEvaluation, SetSimilarity, StageReport

pytestmark = pytest.mark.usefixtures("with_tiny")


def test_a_table_has_a_line_for_each_stage(sda: Any):
    done = sda("evaluate", "tiny", "-d", "2")
    assert done.code == 0
    for name in ("the corpus itself", "vocoder alone", "autoencoder", "generated", "like corpus", "coverage", "copied"):
        assert name in done.out
    assert "resemblance of the corpus: to itself " in done.out
    assert ("longest copy: " in done.out) != ("nearest: " in done.out)
    assert not list(Path().glob("*.png"))


def test_the_json_holds_every_figure_and_the_picture(sda: Any):
    done = sda("evaluate", "tiny", "-d", "2", "--plot", "--json")
    assert done.code == 0
    values = done.json
    assert values["model"] == "tiny"
    assert [stage["stage"] for stage in values["stages"]] == ["corpus", "vocoder", "autoencoder", "generated"]
    assert {"similarity_percent", "distance", "density", "coverage", "copied_share", "longest_copied_s"} <= set(
        values["stages"][3]
    )
    assert Path(values["picture"]).read_bytes().startswith(b"\x89PNG")
    assert Path(values["picture"]).name == "tiny_evaluation.png"


def test_the_picture_goes_where_it_is_wanted(sda: Any):
    done = sda("evaluate", "tiny", "-d", "2", "-o", "maps/here.png")
    assert done.code == 0
    assert Path("maps/here.png").is_file()
    assert str(Path("maps/here.png")) in done.out


def test_an_unknown_model_is_one_line_and_no_work(sda: Any):
    done = sda("evaluate", "rain")
    assert done.code == 1
    done.assert_one_error_line("rain")


def test_a_duration_out_of_range_is_a_wrong_command_line_in_its_own_words(sda: Any):
    done = sda("evaluate", "tiny", "-d", "2h")
    assert done.code == 2
    done.assert_one_error_line("--duration is 2h", "1s to 10m")


def test_a_take_says_in_a_few_words_how_it_stands_to_the_corpus(sda: Any):
    done = sda("generate", "tiny", "-d", "1.5", "-n", "1", "--seed", "1", "-o", "takes")
    assert done.code == 0
    (line,) = done.out.splitlines()
    assert "; sounds like the corpus: " in line
    quiet = sda("generate", "tiny", "-d", "1.5", "-n", "1", "--seed", "1", "-o", "takes", "--no-evaluate")
    assert "sounds like the corpus" not in quiet.out


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.0, "0:00.0"), (-0.2, "0:00.0"), (1.24, "0:01.2"), (59.97, "1:00.0"), (62.5, "1:02.5")]
)
def test_a_place_is_written_as_players_show_it(seconds: float, written: str):
    assert format_position(seconds) == written


@pytest.mark.parametrize(
    ("longest_s", "line"),
    [
        (1.25, "longest copy: 1.25 s of rain.wav, from 1:02.5 on"),
        (None, "nearest: 0.50 s of rain.wav, from 1:02.5 on ("),
    ],
)
def test_the_longest_copy_is_named_or_the_nearest_half_second(
    longest_s: float | None, line: str, capsys: pytest.CaptureFixture[str]
):
    near = Match(take_s=0.0, duration_s=0.5, file="rain.wav", file_s=62.5, correlation=-0.7)
    longest = None if longest_s is None else replace(near, duration_s=longest_s)
    pieces = (Copying(4, 0, None, replace(near, file="wind.wav", correlation=0.6)), Copying(4, 2, longest, near))
    stage = StageReport("generated", 2.0, SetSimilarity(None, None, None, None), pieces, None, np.zeros((0, 2)))
    _print_copies(ModelEvaluation("rain", "mosaic", (stage,), None, None))
    printed = capsys.readouterr().out
    assert line in printed
    assert ("word for word" in printed) == (longest_s is None)
