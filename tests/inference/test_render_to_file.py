"""A take that goes to disk as it is made: the same take, in little memory, and nothing left where it fails."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from edges import noise
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, InvalidNameError, OutputError
from small_dataset_audio.inference import antialias, file_formats, pieces
from small_dataset_audio.inference.generation import Appraisal, GenerationConfig, GenerationPipeline
from small_dataset_audio.inference.pieces import Stream
from small_dataset_audio.models.bundle import ModelBundle
from tiny import narrow_model

needs_file_limits = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")

Paint = Callable[[int, torch.Generator], np.ndarray]


class PaintedVocoder:
    """Paints noise, quicker than any vocoder renders."""

    name = "mosaic"

    def __init__(self, paint: Paint) -> None:
        self.paint = paint

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> np.ndarray:
        return self.paint(num_samples, generator)


def paint_noise(num_samples: int, generator: torch.Generator) -> np.ndarray:
    return (torch.rand(num_samples, generator=generator) - 0.4).numpy()


def painted(paint: Paint = paint_noise) -> GenerationPipeline:
    return GenerationPipeline(narrow_model(), AudioSpectrogram(), vocoders={"mosaic": PaintedVocoder(paint)})


@pytest.fixture(scope="module")
def painting() -> GenerationPipeline:
    return painted()


CASES: list[dict[str, Any]] = [
    {},
    {"concat_mode": "latent_interpolation", "bit_depth": "32-bit float"},
    {"stereo_mode": "mid_side", "sample_rate": 44_100, "bit_depth": "16-bit"},
    {"stereo_mode": "mid_side", "sample_rate": 96_000, "concat_mode": "latent_interpolation"},
    {"stereo_mode": "dual_seed", "sample_rate": 96_000, "bit_depth": "32-bit float"},
    {"vocoder": "griffin_lim", "duration_s": 0.9, "chunk_duration_s": 0.5},
    {"loop": True, "stereo_mode": "mid_side", "sample_rate": 44_100},
    {"loop": True, "stereo_mode": "dual_seed", "bit_depth": "32-bit float", "concat_mode": "latent_interpolation"},
]


@pytest.mark.parametrize("fields", CASES, ids=str)
def test_the_files_are_those_of_a_take_that_was_made_in_memory(
    tmp_path: Path, tiny_bundle: ModelBundle, fields: dict[str, Any]
):
    pipeline = GenerationPipeline.from_bundle(tiny_bundle)
    config = GenerationConfig(**{"duration_s": 4.3, "seed": 5, **fields})
    result = pipeline.generate(config)
    in_memory = pipeline.export(result, tmp_path / "memory", "take")
    *to_disk, summary = pipeline.render_to_file(config, tmp_path / "disk", "take")
    assert [path.name for path in to_disk] == ["take.wav", "take.json"]
    assert to_disk[0].read_bytes() == in_memory[0].read_bytes()
    sidecars = [json.loads(path.read_text()) for path in (in_memory[1], to_disk[1])]
    for sidecar in sidecars:
        sidecar.pop("timestamp")
    assert sidecars[0] == sidecars[1]
    for name in ("quality", "sample_rate", "config", "seed_used", "duration_s", "channels", "vocoder"):
        assert getattr(summary, name) == getattr(result, name), name
    assert summary.audio_sha256 == sidecars[0]["provenance"]["audio_sha256"]


@pytest.mark.parametrize("fields", [{}, {"stereo_mode": "mid_side", "sample_rate": 44_100}, {"loop": True}], ids=str)
def test_a_minute_does_not_depend_on_how_it_is_cut_into_pieces(
    monkeypatch: pytest.MonkeyPatch, painting: GenerationPipeline, fields: dict[str, Any]
):
    config = GenerationConfig(60.0, seed=2, **fields)
    usual = painting.generate(config).audio
    for piece_samples in (12_345, 48_000 * 60):
        monkeypatch.setattr(pieces, "PIECE_SAMPLES", piece_samples)
        monkeypatch.setattr(antialias, "PIECE_SAMPLES", piece_samples)
        np.testing.assert_allclose(painting.generate(config).audio, usual, rtol=0, atol=5e-7)


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("fields", [{}, {"stereo_mode": "mid_side"}, {"loop": True}], ids=str)
def test_memory_does_not_grow_with_the_length(tmp_path: Path, painting: GenerationPipeline, fields: dict[str, Any]):
    def make(duration_s: float) -> int:
        config = GenerationConfig(duration_s, max_duration_s=3600.0, seed=1, sample_rate=96_000, **fields)
        return peak_bytes(lambda: painting.render_to_file(config, tmp_path))

    make(1.0)  # what is loaded once
    short, long = make(20.0), make(100.0)
    # 80 s more are 15 MB at 48 kHz and 31 MB a channel at the end; latents and the quality's frames are a fortieth of it.
    assert long - short < 1e6


def test_progress_counts_the_seconds_of_the_take(tmp_path: Path, painting: GenerationPipeline):
    told: list[tuple[float, float]] = []
    painting.render_to_file(
        GenerationConfig(9.0, seed=1, stereo_mode="dual_seed"), tmp_path, on_progress=lambda *both: told.append(both)
    )
    done = [seconds for seconds, _ in told]
    assert len(done) >= 4
    assert done == sorted(done)
    assert done[-1] == 9.0
    assert {total for _, total in told} == {9.0}


def test_a_take_can_be_told_more_of_in_its_sidecar(tmp_path: Path, painting: GenerationPipeline):
    config = GenerationConfig(0.5, seed=1)

    def listen(take: Stream, quality: Mapping[str, Any]) -> Appraisal:
        peak = float(np.abs(take.first()).max())
        return Appraisal(quality, {"ear": {"samples": take.num_samples, "peak": peak, "far": np.inf}})

    _, heard, _ = painting.render_to_file(config, tmp_path, "heard", appraise=listen)
    assert json.loads(heard.read_text())["ear"] == {
        "samples": 24_000,
        "peak": float(np.float32(0.891)),
        "far": None,
    }
    result = painting.generate(config)
    _, exported = painting.export(result, tmp_path, "exported", sections={"mood": {}})
    assert json.loads(exported.read_text())["mood"] == {}
    for name in ("quality", "version", "provenance"):
        with pytest.raises(InvalidConfigError, match=f"sections holds '{name}'"):
            painting.export(result, tmp_path, "not", sections={name: {}})


def test_whoever_appraises_a_take_has_the_last_word_on_its_rating(tmp_path: Path, painting: GenerationPipeline):
    config = GenerationConfig(0.5, seed=1)
    given: list[dict[str, Any]] = []

    def forbid_green(_: Stream, quality: Mapping[str, Any]) -> Appraisal:
        given.append(dict(quality))
        return Appraisal({**quality, "rating": "red", "reason": "not to my taste"})

    _, sidecar, summary = painting.render_to_file(config, tmp_path, appraise=forbid_green)
    score = painting.generate(config).quality
    assert given == [score]
    assert summary.quality == {**score, "rating": "red", "reason": "not to my taste"}
    assert json.loads(sidecar.read_text())["quality"] == summary.quality


# --- what fails leaves nothing ---


def stopping_at(second: float, error: BaseException) -> Callable[[float, float], None]:
    def stop(done_s: float, _: float) -> None:
        if done_s >= second:
            raise error

    return stop


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()], ids=repr)
def test_a_take_that_is_stopped_half_way_leaves_nothing(
    tmp_path: Path, painting: GenerationPipeline, error: BaseException
):
    with pytest.raises(type(error)):
        painting.render_to_file(GenerationConfig(9.0, seed=1), tmp_path, on_progress=stopping_at(5.0, error))
    assert list(tmp_path.iterdir()) == []


def test_a_take_that_is_stopped_while_it_is_written_leaves_nothing(
    tmp_path: Path, painting: GenerationPipeline, monkeypatch: pytest.MonkeyPatch
):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(soundfile.SoundFile, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        painting.render_to_file(GenerationConfig(1.0, seed=1), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_row_11_a_vocoder_that_makes_no_number_late_in_a_take_leaves_nothing(tmp_path: Path):
    calls = 0

    def fail_at_the_eighth(num_samples: int, generator: torch.Generator) -> np.ndarray:
        nonlocal calls
        calls += 1
        return np.full(num_samples, np.nan if calls == 8 else 0.1, np.float32)

    with pytest.raises(InvalidAudioError, match="NaN or infinite"):
        painted(fail_at_the_eighth).render_to_file(GenerationConfig(9.0, seed=1), tmp_path)
    assert calls >= 8
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def disk_that_takes_only(num_bytes: int) -> Iterator[None]:
    """Let the operating system refuse what goes beyond, as a quota or a full disk would."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@needs_file_limits
