"""A take of two models of a library: made, made again, and told what to do where the second one is not as it was."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_dataset_audio.errors import InvalidConfigError, ModelNotFoundError, RerenderError
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import ModelBundle, save_bundle
from small_dataset_audio.workflow import Take, generate_takes, load_pipeline, make_one_shots, rerender

CONFIG = GenerationConfig(
    0.4, seed=5, chunk_duration_s=0.2, blend_model="backwards", blend_weight=0.4, file_format="flac"
)


@pytest.fixture
def library(tmp_path: Path, tiny_model_folder: Path, tiny_bundle: ModelBundle) -> Library:
    """A library with ``tiny``, and ``backwards``, which plays the recordings of that from their ends."""
    library = Library(tmp_path / "home")
    library.models_folder.mkdir(parents=True)
    shutil.copytree(tiny_model_folder, library.folder_of("tiny"))
    save_second(library, tiny_bundle)
    return library


def save_second(library: Library, bundle: ModelBundle, licence: str = "CC0-1.0") -> None:
    corpus = replace(bundle.metadata.corpus, licence=licence)
    turned = tuple(np.ascontiguousarray(clip[::-1]) for clip in bundle.clips)
    metadata = replace(bundle.metadata, name="backwards", corpus=corpus)
    save_bundle(library.folder_of("backwards"), replace(bundle, metadata=metadata, clips=turned))


def make(library: Library, **fields: Any) -> Take:
    pipeline = load_pipeline("tiny", library=library)
    (take,) = generate_takes(pipeline, replace(CONFIG, **fields), output_dir=library.root.parent / "takes")
    return take


@pytest.mark.parametrize("fields", [{}, {"vocoder": "griffin_lim"}], ids=["audio", "mel"])
def test_a_blend_is_made_again_bit_for_bit(library: Library, fields: dict[str, Any]):
    take = make(library, **fields)
    provenance = json.loads(take.json_path.read_text())["provenance"]
    assert provenance["blend"]["domain"] == take.result.blended_in == ("mel" if fields else "audio")
    assert provenance["blend"]["model_sha256"] != provenance["model_sha256"]
    report = rerender(take.json_path, library=library)
    assert (report.identical, report.differences) == (True, ())
    assert report.wav_path.read_bytes() == take.audio_path.read_bytes()


def test_a_blend_is_compared_with_the_recordings_of_both(library: Library):
    pipeline = load_pipeline("tiny", library=library, blend="backwards")
    reference = pipeline.reference_for(CONFIG)
    assert reference is not None
    for model, prefix in ((pipeline, ""), (pipeline.partner, "backwards: ")):
        name, clip = model.corpus[4]
        longest = reference.evaluate(clip).novelty.copying.longest
        assert longest is not None
        assert longest.file == f"{prefix}{name}"
    assert pipeline.reference_for(replace(CONFIG, blend_weight=0.0)) is pipeline.reference
    assert pipeline.reference_for(replace(CONFIG, blend_weight=1.0)) is pipeline.partner.reference


def test_one_shots_are_cut_from_a_blend(library: Library):
    pipeline = load_pipeline("tiny", library=library)
    config = replace(CONFIG, duration_s=2.0, chunk_duration_s=1.0)
    made = make_one_shots(pipeline, config, 1, output_dir=library.root.parent / "shots", evaluate=False)
    (shot,) = made.shots
    assert json.loads(shot.json_path.read_text())["provenance"]["blend"]["model_name"] == "backwards"
    assert rerender(shot.json_path, library=library).identical is True


def test_a_second_model_that_is_gone_is_named_with_the_option_that_takes_another(library: Library):
    take = make(library)
    elsewhere = library.root.parent / "elsewhere"
    library.folder_of("backwards").rename(elsewhere)
    with pytest.raises(ModelNotFoundError, match=r"no model 'backwards'; .* made with as --blend"):
        rerender(take.json_path, library=library)
    with pytest.raises(ModelNotFoundError, match=r"no model 'backwards'"):
        make(library)
    assert rerender(take.json_path, library=library, blend=str(elsewhere)).identical is True


def test_a_second_model_that_changed_is_told(library: Library, tiny_bundle: ModelBundle):
    take = make(library)
    shutil.rmtree(library.folder_of("backwards"))
    save_second(library, tiny_bundle, licence="of another")
    report = rerender(take.json_path, library=library)
    assert report.identical is True  # its sound did not change
    (difference,) = report.differences
    assert difference.startswith("the model blended in: ")


def test_a_take_of_one_model_takes_no_second(library: Library):
    take = make(library, blend_model=None)
    with pytest.raises(RerenderError, match="a take of one model; leave --blend out"):
        rerender(take.json_path, library=library, blend="backwards")


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp", "models/backwards"])  # noqa: S108 - never written to
def test_what_a_setting_names_is_looked_for_in_the_library_alone(library: Library, name: str):
    shutil.copytree(library.folder_of("backwards"), library.root.parent / "elsewhere")
    with pytest.raises((ModelNotFoundError, InvalidConfigError, ValueError)) as caught:
        make(library, blend_model=name)
    assert name in str(caught.value)
