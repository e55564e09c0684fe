from __future__ import annotations

from pathlib import Path

import pytest
import typer

from small_dataset_audio.cli.steering import read_settings


def test_a_number_a_ramp_and_a_file_are_read(tmp_path: Path):
    curve = tmp_path / "curve.json"
    curve.write_text("[[0, -5], [2.5, 3], [10, 0.5]]")
    assert read_settings(["brightness=+3", " density = -5:+5", "pitch=0:4:0", f"warmth=@{curve}"], 10.0) == {
        "brightness": 3.0,
        "density": ((0.0, -5.0), (1.0, 5.0)),
        "pitch": ((0.0, 0.0), (0.5, 4.0), (1.0, 0.0)),
        "warmth": ((0.0, -5.0), (0.25, 3.0), (1.0, 0.5)),
    }


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["brightness"], "sets nothing"),
        (["brightness="], "sets nothing"),
        (["=3"], "is no control"),
        (["bright=3"], "'bright' is no control; the controls are brightness, warmth"),
        (["pitch=up"], "sets no number"),
        (["pitch=1:"], "sets no number"),
        (["pitch=1", "pitch=2"], "set twice"),
        (["pitch=@missing.json"], r"missing.json cannot be read \(No such file"),
    ],
)
def test_what_is_no_setting_is_refused_with_the_way_to_write_it(texts: list[str], said: str):
    with pytest.raises(typer.BadParameter, match=said):
        read_settings(texts, 10.0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no curve"),
        ('{"a": 1}', "holds no curve"),
        ("[[0, 1, 2]]", "holds no curve"),
        ("[[0, NaN]]", "holds no curve"),
        ("[]", "1 to 1000 points"),
        ("[[0, 1], [12, 1]]", "12 s; it must lie in the take"),
        ("[[5, 1], [2, 1]]", "they must rise"),
        ("[" + "[0, 1]," * 20_000 + "[0, 1]]", "over 100 kB"),
    ],
)
def test_a_file_that_holds_no_curve_is_refused_by_name(tmp_path: Path, content: str, said: str):
    path = tmp_path / "curve.json"
    path.write_text(content)
    with pytest.raises(typer.BadParameter, match=f"curve.json.*{said}"):
        read_settings([f"pitch=@{path}"], 10.0)
