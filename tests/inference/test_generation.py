from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, OutputError
from small_dataset_audio.inference import generation, mastering, rendering
from small_dataset_audio.inference.generation import GenerationConfig, GenerationPipeline, GenerationResult
from small_dataset_audio.inference.provenance import audio_sha256, describe_environment
from small_dataset_audio.inference.quality import compute_quality_score
from small_dataset_audio.models.bundle import ModelBundle
from tiny import narrow_model, run_python

MINUS_1_DBFS = 0.8913
RATES = (44_100, 48_000, 96_000)
CONCAT_MODES = ("crossfade", "latent_interpolation")
STEREO_MODES = ("mono", "mid_side", "dual_seed")

Paint = Callable[[int, torch.Generator], np.ndarray]


def loud_noise(num_samples: int, generator: torch.Generator) -> np.ndarray:
    """Random full-scale steps: any resampler overshoots on them."""
    return (2.0 * torch.randint(0, 2, (num_samples,), generator=generator) - 1.0).numpy().astype(np.float32)


class PaintedVocoder:
    """Paints what it is told, without looking at the mel: quick, and known beforehand."""

    name = "mosaic"

    def __init__(self, paint: Paint) -> None:
        self.paint = paint

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> np.ndarray:
        assert num_samples <= (mel.shape[-1] - 1) * 512
        return self.paint(num_samples, generator)


def painted(paint: Paint = loud_noise) -> GenerationPipeline:
    return GenerationPipeline(narrow_model(), AudioSpectrogram(), vocoders={"mosaic": PaintedVocoder(paint)})


@pytest.fixture(scope="module")
def painting() -> GenerationPipeline:
    return painted()


@pytest.fixture(scope="module")
def tiny_pipeline(tiny_bundle: ModelBundle) -> GenerationPipeline:
    return GenerationPipeline.from_bundle(tiny_bundle)


# --- exact to the sample ---


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("stereo_mode", STEREO_MODES)
@pytest.mark.parametrize("concat_mode", CONCAT_MODES)
@pytest.mark.parametrize("duration_s", [1 / 44_100, 0.05, 0.333, 1.0, 7.77])
def test_a_take_is_exact_to_the_sample(
    painting: GenerationPipeline, duration_s: float, concat_mode: str, stereo_mode: str, sample_rate: int
):
    config = GenerationConfig(
        duration_s=duration_s, concat_mode=concat_mode, stereo_mode=stereo_mode, sample_rate=sample_rate, seed=3
    )
    result = painting.generate(config)
    num_samples = round(duration_s * sample_rate)
    assert result.audio.shape == ((num_samples,) if stereo_mode == "mono" else (2, num_samples))
    assert result.audio.dtype == np.float32
    assert result.audio.flags.c_contiguous
    assert np.isfinite(result.audio).all()
    assert np.abs(result.audio).max() <= MINUS_1_DBFS
    assert result.duration_s == num_samples / sample_rate
    assert result.channels == (1 if stereo_mode == "mono" else 2)


@pytest.mark.parametrize(("concat_mode", "sample_rate"), [("crossfade", 44_100), ("latent_interpolation", 96_000)])
def test_an_awkward_minute_is_exact_to_the_sample(painting: GenerationPipeline, concat_mode: str, sample_rate: int):
    result = painting.generate(GenerationConfig(59.9, seed=3, concat_mode=concat_mode, sample_rate=sample_rate))
    assert len(result.audio) == round(59.9 * sample_rate)
    assert np.abs(result.audio).max() <= MINUS_1_DBFS


@settings(max_examples=30)
@given(st.integers(1, 9000), st.sampled_from(RATES), st.integers(100, 4000), st.floats(0.0, 0.6))
@example(num_samples=40, sample_rate=44_100, chunk_samples=1, overlap_share=0.0)
@example(num_samples=40, sample_rate=96_000, chunk_samples=20, overlap_share=0.95)
def test_any_number_of_samples_is_met_whatever_the_chunks(
    painting: GenerationPipeline, num_samples: int, sample_rate: int, chunk_samples: int, overlap_share: float
):
    config = GenerationConfig(
        duration_s=num_samples / sample_rate,
        sample_rate=sample_rate,
        chunk_duration_s=chunk_samples / 48_000,
        overlap_samples=int(overlap_share * chunk_samples),
        seed=1,
    )
    assert painting.generate(config).audio.shape == (num_samples,)


