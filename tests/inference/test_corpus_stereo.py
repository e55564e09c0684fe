"""Takes in the stereo image of the recordings: each sound where it was recorded, and the same music as in mono."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference import mastering
from small_dataset_audio.inference.generation import GenerationConfig, GenerationPipeline
from small_dataset_audio.inference.pieces import MemoryStore, Stream
from small_dataset_audio.inference.provenance import audio_sha256
from small_dataset_audio.inference.stereo import left_and_right
from small_dataset_audio.models.bundle import ModelBundle

Sides = Sequence[np.ndarray | None]

KINDS: dict[str, dict[str, Any]] = {
    "played": {"novelty": "low"},
    "played, bent and detuned": {},
    "played, in two voices": {"novelty": "high"},
    "decoded": {"temperature": 2.0},
    "a path": {"concat_mode": "latent_interpolation"},
    "short chunks": {"chunk_duration_s": 0.1, "overlap_samples": 480},
}


def take_config(**fields: Any) -> GenerationConfig:
    return GenerationConfig(**{"duration_s": 2.0, "seed": 3, "stereo_mode": "corpus", **fields})


def pipeline_of(bundle: ModelBundle, sides: Sides) -> GenerationPipeline:
    return GenerationPipeline.from_bundle(replace(bundle, sides=tuple(sides)))


def unlike(bundle: ModelBundle) -> list[np.ndarray]:
    """Sides that have nothing in common with the mids."""
    return [0.3 * clip[::-1] for clip in bundle.clips]


def rendered(pipeline: GenerationPipeline, config: GenerationConfig) -> np.ndarray:
    """What is rendered at 48 kHz, before ends, peak and rate."""
    seed, rendering = pipeline._prepare(config)
    return MemoryStore(*mastering.shape_at_48k(config)).fill(rendering.render(config, seed)).first()


@pytest.fixture(scope="module")
def stereo(tiny_bundle: ModelBundle) -> GenerationPipeline:
    return pipeline_of(tiny_bundle, unlike(tiny_bundle))


# --- the mid ---


@pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS.keys())
def test_mid_and_side_stay_apart_until_all_is_joined_and_the_mid_is_the_mono_take_bit_for_bit(
    tiny_bundle: ModelBundle, stereo: GenerationPipeline, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    config = take_config(**fields)
    mono = rendered(pipeline_of(tiny_bundle, ()), replace(config, stereo_mode="mono"))
    monkeypatch.setattr("small_dataset_audio.inference.rendering.left_and_right", lambda pieces: pieces)
    mid, side = rendered(stereo, config)
    np.testing.assert_array_equal(mid, mono[0])
    assert np.abs(side).max() > 0.01


def test_left_and_right_are_mid_plus_and_less_side(stereo: GenerationPipeline):
    left, right = rendered(stereo, take_config())
    mono = rendered(stereo, take_config(stereo_mode="mono"))[0]
    np.testing.assert_allclose((left + right) / 2, mono, atol=1e-6)
    pieces = [np.array([[1.0, 2.0], [0.5, -3.0]], np.float32), np.array([[0.0], [1.0]], np.float32)]
    assert [piece.tolist() for piece in left_and_right(pieces)] == [[[1.5, -1.0], [0.5, 5.0]], [[1.0], [-1.0]]]


# --- the image ---


def test_recordings_on_one_side_give_takes_on_that_side(tiny_bundle: ModelBundle):
    for sign, silent in ((1, 1), (-1, 0)):
        panned = pipeline_of(tiny_bundle, [sign * clip for clip in tiny_bundle.clips])
        for fields in KINDS.values():
            take = rendered(panned, take_config(**fields))
            assert not take[silent].any()
            assert take[1 - silent].any()


def test_tones_come_back_each_at_its_side(tiny_bundle: ModelBundle):
    time_s = np.arange(96_000) / 48_000
    tones = [0.4 * np.sin(2 * np.pi * hz * time_s).astype(np.float32) for hz in (330.0, 1250.0)]
    # Faded, since a tone that stops short is heard at all frequencies.
    clips = [
        (tones[number % 2][: len(clip)] * np.hanning(len(clip))).astype(np.float32)
        for number, clip in enumerate(tiny_bundle.clips)
    ]
    sides = [clip if number % 2 == 0 else -clip for number, clip in enumerate(clips)]
    panned = pipeline_of(replace(tiny_bundle, clips=tuple(clips)), sides)
    walks = [fields for fields in KINDS.values() if "concat_mode" not in fields]  # a path need not go by both tones
    for fields in walks:
        take = rendered(panned, take_config(duration_s=12.0, **fields))
        spectrum = np.abs(np.fft.rfft(take * np.hanning(take.shape[1])))
        hz = np.fft.rfftfreq(take.shape[1], 1 / 48_000)
        low, high = (np.sqrt(np.square(spectrum[:, np.abs(hz - near) < 100]).sum(axis=1)) for near in (330.0, 1250.0))
        assert low[0] > 30 * low[1], fields
        assert high[1] > 30 * high[0], fields


def test_mono_recordings_stay_in_the_middle(tiny_bundle: ModelBundle):
    silent = [np.zeros_like(clip) for clip in tiny_bundle.clips]
    for sides in ((), [None] * len(silent), silent):
        take = pipeline_of(tiny_bundle, sides).generate(take_config())
        assert take.channels == 2
        np.testing.assert_array_equal(take.audio[0], take.audio[1])


def test_a_recording_without_a_side_stays_in_the_middle_beside_one_that_has_one(tiny_bundle: ModelBundle):
    first, *others = tiny_bundle.clips
    pipeline = pipeline_of(tiny_bundle, [first, *[None] * len(others)])
    left, right = rendered(pipeline, take_config(duration_s=6.0, novelty="low"))
    in_the_middle = np.abs(left - right) < 1e-6
    assert 0.05 < in_the_middle[np.abs(left) > 0.01].mean() < 1.0


# --- the take ---


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_a_take_is_exact_in_length_and_under_the_peak_at_any_rate(stereo: GenerationPipeline, rate: int):
    result = stereo.generate(take_config(duration_s=0.7, sample_rate=rate))
    assert result.audio.shape == (2, round(0.7 * rate))
    assert np.abs(result.audio).max() <= 0.8913


def test_a_take_written_as_it_is_made_is_the_take(tmp_path: Path, stereo: GenerationPipeline):
    config = take_config()
    _, json_path, summary = stereo.render_to_file(config, tmp_path)
    assert summary.audio_sha256 == audio_sha256(stereo.generate(config).audio)
    sidecar = json.loads(json_path.read_text())
    assert sidecar["generation"]["stereo_mode"] == "corpus"
    assert sidecar["audio"]["channels"] == 2
    assert sidecar["provenance"]["vocoder"] == "mosaic"
    again = GenerationConfig.from_mapping(sidecar["generation"])
    assert audio_sha256(stereo.generate(again).audio) == summary.audio_sha256


def test_a_model_without_recordings_has_no_image_and_says_so(tiny_bundle: ModelBundle):
    bare = GenerationPipeline.from_bundle(replace(tiny_bundle, clips=()))
    with pytest.raises(InvalidConfigError, match="stereo_mode is 'corpus'; this model folder holds no corpus audio"):
        bare.generate(take_config())


def test_a_stream_keeps_its_length_through_left_and_right():
    middle = Stream(2, 3, lambda: iter([np.ones((2, 2), np.float32), np.ones((2, 1), np.float32)]))
    np.testing.assert_array_equal(middle.through(left_and_right).first(), [[2, 2, 2], [0, 0, 0]])
