from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile

from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.models.bundle import save_bundle
from tiny import write_recordings
from workflow.walks import strokes

pytestmark = pytest.mark.usefixtures("with_tiny")


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    for way in ("generate", "render_to_file"):
        monkeypatch.setattr(GenerationPipeline, way, lambda *_, **__: pytest.fail("work began"))


def test_takes_are_printed_one_a_line_with_path_length_and_quality(sda: Any):
    done = sda("generate", "tiny", "-d", "0.7", "-n", "2", "--seed", "5", "-o", "takes")
    assert done.code == 0
    lines = done.out.splitlines()
    assert len(lines) == 2
    for line, seed in zip(lines, (5, 6), strict=True):
        path, number, length, unit, rating, *reason = line.split()
        assert Path(path).parent == Path("takes")
        assert number.removeprefix("#").isdecimal()
        assert path.endswith(f"_seed{seed}.wav")
        assert (length, unit) == ("0.70", "s")
        assert rating in {"green", "yellow", "red"}
        assert reason
        assert soundfile.info(path).frames == 33_600


def test_the_json_says_all_of_each_take(sda: Any):
    arguments = [
        "-d",
        "0.5",
        "-n",
        "1",
        "--seed",
        "9",
        "--stereo",
        "mid-side",
        "--rate",
        "44100",
        "--bits",
        "32f",
        "--plot",
    ]
    done = sda("generate", "tiny", *arguments, "--json")
    assert done.code == 0
    assert done.json["model"] == "tiny"
    (take,) = done.json["takes"]
    assert set(take) == {
        "audio",
        "wav",
        "json",
        "picture",
        "seed",
        "duration_s",
        "sample_rate",
        "file_format",
        "bit_depth",
        "channels",
        "blend",
        "quality",
        "evaluation",
        "history",
        "thumbnail",
    }
    assert (take["seed"], take["duration_s"], take["sample_rate"]) == (9, 0.5, 44_100)
    assert (take["channels"], take["bit_depth"]) == (2, "32-bit float")
    assert Path(take["wav"]).parent == Path.cwd() / "data" / "generated" / "tiny"
    assert Path(take["picture"]).read_bytes().startswith(b"\x89PNG")
    info = soundfile.info(take["wav"])
    assert (info.frames, info.channels, info.samplerate, info.subtype) == (22_050, 2, 44_100, "FLOAT")


def test_every_option_reaches_the_sidecar(sda: Any):
    done = sda(
        *("generate", "tiny", "-n", "1", "-d", "1.5s", "--concat", "latent-interpolation", "--stereo", "dual-seed"),
        *("--width", "0.4", "--vocoder", "griffin-lim", "--rate", "96000", "--bits", "16", "--chunk", "0.5"),
        *(
            "--overlap",
            "20",
            "--steps-between",
            "6",
            "--seed",
            "3",
            "--novelty",
            "high",
            "--temperature",
            "0.5",
            "--loop",
            "--json",
        ),
    )
    sidecar = json.loads(Path(done.json["takes"][0]["json"]).read_text())
    assert sidecar["generation"] == {
        "duration_s": 1.5,
        "max_duration_s": 60.0,
        "seed": 3,
        "chunk_duration_s": 0.5,
        "concat_mode": "latent_interpolation",
        "stereo_mode": "dual_seed",
        "stereo_width": 0.4,
        "sample_rate": 96_000,
        "bit_depth": "16-bit",
        "steps_between": 6,
        "overlap_samples": 960,
        "vocoder": "griffin_lim",
        "novelty": "high",
        "temperature": 0.5,
        "loop": True,
        "file_format": "wav",
        "blend_model": None,
        "blend_weight": 0.5,
        "blend_in": "auto",
        "controls": {},
        "near": [],
        "near_strength": 0.7,
        "variations": [],
    }


def test_a_file_that_is_named_says_the_format_and_that_one_take_is_wanted(sda: Any):
    done = sda("generate", "tiny", "-d", "0.2", "-o", "takes/drone.flac", "--json")
    (take,) = done.json["takes"]
    assert (take["file_format"], take["bit_depth"], take["wav"]) == ("flac", "24-bit", None)
    assert Path(take["audio"]) == Path.cwd() / "takes" / "drone.flac"
    assert soundfile.info(take["audio"]).format == "FLAC"
    assert json.loads(Path(take["json"]).read_text())["audio"]["file"] == "drone.flac"


def test_several_takes_of_a_name_are_numbered(sda: Any):
    assert sda("generate", "tiny", "-d", "0.2", "-n", "2", "-o", "drone.mp3", "--plot").code == 0
    names = {path.name for path in Path.cwd().glob("drone*")}
    assert names == {f"drone-{number}{suffix}" for number in (1, 2) for suffix in (".mp3", ".json", ".png")}


