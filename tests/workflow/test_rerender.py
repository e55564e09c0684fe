from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from small_dataset_audio.errors import InvalidConfigError, ModelNotFoundError, OutputError, RerenderError, SidecarError
from small_dataset_audio.inference import GenerationConfig, GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import ModelBundle
from small_dataset_audio.workflow import (
    Take,
    TrainRequest,
    generate_takes,
    load_pipeline,
    rerender,
    train_corpus,
)
from tiny import run_python

Change = Callable[[dict[str, Any]], Any]

KINDS = {
    "as it comes": {},
    "wide, for a CD": {"stereo_mode": "mid_side", "sample_rate": 44_100, "bit_depth": "16-bit"},
    "two seeds, in float": {"stereo_mode": "dual_seed", "sample_rate": 96_000, "bit_depth": "32-bit float"},
    "with the recordings' image": {"stereo_mode": "corpus", "sample_rate": 44_100},
    "a path": {"concat_mode": "latent_interpolation", "steps_between": 3},
    "griffin-lim": {"vocoder": "griffin_lim"},
    "far from the recordings": {"novelty": "high", "temperature": 1.7},
    "near to them": {"novelty": "low", "temperature": 0.3},
    "FLAC": {"file_format": "flac"},
    "AIFF in float, that loops": {"file_format": "aiff", "bit_depth": "32-bit float", "loop": True},
    "OGG": {"file_format": "ogg", "sample_rate": 96_000, "stereo_mode": "mid_side"},
    "MP3": {"file_format": "mp3", "sample_rate": 44_100},
    "short chunks": {"chunk_duration_s": 0.1, "overlap_samples": 100, "seed": None},
}


@pytest.fixture
def library(tmp_path: Path, tiny_model_folder: Path) -> Library:
    """A library of one's own with the model ``tiny`` in it."""
    library = Library(tmp_path / "home")
    library.models_folder.mkdir(parents=True)
    shutil.copytree(tiny_model_folder, library.folder_of("tiny"))
    return library


@pytest.fixture
def make_take(tmp_path: Path, library: Library) -> Callable[..., Take]:
    def make(**fields: Any) -> Take:
        config = GenerationConfig(**{"duration_s": 0.4, "chunk_duration_s": 0.2, "seed": 5, **fields})
        (take,) = generate_takes(load_pipeline("tiny", library=library), config, output_dir=tmp_path / "takes")
        return take

    return make


def edited(take: Take, change: Change) -> Path:
    """A copy of the take's sidecar with something changed."""
    content = json.loads(take.json_path.read_text())
    change(content)
    path = take.json_path.with_name("edited.json")
    path.write_text(json.dumps(content))
    return path


# --- the same bits ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_take_is_made_again_bit_for_bit(library: Library, make_take: Callable[..., Take], kind: str):
    take = make_take(**KINDS[kind])
    report = rerender(take.json_path, library=library)
    assert report.identical is True
    assert report.differences == ()
    assert report.same_file is True
    assert report.wav_path.read_bytes() == take.wav_path.read_bytes()
    again, first = (json.loads(path.read_text()) for path in (report.json_path, take.json_path))
    assert again["seed"] == first["seed"] == take.result.seed_used
    assert {**again["generation"], "seed": None} == {**first["generation"], "seed": None}
    assert again["provenance"] == first["provenance"]


def test_another_process_makes_the_same_bits(library: Library, make_take: Callable[..., Take], tmp_path: Path):
    takes = [make_take(seed=seed, **KINDS["two seeds, in float"]) for seed in (5, 6)]
    program = """
import sys
from pathlib import Path
from small_dataset_audio.workflow import rerender
for sidecar in sys.argv[2:]:
    report = rerender(Path(sidecar), output_dir=Path(sys.argv[1]))
    print(report.identical, report.differences, report.wav_path)
"""
    printed = run_python(program, tmp_path / "again", *(take.json_path for take in takes), SDA_HOME=library.root)
    for line, take in zip(printed.splitlines(), takes, strict=True):
        identical, differences, wav_path = line.split(" ", 2)
        assert (identical, differences) == ("True", "()")
        assert Path(wav_path).read_bytes() == take.wav_path.read_bytes()


def test_a_rerendered_take_can_be_rerendered(library: Library, make_take: Callable[..., Take]):
    once = rerender(make_take().json_path, library=library)
    twice = rerender(once.json_path, library=library)
    assert twice.identical is True


# --- where it goes ---


def test_the_new_take_lies_beside_the_first_under_a_free_name(library: Library, make_take: Callable[..., Take]):
    take = make_take()
    folder, stem = take.wav_path.parent, take.wav_path.stem
    names = [rerender(take.json_path, library=library).wav_path for _ in range(2)]
    assert names == [folder / f"{stem}_rerender.wav", folder / f"{stem}_rerender-2.wav"]
    (folder / f"{stem}_rerender-3.json").write_text("mine")
    assert rerender(take.json_path, library=library).wav_path == folder / f"{stem}_rerender-4.wav"
    assert (folder / f"{stem}_rerender-3.json").read_text() == "mine"


