from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edges import noise
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, InvalidNameError, OutputError
from small_dataset_audio.inference import export
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.export import export_take, write_sidecar_json
from small_dataset_audio.inference.quality import compute_quality_score

CONFIG = GenerationConfig(duration_s=0.01, seed=7)
TAKE: dict[str, Any] = {
    "model_name": "tabla",
    "generation_config": CONFIG,
    "seed": 7,
    "quality_metrics": {"rating": "green"},
}


def refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is not strict JSON")


def read_strictly(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text("utf-8"), parse_constant=refuse)
    assert isinstance(content, dict)
    return content


def sidecar(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    arguments = {"wav_path": tmp_path / "take.wav", **TAKE, "duration_s": 0.01, **changes}
    return read_strictly(write_sidecar_json(**arguments))


def test_the_sidecar_has_exactly_the_keys_of_the_contract(tmp_path: Path):
    content = sidecar(tmp_path)
    assert list(content) == ["version", "timestamp", "model_name", "seed", "generation", "quality", "audio"]
    assert content["version"] == 1
    assert content["model_name"] == "tabla"
    assert content["seed"] == 7
    assert content["generation"]["duration_s"] == 0.01
    assert content["audio"] == {
        "file": "take.wav",
        "format": "WAV",
        "sample_rate": 48_000,
        "bit_depth": "24-bit",
        "channels": 1,
        "duration_s": 0.01,
    }


def test_the_sidecar_lies_beside_the_wav(tmp_path: Path):
    path = write_sidecar_json(str(tmp_path / "a.b.wav"), "m", CONFIG, 1, {}, 1.0)
    assert path == tmp_path / "a.b.json"


def test_the_settings_come_back_from_the_sidecar_as_they_went_in(tmp_path: Path):
    config = GenerationConfig(duration_s=7.77, stereo_mode="mid_side", sample_rate=96_000, bit_depth="32-bit float")
    content = sidecar(tmp_path, generation_config=config)
    assert GenerationConfig.from_mapping(content["generation"]) == config


def test_settings_may_be_a_mapping(tmp_path: Path):
    content = sidecar(
        tmp_path, generation_config={"sample_rate": 44_100, "bit_depth": "16-bit", "stereo_mode": "dual_seed"}
    )
    assert content["audio"]["channels"] == 2
    assert content["audio"]["sample_rate"] == 44_100


@pytest.mark.parametrize(("stereo_mode", "channels"), [("mono", 1), ("mid_side", 2), ("dual_seed", 2)])
def test_the_channels_follow_the_stereo_mode(tmp_path: Path, stereo_mode: str, channels: int):
    assert (
        sidecar(tmp_path, generation_config=GenerationConfig(stereo_mode=stereo_mode))["audio"]["channels"] == channels
    )


def test_the_time_stamp_is_iso_8601_in_utc(tmp_path: Path):
    stamp = datetime.fromisoformat(sidecar(tmp_path)["timestamp"])
    assert stamp.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - stamp) < timedelta(minutes=5)


def test_provenance_gets_its_own_key_where_it_is_given(tmp_path: Path):
    provenance = {"model_sha256": "ab", "torch": "2.13.0", "shape": (1, 2)}
    assert sidecar(tmp_path, provenance=provenance)["provenance"] == {**provenance, "shape": [1, 2]}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), np.float32("nan"), np.float64("inf")])
def test_a_quality_number_that_is_not_finite_becomes_null(tmp_path: Path, number: float):
    content = sidecar(tmp_path, quality_metrics={"snr_db": number, "clipping": {"peak": number, "runs": [1.5, number]}})
    assert content["quality"] == {"snr_db": None, "clipping": {"peak": None, "runs": [1.5, None]}}


def test_numpy_numbers_and_unicode_are_written_as_any_parser_reads_them(tmp_path: Path):
    quality = {"peak": np.float32(0.5), "count": np.int64(3), "clipped": np.bool_(False), "list": np.arange(2)}
    content = sidecar(tmp_path, model_name="Wälder 🌲 עברית", seed=np.int64(7), quality_metrics=quality)
    assert content["quality"] == {"peak": 0.5, "count": 3, "clipped": False, "list": [0, 1]}
    assert content["model_name"] == "Wälder 🌲 עברית"
    assert content["seed"] == 7


def test_a_real_score_goes_into_the_sidecar_unchanged(tmp_path: Path):
    score = compute_quality_score(noise(4800))
    assert sidecar(tmp_path, quality_metrics=score)["quality"] == score


@pytest.mark.parametrize("seed", [0, 2**53 + 1, 2**63 - 1])
def test_every_allowed_seed_is_kept_to_the_last_digit(tmp_path: Path, seed: int):
    assert sidecar(tmp_path, seed=seed)["seed"] == seed


@pytest.mark.parametrize("key", ["sample_rate", "bit_depth", "stereo_mode"])
def test_settings_without_a_needed_key_are_refused_by_name(tmp_path: Path, key: str):
    settings = {"sample_rate": 48_000, "bit_depth": "24-bit", "stereo_mode": "mono"}
    del settings[key]
    with pytest.raises(InvalidConfigError, match=key):
        sidecar(tmp_path, generation_config=settings)
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_is_not_finite_cannot_be_made_again_and_is_refused(tmp_path: Path):
    with pytest.raises(ValueError):
        sidecar(tmp_path, generation_config=GenerationConfig(duration_s=float("inf")))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_sidecar_is_left_as_it_is(tmp_path: Path):
    (tmp_path / "take.json").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        sidecar(tmp_path)
    assert (tmp_path / "take.json").read_text() == "mine"


# --- the pair ---