@pytest.mark.parametrize(
    "room", [0, 500_000, 1_930_000], ids=["for nothing", "for a part", "for the take, not the WAV"]
)
def test_row_25_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, painting: GenerationPipeline, room: int):
    config = GenerationConfig(10.0, seed=1, stereo_mode="mid_side", bit_depth="32-bit float")  # 1.92 MB, then 3.84 MB
    with (
        disk_that_takes_only(room),
        pytest.raises(OutputError, match=r"cannot (hold the take|be written).*MB are needed"),
    ):
        painting.render_to_file(config, tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- what can be known before the work is refused before it ---


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> GenerationPipeline:
    """A pipeline whose model must not be asked."""
    pipeline = painted()
    monkeypatch.setattr(pipeline.model, "decode", lambda *_: pytest.fail("the model was asked"))
    return pipeline


def test_row_25_a_disk_without_room_is_told_before_the_work(
    tmp_path: Path, idle: GenerationPipeline, monkeypatch: pytest.MonkeyPatch
):
    class DiskUsage:
        free = 3_000_000

    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage)
    with pytest.raises(
        OutputError, match=r"no room for this take: 3\.4 MB are needed while it is made, 3\.0 MB are free"
    ):
        idle.render_to_file(GenerationConfig(10.0, seed=1), tmp_path)


