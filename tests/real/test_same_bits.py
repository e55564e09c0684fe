"""Same seed, same bits: in one process, in another, and from the sidecar; another seed is another take."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from real.studio import TrainedOn
from small_dataset_audio.inference.config import CONCAT_MODES, GenerationConfig
from small_dataset_audio.workflow import generate_takes, load_pipeline, rerender
from tiny import run_python

pytestmark = pytest.mark.real

CONFIGS = (
    GenerationConfig(duration_s=3.3, seed=5, bit_depth="32-bit float"),
    GenerationConfig(duration_s=2.2, seed=2**63 - 1, concat_mode="latent_interpolation", stereo_mode="dual_seed"),
    GenerationConfig(duration_s=0.333, seed=0, stereo_mode="mid_side", sample_rate=96_000, bit_depth="16-bit"),
    GenerationConfig(duration_s=1.7, seed=9, vocoder="griffin_lim", sample_rate=44_100),
)

MAKE_TAKES = """
import json, sys
from pathlib import Path
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.workflow import load_pipeline
pipeline = load_pipeline(sys.argv[1])
for number, settings in enumerate(json.loads(sys.argv[3])):
    pipeline.export(pipeline.generate(GenerationConfig(**settings)), sys.argv[2], f"{number}.wav")
"""


def test_the_same_seed_gives_the_same_bits_in_one_process(trained: TrainedOn):
    loaded_again = load_pipeline(trained.name, library=trained.library)
    for config in CONFIGS:
        first = trained.pipeline.generate(config)
        np.testing.assert_array_equal(first.audio, loaded_again.generate(config).audio)


def test_a_take_does_not_depend_on_the_takes_before_it(trained: TrainedOn):
    backwards = [trained.pipeline.generate(config).audio for config in reversed(CONFIGS)]
    for config, audio in zip(CONFIGS, reversed(backwards), strict=True):
        np.testing.assert_array_equal(trained.pipeline.generate(config).audio, audio)


def test_the_same_seed_gives_the_same_file_in_two_processes(trained: TrainedOn, tmp_path: Path):
    settings = json.dumps([asdict(config) for config in CONFIGS])
    run_python(MAKE_TAKES, trained.name, tmp_path / "there", settings, SDA_HOME=trained.library.root)
    for number, config in enumerate(CONFIGS):
        here, _ = trained.pipeline.export(trained.pipeline.generate(config), tmp_path / "here", f"{number}.wav")
        assert here.read_bytes() == (tmp_path / "there" / here.name).read_bytes(), config


@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_another_seed_gives_another_take(mode: str, trained: TrainedOn):
    config = GenerationConfig(duration_s=20.0, concat_mode=mode)
    takes = [trained.pipeline.generate(replace(config, seed=seed)).audio for seed in (0, 1, 2)]
    for one, other in itertools.combinations(takes, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.9


@pytest.mark.parametrize(
    "config", CONFIGS, ids=lambda config: f"{config.concat_mode}-{config.stereo_mode}-{config.vocoder}"
)
def test_a_take_made_again_from_its_sidecar_is_the_same_file(
    config: GenerationConfig, trained: TrainedOn, tmp_path: Path
):
    (take,) = generate_takes(trained.pipeline, config, output_dir=tmp_path)
    report = rerender(take.json_path, library=trained.library)
    assert (report.identical, report.differences) == (True, ())
    assert report.wav_path.read_bytes() == take.wav_path.read_bytes()


def test_a_take_whose_seed_was_drawn_can_be_made_again_too(trained: TrainedOn, tmp_path: Path):
    (take,) = generate_takes(trained.pipeline, GenerationConfig(duration_s=1.0), output_dir=tmp_path)
    report = rerender(take.wav_path, library=trained.library)
    assert report.wav_path.read_bytes() == take.wav_path.read_bytes()
