"""One-shots, of recordings whose strokes are known."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edges import noise
from small_dataset_audio.errors import InvalidConfigError, NothingFoundError, SidecarError
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import ModelPipeline, OneShots, make_one_shots, rerender, search_takes
from workflow.walks import strokes, walk_of

CONFIG = GenerationConfig(duration_s=2.5, seed=0)
MADE = 5

Walk = tuple[Library, ModelPipeline]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    return walk_of(strokes(), tmp_path_factory.mktemp("strokes"), "strokes")


@pytest.fixture(scope="module")
def made(walk: Walk, tmp_path_factory: pytest.TempPathFactory) -> OneShots:
    """Read only, please."""
    return make_one_shots(walk[1], CONFIG, MADE, output_dir=tmp_path_factory.mktemp("shots"))


def test_as_many_as_were_asked_for_are_there_each_with_its_sidecar(made: OneShots):
    assert len(made.shots) == made.wanted == MADE
    assert not made.is_by_rise
    assert made.notes == ()
    folder = made.shots[0].audio_path.parent
    assert set(folder.iterdir()) == {path for shot in made.shots for path in (shot.audio_path, shot.json_path)}


def test_each_is_one_clean_sound_with_its_attack_at_once(made: OneShots):
    for shot in made.shots:
        audio, rate = soundfile.read(shot.audio_path, dtype="float32")
        assert rate == 48_000
        assert len(audio) == round(shot.duration_s * rate)
        level = np.abs(audio)
        assert level.max() == pytest.approx(0.891, abs=1e-3)
        assert (level > 0.5 * level.max()).argmax() < 0.03 * rate
        assert level[0] < 0.01
        assert level[-48:].max() < 0.01


def test_no_two_are_the_same_sound(made: OneShots):
    sounds = [soundfile.read(shot.audio_path)[0] for shot in made.shots]
    for one, other in itertools.combinations(sounds, 2):
        size = min(len(one), len(other))
        assert np.corrcoef(one[:size], other[:size])[0, 1] < 0.98


def test_a_sidecar_makes_the_same_file_again(made: OneShots, walk: Walk, tmp_path: Path):
    shot = made.shots[-1]
    report = rerender(shot.json_path, output_dir=tmp_path, library=walk[0])
    assert (report.identical, report.differences) == (True, ())
    assert report.wav_path.read_bytes() == shot.audio_path.read_bytes()
    then, now = (json.loads(path.read_text()) for path in (shot.json_path, report.json_path))
    for values in (then, now):
        del values["timestamp"]
        del values["audio"]["file"]
    assert now == then


@pytest.mark.parametrize(
    "fields",
    [
        {"stereo_mode": "mid_side", "sample_rate": 44_100, "bit_depth": "16-bit"},
        {"sample_rate": 96_000, "bit_depth": "32-bit float"},
    ],
    ids=str,
)
def test_at_any_rate_and_in_stereo_as_well(walk: Walk, tmp_path: Path, fields: dict[str, Any]):
    (shot,) = make_one_shots(walk[1], replace(CONFIG, **fields), 1, output_dir=tmp_path, evaluate=False).shots
    info = soundfile.info(shot.audio_path)
    assert (info.samplerate, info.channels) == (fields["sample_rate"], 2 if "stereo_mode" in fields else 1)
    report = rerender(shot.json_path, library=walk[0])
    assert report.wav_path.read_bytes() == shot.audio_path.read_bytes()


def test_the_same_seed_gives_the_same_sounds_under_the_same_names(made: OneShots, walk: Walk, tmp_path: Path):
    again = make_one_shots(walk[1], CONFIG, MADE, output_dir=tmp_path, evaluate=False, record=False)
    for one, other in zip(made.shots, again.shots, strict=True):
        assert one.audio_path.name == other.audio_path.name
        assert one.audio_path.read_bytes() == other.audio_path.read_bytes()


def test_a_sound_that_is_there_already_is_not_overwritten(walk: Walk, tmp_path: Path):
    first, second = (
        make_one_shots(walk[1], CONFIG, 1, output_dir=tmp_path, evaluate=False).shots[0].audio_path for _ in "ab"
    )
    assert second.name == f"{first.stem}-2.wav"
    assert first.read_bytes() == second.read_bytes()


def test_one_shots_stand_in_the_history(made: OneShots, walk: Walk):
    known = {record.audio_path for record in search_takes(library=walk[0])}
    assert {shot.audio_path.absolute() for shot in made.shots} <= known


def test_of_steady_noise_nothing_is_made(tmp_path: Path):
    clips = [0.3 * noise(48_000 * 8, seed=seed) for seed in range(2)]  # so long that no take comes to an end of one
    _, pipeline = walk_of(clips, tmp_path, "hiss")
    with pytest.raises(NothingFoundError, match="hold no clean single sound"):
        make_one_shots(pipeline, replace(CONFIG, duration_s=0.8), 1, output_dir=tmp_path / "shots")
    assert list((tmp_path / "shots").iterdir()) == []


def test_of_sounds_without_attacks_swells_are_made_and_that_is_said(tmp_path: Path):
    time_s = np.arange(48_000 * 3) / 48_000
    level = 0.1 + 0.9 * np.sin(np.pi * time_s / 1.5) ** 2
    clips = [(0.3 * noise(len(time_s), seed) * level).astype(np.float32) for seed in range(5)]
    _, pipeline = walk_of(clips, tmp_path, "waves")
    made = make_one_shots(pipeline, CONFIG, 2, output_dir=tmp_path / "shots")
    assert made.is_by_rise
    assert any("swells" in note for note in made.notes)


@pytest.mark.parametrize(
    ("changes", "count", "words"),
    [
        ({}, 0, "one_shots is 0"),
        ({}, 129, "one_shots is 129; it must be from 1 to 128"),
        ({"loop": True}, 1, "loop is True"),
        ({"duration_s": 61.0, "max_duration_s": 3600.0}, 1, "at most 60 s"),
        ({"novelty": "some"}, 1, "novelty is 'some'"),
        ({"seed": 2**63 - 1}, 1, "seed is"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    walk: Walk, tmp_path: Path, changes: dict[str, Any], count: int, words: str
):
    with pytest.raises(InvalidConfigError, match=words):
        make_one_shots(walk[1], replace(CONFIG, **changes), count, output_dir=tmp_path)


def test_a_sidecar_that_points_out_of_its_take_is_refused(made: OneShots, walk: Walk, tmp_path: Path):
    sidecar = Path(shutil.copy(made.shots[0].json_path, tmp_path))
    values = json.loads(sidecar.read_text())
    values["one_shot"]["first"] = 10**9
    sidecar.write_text(json.dumps(values))
    with pytest.raises(SidecarError, match="inside its take"):
        rerender(sidecar, library=walk[0])
    assert list(tmp_path.iterdir()) == [sidecar]
