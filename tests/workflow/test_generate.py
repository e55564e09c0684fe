from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import soundfile

from small_dataset_audio.errors import InvalidConfigError, ModelNotFoundError, OutputError
from small_dataset_audio.files import sha256_file
from small_dataset_audio.inference import GenerationConfig, GenerationPipeline
from small_dataset_audio.inference.provenance import audio_sha256, describe_environment
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import MODEL_FILE
from small_dataset_audio.workflow import Take, generate_takes, load_pipeline

SHORT = GenerationConfig(0.3, seed=40, chunk_duration_s=0.2)


@pytest.fixture(scope="module")
def pipeline(tiny_model_folder: Path) -> GenerationPipeline:
    return load_pipeline(str(tiny_model_folder), device="cpu")


def test_a_pipeline_is_loaded_by_name_or_by_folder(trained_library: Library, tiny_model_folder: Path):
    assert load_pipeline("plucks", library=trained_library).model_name == "plucks"
    assert load_pipeline(str(tiny_model_folder), library=trained_library).model_name == "tiny"
    with pytest.raises(ModelNotFoundError, match="no model 'drone'"):
        load_pipeline("drone", library=trained_library)
    with pytest.raises(InvalidConfigError, match="device is 'tpu'"):
        load_pipeline("plucks", device="tpu", library=trained_library)


def test_seeds_go_up_from_the_first_and_takes_lie_flat_in_the_folder(tmp_path: Path, pipeline: GenerationPipeline):
    takes = list(generate_takes(pipeline, SHORT, count=3, output_dir=tmp_path / "takes"))
    assert [take.result.seed_used for take in takes] == [40, 41, 42]
    written = {path for take in takes for path in (take.wav_path, take.json_path)}
    assert written == set((tmp_path / "takes").iterdir())
    assert len(written) == 6
    for take in takes:
        sidecar = json.loads(take.json_path.read_text())
        assert sidecar["seed"] == sidecar["generation"]["seed"] == take.result.seed_used
        assert take.wav_path.name.endswith(f"_seed{take.result.seed_used}.wav")
        assert take.picture_path is None
        again = pipeline.generate(dataclasses.replace(SHORT, seed=take.result.seed_used)).audio
        assert audio_sha256(again) == take.result.audio_sha256


def test_a_take_is_there_as_soon_as_it_is_announced(tmp_path: Path, pipeline: GenerationPipeline):
    for number, take in enumerate(generate_takes(pipeline, SHORT, count=3, output_dir=tmp_path), start=1):
        assert soundfile.info(take.wav_path).frames == 14_400
        assert len(list(tmp_path.glob("*.wav"))) == number


def test_without_a_seed_one_is_drawn_and_the_next_ones_follow(tmp_path: Path, pipeline: GenerationPipeline):
    config = dataclasses.replace(SHORT, seed=None)
    seeds = [
        [take.result.seed_used for take in generate_takes(pipeline, config, count=2, output_dir=tmp_path)] for _ in "ab"
    ]
    assert seeds[0] != seeds[1]
    for first, second in seeds:
        assert second == first + 1


def test_the_same_takes_again_overwrite_nothing(tmp_path: Path, pipeline: GenerationPipeline):
    first, second = (list(generate_takes(pipeline, SHORT, output_dir=tmp_path)) for _ in "ab")
    assert first[0].wav_path != second[0].wav_path
    assert first[0].wav_path.read_bytes() == second[0].wav_path.read_bytes()


def test_without_a_folder_takes_go_to_one_named_after_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pipeline: GenerationPipeline
):
    monkeypatch.chdir(tmp_path)
    (take,) = generate_takes(pipeline, SHORT)
    assert take.wav_path.parent == Path("data/generated/tiny")
    assert take.wav_path.is_file()


def test_a_picture_lies_beside_the_take_that_asks_for_it(tmp_path: Path, pipeline: GenerationPipeline):
    (take,) = generate_takes(pipeline, SHORT, output_dir=tmp_path, plot=True)
    assert take.picture_path == take.wav_path.with_suffix(".png")
    assert take.picture_path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_sidecar_tells_model_machine_and_bits(
    tmp_path: Path, pipeline: GenerationPipeline, tiny_model_folder: Path
):
    (take,) = generate_takes(pipeline, SHORT, output_dir=tmp_path)
    assert json.loads(take.json_path.read_text())["provenance"] == {
        "model_sha256": sha256_file(tiny_model_folder / MODEL_FILE),
        "environment": describe_environment("cpu"),
        "vocoder": "mosaic",
        "audio_sha256": take.result.audio_sha256,
        "file_sha256": sha256_file(take.wav_path),
    }


# --- refused before any work ---


@pytest.fixture
def idle_pipeline(monkeypatch: pytest.MonkeyPatch, pipeline: GenerationPipeline) -> GenerationPipeline:
    monkeypatch.setattr(pipeline, "generate", lambda _: pytest.fail("a take was made"))
    return pipeline


def refuse(pipeline: GenerationPipeline, config: GenerationConfig, folder: Path, count: int = 1) -> Take:
    return next(generate_takes(pipeline, config, count=count, output_dir=folder))


@pytest.mark.parametrize(
    ("config", "count", "words"),
    [
        (SHORT, 0, "count is 0; it must be 1 or more"),
        (SHORT, -1, "count is -1"),
        (GenerationConfig(75.0), 1, r"duration_s is 75\.0"),
        (GenerationConfig(seed=2**63 - 2), 3, "seed is 9223372036854775806; for 3 takes"),
    ],
)
def test_what_cannot_be_made_is_refused_before_any_work(
    tmp_path: Path, idle_pipeline: GenerationPipeline, config: GenerationConfig, count: int, words: str
):
    with pytest.raises(InvalidConfigError, match=words):
        refuse(idle_pipeline, config, tmp_path / "takes", count)
    assert not (tmp_path / "takes").exists()


def test_the_last_seed_there_is_can_be_used(tmp_path: Path, pipeline: GenerationPipeline):
    config = dataclasses.replace(SHORT, seed=2**63 - 2)
    takes = list(generate_takes(pipeline, config, count=2, output_dir=tmp_path))
    assert [take.result.seed_used for take in takes] == [2**63 - 2, 2**63 - 1]


def test_row_34_a_folder_that_cannot_be_written_is_an_error_before_the_work(
    tmp_path: Path, idle_pipeline: GenerationPipeline
):
    (tmp_path / "takes").write_text("mine")
    with pytest.raises(OutputError, match="takes is a file, not a folder"):
        refuse(idle_pipeline, SHORT, tmp_path / "takes")
    assert (tmp_path / "takes").read_text() == "mine"