def test_the_new_take_goes_where_it_is_told_to(tmp_path: Path, library: Library, make_take: Callable[..., Take]):
    take = make_take()
    report = rerender(take.json_path, output_dir=tmp_path / "new" / "folder", library=library)
    assert report.wav_path == tmp_path / "new" / "folder" / f"{take.wav_path.stem}_rerender.wav"
    assert report.json_path == report.wav_path.with_suffix(".json")
    assert soundfile.info(report.wav_path).frames == 19_200


@pytest.mark.parametrize("suffix", [".wav", ".WAV"])
def test_the_wav_stands_for_its_sidecar(library: Library, make_take: Callable[..., Take], suffix: str):
    take = make_take()
    assert rerender(take.wav_path.with_suffix(suffix), library=library).identical is True


def test_row_34_a_folder_that_cannot_be_written_is_an_error_before_the_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Library, make_take: Callable[..., Take]
):
    take = make_take()
    monkeypatch.setattr(GenerationPipeline, "generate", lambda *_: pytest.fail("a take was made"))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="file is a file, not a folder"):
        rerender(take.json_path, output_dir=tmp_path / "file", library=library)


# --- what differs ---


def test_another_model_hash_is_said(library: Library, make_take: Callable[..., Take]):
    take = make_take()
    now = json.loads(take.json_path.read_text())["provenance"]["model_sha256"]
    sidecar = edited(take, lambda content: content["provenance"].update(model_sha256="f" * 64))
    report = rerender(sidecar, library=library)
    assert report.differences == (f"the model: {'f' * 12} then, {now[:12]} now",)
    assert report.identical is True  # the bits are the same all the same


@pytest.mark.parametrize(
    ("key", "then"), [("torch", "2.9.0+cu128"), ("threads", 64), ("machine", "riscv64"), ("sda", "0.0.1")]
)
def test_another_machine_or_library_is_said_by_name(
    library: Library, make_take: Callable[..., Take], key: str, then: Any
):
    take = make_take()
    now = json.loads(take.json_path.read_text())["provenance"]["environment"][key]
    sidecar = edited(take, lambda content: content["provenance"]["environment"].update({key: then}))
    report = rerender(sidecar, library=library)
    assert report.differences == (f"{key}: {then} then, {now} now",)
    assert report.identical is True


def test_other_bits_are_said(library: Library, make_take: Callable[..., Take]):
    sidecar = edited(make_take(), lambda content: content["provenance"].update(audio_sha256="0" * 64))
    report = rerender(sidecar, library=library)
    assert report.identical is False
    assert report.differences == ()


def forget_novelty(content: dict[str, Any]) -> None:
    """Make it the sidecar of a release that had neither of them."""
    del content["generation"]["novelty"], content["generation"]["temperature"]


@pytest.mark.parametrize("fields", [{"novelty": "low"}, {"temperature": 2.0}, {}], ids=["low", "hot", "as it comes"])
def test_a_sidecar_from_before_novelty_is_made_with_the_defaults_and_told_apart(
    library: Library, make_take: Callable[..., Take], fields: dict[str, Any]
):
    take = make_take(duration_s=2.0, **fields)
    report = rerender(edited(take, forget_novelty), library=library)
    # Identical is said of bits alone: true only where the defaults are what the take was made with.
    assert report.identical is (not fields)
    assert report.differences == (
        "novelty: no such setting then, 'medium' now",
        "temperature: no such setting then, 1.0 now",
    )
    settings = json.loads(report.json_path.read_text())["generation"]
    assert (settings["novelty"], settings["temperature"]) == ("medium", 1.0)


@pytest.mark.parametrize("remove", [("provenance",), ("provenance", "audio_sha256")])
def test_without_a_hash_to_compare_with_nothing_is_claimed(
    library: Library, make_take: Callable[..., Take], remove: tuple[str, ...]
):
    def forget(content: dict[str, Any]) -> None:
        *way, last = remove
        for key in way:
            content = content[key]
        del content[last]

    report = rerender(edited(make_take(), forget), library=library)
    assert report.identical is None
    assert report.differences == ()


@pytest.mark.usefixtures("quick_training")
def test_a_model_that_was_trained_anew_is_found_out(library: Library, make_take: Callable[..., Take], recordings: Path):
    take = make_take()
    shutil.rmtree(library.folder_of("tiny"))
    for _ in train_corpus(TrainRequest(recordings, "tiny", seed=9, max_steps=1), library):
        pass
    report = rerender(take.json_path, library=library)
    assert report.identical is False
    assert len(report.differences) == 1
    assert report.differences[0].startswith("the model: ")


def test_a_preview_says_that_its_model_was_not_saved_yet(library: Library, make_take: Callable[..., Take]):
    take = make_take()
    now = json.loads(take.json_path.read_text())["provenance"]["model_sha256"]
    sidecar = edited(take, lambda content: content["provenance"].update(model_sha256=""))
    assert rerender(sidecar, library=library).differences == (f"the model: not saved then, {now[:12]} now",)


