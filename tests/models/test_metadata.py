from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from models.modelfiles import KEY, assert_refused, header_of, remove, rewrite, set_in
from models.tiny import CLIP_LENGTHS, tiny_bundle, tiny_linear_bundle
from small_dataset_audio.errors import ModelDamagedError, ModelNotFoundError, ModelVersionError
from small_dataset_audio.files import parse_json
from small_dataset_audio.models import load_bundle, read_metadata, save_bundle


def test_the_metadata_is_strict_json_that_is_read_without_torch(folder: Path):
    program = (
        "import json, struct, sys\n"
        "file = open(sys.argv[1], 'rb')\n"
        "header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))\n"
        "def refuse(constant): raise ValueError(constant)\n"
        "metadata = json.loads(header['__metadata__']['small_dataset_audio'], parse_constant=refuse)\n"
        "print(metadata['format_version'], metadata['corpus']['licence'], ascii(metadata['corpus']['folder_name']))\n"
        "assert 'torch' not in sys.modules\n"
    )
    arguments = [sys.executable, "-I", "-c", program, str(folder / "model.safetensors")]
    printed = subprocess.run(arguments, capture_output=True, check=True, text=True).stdout
    assert printed.strip() == r"2 CC0-1.0 'Gl\xf6ckchen \U0001f514'"


def test_the_metadata_says_all_there_is_to_know_of_the_corpus_and_the_training(folder: Path):
    text = header_of(folder / "model.safetensors")["__metadata__"][KEY]
    metadata = parse_json(text, source="metadata")
    assert metadata["corpus"]["content_hash"] == "c0" * 32
    assert [clip["num_samples"] for clip in metadata["corpus"]["clips"]] == list(CLIP_LENGTHS)
    assert metadata["training"]["seed"] == 7
    assert metadata["training"]["held_out_loss"] is None
    assert metadata["vae"]["mel_mean"] == -3.5
    assert read_metadata(folder) == load_bundle(folder).metadata


def test_the_metadata_is_read_without_loading_torch(folder: Path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from small_dataset_audio.models import read_metadata\n"
        "print(read_metadata(Path(sys.argv[1])).name, 'torch' in sys.modules)\n"
    )
    printed = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, check=True, text=True)
    assert printed.stdout.strip() == "tiny False"


def test_the_duration_of_the_corpus_is_that_of_its_clips(folder: Path):
    assert read_metadata(folder).corpus.duration_s == sum(CLIP_LENGTHS) / 48_000


def test_reading_the_metadata_does_not_read_the_weights(folder: Path):
    path = folder / "model.safetensors"
    contents = bytearray(path.read_bytes())
    contents[-100:] = b"\xff" * 100
    path.write_bytes(contents)
    assert read_metadata(folder).name == "tiny"


def test_fields_of_a_later_minor_release_are_passed_over(folder: Path):
    rewrite(folder, metadata=lambda metadata: {**metadata, "mood": "blue"})
    assert load_bundle(folder).metadata.name == "tiny"


def test_a_model_is_of_one_kind_and_says_which(folder: Path, tmp_path: Path):
    save_bundle(tmp_path / "linear", tiny_linear_bundle())
    trained, linear = read_metadata(folder), read_metadata(tmp_path / "linear")
    assert (trained.kind, linear.kind) == ("vae", "linear")
    assert trained.autoencoder == trained.vae is not None
    assert linear.autoencoder == linear.linear is not None
    for vae, other in ((None, None), (trained.vae, linear.linear)):
        with pytest.raises(ValueError, match="either vae or linear"):
            replace(trained, vae=vae, linear=other)


def test_files_of_the_first_format_know_no_other_kind_than_a_trained_one(folder: Path):
    def first_format(metadata: dict[str, Any]) -> dict[str, Any]:
        return {**remove("linear")(metadata), "format_version": 1}

    rewrite(folder, metadata=first_format, tensors=lambda tensors: tensors.pop("density.partners"))
    loaded = load_bundle(folder)
    assert (loaded.metadata.format_version, loaded.metadata.kind) == (1, "vae")
    assert torch.equal(loaded.model.decode(torch.ones(1, 3, 2)), tiny_bundle().model.decode(torch.ones(1, 3, 2)))


