from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from small_dataset_audio.controls import calibration, response
from small_dataset_audio.controls.descriptors import describe
from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.controls.steering import SteeredDensity
from small_dataset_audio.errors import InvalidConfigError, ModelDamagedError
from small_dataset_audio.inference import rehearsal, rendering
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import load_bundle, read_analysis, save_bundle
from small_dataset_audio.workflow import (
    AnalysisProgress,
    ModelAnalysed,
    analyse,
    generate_takes,
    load_pipeline,
    read_controls,
    rerender,
)
from workflow.walks import strokes, walk_of

MODEL = "strokes-walk"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library whose one model was analysed, with as few takes as can be."""
    library, _ = walk_of(strokes(), tmp_path_factory.mktemp("analysed"), "strokes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "_REACHES", (2.5,))
        patch.setattr(calibration, "_RENDERED_SEEDS", 1)
        patch.setattr(calibration, "_TRIES", 1)
        patch.setattr(calibration, "_ROUNDS", 1)
        patch.setattr(calibration, "_SETTINGS", (-10.0, 10.0))
        patch.setattr(calibration, "_REHEARSED_SEEDS", 1)
        patch.setattr(rehearsal, "_MOST", 2)
        patch.setattr(response, "_LEAST_RATIO", 0.1)  # whether it is clean is tried where it can be known
        patch.setattr(response, "_LEAST_MONOTONICITY", 0.5)
        events = list(analyse(MODEL, library=library))
    assert isinstance(events[-1], ModelAnalysed)
    progress = [event for event in events[:-1] if isinstance(event, AnalysisProgress)]
    assert len(progress) == len(events) - 1
    assert progress[-1].done == progress[-1].total
    return library


def live(library: Library) -> list[str]:
    reports = read_controls(MODEL, library=library)
    assert reports is not None
    return [report.name for report in reports if report.is_live]


def test_what_was_measured_is_stored_with_the_model_and_its_takes_are_as_before(library: Library, tmp_path: Path):
    folder = library.find(MODEL)
    bundle = load_bundle(folder)
    assert bundle.analysis is not None
    assert "brightness" in live(library) or "pitch" in live(library)
    plain = save_bundle(tmp_path / "plain", replace(bundle, analysis=None))
    assert read_analysis(tmp_path / "plain") is None
    one, other = (
        next(generate_takes(load_pipeline(str(path)), GenerationConfig(2.0, seed=5), output_dir=tmp_path, record=False))
        for path in (folder, tmp_path / "plain")
    )
    assert plain.sha256 != bundle.sha256
    assert one.result.audio_sha256 == other.result.audio_sha256


def test_a_steered_take_measures_more_of_it_and_is_made_again_from_its_sidecar(library: Library, tmp_path: Path):
    name = live(library)[0]
    pipeline = load_pipeline(MODEL, library=library)
    measured = []
    for value in (-10.0, 10.0):
        config = GenerationConfig(6.0, seed=3, controls={name: value})
        take = next(generate_takes(pipeline, config, output_dir=tmp_path / str(value), evaluate=False, record=False))
        assert json.loads(take.json_path.read_text())["generation"]["controls"] == {name: value}
        measured.append(getattr(describe(soundfile.read(take.wav_path, dtype="float32")[0]), name))
        report = rerender(take.json_path, library=library, output_dir=tmp_path / "again")
        assert report.identical
    assert measured[0] < measured[1]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stereo_mode": "mid_side"},
        {"loop": True, "sample_rate": 44_100},
        {"duration_s": 0.05, "sample_rate": 96_000},
        {"novelty": "high"},
    ],
    ids=lambda settings: " ".join(settings) or "defaults",
)
def test_a_take_that_is_its_best_rehearsal_has_the_bits_of_one_rendered_anew(
    library: Library, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
):
    controls = {next(name for name in live(library) if name != "loudness"): 9.0}
    config = GenerationConfig(**{"duration_s": 2.0, "seed": 3, "controls": controls, **settings})
    pipeline = load_pipeline(MODEL, library=library)
    reused = pipeline.generate(config).audio
    heard: list[bool] = []

    def forget_the_take(*arguments: Any) -> tuple[SteeredDensity, None]:
        density, take = rehearsal.rehearse(*arguments)
        heard.append(take is not None)
        return density, None

    monkeypatch.setattr(rendering, "rehearse", forget_the_take)
    np.testing.assert_array_equal(pipeline.generate(config).audio, reused)
    assert heard == [True]


def test_a_take_that_shall_be_quiet_is_rated_as_the_same_one_that_is_not(library: Library):
    pipeline = load_pipeline(MODEL, library=library)
    quiet, plain = (
        pipeline.generate(GenerationConfig(6.0, seed=3, controls={"loudness": value})) for value in (-10.0, 0.0)
    )
    assert np.abs(quiet.audio).max() < 0.5 * np.abs(plain.audio).max()
    assert quiet.quality["rating"] == plain.quality["rating"]


def test_the_rehearsals_of_a_take_are_the_beginning_of_its_progress(library: Library, tmp_path: Path):
    told: list[tuple[float, float]] = []
    config = GenerationConfig(2.0, seed=3, controls={live(library)[0]: 9.0})
    load_pipeline(MODEL, library=library).render_to_file(config, tmp_path, on_progress=lambda *both: told.append(both))
    done = [seconds for seconds, _ in told]
    assert done[:3] == [0.0, pytest.approx(2.0 / 9), pytest.approx(4.0 / 9)]
    assert done == sorted(done)
    assert told[-1] == (2.0, 2.0)


def test_a_setting_beyond_the_slider_stops_at_its_end_and_that_is_said(library: Library, tmp_path: Path):
    name = live(library)[0]
    pipeline = load_pipeline(MODEL, library=library)
    takes = [
        next(
            generate_takes(
                pipeline,
                GenerationConfig(1.0, seed=3, controls={name: value}),
                output_dir=tmp_path / str(value),
                evaluate=False,
                record=record,
            )
        )
        for value, record in ((10.0, False), (25.0, True))
    ]
    assert takes[0].warnings == ()
    assert takes[1].warnings == (f"{name} is asked to go beyond its slider; it stops at -10 and +10",)
    assert takes[0].result.audio_sha256 == takes[1].result.audio_sha256


def test_a_ramp_goes_through_a_sidecar_unchanged(library: Library):
    config = GenerationConfig(2.0, controls={"pitch": [[0, -5], [1, 5]]})
    stored = json.loads(json.dumps({"duration_s": 2.0, "controls": config.controls}))
    assert GenerationConfig.from_mapping(stored) == config


def test_what_cannot_be_steered_is_refused_before_any_work(library: Library, tmp_path: Path):
    dead = next(name for name in NAMES if name not in live(library))
    pipeline = load_pipeline(MODEL, library=library)
    with pytest.raises(InvalidConfigError, match=rf"controls asks for {dead}; .*live are {live(library)[0]}"):
        next(generate_takes(pipeline, GenerationConfig(1.0, controls={dead: 1.0}), output_dir=tmp_path / "none"))
    with pytest.raises(InvalidConfigError, match="concat_mode is 'latent_interpolation'"):
        GenerationConfig(1.0, controls={"pitch": 1}, concat_mode="latent_interpolation").validate()


def test_a_model_without_an_analysis_or_without_recordings_says_what_to_do(library: Library, tmp_path: Path):
    bundle = load_bundle(library.find(MODEL))
    save_bundle(tmp_path / "plain", replace(bundle, analysis=None))
    with pytest.raises(InvalidConfigError, match="run `sda analyze`"):
        load_pipeline(str(tmp_path / "plain")).generate(GenerationConfig(1.0, controls={"pitch": 1}))
    save_bundle(tmp_path / "silent", replace(bundle, analysis=None, clips=(), sides=()))
    with pytest.raises(InvalidConfigError, match=r"keeps no recordings.*--no-keep-audio"):
        list(analyse(str(tmp_path / "silent")))


def test_an_analysis_of_other_recordings_is_refused(library: Library, tmp_path: Path):
    bundle = load_bundle(library.find(MODEL))
    assert bundle.analysis is not None
    short = replace(bundle.analysis, sums=bundle.analysis.sums[:-1].copy())
    with pytest.raises(ModelDamagedError, match="that of other recordings; run sda analyze again"):
        save_bundle(tmp_path / "other", replace(bundle, analysis=short))
        load_bundle(tmp_path / "other")
    assert load_bundle(tmp_path / "other", with_analysis=False).analysis is None
    assert isinstance(next(analyse(str(tmp_path / "other"))), AnalysisProgress)
