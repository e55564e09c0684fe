"""Near this one, from files to takes: recordings, places on the map, variations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from small_dataset_audio.errors import (
    AudioFileError,
    InvalidConfigError,
    ModelNotFoundError,
    RerenderError,
    SidecarError,
)
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import (
    ModelPipeline,
    Take,
    draw_map,
    explore,
    generate_takes,
    load_pipeline,
    near_of_recording,
    near_places,
    near_recordings,
    places_off_the_map,
    rerender,
    variation_of,
)
from tiny import pluck

RATE = 48_000
CONFIG = GenerationConfig(duration_s=1.0, seed=5)


@pytest.fixture(scope="module")
def pipeline(trained_library: Library) -> ModelPipeline:
    return load_pipeline("plucks", library=trained_library)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that the model has never heard, in stereo and at another rate."""
    path = tmp_path_factory.mktemp("wanted") / "door.wav"
    sound = pluck(190.0, 0.9)
    soundfile.write(path, np.stack([sound, 0.7 * sound], axis=1), 44_100)
    return path


def write_take(pipeline: ModelPipeline, folder: Path, config: GenerationConfig = CONFIG) -> Take:
    return next(generate_takes(pipeline, config, output_dir=folder, evaluate=False, record=False))


# --- recordings ---


def test_a_recording_becomes_a_target_of_the_model(pipeline: ModelPipeline, wanted: Path):
    target = near_of_recording(pipeline, wanted)
    assert target.name == "door.wav"
    assert 1 <= len(target.points) <= 16
    assert {len(point) for point in target.points} == {pipeline.model.latent_dim}
    assert sum(target.shares) == pytest.approx(1.0, abs=1e-4)
    assert near_of_recording(pipeline, wanted) == target


def test_silence_around_a_recording_changes_nothing(pipeline: ModelPipeline, tmp_path: Path):
    sound = pluck(190.0, 0.5)
    step = 4 * 512
    for name, before in (("bare", 0), ("late", 5 * step)):
        soundfile.write(tmp_path / f"{name}.wav", np.pad(sound, (before, before)), RATE, subtype="FLOAT")
    bare, late = (near_of_recording(pipeline, tmp_path / f"{name}.wav") for name in ("bare", "late"))
    assert len(bare.points) == len(late.points)
    # A quarter of a second of silence would be a third of the time.
    assert np.abs(np.sort(bare.shares) - np.sort(late.shares)).max() < 0.15


def test_a_take_like_a_file_is_made_again_without_the_file(
    pipeline: ModelPipeline, trained_library: Library, wanted: Path, tmp_path: Path
):
    copy = tmp_path / "gone.wav"
    copy.write_bytes(wanted.read_bytes())
    take = write_take(pipeline, tmp_path, replace(CONFIG, near=near_recordings(pipeline, [copy, wanted])))
    copy.unlink()
    assert rerender(take.json_path, library=trained_library).identical is True
    settings = json.loads(take.json_path.read_text())["generation"]
    assert [target["name"] for target in settings["near"]] == ["gone.wav", "door.wav"]


def test_at_strength_0_the_take_is_the_one_without(pipeline: ModelPipeline, wanted: Path):
    near = near_recordings(pipeline, [wanted])
    plain = pipeline.generate(CONFIG).audio
    assert np.array_equal(pipeline.generate(replace(CONFIG, near=near, near_strength=0.0)).audio, plain)
    assert not np.array_equal(pipeline.generate(replace(CONFIG, near=near, near_strength=0.7)).audio, plain)


@pytest.mark.parametrize("stereo_mode", ["dual_seed", "corpus"])
def test_stereo_and_loops_can_be_near_too(pipeline: ModelPipeline, wanted: Path, stereo_mode: str):
    near = near_recordings(pipeline, [wanted])
    result = pipeline.generate(replace(CONFIG, near=near, stereo_mode=stereo_mode, loop=True))
    assert result.audio.shape == (2, RATE)
    assert np.abs(result.audio).max() > 0.5


