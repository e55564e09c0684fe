"""Loop points, read back by readers that know nothing of how they were written."""

from __future__ import annotations

import shutil
import struct
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edges import noise
from small_dataset_audio.errors import InvalidAudioError
from small_dataset_audio.inference.export import export_take
from small_dataset_audio.inference.sampler_chunk import Loop, SamplerNotes, append_sampler_notes
from small_dataset_audio.inference.wav import export_wav


def chunks_of(wav: Path) -> list[tuple[str, bytes]]:
    """All chunks of a RIFF file, checked: sizes that add up, even borders, nothing behind the end."""
    data = wav.read_bytes()
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WAVE"
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    found, position = [], 12
    while position < len(data):
        assert position % 2 == 0
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        found.append((data[position : position + 4].decode(), data[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    assert position == len(data)
    return found


@pytest.mark.parametrize("bit_depth", ["16-bit", "24-bit", "32-bit float"])
@pytest.mark.parametrize("num_samples", [1_001, 1_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_loop_points_stand_in_a_whole_file_and_move_no_sample(
    tmp_path: Path, bit_depth: str, num_samples: int, channels: int
):
    audio = 0.5 * np.stack([noise(num_samples, seed=seed) for seed in range(channels)])
    plain = export_wav(audio, tmp_path / "plain.wav", 44_100, bit_depth)
    looped = Path(shutil.copy(plain, tmp_path / "looped.wav"))
    append_sampler_notes(looped, 44_100, SamplerNotes(Loop(17, 900)))
    names = [name for name, _ in chunks_of(looped)]
    assert names.count("smpl") == 1
    assert names[-1] == "smpl"
    numbers = struct.unpack("<15I", dict(chunks_of(looped))["smpl"])
    _, _, period_ns, key, fraction, _, _, loops, extra = numbers[:9]
    assert (period_ns, key, fraction, loops, extra) == (22_676, 60, 0, 1, 0)
    _, kind, first, last, loop_fraction, count = numbers[9:]
    assert (kind, first, last, loop_fraction, count) == (0, 17, 900, 0, 0)
    np.testing.assert_array_equal(soundfile.read(looped)[0], soundfile.read(plain)[0])
    if bit_depth != "32-bit float":
        with wave.open(str(looped)) as file:  # the standard library's own parser
            assert file.getnframes() == num_samples


def test_a_key_and_what_is_over_it_are_written(tmp_path: Path):
    path = export_wav(noise(100), tmp_path / "a.wav")
    append_sampler_notes(path, 48_000, SamplerNotes(key=69, cents=50.0))
    numbers = struct.unpack("<9I", dict(chunks_of(path))["smpl"])
    assert numbers[3:5] == (69, 2**31)
    assert numbers[7] == 0  # no loop


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
def test_a_second_program_reads_the_file(tmp_path: Path):
    path = export_wav(noise(1_001), tmp_path / "a.wav")
    append_sampler_notes(path, 48_000, SamplerNotes(Loop(0, 1_000)))
    said = subprocess.run(["sox", "--i", "-V6", str(path)], capture_output=True, text=True, check=True)
    assert "1001 samples" in said.stdout
    assert "WAV Chunk smpl" in said.stderr
    assert "WARN" not in said.stderr


def test_what_is_no_wav_gets_no_loop(tmp_path: Path):
    path = tmp_path / "a.wav"
    for content in (b"", b"RIFF", b"fLaC" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(InvalidAudioError, match=r"a\.wav is no WAV file"):
            append_sampler_notes(path, 48_000, SamplerNotes(Loop(0, 1)))
        assert path.read_bytes() == content


@pytest.mark.parametrize("loop", [True, False])
def test_a_take_has_loop_points_from_its_first_sample_to_its_last_where_it_is_a_loop(tmp_path: Path, loop: bool):
    settings = {"sample_rate": 48_000, "bit_depth": "24-bit", "stereo_mode": "mono", "loop": loop}
    wav_path, _ = export_take(
        noise(999), tmp_path, model_name="m", generation_config=settings, seed=1, quality_metrics={}
    )
    chunks = dict(chunks_of(wav_path))
    assert ("smpl" in chunks) == loop
    if loop:
        assert struct.unpack("<15I", chunks["smpl"])[11:13] == (0, 998)