@pytest.mark.parametrize("concat_mode", CONCAT_MODES)
@pytest.mark.parametrize("sample_rate", RATES)
def test_no_take_is_padded_with_silence(painting: GenerationPipeline, concat_mode: str, sample_rate: int):
    audio = painting.generate(GenerationConfig(2.5, seed=1, concat_mode=concat_mode, sample_rate=sample_rate)).audio
    whole = float(np.sqrt(np.mean(audio**2)))
    fade_out = round(0.009 * sample_rate)
    for begin in range(0, len(audio) - fade_out, 1000):
        level = float(np.sqrt(np.mean(audio[begin : begin + 1000] ** 2)))
        assert level > whole / 2, f"nothing at {begin / sample_rate:.2f} s"


# --- what a take sounds like, whatever the model ---


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("stereo_mode", STEREO_MODES)
def test_the_loudest_sample_is_minus_1_dbfs_even_after_resampling(stereo_mode: str, sample_rate: int):
    for paint in (loud_noise, lambda *sizes: 1e-4 * loud_noise(*sizes), lambda *sizes: 1e4 * loud_noise(*sizes)):
        config = GenerationConfig(0.5, seed=1, stereo_mode=stereo_mode, sample_rate=sample_rate)
        peak = float(np.abs(painted(paint).generate(config).audio).max())
        assert 0.97 * 0.891 <= peak <= MINUS_1_DBFS


@pytest.mark.parametrize("sample_rate", RATES)
def test_a_tone_keeps_its_pitch_at_every_rate(sample_rate: int):
    tone = painted(
        lambda num_samples, _: np.sin(2 * np.pi * 1000.0 * np.arange(num_samples) / 48_000).astype(np.float32)
    )
    audio = tone.generate(GenerationConfig(1.0, sample_rate=sample_rate, overlap_samples=0, seed=1)).audio
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    assert spectrum.argmax() == 1000  # one bin is 1 Hz
    assert spectrum[1100:].max() < 1e-3 * spectrum.max()


@pytest.mark.parametrize("sample_rate", [48_000, 96_000])
@pytest.mark.parametrize("stereo_mode", STEREO_MODES)
def test_nothing_is_heard_over_22_khz(painting: GenerationPipeline, stereo_mode: str, sample_rate: int):
    config = GenerationConfig(1.0, seed=1, sample_rate=sample_rate, stereo_mode=stereo_mode)
    audio = np.atleast_2d(painting.generate(config).audio)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.shape[1])))
    bands = np.array_split(spectrum[:, : round(22_000 * audio.shape[1] / sample_rate)], 64, axis=1)
    strongest = max(float(np.sqrt(np.mean(band**2))) for band in bands)
    assert float(spectrum[:, round(22_000 * audio.shape[1] / sample_rate) :].max()) < 1e-4 * strongest


@pytest.mark.parametrize("stereo_mode", STEREO_MODES)
@pytest.mark.parametrize("sample_rate", RATES)
def test_a_take_has_no_offset_and_no_click_at_its_ends(stereo_mode: str, sample_rate: int):
    pipeline = painted(lambda *sizes: 0.1 * loud_noise(*sizes) + np.float32(0.5))
    audio = pipeline.generate(GenerationConfig(0.5, seed=1, stereo_mode=stereo_mode, sample_rate=sample_rate)).audio
    channels = np.atleast_2d(audio)
    assert np.abs(channels.mean(axis=1)).max() < 1e-3  # -60 dBFS
    assert np.abs(channels[:, [0, -1]]).max() < 2e-3


@pytest.mark.parametrize("stereo_mode", STEREO_MODES)
@pytest.mark.parametrize("sample_rate", RATES)
def test_silence_stays_silence(spectrogram: AudioSpectrogram, stereo_mode: str, sample_rate: int):
    silent = narrow_model(mel_mean=-15.0, mel_std=1e-3)  # decodes to levels far under the floor
    config = GenerationConfig(0.3, seed=1, stereo_mode=stereo_mode, sample_rate=sample_rate)
    result = GenerationPipeline(silent, spectrogram).generate(config)
    assert not result.audio.any()
    json.dumps(result.quality, allow_nan=False)