DAMAGED_METADATA: dict[str, Callable[[dict[str, Any]], Any]] = {
    "not JSON": lambda _: "{",
    "not an object": lambda _: "[1]",
    "endless brackets": lambda _: "[" * 100_000,
    "NaN": lambda metadata: json.dumps(metadata).replace("61.5", "NaN"),
    "no version": remove("format_version"),
    "a version in words": set_in("format_version", value="one"),
    "a version that is true": set_in("format_version", value=True),
    "no corpus": remove("corpus"),
    "no weights' configuration": remove("vae"),
    "a text for a number": set_in("vae", "width", value="wide"),
    "a fraction for a count": set_in("vae", "latent_dim", value=2.5),
    "a width of a million": set_in("vae", "width", value=10**6),
    "a latent of minus one": set_in("vae", "latent_dim", value=-1),
    "frames per step of 3": set_in("vae", "frames_per_step", value=3),
    "no FFT": set_in("spectrogram", "n_fft", value=0),
    "an odd FFT": set_in("spectrogram", "n_fft", value=511),
    "no floor": set_in("spectrogram", "amplitude_floor", value=0.0),
    "other bands than the model": set_in("spectrogram", "n_mels", value=9),
    "no autoencoder": set_in("vae", value=None),
    "two autoencoders": set_in("linear", value={"n_mels": 8, "latent_dim": 3, "frames_per_step": 2, "bands_pooled": 2}),
    "no neighbours": set_in("density", "num_neighbours", value=0),
}


@pytest.mark.parametrize("change", DAMAGED_METADATA.values(), ids=DAMAGED_METADATA.keys())
def test_fault_27_damaged_metadata_is_refused_by_name(folder: Path, change: Callable[[dict[str, Any]], Any]):
    rewrite(folder, metadata=change)
    assert_refused(folder, "model.safetensors")


DAMAGED_LINEAR_METADATA: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no sizes": remove("linear"),
    "three bands pooled of eight": set_in("linear", "bands_pooled", value=3),
    "a latent of a hundred": set_in("linear", "latent_dim", value=100),
    "other bands than the spectrogram": set_in("linear", "n_mels", value=16),
    "another latent size than the density": set_in("linear", "latent_dim", value=2),
}


@pytest.mark.parametrize("change", DAMAGED_LINEAR_METADATA.values(), ids=DAMAGED_LINEAR_METADATA.keys())
def test_fault_27_damaged_metadata_of_a_linear_model_is_refused_by_name(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any]
):
    save_bundle(tmp_path / "linear", tiny_linear_bundle())
    load_bundle(tmp_path / "linear")
    rewrite(tmp_path / "linear", metadata=change)
    assert_refused(tmp_path / "linear", "model.safetensors")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_fault_27_the_weights_of_another_program_are_refused_by_name(folder: Path, metadata: dict[str, str] | None):
    save_file({"weight": torch.zeros(3)}, folder / "model.safetensors", metadata=metadata)
    with pytest.raises(ModelDamagedError, match="not made by this program"):
        load_bundle(folder)
    assert_refused(folder, "model.safetensors")


@pytest.mark.parametrize("version", [3, 99])
def test_fault_28_a_newer_format_asks_for_an_upgrade_and_is_not_touched(folder: Path, version: int):
    def future(metadata: dict[str, Any]) -> dict[str, Any]:
        return {"format_version": version, "sda_version": "9.1", "everything": "else is different"}

    rewrite(folder, metadata=future)
    before = (folder / "model.safetensors").read_bytes()
    assert_refused(folder, "model.safetensors", ModelVersionError)
    with pytest.raises(ModelVersionError, match=rf"made by sda 9\.1 \(model format {version}\); upgrade"):
        read_metadata(folder)
    assert (folder / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_without_a_model_is_not_found(tmp_path: Path, made: bool):
    folder = tmp_path / "nothing here"
    if made:
        folder.mkdir()
    with pytest.raises(ModelNotFoundError, match="nothing here") as caught:
        load_bundle(folder)
    assert isinstance(caught.value, LookupError)
