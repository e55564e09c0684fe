from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from small_dataset_audio.audio import read_audio
from small_dataset_audio.audio.guarded_decoder import GuardedDecoder
from small_dataset_audio.corpus import ScanConfig, scan_corpus
from small_dataset_audio.corpus.intake import take_in
from small_dataset_audio.errors import AudioFileError
from tiny import run_python

KINDS = [
    ("WAV", "PCM_16", 1),
    ("WAV", "FLOAT", 2),
    ("WAV", "MS_ADPCM", 2),
    ("AIFF", "PCM_24", 6),
    ("FLAC", "PCM_24", 2),
    ("OGG", "VORBIS", 2),
    ("OGG", "OPUS", 1),
    ("MP3", None, 2),
    ("CAF", "DOUBLE", 3),
]


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Longer than a block, of every kind; some cut short, and some that are none."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for container, subtype, channels in KINDS:
        path = folder / f"{container} {subtype}.wav"
        sf.write(path, 0.2 * rng.standard_normal((100_000, channels)), 48_000, format=container, subtype=subtype)
        data = path.read_bytes()
        path.with_name(f"cut {path.name}").write_bytes(data[: len(data) // 2])
    sf.write(folder / "nan.wav", np.full(48_000, np.nan), 48_000, subtype="FLOAT")
    (folder / "text.wav").write_text("no recording")
    (folder / "empty.wav").write_bytes(b"")
    return folder


def test_what_comes_out_is_what_decoding_in_this_process_gives_bit_for_bit(recordings):
    compared = 0
    with GuardedDecoder() as decoder:
        for path in recordings.iterdir():
            try:
                here = read_audio(path)
            except AudioFileError as error:
                with pytest.raises(AudioFileError) as there:
                    decoder.decode(path)
                assert f"{path}: {there.value}" == str(error)
                continue
            there = decoder.decode(path)
            np.testing.assert_array_equal(there.audio, here.audio)
            assert (there.audio.dtype, there.audio.strides) == (here.audio.dtype, here.audio.strides)
            assert (there.sample_rate, there.format, there.subtype) == (here.sample_rate, here.format, here.subtype)
            assert there.notes == here.notes
            compared += 1
    assert compared >= len(KINDS)


def test_a_scan_gives_the_clips_and_reports_of_taking_in_each_file_here(recordings):
    corpus = scan_corpus(recordings)
    here = {path.name: take_in(path, path.name, ScanConfig()) for path in recordings.iterdir()}
    assert {report.name: report for report in corpus.files} == {name: report for name, (report, _) in here.items()}
    for clip in corpus.clips:
        expected = here[clip.name][1]
        np.testing.assert_array_equal(clip.audio, expected.audio)
        np.testing.assert_array_equal(clip.side, expected.side)
        assert clip.content_hash == expected.content_hash


def test_a_name_that_is_no_text_is_found(recordings):
    path = recordings / "\u00e9\u65e5\u672c \U0001f3b5 'quoted'\udcff.wav"
    try:
        shutil.copy(recordings / "WAV PCM_16.wav", path)
    except (OSError, UnicodeError):
        path = recordings / "\u00e9\u65e5\u672c \U0001f3b5.wav"
        shutil.copy(recordings / "WAV PCM_16.wav", path)
    with GuardedDecoder() as decoder:
        assert decoder.decode(path).audio.shape == (1, 100_000)


def test_a_relative_path_means_what_it_means_here(recordings, monkeypatch):
    with GuardedDecoder() as decoder:
        decoder.decode(recordings / "WAV PCM_16.wav")
        monkeypatch.chdir(recordings)
        assert decoder.decode(Path("WAV PCM_16.wav")).audio.shape == (1, 100_000)


def test_the_process_loads_no_torch_and_nothing_else_that_takes_long():
    loaded = run_python(
        "import sys, json, small_dataset_audio.audio.decoder_process\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    assert set(json.loads(loaded)).isdisjoint({"torch", "scipy", "librosa", "matplotlib"})


def test_a_script_without_a_main_guard_is_not_run_again_and_modules_of_its_folder_are_not_taken_for_others(
    recordings, tmp_path
):
    (tmp_path / "where I stand").mkdir()
    for name in ("numpy", "soundfile", "struct"):
        (tmp_path / "where I stand" / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "script").mkdir()
    script = tmp_path / "script" / "mine.py"
    script.write_text(
        "import sys, warnings\n"
        "from pathlib import Path\n"
        "warnings.simplefilter('error')\n"
        "from small_dataset_audio.corpus import scan_corpus\n"
        "print(len(scan_corpus(Path(sys.argv[1])).clips))\n"
    )
    done = subprocess.run(
        [sys.executable, script, recordings],
        cwd=tmp_path / "where I stand",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{len(scan_corpus(recordings).clips)}\n", "")
