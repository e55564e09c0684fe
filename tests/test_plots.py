from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread

from edges import UNUSABLE, USABLE, noise, sine
from small_dataset_audio import plots
from small_dataset_audio.corpus import Clip, Corpus
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, OutputError
from small_dataset_audio.evaluation import Copying, ModelEvaluation, SetSimilarity, StageReport
from small_dataset_audio.plots import (
    corpus_overview,
    envelope,
    loss_curves,
    picture_spectrogram,
    stage_map,
    style,
    take_picture,
)
from small_dataset_audio.training.state import LossPoint
from tiny import run_python

RATE = 48_000


def a_corpus(folder: Path, num_clips: int) -> Corpus:
    clips = tuple(Clip(f"more/clip {n}.wav", noise(500 + n, seed=n), f"{n:064x}") for n in range(num_clips))
    return Corpus(folder, clips, ())


def a_stage(name: str, points: np.ndarray, similarity_percent: float | None = 87.4) -> StageReport:
    copying = () if name == "corpus" else (Copying(40, 10, None, None),)
    return StageReport(name, 60.0, SetSimilarity(similarity_percent, 12.0, 0.9, 0.54), copying, 2.0, points)


def an_evaluation(**changed: np.ndarray) -> ModelEvaluation:
    rng = np.random.default_rng(0)
    points = {name: rng.standard_normal((50, 5)) for name in ("corpus", "vocoder", "autoencoder", "generated")}
    stages = tuple(a_stage(name, cloud) for name, cloud in (points | changed).items())
    return ModelEvaluation("rain", "mosaic", stages, 2.0, 4.0)


def a_history(num_steps: int, held_out_every: int | None = 10) -> list[LossPoint]:
    return [
        LossPoint(
            step=step,
            reconstruction=0.3 + 0.6 * 0.99**step,
            kl=0.1,
            held_out=0.4 + 0.5 * 0.99**step if held_out_every and step % held_out_every == 0 else None,
        )
        for step in range(1, num_steps + 1)
    ]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures instead of files."""
    figures: list[Figure] = []

    def keep(figure: Figure, path: Path) -> Path:
        figures.append(figure)
        return path

    for module in (corpus_overview, loss_curves, stage_map, take_picture):
        monkeypatch.setattr(module, "save", keep)
    return figures


def texts(figure: Figure) -> set[str]:
    inside = [text for axes in figure.axes for text in axes.texts]
    return {text.get_text() for text in (*figure.texts, *inside)}


PICTURES: dict[str, Callable[[Path], Path]] = {
    "take": lambda path: plots.plot_take(noise(4800), RATE, path, title="take"),
    "losses": lambda path: plots.plot_losses(a_history(30), path, title="losses"),
    "corpus": lambda path: plots.plot_corpus(a_corpus(path.parent, 3), path),
    "evaluation": lambda path: plots.plot_evaluation(an_evaluation(), path),
}
each_picture = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES.keys())


@each_picture
def test_a_picture_is_a_png_with_something_on_it_and_its_path_is_returned(draw: Callable[[Path], Path], tmp_path: Path):
    path = tmp_path / "picture.png"
    assert draw(path) == path
    pixels = imread(path)
    assert pixels.shape[0] > 150
    assert pixels.shape[1] > 900
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 20
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]


@each_picture
def test_a_picture_of_the_same_name_is_replaced_by_the_same_bytes(draw: Callable[[Path], Path], tmp_path: Path):
    path = tmp_path / "picture.png"
    path.write_text("an older one")
    first = draw(path).read_bytes()
    assert draw(path).read_bytes() == first


@each_picture
def test_a_folder_that_is_not_there_is_an_output_error(draw: Callable[[Path], Path], tmp_path: Path):
    with pytest.raises(OutputError, match=r"picture\.png cannot be written"):
        draw(tmp_path / "nowhere" / "picture.png")


def test_drawing_touches_no_global_state_of_matplotlib():
    program = """
import json, os, sys, tempfile
import matplotlib
before = matplotlib.rcParams.copy()
from pathlib import Path
import numpy as np
from small_dataset_audio import plots
with tempfile.TemporaryDirectory() as folder:
    plots.plot_take(np.ones(100, np.float32), 48_000, Path(folder) / "a.png", title="a")
