"""Every way to join, every stereo mode, rate and depth, for awkward durations: each file is opened again and measured."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from real.readers import parse_strictly, read_pcm, read_with_sox
from real.spectrum import highest_band_over_22_khz_db
from real.studio import CORPORA, Studio
from small_dataset_audio.inference.config import CONCAT_MODES, STEREO_MODES, GenerationConfig
from small_dataset_audio.inference.export import BIT_DEPTH_MAP, SAMPLE_RATE_OPTIONS

pytestmark = pytest.mark.real

SHORT_S = (0.05, 0.333, 1.0)
LONG_S = (7.77, 59.9)
BITS = {"16-bit": 16, "24-bit": 24, "32-bit float": 32}


@dataclass(frozen=True)
class Case:
    """A take to make."""

    corpus: str
    config: GenerationConfig

    def __str__(self) -> str:
        c = self.config
        words = (self.corpus, c.concat_mode, c.stereo_mode, c.sample_rate, c.bit_depth, f"{c.duration_s}s", c.vocoder)
        return "-".join(str(word).replace(" ", "_") for word in words)


def all_cases() -> Iterator[Case]:
    """Each cell of the table at a short duration, the corpora by turns; each pair of mode and rate at every duration."""
    modes, stereos, rates, depths = CONCAT_MODES, STEREO_MODES, SAMPLE_RATE_OPTIONS, tuple(BIT_DEPTH_MAP)
    seed = itertools.count()

    def case(turn: int, duration_s: float, mode: str, stereo: str, rate: int, depth: str) -> Case:
        config = GenerationConfig(
            duration_s=duration_s,
            concat_mode=mode,
            stereo_mode=stereo,
            sample_rate=rate,
            bit_depth=depth,
            seed=next(seed),
        )
        return Case(CORPORA[turn % len(CORPORA)], config)

    for turn in itertools.product(*map(enumerate, (modes, stereos, rates, depths))):
        (i, mode), (j, stereo), (k, rate), (m, depth) = turn
        yield case(i + j + k + m, SHORT_S[(j + m) % 3], mode, stereo, rate, depth)
    for (i, mode), (k, rate) in itertools.product(enumerate(modes), enumerate(rates)):
        for n, duration_s in enumerate((*SHORT_S, *LONG_S)):
            found = case(i + k + n, duration_s, mode, stereos[(i + k + n) % 4], rate, depths[(2 * i + k + n) % 3])
            yield found
            if n == k % 3:
                # What computes has no image of the recordings to keep.
                stereo = "mono" if found.config.stereo_mode == "corpus" else found.config.stereo_mode
                yield Case(found.corpus, replace(found.config, vocoder="griffin_lim", stereo_mode=stereo))


CASES = tuple(all_cases())


@dataclass(frozen=True, eq=False)
class Take:
    """A take as it lies on the disk; `audio` is what soundfile reads [shape=(frames, channels), float64]."""

    config: GenerationConfig
    corpus: str
    wav_path: Path
    json_path: Path
    audio: np.ndarray
    result_audio: np.ndarray


@pytest.fixture(scope="module", params=CASES, ids=str)
def take(request: pytest.FixtureRequest, studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Take]:
    """Each case made and written once; all tests look at it before the next is made."""
    case: Case = request.param
    pipeline = studio.trained_on(case.corpus).pipeline
    result = pipeline.generate(case.config)
    wav_path, json_path = pipeline.export(result, tmp_path_factory.mktemp("take"))
    audio, _ = soundfile.read(wav_path, dtype="float64", always_2d=True)
    yield Take(case.config, case.corpus, wav_path, json_path, audio, result.audio)
    wav_path.unlink()


def test_the_table_is_complete():
    cells = set(itertools.product(CONCAT_MODES, STEREO_MODES, SAMPLE_RATE_OPTIONS, BIT_DEPTH_MAP))
    by_rate = set(itertools.product(CONCAT_MODES, SAMPLE_RATE_OPTIONS, SHORT_S + LONG_S))
    by_corpus = set(itertools.product(CORPORA, CONCAT_MODES, STEREO_MODES, SAMPLE_RATE_OPTIONS))
    configs = [(case.corpus, case.config) for case in CASES if case.config.vocoder == "auto"]
    assert {(c.concat_mode, c.stereo_mode, c.sample_rate, c.bit_depth) for _, c in configs} == cells
    assert {(c.concat_mode, c.sample_rate, c.duration_s) for _, c in configs} == by_rate
    assert {(name, c.concat_mode, c.stereo_mode, c.sample_rate) for name, c in configs} == by_corpus


def test_length_rate_channels_and_depth_are_those_asked_for(take: Take):
    header = soundfile.info(take.wav_path)
    assert header.frames == len(take.audio) == round(take.config.duration_s * take.config.sample_rate)
    assert header.samplerate == take.config.sample_rate
    assert header.channels == (1 if take.config.stereo_mode == "mono" else 2)
    assert (header.format, header.subtype) == ("WAV", BIT_DEPTH_MAP[take.config.bit_depth])


def test_a_second_reader_finds_the_same_samples(take: Take):
    second = (read_with_sox if take.config.bit_depth == "32-bit float" else read_pcm)(take.wav_path)
    assert (second.sample_rate, second.bits) == (take.config.sample_rate, BITS[take.config.bit_depth])
    assert second.samples.shape == take.audio.shape
    np.testing.assert_allclose(second.samples, take.audio, rtol=0, atol=second.tolerance)


def test_every_sample_is_a_number_at_or_under_minus_1_dbfs(take: Take):
    assert np.isfinite(take.audio).all()
    assert np.abs(take.audio).max() <= 0.8913


def test_no_channel_has_a_constant_offset_over_minus_60_dbfs(take: Take):
    assert np.abs(take.audio.mean(axis=0)).max() < 10 ** (-60 / 20)


def test_nothing_over_22_khz_is_within_80_db_of_the_strongest_band(take: Take):
    assert highest_band_over_22_khz_db(take.audio, take.config.sample_rate) < -80.0


def test_the_sidecar_is_strict_json_and_agrees_with_the_file(take: Take):
    sidecar: dict[str, Any] = parse_strictly(take.json_path.read_text(encoding="utf-8"))
    header = soundfile.info(take.wav_path)
    assert (sidecar["version"], sidecar["model_name"], sidecar["seed"]) == (1, take.corpus, take.config.seed)
    assert sidecar["generation"] == json.loads(json.dumps(asdict(take.config)))  # JSON has no tuples
    assert sidecar["audio"] == {
        "file": take.wav_path.name,
        "format": header.format,
        "sample_rate": header.samplerate,
        "bit_depth": take.config.bit_depth,
        "channels": header.channels,
        "duration_s": pytest.approx(header.frames / header.samplerate, rel=1e-12),
    }
    assert sidecar["quality"]["rating"] in {"green", "yellow", "red"}
    assert sidecar["quality"]["clipping"]["peak"] == pytest.approx(np.abs(take.audio).max(), abs=2.0**-15)
    assert sidecar["provenance"]["vocoder"] == ("mosaic" if take.config.vocoder == "auto" else take.config.vocoder)


def test_the_file_holds_the_samples_whose_hash_the_sidecar_keeps(take: Take):
    recorded = parse_strictly(take.json_path.read_text(encoding="utf-8"))["provenance"]["audio_sha256"]
    made = np.ascontiguousarray(take.result_audio, dtype="<f4")
    assert hashlib.sha256(made.tobytes()).hexdigest() == recorded
    half_step = 0.0 if take.config.bit_depth == "32-bit float" else 0.5 * 2.0 ** (1 - BITS[take.config.bit_depth])
    np.testing.assert_allclose(take.audio, np.atleast_2d(made).T, rtol=0, atol=half_step)
