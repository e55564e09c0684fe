"""How far from its recordings a take goes: novelty and temperature, from the settings to the samples."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_dataset_audio.inference.generation import GenerationConfig, GenerationPipeline
from small_dataset_audio.inference.provenance import audio_sha256
from small_dataset_audio.models.bundle import ModelBundle
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder

NOVELTIES = ("low", "medium", "high")
TAKE = GenerationConfig(3.0, seed=3)


@pytest.fixture(scope="module")
def pipeline(tiny_bundle: ModelBundle) -> GenerationPipeline:
    return GenerationPipeline.from_bundle(tiny_bundle)


@pytest.mark.parametrize("vocoder", ["mosaic", "griffin_lim"])
@pytest.mark.parametrize("field", ["novelty", "temperature"])
def test_each_setting_makes_a_take_of_its_own_and_the_same_one_every_time(
    pipeline: GenerationPipeline, tiny_bundle: ModelBundle, field: str, vocoder: str
):
    # What is decoded is neither bent nor detuned, so low and medium are the same there.
    novelties = NOVELTIES if vocoder == "mosaic" else NOVELTIES[1:]
    values: tuple[Any, ...] = novelties if field == "novelty" else (0.0, 1.0, 1.5, 3.0)
    duration_s = 6.0 if field == "temperature" else 1.5  # a jump that is rare must have the time to come
    short = dataclasses.replace(TAKE, vocoder=vocoder, duration_s=duration_s, novelty="high")
    configs = [dataclasses.replace(short, **{field: value}) for value in values]
    takes = [pipeline.generate(config).audio for config in configs]
    again = GenerationPipeline.from_bundle(tiny_bundle)
    for config, take in zip(configs, takes, strict=True):
        assert audio_sha256(again.generate(config).audio) == audio_sha256(take)
    for one, other in itertools.combinations(takes, 2):
        assert abs(float(np.corrcoef(one, other)[0, 1])) < 0.999


def test_a_path_between_single_latents_has_no_walk_and_no_novelty(pipeline: GenerationPipeline):
    config = dataclasses.replace(TAKE, concat_mode="latent_interpolation", duration_s=1.0)
    hashes = {
        audio_sha256(pipeline.generate(dataclasses.replace(config, novelty=novelty, temperature=heat)).audio)
        for novelty, heat in (("low", 0.0), ("high", 2.0))
    }
    assert len(hashes) == 1


# --- a walk that keeps to the recordings is played; the model is not asked ---


class AskedError(Exception):
    """The model was asked to decode."""


@pytest.fixture
def without_decoder(tiny_bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch) -> GenerationPipeline:
    def refuse(*_: object) -> None:
        raise AskedError

    monkeypatch.setattr(tiny_bundle.model, "decode", refuse)
    return GenerationPipeline.from_bundle(tiny_bundle)


@pytest.mark.parametrize("novelty", NOVELTIES)
@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_up_to_temperature_1_a_take_is_played_from_the_recordings(
    without_decoder: GenerationPipeline, novelty: str, temperature: float
):
    result = without_decoder.generate(dataclasses.replace(TAKE, novelty=novelty, temperature=temperature))
    assert result.vocoder == "mosaic"
    assert np.abs(result.audio).max() > 0.8


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 1.5},
        {"temperature": 1.01, "novelty": "low"},
        {"vocoder": "griffin_lim"},
        {"concat_mode": "latent_interpolation"},
    ],
    ids=str,
)
def test_what_leaves_the_recordings_is_decoded(without_decoder: GenerationPipeline, fields: dict[str, Any]):
    with pytest.raises(AskedError):
        without_decoder.generate(dataclasses.replace(TAKE, **fields))


def test_a_pipeline_without_a_density_decodes_even_with_the_recordings_at_hand(
    without_decoder: GenerationPipeline, tiny_bundle: ModelBundle
):
    mosaic = MosaicVocoder(tiny_bundle.spectrogram, tiny_bundle.clips)
    plain = GenerationPipeline(tiny_bundle.model, tiny_bundle.spectrogram, vocoders={"mosaic": mosaic})
    with pytest.raises(AskedError):
        plain.generate(TAKE)


# --- the sidecar ---


def test_the_sidecar_holds_novelty_and_temperature_and_gives_the_take_again(
    tmp_path: Path, pipeline: GenerationPipeline
):
    config = GenerationConfig(1.0, seed=3, novelty="high", temperature=0.5)
    _, json_path, summary = pipeline.render_to_file(config, tmp_path)
    settings = json.loads(json_path.read_text())["generation"]
    assert (settings["novelty"], settings["temperature"]) == ("high", 0.5)
    again = pipeline.generate(GenerationConfig.from_mapping(settings))
    assert audio_sha256(again.audio) == summary.audio_sha256