@pytest.mark.parametrize("there", ["kick.wav", "kick.json"])
def test_a_name_that_is_taken_is_told_before_the_work(tmp_path: Path, idle: GenerationPipeline, there: str):
    (tmp_path / there).write_text("mine")
    with pytest.raises(OutputError, match=f"{there} exists already and is not overwritten"):
        idle.render_to_file(GenerationConfig(1.0, seed=1), tmp_path, "kick.wav")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_name_that_is_no_name_is_told_before_the_work(tmp_path: Path, idle: GenerationPipeline):
    with pytest.raises(InvalidNameError, match="give a plain file name"):
        idle.render_to_file(GenerationConfig(1.0, seed=1), tmp_path, "../kick")


def test_row_34_a_file_where_the_folder_should_be_is_told_before_the_work(tmp_path: Path, idle: GenerationPipeline):
    (tmp_path / "takes").write_text("mine")
    with pytest.raises(OutputError, match="takes is a file, not a folder"):
        idle.render_to_file(GenerationConfig(1.0, seed=1), tmp_path / "takes")


def test_more_than_a_wav_can_hold_is_told_before_the_work(
    tmp_path: Path, idle: GenerationPipeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(file_formats, "_MAX_BYTES", 100_000)
    with pytest.raises(InvalidAudioError, match="over the 4 GiB a WAV can hold"):
        idle.render_to_file(GenerationConfig(1.0, seed=1), tmp_path / "takes")
    assert not (tmp_path / "takes").exists()


def test_the_longest_take_of_all_fits_a_wav():
    longest = GenerationConfig(3600.0, max_duration_s=3600.0, sample_rate=96_000, stereo_mode="dual_seed")
    longest.validate()
    file_formats.FILE_FORMATS["wav"].check_size(longest.channels * longest.num_samples, "32-bit float")


def test_a_vocoder_of_two_channels_makes_no_mono_take(tmp_path: Path):
    pipeline = painted(lambda num_samples, _: noise(2 * num_samples).reshape(2, -1))
    with pytest.raises(InvalidAudioError, match=r"pieces of 2 channels.*this take has 1 channels"):
        pipeline.render_to_file(GenerationConfig(1.0, seed=1), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_or_a_seed_both_are_found(
    tmp_path: Path, painting: GenerationPipeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    wav_path, json_path, summary = painting.render_to_file(GenerationConfig(0.2))
    assert wav_path.parent == Path("data/generated/unknown")
    assert json.loads(json_path.read_text())["seed"] == summary.seed_used
    assert summary.config.seed is None
    *_, again = painting.render_to_file(GenerationConfig(0.2, seed=summary.seed_used))
    assert again.audio_sha256 == summary.audio_sha256