def test_the_middle_of_a_widened_take_is_the_mono_take(tiny_pipeline: GenerationPipeline):
    config = GenerationConfig(0.7, seed=4)
    mono = tiny_pipeline.generate(config).audio
    wide = tiny_pipeline.generate(dataclasses.replace(config, stereo_mode="mid_side", stereo_width=1.2)).audio
    middle, mono = (
        wide.mean(axis=0)[480:-480],
        mono[480:-480],
    )  # a widened take is faded twice: before widening and after
    assert_same_up_to_gain(middle - middle.mean(), mono - mono.mean())
    assert np.abs(wide[0] - wide[1]).max() > 0.05
    narrow = tiny_pipeline.generate(dataclasses.replace(config, stereo_mode="mid_side", stereo_width=0.0)).audio
    np.testing.assert_array_equal(narrow[0], narrow[1])


def test_the_delayed_side_of_a_widened_take_begins_without_a_click():
    def begin_loudly(num_samples: int, _: torch.Generator) -> np.ndarray:
        return np.cos(2 * np.pi * 400.0 * np.arange(num_samples) / 48_000).astype(np.float32)

    left, right = painted(begin_loudly).generate(GenerationConfig(0.5, stereo_mode="mid_side", seed=1)).audio
    steps = np.abs(np.diff(left - right))
    beginning = slice(700, 780)  # 15 ms are 720 samples
    assert 0 < steps[beginning].max() < 1.5 * steps[4000:20_000].max()


@pytest.mark.parametrize(("seed", "next_seed"), [(4, 5), (2**63 - 1, 0)])
def test_dual_seed_puts_the_take_of_the_seed_left_and_that_of_the_next_seed_right(
    tiny_pipeline: GenerationPipeline, seed: int, next_seed: int
):
    config = GenerationConfig(2.0, seed=seed, chunk_duration_s=0.25)
    stereo = tiny_pipeline.generate(dataclasses.replace(config, stereo_mode="dual_seed"))
    assert stereo.seed_used == seed
    assert_same_up_to_gain(stereo.audio[0], tiny_pipeline.generate(config).audio)
    assert_same_up_to_gain(stereo.audio[1], tiny_pipeline.generate(dataclasses.replace(config, seed=next_seed)).audio)
    assert resemblance(*stereo.audio) < 0.9


def assert_same_up_to_gain(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one / np.abs(one).max(), other / np.abs(other).max(), rtol=0, atol=2e-6)