def test_a_name_that_is_taken_is_told_before_the_work(sda: Any, no_work: None):
    Path("drone-2.ogg").write_text("mine")
    done = sda("generate", "tiny", "-n", "2", "-o", "drone.ogg")
    assert done.code == 1
    assert "drone-2.ogg exists already" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "mp3", "--rate", "96000"], "--rate is 96000; MP3 files hold 44100 or 48000 Hz"),
        (["--format", "flac", "--bits", "32f"], "--bits is '32-bit float'; FLAC files hold '16-bit' or '24-bit'"),
        (["-o", "x.mp3", "--bits", "16"], "--bits is '16-bit'; MP3 files have no bit depth"),
        (["-o", "x.flac", "--format", "ogg"], "x.flac is the name of a FLAC file, and --format is ogg"),
    ],
)
def test_what_a_format_cannot_hold_is_told_before_the_work(sda: Any, no_work: None, arguments: list[str], message: str):
    done = sda("generate", "tiny", *arguments)
    assert done.code == 2
    assert message in " ".join(done.err.split())
    assert list(Path.cwd().iterdir()) == []


def test_a_folder_that_looks_like_a_file_is_a_folder(sda: Any):
    Path("takes.mp3").mkdir()
    assert sda("generate", "tiny", "-d", "0.2", "-n", "1", "-o", "takes.mp3").code == 0
    assert len(list(Path("takes.mp3").glob("*.wav"))) == 1


def test_a_loop_in_a_format_without_loop_points_says_so(sda: Any):
    done = sda("generate", "tiny", "-d", "0.5", "-n", "1", "--loop", "--format", "flac")
    assert done.code == 0
    assert "FLAC files hold no loop points: loop the whole file, or take 'wav' or 'aiff'" in done.err


def test_a_blend_is_told_on_the_screen_in_the_json_and_in_the_sidecar(sda: Any, tiny_model_folder: Path):
    arguments = ("generate", "tiny", "-d", "0.3", "-n", "1", "--seed", "5", "--blend", f"{tiny_model_folder}:0.25")
    done = sda(*arguments)
    assert done.code == 0
    assert "25 % tiny, blended in audio" in done.out
    done = sda(*arguments, "--blend-in", "mel", "--json")
    (take,) = done.json["takes"]
    assert take["blend"] == {"model": "tiny", "weight": 0.25, "domain": "mel"}
    assert json.loads(Path(take["json"]).read_text())["generation"]["blend_model"] == "tiny"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--blend", "tiny:1.5"], 2, "--blend is 1.5; it must be from 0 to 1"),
        (["--blend", "nobody:0.5"], 1, "no model 'nobody'"),
        (["--blend", "tiny", "--blend-in", "mel", "--vocoder", "mosaic"], 2, "--blend-in is 'mel'"),
    ],
)
def test_a_blend_that_cannot_be_is_told_before_the_work(
    sda: Any, no_work: None, arguments: list[str], code: int, message: str
):
    done = sda("generate", "tiny", *arguments)
    assert done.code == code
    assert message in " ".join(done.err.split())


def test_without_options_four_takes_of_ten_seconds_are_made(sda: Any, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def listen(pipeline: object, config: Any, *, count: int, **_: object) -> Any:
        asked.append((config.duration_s, count))
        return iter(())

    monkeypatch.setattr("small_dataset_audio.workflow.generate_takes", listen)
    assert sda("generate", "tiny").code == 0
    assert asked == [(10.0, 4)]


def test_a_model_can_be_given_by_its_folder(sda: Any, tiny_model_folder: Path):
    done = sda("generate", tiny_model_folder, "-d", "0.2", "-n", "1", "-o", "takes")
    assert done.code == 0
    assert len(list(Path("takes").glob("*.wav"))) == 1


def test_an_unknown_model_is_an_error_that_lists_what_there_is(sda: Any):
    done = sda("generate", "rain")
    assert done.code == 1
    done.assert_one_error_line("'rain'", "tiny")


@pytest.mark.parametrize("name", ["../x", "", "..", "a/b", "/nowhere/at/all"])
def test_row_20_a_name_that_leaves_the_library_is_refused(sda: Any, name: str):
    done = sda("generate", name)
    assert done.code == 1
    done.assert_one_error_line(repr(name))


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("below", ["", "deeper"])
def test_row_34_an_output_folder_that_is_a_file_is_an_error_before_the_work(sda: Any, tmp_path: Path, below: str):
    (tmp_path / "file").write_text("mine")
    done = sda("generate", "tiny", "-o", tmp_path / "file" / below)
    assert done.code == 1
    done.assert_one_error_line(str(tmp_path / "file"), "choose another folder")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.usefixtures("no_work")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_row_34_a_read_only_output_folder_is_an_error_before_the_work(sda: Any, tmp_path: Path):
    (tmp_path / "locked").mkdir(mode=0o500)
    done = sda("generate", "tiny", "-o", tmp_path / "locked")
    assert done.code == 1
    done.assert_one_error_line(str(tmp_path / "locked"), "no permission")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("option", "value"), [("--novelty", "extreme"), ("--temperature", "3.5"), ("--temperature", "nan")]
)
def test_a_walk_that_cannot_be_is_a_wrong_command_line(sda: Any, option: str, value: str):
    done = sda("generate", "tiny", option, value)
    assert done.code == 2
    done.assert_one_error_line(option)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(("option", "value"), [("--count", "0"), ("--seed", str(2**63 - 2))])