print(json.dumps([matplotlib.rcParams.copy() == before, "matplotlib.pyplot" in sys.modules]))
"""
    assert json.loads(run_python(program)) == [True, False]


@pytest.mark.parametrize("audio", USABLE.values(), ids=USABLE.keys())
def test_every_usable_edge_can_be_drawn(audio: np.ndarray, tmp_path: Path):
    assert plots.plot_take(audio, RATE, tmp_path / "edge.png", title="edge").is_file()


@pytest.mark.parametrize("audio", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_audio_is_refused_and_nothing_is_written(audio: np.ndarray, tmp_path: Path):
    with pytest.raises(InvalidAudioError):
        plots.plot_take(audio, RATE, tmp_path / "edge.png", title="edge")
    assert not list(tmp_path.iterdir())


def test_a_sample_rate_of_zero_is_refused(tmp_path: Path):
    with pytest.raises(InvalidConfigError, match="sample_rate is 0"):
        plots.plot_take(noise(100), 0, tmp_path / "x.png", title="x")


@pytest.mark.parametrize(
    ("num_channels", "labels"),
    [(1, ["amplitude"]), (2, ["left", "right"]), (3, ["channel 1", "channel 2", "channel 3"])],
)
def test_each_channel_has_its_waveform_over_one_spectrogram(
    num_channels: int, labels: list[str], drawn: list[Figure], tmp_path: Path
):
    plots.plot_take(np.tile(noise(4800), (num_channels, 1)), RATE, tmp_path / "x.png", title="x")
    labels_drawn = [axes.get_ylabel() for axes in drawn[0].axes]
    assert labels_drawn[:-1] == [*labels, "frequency (Hz)"]
    assert labels_drawn[-1] == "level below the loudest (dB)"


@pytest.mark.parametrize(
    ("seconds", "label"), [(0.05, "time (ms)"), (10, "time (s)"), (119, "time (s)"), (200, "time (min:s)")]
)
def test_the_time_axis_is_labelled_in_a_fitting_unit(seconds: float, label: str, drawn: list[Figure], tmp_path: Path):
    plots.plot_take(noise(round(seconds * 4000)), 4000, tmp_path / "x.png", title="x")
    assert label in {axes.get_xlabel() for axes in drawn[0].axes}


@pytest.mark.parametrize(
    "title", ["costs $5 or $6", "100 % {of} \\frac", "雨 👩\u200d🚀 \udcff", "a\nb", "", "x" * 500]
)
def test_any_title_is_drawn_without_a_warning(title: str, tmp_path: Path):
    assert plots.plot_take(noise(100), RATE, tmp_path / "x.png", title=title).is_file()


def test_a_tone_lies_on_its_row_at_its_level():
    # On an FFT bin, so that its level is that of the loudest point; the other one is 30 dB quieter.
    bin_hz = RATE / picture_spectrogram.SPECTRUM_N_FFT
    loud_hz, quiet_hz = 64 * bin_hz, 256 * bin_hz
    audio = 0.5 * sine(loud_hz, RATE) + 0.5 * 10 ** (-30 / 20) * sine(quiet_hz, RATE)
    level_db = picture_spectrogram.spectrogram_db(audio[None, :], RATE)
    column = level_db[:, level_db.shape[1] // 2]
    rows_hz = np.geomspace(*picture_spectrogram.frequency_range(RATE), picture_spectrogram.SPECTRUM_ROWS)
    ratio = rows_hz[1] / rows_hz[0]
    assert abs(np.log(rows_hz[np.argmax(column)] / loud_hz)) < 1.5 * np.log(ratio)
    assert column.max() == pytest.approx(0.0, abs=0.1)
    above = rows_hz > 2 * loud_hz
    assert abs(np.log(rows_hz[above][np.argmax(column[above])] / quiet_hz)) < 1.5 * np.log(ratio)
    assert column[above].max() == pytest.approx(-30.0, abs=0.5)
    assert level_db.min() == pytest.approx(-80.0)


def test_a_sound_lies_at_its_time():
    audio = np.zeros(RATE * 4, np.float32)
    audio[RATE * 3 : RATE * 3 + 4800] = sine(1000.0, 4800)
    level_db = picture_spectrogram.spectrogram_db(audio[None, :], RATE)
    times_s = (np.flatnonzero(level_db.max(axis=0) > -20.0) + 0.5) / level_db.shape[1] * 4
    assert 2.95 < times_s.min() < 3.02
    assert 3.08 < times_s.max() < 3.15


def test_silence_lies_at_the_floor():
    assert (picture_spectrogram.spectrogram_db(np.zeros((1, 4800), np.float32), RATE) == -80.0).all()


def test_equal_channels_look_like_one():
    mono = noise(48_000)[None, :]
    np.testing.assert_allclose(
        picture_spectrogram.spectrogram_db(np.repeat(mono, 2, axis=0), RATE),
        picture_spectrogram.spectrogram_db(mono, RATE),
        atol=1e-3,
    )


@pytest.mark.parametrize("num_samples", [1, 100, 2400, 2401, 48_000, 480_001])
def test_no_click_is_lost_between_two_pixels(num_samples: int):
    for position in {0, num_samples // 3, num_samples - 1}:
        audio = np.zeros(num_samples, np.float32)
        audio[position] = -0.75
        x, low, high, rms = envelope.envelope(audio, 1200)
        assert low.min() == -0.75
        assert high.max() == 0.0
        assert 0.0 <= x.min() <= x.max() <= 1.0
        assert len(x) == len(low) == len(high) == len(rms) <= 2400
        if num_samples > 2400:
            assert x[np.argmin(low)] == pytest.approx(position / num_samples, abs=1 / 1200)


@given(st.integers(min_value=2401, max_value=20_000), st.floats(min_value=2**-7, max_value=1.0, width=32))
def test_a_constant_has_the_envelope_and_the_rms_of_a_constant(num_samples: int, level: float):
    _, low, high, rms = envelope.envelope(np.full(num_samples, level, np.float32), 1200)
    assert (low == np.float32(level)).all()
    assert (high == np.float32(level)).all()
    np.testing.assert_allclose(rms, level, rtol=1e-5)


@given(st.lists(st.floats(min_value=1e-3, max_value=10.0), min_size=1, max_size=200))
def test_smoothing_keeps_length_range_and_constants(values: list[float]):
    smooth = loss_curves._smooth(np.array(values))
    assert len(smooth) == len(values)
    assert min(values) - 1e-9 <= smooth.min() <= smooth.max() <= max(values) + 1e-9
    np.testing.assert_allclose(loss_curves._smooth(np.full(len(values), values[0])), values[0])


@pytest.mark.parametrize(
    ("num_steps", "held_out_every", "remark"),
    [(0, None, "0 steps"), (1, None, "1 step"), (8, None, "no recordings held out"), (40, 10, "held-out loss 0.")],
)
def test_a_loss_curve_of_any_length_is_drawn(
    num_steps: int, held_out_every: int | None, remark: str, drawn: list[Figure], tmp_path: Path
):
    plots.plot_losses(a_history(num_steps, held_out_every), tmp_path / "x.png", title="rain")
    assert any(remark in text for text in texts(drawn[0]))
    (axes,) = drawn[0].axes
    assert axes.get_yscale() == ("log" if num_steps else "linear")
    assert len(axes.lines) == (3 if held_out_every else 2 if num_steps else 0)


def test_the_curves_hold_the_points_of_the_history(drawn: list[Figure], tmp_path: Path):
    history = a_history(40)
    plots.plot_losses(history, tmp_path / "x.png", title="rain")
    plain, smooth, held_out = drawn[0].axes[0].lines
    np.testing.assert_array_equal(plain.get_ydata(), [point.reconstruction for point in history])
    np.testing.assert_array_equal(smooth.get_xdata(), np.arange(1, 41))
    np.testing.assert_array_equal(held_out.get_xdata(), [10, 20, 30, 40])
    np.testing.assert_array_equal(held_out.get_ydata(), [point.held_out for point in history if point.held_out])


@pytest.mark.parametrize(
    ("num_clips", "cells", "more"), [(0, 0, None), (1, 1, None), (5, 5, None), (80, 80, None), (83, 80, "+3 more")]
)
def test_each_recording_has_a_cell_and_the_rest_is_counted(
    num_clips: int, cells: int, more: str | None, drawn: list[Figure], tmp_path: Path
):
    plots.plot_corpus(a_corpus(tmp_path, num_clips), tmp_path / "x.png")
    shown = texts(drawn[0])
    assert sum(text.startswith("more/clip") for text in shown) == cells
    assert len(drawn[0].axes[0].collections) == cells
    assert {text for text in shown if text.startswith("+")} == ({more} if more else set())
    assert ("nothing here can be learned from" in shown) == (num_clips == 0)


def test_a_long_name_keeps_its_beginning_and_its_end():
    shortened = style.shorten("a very long folder name/and a recording 17.wav", 30)
    assert len(shortened) == 30
    assert shortened.startswith("a very long")
    assert shortened.endswith("17.wav")


def test_the_map_has_a_panel_for_each_stage_with_the_corpus_behind_it(drawn: list[Figure], tmp_path: Path):
    evaluation = an_evaluation()
    plots.plot_evaluation(evaluation, tmp_path / "x.png")
    panels = drawn[0].axes
    assert [panel.texts[0].get_text() for panel in panels] == ["vocoder alone", "autoencoder", "generated"]
    for panel, stage in zip(panels, evaluation.stages[1:], strict=True):
        behind, made = panel.collections
        np.testing.assert_array_equal(behind.get_offsets(), evaluation.stages[0].points[:, :2])
        np.testing.assert_array_equal(made.get_offsets(), stage.points[:, :2])
        assert panel.texts[1].get_text() == "87 % like the corpus, reaches 54 %, 25 % copied"
        assert panel.get_xlim() == panels[0].get_xlim()


def test_a_stray_dot_does_not_shrink_the_map_and_the_whole_corpus_is_on_it(drawn: list[Figure], tmp_path: Path):
    stray = np.vstack([np.zeros((300, 5)), np.full((1, 5), 1e6)])
    evaluation = an_evaluation(generated=stray)
    plots.plot_evaluation(evaluation, tmp_path / "x.png")
    low, high = drawn[0].axes[0].get_xlim()
    corpus = evaluation.stages[0].points[:, 0]
    assert low < corpus.min()
    assert corpus.max() < high < 100


@pytest.mark.parametrize("shape", [(3, 1), (0, 2), (1, 2)])
def test_a_map_of_few_or_flat_points_is_drawn(shape: tuple[int, int], tmp_path: Path):
    corpus = np.zeros((4, shape[1]))
    evaluation = an_evaluation(corpus=corpus, vocoder=corpus, autoencoder=corpus, generated=np.ones(shape))
    assert plots.plot_evaluation(evaluation, tmp_path / "x.png").is_file()