def resemblance(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation, whatever its sign; neither may be silent, or it would say nothing."""
    assert min(np.abs(one).max(), np.abs(other).max()) > 0.1
    return abs(float(np.corrcoef(one, other)[0, 1]))


def test_the_two_ways_to_be_long_sound_different(tiny_pipeline: GenerationPipeline):
    takes = [
        tiny_pipeline.generate(GenerationConfig(2.0, seed=4, concat_mode=mode, chunk_duration_s=0.25)).audio
        for mode in CONCAT_MODES
    ]
    assert resemblance(*takes) < 0.9


def test_chunk_length_overlap_and_arc_points_reach_the_chunks(tiny_pipeline: GenerationPipeline):
    crossfade = GenerationConfig(1.5, seed=4, chunk_duration_s=0.5)
    path = dataclasses.replace(crossfade, concat_mode="latent_interpolation")
    hashes = [
        audio_sha256(tiny_pipeline.generate(config).audio)
        for config in (
            crossfade,
            dataclasses.replace(crossfade, chunk_duration_s=0.7),
            dataclasses.replace(crossfade, overlap_samples=480),
            path,
            dataclasses.replace(path, steps_between=1),
        )
    ]
    assert len(set(hashes)) == len(hashes)


# --- seeds ---

VOCODERS = ("mosaic", "griffin_lim")
LENGTHS = {
    "mosaic": {"duration_s": 2.0, "chunk_duration_s": 0.25},
    "griffin_lim": {
        "duration_s": 0.9,
        "chunk_duration_s": 0.5,
    },  # takes more time, and its phases alone tell takes apart
}
SEEDED = [{"vocoder": name, "concat_mode": mode, **LENGTHS[name]} for mode in CONCAT_MODES for name in VOCODERS]
SEEDED_IDS = [f"{fields['concat_mode']}-{fields['vocoder']}" for fields in SEEDED]


@pytest.mark.parametrize("fields", SEEDED, ids=SEEDED_IDS)
def test_the_same_seed_gives_the_same_bits_and_another_seed_another_take(
    tiny_pipeline: GenerationPipeline, tiny_bundle: ModelBundle, fields: dict[str, Any]
):
    first = tiny_pipeline.generate(GenerationConfig(seed=1, **fields)).audio
    np.testing.assert_array_equal(tiny_pipeline.generate(GenerationConfig(seed=1, **fields)).audio, first)
    fresh = GenerationPipeline.from_bundle(tiny_bundle)
    np.testing.assert_array_equal(fresh.generate(GenerationConfig(seed=1, **fields)).audio, first)
    for seed in (0, 2, 2**63 - 1):
        other = tiny_pipeline.generate(GenerationConfig(seed=seed, **fields)).audio
        assert resemblance(first, other) < 0.9


def test_another_process_makes_the_same_bits(tiny_pipeline: GenerationPipeline, tiny_model_folder: Path):
    program = """
import json, sys
from pathlib import Path
from small_dataset_audio.inference import GenerationConfig, GenerationPipeline
from small_dataset_audio.inference.provenance import audio_sha256
from small_dataset_audio.models import load_bundle
pipeline = GenerationPipeline.from_bundle(load_bundle(Path(sys.argv[1])))
for fields in json.loads(sys.argv[2]):
    print(audio_sha256(pipeline.generate(GenerationConfig(seed=1, **fields)).audio))
"""
    stereo = [{"stereo_mode": mode, "sample_rate": 44_100} for mode in ("mid_side", "dual_seed")]
    here = [
        audio_sha256(tiny_pipeline.generate(GenerationConfig(seed=1, **fields)).audio) for fields in SEEDED + stereo
    ]
    there = run_python(program, tiny_model_folder, json.dumps(SEEDED + stereo)).split()
    assert there == here


@pytest.mark.parametrize("fields", SEEDED, ids=SEEDED_IDS)
def test_no_global_generator_is_read_or_changed(tiny_pipeline: GenerationPipeline, fields: dict[str, Any]):
    def global_state() -> tuple[Any, ...]:
        return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), np.random.get_state()[2]  # noqa: NPY002 - that it is global is the point

    takes = []
    for seed in (10, 20):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - see above
        before = global_state()
        takes.append(tiny_pipeline.generate(GenerationConfig(seed=1, **fields)).audio)
        assert global_state() == before
    np.testing.assert_array_equal(*takes)


def test_where_no_seed_is_given_one_is_drawn_and_recorded(painting: GenerationPipeline):
    config = GenerationConfig(0.1)
    first, second = painting.generate(config), painting.generate(config)
    assert first.seed_used != second.seed_used
    assert first.config.seed is None
    again = painting.generate(dataclasses.replace(config, seed=first.seed_used))
    np.testing.assert_array_equal(again.audio, first.audio)
    assert again.seed_used == first.seed_used


# --- the result ---


def test_the_result_says_what_was_made(tiny_pipeline: GenerationPipeline):
    config = GenerationConfig(0.5, seed=9, stereo_mode="mid_side", sample_rate=44_100)
    result = tiny_pipeline.generate(config)
    assert (result.sample_rate, result.seed_used, result.channels) == (44_100, 9, 2)
    assert result.duration_s == 0.5
    assert result.config is config
    assert result.vocoder == "mosaic"
    assert result.quality == compute_quality_score(result.audio, 44_100)


def test_the_corpus_renders_where_it_is_there_and_griffin_lim_where_it_is_not(
    tiny_bundle: ModelBundle, tiny_pipeline: GenerationPipeline
):
    config = GenerationConfig(0.3, seed=1)
    assert tiny_pipeline.generate(config).vocoder == "mosaic"
    chosen = tiny_pipeline.generate(dataclasses.replace(config, vocoder="griffin_lim"))
    without_audio = GenerationPipeline.from_bundle(dataclasses.replace(tiny_bundle, clips=()))
    fallen_back = without_audio.generate(config)
    assert (chosen.vocoder, fallen_back.vocoder) == ("griffin_lim", "griffin_lim")
    np.testing.assert_array_equal(chosen.audio, fallen_back.audio)
    with pytest.raises(InvalidConfigError, match="vocoder is 'mosaic'; this model folder holds no corpus audio"):
        without_audio.generate(dataclasses.replace(config, vocoder="mosaic"))


def test_a_pipeline_of_a_bundle_draws_from_its_density(tiny_bundle: ModelBundle, tiny_pipeline: GenerationPipeline):
    config = GenerationConfig(0.5, seed=1, vocoder="griffin_lim")
    plain = GenerationPipeline(tiny_bundle.model, tiny_bundle.spectrogram)
    assert resemblance(plain.generate(config).audio, tiny_pipeline.generate(config).audio) < 0.9
    assert (plain.model_name, tiny_pipeline.model_name) == ("unknown", "tiny")


def test_a_wrong_setting_is_refused_before_the_model_is_asked(monkeypatch: pytest.MonkeyPatch):
    pipeline = painted()
    monkeypatch.setattr(pipeline.model, "decode", lambda *_: pytest.fail("the model was asked"))
    with pytest.raises(InvalidConfigError, match=r"duration_s is 75\.0"):
        pipeline.generate(GenerationConfig(75.0))


def test_the_pipeline_switches_the_model_to_evaluation(spectrogram: AudioSpectrogram):
    model = narrow_model().train()
    GenerationPipeline(model, spectrogram)
    assert not model.training


def test_the_pipeline_moves_model_and_spectrogram_to_its_device():
    pipeline = GenerationPipeline(narrow_model(), AudioSpectrogram(), "meta")
    tensors = [*pipeline.model.parameters(), *pipeline.model.buffers(), *pipeline.spectrogram.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_a_pipeline_of_a_bundle_tells_model_and_machine(tiny_bundle: ModelBundle):
    assert GenerationPipeline.from_bundle(tiny_bundle).provenance == {
        "model_sha256": tiny_bundle.sha256,
        "environment": describe_environment("cpu"),
    }
    assert GenerationPipeline.from_bundle(tiny_bundle, provenance={}).provenance == {}


# --- row 11: what is not finite is never written ---


@pytest.mark.parametrize("vocoder", VOCODERS)
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_row_11_a_model_that_decodes_to_no_number_stops_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_bundle: ModelBundle, poison: float, vocoder: str
):
    pipeline = GenerationPipeline.from_bundle(tiny_bundle)
    decode = tiny_bundle.model.decode

    def decode_with_one_bad_frame(z: Tensor, *shape: Any) -> Tensor:
        mel = decode(z, *shape)
        mel[..., 10, 5] = poison
        return mel

    monkeypatch.setattr(pipeline.model, "decode", decode_with_one_bad_frame)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidAudioError, match="NaN or infinite"):
        # Only what leaves the recordings is decoded; what keeps to them is played from them.
        pipeline.export(pipeline.generate(GenerationConfig(0.5, seed=1, vocoder=vocoder, temperature=1.5)))
    assert list(tmp_path.iterdir()) == []


def test_row_11_a_vocoder_that_makes_no_number_stops_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    pipeline = painted(lambda num_samples, _: np.full(num_samples, np.nan, np.float32))
    with pytest.raises(ValueError, match="NaN or infinite"):
        pipeline.export(pipeline.generate(GenerationConfig(0.1, seed=1)))
    assert list(tmp_path.iterdir()) == []


def test_row_11_a_result_that_was_spoilt_afterwards_is_not_written(tmp_path: Path, painting: GenerationPipeline):
    result = painting.generate(GenerationConfig(0.1, seed=1))
    spoilt = dataclasses.replace(result, audio=np.where(np.arange(4800) == 100, np.nan, result.audio))
    with pytest.raises(ValueError, match="1 NaN or infinite samples of 4800"):
        painting.export(spoilt, tmp_path / "takes")
    assert list(tmp_path.rglob("*.*")) == []


# --- export ---


@pytest.fixture(scope="module")
def take(painting: GenerationPipeline) -> GenerationResult:
    return painting.generate(GenerationConfig(0.25, seed=12, stereo_mode="dual_seed", sample_rate=44_100))


def test_a_take_is_written_with_its_sidecar(tmp_path: Path, painting: GenerationPipeline, take: GenerationResult):
    wav_path, json_path = painting.export(take, tmp_path / "new" / "takes")
    assert json_path == wav_path.with_suffix(".json")
    assert re.fullmatch(r"gen_\d{8}T\d{6}Z_seed12\.wav", wav_path.name)
    audio, rate = soundfile.read(wav_path, dtype="float32")
    assert rate == 44_100
    np.testing.assert_allclose(audio.T, take.audio, atol=2.0**-23)
    sidecar = json.loads(json_path.read_text())
    assert (sidecar["model_name"], sidecar["seed"]) == ("unknown", 12)
    assert sidecar["generation"] == json.loads(json.dumps(dataclasses.asdict(take.config)))  # JSON has no tuples
    assert sidecar["quality"] == take.quality
    assert sidecar["audio"]["channels"] == 2
    assert sidecar["audio"]["duration_s"] == take.duration_s
    assert sidecar["provenance"] == {
        "vocoder": take.vocoder,
        "audio_sha256": audio_sha256(take.audio),
        "file_sha256": hashlib.sha256(wav_path.read_bytes()).hexdigest(),
    }


def test_a_second_export_never_overwrites(tmp_path: Path, painting: GenerationPipeline, take: GenerationResult):
    named = painting.export(take, tmp_path, "kick.wav")
    before = [path.read_bytes() for path in named]
    with pytest.raises(OutputError, match=r"kick\.(wav|json) exists already"):
        painting.export(dataclasses.replace(take, seed_used=13), tmp_path, "kick.wav")
    assert [path.read_bytes() for path in named] == before
    first, second = painting.export(take, tmp_path), painting.export(take, tmp_path)
    assert set(first).isdisjoint(second)
    assert len(list(tmp_path.iterdir())) == 6


def test_without_a_folder_takes_go_to_one_named_after_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, take: GenerationResult
):
    monkeypatch.chdir(tmp_path)
    pipeline = painted()
    assert pipeline.export(take)[0].parent == Path("data/generated/unknown")
    pipeline.model_name = "Wälder: 🌲"
    wav_path, json_path = pipeline.export(take)
    assert wav_path.parent == Path("data/generated/Wälder_ 🌲")
    assert json.loads(json_path.read_text())["model_name"] == "Wälder: 🌲"


def test_a_file_where_the_folder_should_be_is_an_error(
    tmp_path: Path, painting: GenerationPipeline, take: GenerationResult
):
    (tmp_path / "takes").write_text("mine")
    with pytest.raises(OutputError, match="takes is a file, not a folder"):
        painting.export(take, tmp_path / "takes")
    with pytest.raises(OutputError, match="takes"):
        painting.export(take, tmp_path / "takes" / "deeper")
    assert (tmp_path / "takes").read_text() == "mine"


def test_from_sidecar_and_model_alone_the_same_audio_is_made(tmp_path: Path, tiny_bundle: ModelBundle):
    pipeline = GenerationPipeline.from_bundle(tiny_bundle, provenance={"model_sha256": tiny_bundle.sha256})
    result = pipeline.generate(
        GenerationConfig(0.4, stereo_mode="mid_side", sample_rate=96_000, bit_depth="32-bit float")
    )
    wav_path, json_path = pipeline.export(result, tmp_path)
    sidecar = json.loads(json_path.read_text())
    config = GenerationConfig.from_mapping({**sidecar["generation"], "seed": sidecar["seed"]})
    again = GenerationPipeline.from_bundle(tiny_bundle).generate(config).audio
    np.testing.assert_array_equal(again, result.audio)
    np.testing.assert_array_equal(again, soundfile.read(wav_path, dtype="float32")[0].T)
    assert sidecar["provenance"] == {
        "model_sha256": tiny_bundle.sha256,
        "vocoder": "mosaic",
        "audio_sha256": audio_sha256(again),
        "file_sha256": hashlib.sha256(wav_path.read_bytes()).hexdigest(),
    }


def test_the_stages_run_in_the_order_of_the_specification(
    monkeypatch: pytest.MonkeyPatch, painting: GenerationPipeline
):
    order = []
    stages = (
        "stream_chunks_crossfade", "anti_alias", "finish", "widen", "scale_to_peak", "resample", "score_stream",
    )  # fmt: skip
    for name in stages:
        module = next(module for module in (generation, rendering, mastering) if hasattr(module, name))
        original = getattr(module, name)

        def note(*arguments: Any, _name: str = name, _original: Any = original, **named: Any) -> Any:
            order.append(_name)
            return _original(*arguments, **named)

        assert inspect.isfunction(original)
        monkeypatch.setattr(module, name, note)
    painting.generate(GenerationConfig(0.1, seed=1, stereo_mode="mid_side", sample_rate=44_100))
    once = list(dict.fromkeys(order))
    assert tuple(once) == stages
