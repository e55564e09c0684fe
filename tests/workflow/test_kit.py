"""Kits of recordings whose strokes are known."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edges import sine
from samplers import RATE, likeness, needs_sampler, play
from small_dataset_audio.errors import InvalidConfigError, OutputError, SidecarError
from small_dataset_audio.files import TEMPORARY_PREFIX
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import Kit, ModelPipeline, make_kit, rerender
from workflow.walks import strokes, walk_of

CONFIG = GenerationConfig(duration_s=2.5, seed=0)
HITS = 6

Walk = tuple[Library, ModelPipeline]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    return walk_of(strokes(), tmp_path_factory.mktemp("strokes"), "strokes")


@pytest.fixture(scope="module")
def kit(walk: Walk, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Read only, please."""
    return make_kit(walk[1], CONFIG, hits=HITS, round_robins=2, folder=tmp_path_factory.mktemp("kits") / "my kit")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Walk, Kit]:
    """A kit of held tones, each with a pitch of its own. Read only, please."""
    length = 48_000 * 5
    time_s = np.arange(length) / 48_000
    swell = np.clip(np.minimum(time_s, 5.0 - time_s) / 0.4, 0.02, 1.0) ** 2
    tones = [
        sum(sine(frequency_hz * k, length, phase=float(k)) / k for k in range(1, 6)) * 0.3 * swell
        for frequency_hz in (110.0, 155.6, 233.1)
    ]
    folder = tmp_path_factory.mktemp("held")
    walk = walk_of([tone.astype(np.float32) for tone in tones], folder, "held")
    config = GenerationConfig(duration_s=12.0, seed=0, novelty="low", temperature=0.0)
    return walk, make_kit(walk[1], config, hits=4, folder=folder / "kit")


def regions(sfz: Path) -> list[dict[str, str]]:
    """Every region with the opcodes of its group, as little as a reader needs."""
    found, group = [], {}
    for line in sfz.read_text(encoding="ascii").splitlines():
        opcodes = dict(re.findall(r"(\w+)=(.*?)(?=\s+\w+=|$)", line))
        if line.startswith("<group>"):
            group = opcodes
        if line.startswith("<region>"):
            found.append({**group, **opcodes})
    return found


def smpl(wav: Path) -> tuple[int, ...] | None:
    data = wav.read_bytes()
    at = data.rfind(b"smpl")
    return (
        None if at < 0 else struct.unpack(f"<{int.from_bytes(data[at + 4 : at + 8], 'little') // 4}I", data[at + 8 :])
    )


def test_every_sound_lies_on_a_key_and_takes_its_turn(kit: Kit):
    found = regions(kit.sfz_path)
    assert len(found) == len(kit.samples) == HITS
    assert {path.name for path in (kit.folder / "samples").glob("*.wav")} == {Path(r["sample"]).name for r in found}
    for region in found:
        same = [other for other in found if other["lokey"] == region["lokey"]]
        assert region["lokey"] == region["hikey"] == region["pitch_keycenter"]
        assert sorted(int(other["seq_position"]) for other in same) == list(range(1, len(same) + 1))
        assert int(region["seq_length"]) == len(same) <= 2
        assert (kit.folder / region["sample"]).is_file()
    assert min(int(region["lokey"]) for region in found) == 36


def test_the_json_says_what_there_is(kit: Kit):
    content = json.loads(kit.json_path.read_text())
    assert (content["version"], content["model_name"], content["seed"]) == (1, "strokes-walk", 0)
    assert [sample["key"] for sample in content["samples"]] == sorted(sample.key for sample in kit.samples)
    for sample in content["samples"]:
        sidecar = json.loads((kit.folder / sample["file"]).with_suffix(".json").read_text())
        assert sidecar["provenance"]["audio_sha256"] == sample["audio_sha256"]
        assert sidecar["audio"]["duration_s"] == sample["duration_s"]


def test_the_json_of_a_kit_is_not_taken_for_that_of_a_take(kit: Kit, walk: Walk):
    with pytest.raises(SidecarError, match="generation"):
        rerender(kit.json_path, library=walk[0])


def test_the_same_seed_makes_the_same_kit(kit: Kit, walk: Walk, tmp_path: Path):
    again = make_kit(walk[1], CONFIG, hits=HITS, round_robins=2, folder=tmp_path / "my kit")
    ours, theirs = (
        {
            str(path.relative_to(made.folder)): path.read_bytes()
            for path in made.folder.rglob("*")
            if path.suffix in {".wav", ".sfz"}
        }
        for made in (kit, again)
    )
    assert ours == theirs
    assert len(ours) >= HITS + 1


def test_a_sound_of_a_kit_is_made_again_from_its_sidecar(held: tuple[Walk, Kit], tmp_path: Path):
    (library, _), kit = held
    for sample in kit.samples:
        if sample.shot.cut.loop_first is not None:
            report = rerender(sample.shot.json_path, output_dir=tmp_path, library=library)
            assert report.identical
            assert report.wav_path.read_bytes() == sample.shot.audio_path.read_bytes()
            return
    pytest.fail("none has a loop")