def test_what_is_no_recording_is_refused_by_name(pipeline: ModelPipeline, tmp_path: Path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    (tmp_path / "text.wav").write_text("no sound " * 50)
    (tmp_path / "empty.wav").touch()
    for name in ("missing.wav", "silence.wav", "text.wav", "empty.wav", ""):
        with pytest.raises(AudioFileError, match=name or str(tmp_path)):
            near_of_recording(pipeline, tmp_path / name)


@pytest.mark.parametrize("count", [0, 17])
def test_no_recording_and_too_many_are_refused(pipeline: ModelPipeline, wanted: Path, count: int):
    with pytest.raises(InvalidConfigError, match="1 to 16"):
        near_recordings(pipeline, [wanted] * count)


# --- the map ---


def test_the_map_names_the_recordings_and_where_their_moments_lie(trained_library: Library, tmp_path: Path):
    found = explore("plucks", library=trained_library)
    content = found.to_json()
    assert content == explore("plucks", library=trained_library).to_json()
    assert sorted(recording["name"] for recording in content["recordings"]) == sorted(found.recordings)
    for recording in content["recordings"]:
        times_s, xs, ys = np.array(recording["points"]).T
        assert 0.0 <= times_s.min() <= times_s.max() < 1.3
        assert max(np.abs(xs).max(), np.abs(ys).max()) <= 10.0
    picture = draw_map(found, tmp_path / "maps" / "plucks.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_places_on_the_map_become_a_take(pipeline: ModelPipeline):
    near = near_places(pipeline, [(-3.0, 4.0), (99.0, 0.0)])
    assert [target.name for target in near] == ["-3,4", "10,0"]
    assert np.abs(pipeline.generate(replace(CONFIG, near=near)).audio).max() > 0.5
    assert places_off_the_map([(-3.0, 4.0), (99.0, 0.0)]) == [
        "99,0 is off the map, which goes from -10 to 10; 10,0 at its edge is meant instead"
    ]


def test_places_need_a_map(pipeline: ModelPipeline):
    with pytest.raises(InvalidConfigError, match="1 to 16"):
        near_places(pipeline, [])
    bare = GenerationPipeline(pipeline.model, pipeline.spectrogram)
    with pytest.raises(InvalidConfigError, match="no recordings' latents"):
        near_places(bare, [(0.0, 0.0)])


# --- variations ---


def test_a_variation_of_0_is_the_take_and_larger_ones_are_further_away(
    pipeline: ModelPipeline, trained_library: Library, tmp_path: Path
):
    take = write_take(pipeline, tmp_path, replace(CONFIG, duration_s=6.0))
    plain = pipeline.generate(take.result.config).audio
    kept = []
    for amount in (0.0, 0.3, 1.0):
        varied = variation_of(take.json_path, amount=amount, seed=1, library=trained_library)
        assert varied.notes == ()
        audio = pipeline.generate(varied.config).audio
        kept.append(float((audio == plain).mean()))
    assert kept[0] == 1.0
    assert kept[0] > kept[1] >= kept[2]


def test_several_variations_of_a_take_have_its_seed_and_are_made_again(
    pipeline: ModelPipeline, trained_library: Library, tmp_path: Path
):
    take = write_take(pipeline, tmp_path)
    config = variation_of(take.wav_path, amount=0.8, seed=40, library=trained_library).config
    takes = list(generate_takes(pipeline, config, count=3, output_dir=tmp_path, evaluate=False, record=False))
    assert {each.result.seed_used for each in takes} == {5}
    assert [each.result.config.variations for each in takes] == [((0.8, 40),), ((0.8, 41),), ((0.8, 42),)]
    assert len({each.result.audio_sha256 for each in (*takes, take)}) > 2
    assert rerender(takes[1].json_path, library=trained_library).identical is True
    again = variation_of(takes[1].json_path, amount=0.1, seed=2, library=trained_library).config
    assert again.variations == ((0.8, 41), (0.1, 2))


def changed(sidecar: Path, **values: object) -> Path:
    path = sidecar.with_name("changed.json")
    path.write_text(json.dumps({**json.loads(sidecar.read_text()), **values}))
    return path


def test_a_take_of_another_model_is_told(pipeline: ModelPipeline, trained_library: Library, tmp_path: Path):
    take = write_take(pipeline, tmp_path)
    renamed = changed(take.json_path, model_name="gone")
    with pytest.raises(ModelNotFoundError, match="gone"):
        variation_of(renamed, amount=0.2, library=trained_library)
    (note,) = variation_of(renamed, amount=0.2, model="plucks", library=trained_library).notes
    assert "made with the model gone" in note
    retrained = changed(take.json_path, provenance={"model_sha256": "0" * 64})
    (note,) = variation_of(retrained, amount=0.2, library=trained_library).notes
    assert "another state of the model plucks" in note


def test_what_is_no_take_cannot_be_varied(pipeline: ModelPipeline, trained_library: Library, tmp_path: Path):
    take = write_take(pipeline, tmp_path)
    with pytest.raises(SidecarError, match="missing"):
        variation_of(tmp_path / "missing.json", amount=0.2, library=trained_library)
    with pytest.raises(RerenderError, match="no saved model"):
        variation_of(changed(take.json_path, model_name="unknown"), amount=0.2, library=trained_library)
    with pytest.raises(RerenderError, match="single sound"):
        variation_of(changed(take.json_path, one_shot={}), amount=0.2, library=trained_library)
    for amount in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidConfigError, match="amount"):
            variation_of(take.json_path, amount=amount, library=trained_library)