def test_a_take_is_a_wav_and_its_sidecar(tmp_path: Path):
    audio = noise(480)
    wav_path, json_path = export_take(audio, tmp_path / "new" / "folder", **TAKE, provenance={"model_sha256": "ab"})
    back, rate = soundfile.read(wav_path, dtype="float32")
    np.testing.assert_allclose(back, audio, atol=2.0**-24)
    content = read_strictly(json_path)
    assert content["audio"]["file"] == wav_path.name
    assert content["audio"]["duration_s"] == len(audio) / rate
    file_sha256 = hashlib.sha256(wav_path.read_bytes()).hexdigest()
    assert content["provenance"] == {"model_sha256": "ab", "file_sha256": file_sha256}
    assert sorted(wav_path.parent.iterdir()) == sorted([wav_path, json_path])


@pytest.mark.parametrize("sample_rate", export.SAMPLE_RATE_OPTIONS)
@pytest.mark.parametrize("bit_depth", export.BIT_DEPTH_MAP)
@pytest.mark.parametrize("stereo_mode", ["mono", "mid_side", "dual_seed"])
def test_sidecar_and_wav_agree_in_every_format(tmp_path: Path, sample_rate: int, bit_depth: str, stereo_mode: str):
    config = GenerationConfig(sample_rate=sample_rate, bit_depth=bit_depth, stereo_mode=stereo_mode)
    audio = noise(2001 * config.channels).reshape(config.channels, 2001)
    if stereo_mode == "mono":
        audio = audio[0]
    wav_path, json_path = export_take(audio, tmp_path, **{**TAKE, "generation_config": config})
    described, info = read_strictly(json_path)["audio"], soundfile.info(wav_path)
    assert (described["sample_rate"], described["channels"]) == (info.samplerate, info.channels)
    assert export.BIT_DEPTH_MAP[described["bit_depth"]] == info.subtype
    assert described["duration_s"] * info.samplerate == pytest.approx(info.frames)


def test_the_default_name_has_time_and_seed(tmp_path: Path):
    wav_path, _ = export_take(noise(480), tmp_path, **TAKE)
    stamp = re.fullmatch(r"gen_(\d{8}T\d{6}Z)_seed7\.wav", wav_path.name)
    assert stamp
    written = datetime.strptime(stamp[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)


def test_takes_of_one_second_get_numbers_and_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    freeze_clock(monkeypatch)
    names = [export_take(noise(480), tmp_path, **TAKE)[0].name for _ in range(3)]
    stem = "gen_20260102T030405Z_seed7"
    assert names == [f"{stem}.wav", f"{stem}-2.wav", f"{stem}-3.wav"]
    assert len(list(tmp_path.iterdir())) == 6


def test_a_name_whose_sidecar_alone_exists_counts_as_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    freeze_clock(monkeypatch)
    (tmp_path / "gen_20260102T030405Z_seed7.json").write_text("left by a power cut")
    assert export_take(noise(480), tmp_path, **TAKE)[0].name == "gen_20260102T030405Z_seed7-2.wav"


def test_a_default_name_taken_while_writing_leads_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    freeze_clock(monkeypatch)
    rival = tmp_path / "gen_20260102T030405Z_seed7.wav"
    really_write = export.write_audio

    def write_while_another_process_takes_the_name(*arguments: Any) -> float:
        gain_db = really_write(*arguments)
        if not rival.exists():
            rival.write_bytes(b"the other's")
        return gain_db

    monkeypatch.setattr(export, "write_audio", write_while_another_process_takes_the_name)
    wav_path, json_path = export_take(noise(480), tmp_path, **TAKE)
    assert wav_path.name == "gen_20260102T030405Z_seed7-2.wav"
    assert read_strictly(json_path)["audio"]["file"] == wav_path.name
    assert rival.read_bytes() == b"the other's"
    assert sorted(tmp_path.iterdir()) == sorted([rival, wav_path, json_path])


@pytest.mark.parametrize(
    ("filename", "written"), [("kick", "kick.wav"), ("kick.wav", "kick.wav"), ("v1.2", "v1.2.wav"), ("a.WAV", "a.WAV")]
)
def test_a_given_name_gets_its_suffix(tmp_path: Path, filename: str, written: str):
    wav_path, json_path = export_take(noise(480), tmp_path, **TAKE, filename=filename)
    assert wav_path == tmp_path / written
    assert json_path == wav_path.with_suffix(".json")


@pytest.mark.parametrize("taken", ["kick.wav", "kick.json"])
def test_a_given_name_is_never_overwritten_nor_numbered(tmp_path: Path, taken: str):
    (tmp_path / taken).write_bytes(b"mine")
    with pytest.raises(OutputError, match=f"{taken} exists already"):
        export_take(noise(480), tmp_path, **TAKE, filename="kick")
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_bytes() == b"mine"


@pytest.mark.parametrize("filename", ["", ".", "..", "../kick", "/kick", "a/b", "a\\b", "a\0b"])
def test_a_given_name_cannot_leave_its_folder(tmp_path: Path, filename: str):
    with pytest.raises(InvalidNameError, match="filename"):
        export_take(noise(480), tmp_path / "takes", **TAKE, filename=filename)


def test_audio_that_contradicts_its_settings_is_refused(tmp_path: Path):
    with pytest.raises(InvalidAudioError, match="2 channels; stereo_mode 'mono' makes 1"):
        export_take(np.zeros((2, 480), np.float32), tmp_path, **TAKE)
    assert list(tmp_path.iterdir()) == []


def test_export_does_not_load_torch():
    program = "import sys, small_dataset_audio.inference.export; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def freeze_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    class Frozen(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Frozen:
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(export, "datetime", Frozen)