def test_held_tones_have_loops_and_roots_in_the_sfz_and_in_the_wav(held: tuple[Walk, Kit]):
    _, kit = held
    looped = [region for region in regions(kit.sfz_path) if region["loop_mode"] == "loop_continuous"]
    assert looped
    for region in looped:
        wav = kit.folder / region["sample"]
        notes = smpl(wav)
        assert notes is not None
        assert notes[11:13] == (int(region["loop_start"]), int(region["loop_end"]))
        assert notes[12] < soundfile.info(wav).frames
        # The step over the seam is a step like any other.
        audio = soundfile.read(wav)[0]
        steps = np.abs(np.diff(audio[notes[11] : notes[12] + 1]))
        assert abs(audio[notes[11]] - audio[notes[12]]) <= np.percentile(steps, 99)
    assert kit.keys_sfz_path is not None
    roots = {int(region["pitch_keycenter"]) + int(region["tune"]) / -100 for region in regions(kit.keys_sfz_path)}
    assert roots
    # Those that say 44.1 kHz without having been converted to it are so much lower.
    lower = 12 * np.log2(44_100 / 48_000)
    for root in roots:
        assert min(abs(root - known) for known in (45.0 + lower, 51.0, 58.0 + lower)) < 0.1, roots


def test_the_keys_of_pitched_sounds_cover_the_keyboard_without_a_gap(held: tuple[Walk, Kit]):
    keys = held[1].keys_sfz_path
    assert keys is not None
    ranges = sorted((int(region["lokey"]), int(region["hikey"])) for region in regions(keys))
    for (_, high), (low, _) in itertools.pairwise(ranges):
        assert low == high + 1
    for region in regions(keys):
        assert int(region["lokey"]) <= int(region["pitch_keycenter"]) <= int(region["hikey"])


@needs_sampler
def test_a_sampler_opens_a_kit_and_each_key_sounds(walk: Walk, tmp_path: Path):
    kit = make_kit(walk[1], CONFIG, hits=3, round_robins=1, folder=tmp_path / "a kit")
    notes = [(sample.key, 1.0 + 5.0 * number, 5.5 + 5.0 * number) for number, sample in enumerate(kit.samples)]
    played = play(kit.sfz_path, notes, tmp_path / "played")
    for (_, begin_s, end_s), sample in zip(notes, kit.samples, strict=True):
        audio = soundfile.read(sample.shot.audio_path)[0]
        heard = played[round((begin_s - 0.1) * RATE) : round(end_s * RATE)]
        assert likeness(heard, audio) > 0.98


def test_a_folder_that_is_there_is_left_as_it_is(walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ModelPipeline, "generate", lambda *_: pytest.fail("work began"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("mine")
    for name in ("mine", "file"):
        with pytest.raises(OutputError, match="exists already"):
            make_kit(walk[1], CONFIG, hits=1, folder=tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]


def test_without_a_folder_kits_are_named_by_their_seed(walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names = [make_kit(walk[1], CONFIG, hits=1).folder for _ in "ab"]
    assert names == [Path("data/generated/strokes-walk") / name for name in ("kit_seed0", "kit_seed0-2")]


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, {"hits": 0}, "hits is 0"),
        ({}, {"round_robins": 0}, "round_robins is 0"),
        ({}, {"round_robins": 17}, "round_robins is 17"),
        ({"loop": True}, {}, "loop is True"),
        ({"file_format": "flac"}, {}, "file_format is 'flac'"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    walk: Walk, tmp_path: Path, changes: dict[str, Any], options: dict[str, int], words: str
):
    with pytest.raises(InvalidConfigError, match=words):
        make_kit(walk[1], replace(CONFIG, **changes), folder=tmp_path / "kit", **options)
    assert list(tmp_path.iterdir()) == []


MAKE_KIT = """
import sys
from pathlib import Path
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.workflow import load_pipeline, make_kit
pipeline = load_pipeline("strokes-walk")
make_kit(pipeline, GenerationConfig(duration_s=2.5, seed=0), hits=6, folder=Path(sys.argv[1]),
         on_progress=lambda *_: print("begun", flush=True))
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_a_kill_leaves_no_kit_and_the_next_one_sweeps(walk: Walk, tmp_path: Path):
    folder = tmp_path / "kit"
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE_KIT, str(folder)],
        env={**os.environ, "SDA_HOME": str(walk[0].root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not folder.exists()
    assert all(path.name.startswith(TEMPORARY_PREFIX) for path in tmp_path.iterdir())
    make_kit(walk[1], CONFIG, hits=1, folder=folder)
    assert [path.name for path in tmp_path.iterdir()] == ["kit"]


def test_a_full_disk_leaves_nothing(walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("small_dataset_audio.workflow.kit.write_json", full)
    with pytest.raises(OutputError, match="disk is full"):
        make_kit(walk[1], CONFIG, hits=1, folder=tmp_path / "kit")
    assert list(tmp_path.iterdir()) == []