def test_a_count_or_a_last_seed_out_of_range_is_a_wrong_command_line(sda: Any, option: str, value: str):
    done = sda("generate", "tiny", option, value)
    assert done.code == 2
    done.assert_one_error_line(option)


def test_takes_in_the_image_of_the_recordings_have_two_channels(sda: Any):
    done = sda("generate", "tiny", "-d", "0.5", "-n", "1", "--stereo", "corpus", "-o", "takes", "--json")
    assert done.code == 0
    (take,) = done.json["takes"]
    assert take["channels"] == 2
    assert json.loads(Path(take["json"]).read_text())["generation"]["stereo_mode"] == "corpus"


@pytest.mark.usefixtures("no_work")
def test_the_image_of_the_recordings_needs_a_vocoder_that_plays_them(sda: Any):
    done = sda("generate", "tiny", "--stereo", "corpus", "--vocoder", "griffin-lim")
    assert done.code == 2
    done.assert_one_error_line("--stereo", "griffin_lim", "'auto'")


def test_the_image_of_the_recordings_needs_a_model_that_keeps_them(sda: Any, tmp_path: Path, tiny_bundle: Any):
    save_bundle(tmp_path / "bare", replace(tiny_bundle, clips=()))
    done = sda("generate", tmp_path / "bare", "--stereo", "corpus", "-o", "takes")
    assert done.code == 2
    done.assert_one_error_line("--stereo", "holds no corpus audio", "'mid_side'")
    assert not list(Path("takes").glob("*"))


def test_ten_minutes_need_no_more_than_to_be_asked_for(sda: Any, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def listen(pipeline: object, config: Any, **_: object) -> Any:
        config.validate()
        asked.append(config.duration_s)
        return iter(())

    monkeypatch.setattr("small_dataset_audio.workflow.generate_takes", listen)
    assert sda("generate", "tiny", "-d", "10m", "-n", "1").code == 0
    assert sda("generate", "tiny", "-d", "1h", "-n", "1").code == 0
    assert asked == [600.0, 3600.0]


def test_one_shots_are_printed_one_a_line_and_in_json(sda: Any, tmp_path: Path):
    home = tmp_path / "home"
    recordings = write_recordings(tmp_path / "strokes", strokes())
    arguments = ("generate", recordings, "--one-shots", "3", "-d", "2", "--seed", "1", "-o", "hits")
    done = sda(*arguments, home=home)
    assert done.code == 0
    paths = [Path(line.split()[0]) for line in done.out.splitlines()]
    assert sorted(paths) == sorted(Path("hits").glob("*.wav"))
    assert len(paths) == 3
    again = sda(*arguments[:-1], "more", "--json", home=home)
    assert again.json["wanted"] == 3
    assert again.json["notes"] == []
    for path, shot in zip(paths, again.json["one_shots"], strict=True):
        assert Path(shot["wav"]).read_bytes() == path.read_bytes()
        assert shot["duration_s"] == soundfile.info(path).duration


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("0",), "--one-shots is 0; it must be from 1 to 128"),
        (("many",), "--one-shots"),
        (("4", "-n", "4"), "not with -n"),
        (("4", "--plot"), "not with --plot"),
        (("4", "--loop"), "not with --loop"),
        (("4", "-d", "2m"), "--duration is"),
    ],
)
def test_one_shots_that_cannot_be_are_a_wrong_command_line(sda: Any, options: tuple[str, ...], words: str):
    done = sda("generate", "tiny", "--one-shots", *options)
    assert done.code == 2
    done.assert_one_error_line(words)