# --- which model ---


def test_a_renamed_model_is_named_by_its_new_name_or_folder(
    tmp_path: Path, library: Library, make_take: Callable[..., Take]
):
    take = make_take()
    library.folder_of("tiny").rename(library.folder_of("renamed"))
    with pytest.raises(ModelNotFoundError, match="no model 'tiny'"):
        rerender(take.json_path, library=library)
    assert rerender(take.json_path, model="renamed", library=library).identical is True
    library.folder_of("renamed").rename(tmp_path / "far away")
    assert rerender(take.json_path, model=str(tmp_path / "far away"), library=library).identical is True


def test_a_take_of_no_saved_model_needs_to_be_told_which(tmp_path: Path, library: Library, tiny_bundle: ModelBundle):
    pipeline = GenerationPipeline.from_bundle(tiny_bundle)
    pipeline.model_name = "unknown"
    _, sidecar = pipeline.export(pipeline.generate(GenerationConfig(0.2, seed=1)), tmp_path)
    with pytest.raises(RerenderError, match="names no saved model; give the one it was made with as --model"):
        rerender(sidecar, library=library)
    assert rerender(sidecar, model="tiny", library=library).identical is True


# --- broken sidecars ---

NOT_SIDECARS = {
    "empty": b"",
    "half": b'{"version": 1, "model_name": "tiny", "se',
    "NaN": b'{"version": NaN}',
    "a list": b"[]",
    "a number": b"7",
    "JSON of another program": b'{"name": "package", "dependencies": []}',
    "deeply nested": b"[" * 100_000,
    "Latin-1": '{"model_name": "Wälder"}'.encode("latin-1"),
    "a WAV": b"RIFF\x24\x00\x00\x00WAVEfmt \xff\xfe",
    "huge": b'{"a": "' + b" " * (2 << 20) + b'"}',
}


@pytest.mark.parametrize("kind", NOT_SIDECARS)
def test_a_file_that_is_no_sidecar_is_refused_by_name(tmp_path: Path, library: Library, kind: str):
    path = tmp_path / "broken.json"
    path.write_bytes(NOT_SIDECARS[kind])
    with pytest.raises(SidecarError, match=r"broken\.json") as caught:
        rerender(path, library=library)
    assert "\n" not in str(caught.value)
    assert "give the .json beside a take" in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["broken.json"]


def test_row_23_a_sidecar_that_is_not_there_or_a_folder_is_named(tmp_path: Path, library: Library):
    with pytest.raises(SidecarError, match=r"nowhere\.json cannot be read"):
        rerender(tmp_path / "nowhere.wav", library=library)
    with pytest.raises(SidecarError, match="cannot be read"):
        rerender(tmp_path, library=library)


BROKEN: dict[str, tuple[Change, type, str]] = {
    "no seed": (lambda content: content.pop("seed"), SidecarError, "no usable 'seed'"),
    "a seed in words": (lambda content: content.update(seed="five"), SidecarError, "no usable 'seed'"),
    "a seed that is true": (lambda content: content.update(seed=True), SidecarError, "no usable 'seed'"),
    "a seed under 0": (lambda content: content.update(seed=-1), InvalidConfigError, "seed is -1"),
    "no model": (lambda content: content.pop("model_name"), SidecarError, "no usable 'model_name'"),
    "no settings": (lambda content: content.update(generation=None), SidecarError, "no usable 'generation'"),
    "no version": (lambda content: content.pop("version"), SidecarError, "no usable 'version'"),
    "a newer version": (lambda content: content.update(version=2), SidecarError, "sidecar version 2; upgrade"),
    "a misspelt setting": (
        lambda content: content["generation"].update(duratoin_s=1.0),
        InvalidConfigError,
        "'duratoin_s' is no generation setting",
    ),
    "a setting out of range": (
        lambda content: content["generation"].update(stereo_width=9),
        InvalidConfigError,
        "stereo_width is 9",
    ),
    "a setting of a wrong type": (
        lambda content: content["generation"].update(overlap_samples="many"),
        InvalidConfigError,
        "overlap_samples is 'many'",
    ),
    "provenance in words": (lambda content: content.update(provenance="mine"), SidecarError, "damaged 'provenance'"),
    "an environment in words": (
        lambda content: content["provenance"].update(environment="sda torch"),
        SidecarError,
        "damaged 'provenance'",
    ),
    "no environment": (
        lambda content: content["provenance"].update(environment=None),
        SidecarError,
        "damaged 'provenance'",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_damaged_sidecar_is_refused_and_nothing_is_written(
    library: Library, make_take: Callable[..., Take], kind: str
):
    change, error, words = BROKEN[kind]
    sidecar = edited(make_take(), change)
    before = sorted(sidecar.parent.iterdir())
    with pytest.raises(error, match=words):
        rerender(sidecar, library=library)
    assert sorted(sidecar.parent.iterdir()) == before
