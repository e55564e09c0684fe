from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile as sf
from matplotlib.figure import Figure
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import sound_pictures
from measures.clips import Clip
from sound_pictures import COLUMNS, HIGHEST_HZ, N_MELS, draw, levels_db, panels_of
from sound_table import TITLES

RATE_HZ = 48_000


def tone(frequency_hz: float, duration_s: float = 4.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)).astype(
        np.float32
    )


def noise(duration_s: float = 4.0) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(round(duration_s * RATE_HZ), dtype=np.float32)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Takes as ``sound.py --keep`` leaves them, and the recordings they are of."""
    (tmp_path / "samples").mkdir()
    sf.write(tmp_path / "samples" / "pluck_1.wav", tone(220.0), RATE_HZ)
    for number, system in enumerate(("ours-60s", "novel-60s", "plain-60s", "first", "whole", "walk", "shuffle")):
        folder = tmp_path / "takes" / "pluck" / system
        folder.mkdir(parents=True)
        sf.write(folder / "seed 000.wav", tone(200.0 * (number + 1)), RATE_HZ)
    return tmp_path


def test_a_tone_lights_the_row_of_its_frequency() -> None:
    levels = levels_db(Clip("tone", tone(1000.0), RATE_HZ))
    assert levels.shape == (N_MELS, COLUMNS)
    assert levels.max() == 0.0
    top = float(librosa.hz_to_mel(HIGHEST_HZ))
    row = float(librosa.hz_to_mel(1000.0)) / top * (N_MELS + 1) - 1  # centres lie evenly between both ends
    assert int(np.argmax(levels[:, COLUMNS // 2])) == pytest.approx(row, abs=1)
    loud = np.flatnonzero(levels[:, COLUMNS // 2] > -40.0)
    assert loud.max() - loud.min() < 12


def test_the_axis_says_1k_where_a_tone_of_1_khz_is_bright() -> None:
    axes = Figure().add_subplot()
    sound_pictures._draw_panel(axes, Clip("tone", tone(1000.0), RATE_HZ), is_first=True)
    image = axes.images[0]
    left, right, bottom, top = image.get_extent()
    assert (left, right, bottom) == (0.0, 4.0, 0.0)
    bright = (np.argmax(image.get_array()[:, COLUMNS // 2]) + 0.5) / N_MELS * top
    ticks = dict(zip([label.get_text() for label in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    assert bright == pytest.approx(ticks["1k"], abs=1.5 * top / N_MELS)


def test_a_picture_of_noise_on_every_panel_stays_small_and_has_a_palette() -> None:
    picture = draw([(name, Clip(name, noise(), RATE_HZ)) for name in "abcdef"], "noise, 60 s of training")
    assert len(picture) < 300_000
    with Image.open(io.BytesIO(picture)) as image:
        assert image.mode == "P"
        assert image.width > 1500


def test_panels_are_the_corpus_and_a_take_of_every_system_in_the_table_s_order(kept: Path) -> None:
    panels = panels_of(kept / "takes" / "pluck", kept / "samples", 60.0, 0)
    assert [title for title, _ in panels] == ["corpus", *TITLES.values()]
    assert {len(clip.samples) for _, clip in panels} == {4 * RATE_HZ}
    np.testing.assert_allclose(panels[0][1].samples, tone(220.0), atol=1e-4)


def test_a_baseline_that_was_not_kept_is_left_out(kept: Path) -> None:
    shutil.rmtree(kept / "takes" / "pluck" / "first")
    titles = [title for title, _ in panels_of(kept / "takes" / "pluck", kept / "samples", 60.0, 0)]
    assert titles == ["corpus", *(title for title in TITLES.values() if title != "first sound")]


def test_the_command_draws_one_picture_for_each_corpus(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(kept / "takes"), "--samples", str(kept / "samples"), "--output", str(kept / "pictures")]
    assert sound_pictures.main([*arguments, "--budget", "60"]) == 0
    assert [path.name for path in (kept / "pictures").iterdir()] == ["sound_pluck.png"]
    assert sound_pictures.main([*arguments, "--budget", "180"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "ours-180s" in error


def test_a_folder_without_takes_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sound_pictures.main([str(tmp_path)]) == 1
    assert "holds no takes" in capsys.readouterr().err
