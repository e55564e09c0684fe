"""Two models in one take: at either end the one bit for bit, between them both, and said where they met."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edges import noise, sine
from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.models.bundle import ModelBundle
from tiny import narrow_model

CONFIG = GenerationConfig(duration_s=0.3, seed=5, blend_model="other", blend_weight=0.4)
MODES = {
    "mono": {},
    "mid side": {"stereo_mode": "mid_side"},
    "two seeds at 44.1 kHz": {"stereo_mode": "dual_seed", "sample_rate": 44_100},
    "a loop": {"loop": True},
    "a path": {"concat_mode": "latent_interpolation"},
    "high novelty": {"novelty": "high"},
}


class Painted:
    """Paints what it is told, and calls itself a mosaic."""

    name = "mosaic"

    def __init__(self, audio: np.ndarray) -> None:
        self.audio = audio

    def render(self, mel: torch.Tensor, num_samples: int, generator: torch.Generator) -> np.ndarray:
        return self.audio[:num_samples].astype(np.float32)


def model(name: str, seed: int, audio: np.ndarray | None = None, spectrogram: AudioSpectrogram | None = None):
    vocoders = None if audio is None else {"mosaic": Painted(audio)}
    network = narrow_model(seed=seed, width=8, latent_dim=3 + seed)
    pipeline = GenerationPipeline(network, spectrogram or AudioSpectrogram(), vocoders=vocoders)
    pipeline.model_name = name
    pipeline.provenance = {"model_sha256": name * 4}
    return pipeline


def pair(first: np.ndarray | None = None, second: np.ndarray | None = None) -> GenerationPipeline:
    pipeline = model("one", 1, first)
    pipeline.partner = model("other", 2, second)
    return pipeline


@pytest.fixture(scope="module")
def computing() -> GenerationPipeline:
    """Two models without recordings."""
    return pair()


@pytest.fixture(scope="module")
def playing(tiny_bundle: ModelBundle) -> GenerationPipeline:
    """A model that plays its recordings, and one that does not."""
    pipeline = GenerationPipeline.from_bundle(tiny_bundle)
    pipeline.partner = model("other", 2)
    return pipeline


# --- the two ends ---


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("which", ["computing", "playing"])
def test_at_weight_0_and_1_a_take_is_that_of_one_model_bit_for_bit(
    which: str, mode: str, request: pytest.FixtureRequest
):
    pipeline: GenerationPipeline = request.getfixturevalue(which)
    assert pipeline.partner is not None
    for weight, alone in ((0.0, pipeline), (1.0, pipeline.partner)):
        blended = pipeline.generate(replace(CONFIG, blend_weight=weight, **MODES[mode]))
        expected = alone.generate(replace(CONFIG, blend_model=None, **MODES[mode]))
        np.testing.assert_array_equal(blended.audio, expected.audio)
        assert (blended.vocoder, blended.blended_in) == (expected.vocoder, "")


# --- between them ---


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("which", ["computing", "playing"])
def test_the_same_seed_gives_the_same_bits_and_another_weight_others(
    which: str, mode: str, request: pytest.FixtureRequest, tmp_path: Path
):
    pipeline: GenerationPipeline = request.getfixturevalue(which)
    config = replace(CONFIG, **MODES[mode])
    once = pipeline.generate(config)
    assert once.blended_in == ("mel" if which == "computing" else "audio")
    assert once.audio.shape[-1] == config.num_samples
    *_, summary = pipeline.render_to_file(config, tmp_path)
    again = pipeline.generate(config).audio
    np.testing.assert_array_equal(once.audio, again)
    assert summary.audio_sha256 == pipeline.render_to_file(config, tmp_path)[2].audio_sha256
    assert not np.array_equal(once.audio, pipeline.generate(replace(config, blend_weight=0.6)).audio)


def test_in_audio_both_sounds_are_there_with_their_share_of_the_power():
    tone, hiss = 0.05 * sine(1000.0, 400_000), 0.9 * noise(400_000)
    pipeline = pair(tone, hiss)
    audio = pipeline.generate(replace(CONFIG, duration_s=2.0, chunk_duration_s=4.0)).audio[4800:-4800]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    peak = int(spectrum.argmax())
    assert peak * 48_000 / len(audio) == pytest.approx(1000.0, abs=2.0)
    share = spectrum[peak - 4 : peak + 5].sum() / spectrum.sum()
    # Of one loudness, not of one power: the filter of the meter hears the upper half of the noise 4 dB louder.
    assert 0.6 < share < 0.85


def test_a_blend_has_no_dip_where_the_sounds_go_on():
    """Each tenth of a second is as loud as the others, whatever the weight."""
    pipeline = pair(0.1 * noise(400_000), 0.8 * noise(400_000, seed=1))
    for weight in (0.1, 0.5, 0.9):
        audio = pipeline.generate(replace(CONFIG, duration_s=2.0, chunk_duration_s=4.0, blend_weight=weight)).audio[
            4800:-4800
        ]
        levels_db = 10 * np.log10(np.mean(audio[:81_600].reshape(-1, 4800) ** 2, axis=1))
        assert np.ptp(levels_db) < 1.0


def test_what_each_may_be_rendered_with_decides_where_they_meet(
    computing: GenerationPipeline, playing: GenerationPipeline
):
    assert computing.generate(CONFIG).blended_in == "mel"
    assert computing.generate(replace(CONFIG, blend_in="audio")).blended_in == "audio"
    assert playing.generate(CONFIG).vocoder == "mosaic + griffin_lim"
    assert playing.generate(replace(CONFIG, vocoder="griffin_lim")).blended_in == "mel"
    in_mel = playing.generate(replace(CONFIG, blend_in="mel"))
    assert (in_mel.blended_in, in_mel.vocoder) == ("mel", "griffin_lim")


def test_models_of_different_spectrograms_meet_in_audio():
    pipeline = model("one", 1)
    other = AudioSpectrogram(SpectrogramConfig(hop_length=256))
    pipeline.partner = model("other", 2, spectrogram=other)
    assert pipeline.generate(CONFIG).blended_in == "audio"
    with pytest.raises(InvalidConfigError, match=r"blend_in is 'mel'; it must be 'auto' or 'audio' here: .*differ"):
        pipeline.generate(replace(CONFIG, blend_in="mel"))


def test_a_blended_mel_is_one_sound_with_the_second_in_its_spectrum(computing: GenerationPipeline):
    """Nearer to the second the larger the weight: its long-term spectrum moves from the first's to the second's."""

    def spectrum(weight: float) -> np.ndarray:
        audio = computing.generate(replace(CONFIG, duration_s=2.0, blend_weight=weight)).audio
        mel = AudioSpectrogram().waveform_to_mel(torch.from_numpy(audio))
        level = mel[0, 0].mean(dim=1).numpy()
        return level - level.mean()

    first, second = spectrum(0.0), spectrum(1.0)
    distances = [float(np.abs(spectrum(weight) - second).mean()) for weight in (0.1, 0.5, 0.9)]
    assert np.abs(first - second).mean() > distances[0] > distances[1] > distances[2]


@pytest.mark.parametrize("blend_in", ["audio", "mel"])
def test_memory_hardly_grows_with_the_length(tmp_path: Path, blend_in: str):
    pipeline = pair(noise(200_000), noise(200_000, seed=1))
    if blend_in == "mel":  # where Griffin-Lim is not what is asked about
        pipeline, vocoder = pair(), Painted(noise(200_000))
        vocoder.name = "griffin_lim"
    else:
        vocoder = None

    def peak_bytes(duration_s: float) -> int:
        config = replace(CONFIG, duration_s=duration_s, blend_in=blend_in)
        with pytest.MonkeyPatch.context() as patch:
            if vocoder is not None:
                patch.setattr("small_dataset_audio.inference.rendering.GriffinLimVocoder", lambda _: vocoder)
            tracemalloc.start()
            pipeline.render_to_file(config, tmp_path)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return peak

    peak_bytes(1.0)
    # What grows is the walk, some kilobytes a second; the samples of 15 s alone would be 2.9 MB a channel.
    assert peak_bytes(24.0) - peak_bytes(9.0) < 1_500_000


# --- what is said of it, and refused ---


def test_the_sidecar_names_the_second_model_its_hash_and_where_they_met(computing: GenerationPipeline, tmp_path: Path):
    wav_path, json_path, summary = computing.render_to_file(CONFIG, tmp_path)
    sidecar = json.loads(json_path.read_text())
    assert sidecar["provenance"]["blend"] == {
        "model_name": "other",
        "model_sha256": "other" * 4,
        "domain": "mel",
    }
    assert sidecar["generation"]["blend_model"] == "other"
    assert sidecar["generation"]["blend_weight"] == 0.4
    assert GenerationConfig.from_mapping(sidecar["generation"]) == summary.config
    assert b"one + other, seed 5" in wav_path.read_bytes()


@pytest.mark.parametrize(("partner", "there"), [(None, "none"), ("another", "'another'")])
def test_a_blend_needs_the_model_it_names(partner: str | None, there: str):
    pipeline = model("one", 1)
    pipeline.partner = None if partner is None else model(partner, 2)
    with pytest.raises(InvalidConfigError, match=rf"blend_model is 'other'; .* \({there}\)"):
        pipeline.generate(CONFIG)


def test_a_partner_is_not_heard_unless_it_is_asked_for(computing: GenerationPipeline):
    config = replace(CONFIG, blend_model=None)
    np.testing.assert_array_equal(computing.generate(config).audio, model("one", 1).generate(config).audio)
