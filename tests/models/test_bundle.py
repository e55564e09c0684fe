from __future__ import annotations

import contextlib
import itertools
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.modelfiles import assert_refused, rewrite, set_in
from models.tiny import CLIP_LENGTHS, tiny_bundle, tiny_clips, tiny_linear_bundle
from small_dataset_audio.errors import (
    ModelDamagedError,
    ModelError,
    OutputError,
)
from small_dataset_audio.files import sha256_file
from small_dataset_audio.models import ModelBundle, load_bundle, save_bundle
from small_dataset_audio.models import bundle as bundle_module
from small_dataset_audio.models.corpus_files import corpus_file_name
from tiny import corpus_audio_in
from traps import pickled_trap, spring, torch_trap


def assert_equal_bundles(one: ModelBundle, other: ModelBundle) -> None:
    assert one.metadata == other.metadata
    assert one.sha256 == other.sha256
    assert one.spectrogram.config == other.spectrogram.config
    assert one.model.config == other.model.config
    weights, others = one.model.state_dict(), other.model.state_dict()
    assert weights.keys() == others.keys()
    for name, value in weights.items():
        assert torch.equal(value, others[name]), name
    for name in ("latents", "path_lengths", "neighbours", "neighbour_distances", "partners"):
        mine, theirs = getattr(one.density, name), getattr(other.density, name)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    assert one.density.config == other.density.config
    assert len(one.clips) == len(other.clips)
    for clip, another in zip(one.clips, other.clips, strict=True):
        assert clip.dtype == another.dtype == np.float32
        np.testing.assert_array_equal(clip, another)
    assert len(one.sides) == len(other.sides)
    for side, another in zip(one.sides, other.sides, strict=True):
        assert (side is None) == (another is None)
        if side is not None:
            np.testing.assert_array_equal(side, another)


def stereo_bundle() -> ModelBundle:
    """A mono recording between two stereo ones."""
    bundle = tiny_bundle()
    first, _, last = (0.5 * clip[::-1] for clip in bundle.clips)
    return replace(bundle, sides=(first, None, last))


def load_bundle_after_saving(tmp_path: Path, clips: tuple[np.ndarray, ...]) -> ModelBundle:
    save_bundle(tmp_path / "model", tiny_bundle(clips))
    return load_bundle(tmp_path / "model")


# ---- round trip


@pytest.mark.parametrize("make", [tiny_bundle, tiny_linear_bundle, stereo_bundle])
def test_what_is_saved_is_what_is_loaded_to_the_bit(tmp_path: Path, make: Callable[[], ModelBundle]):
    given_bundle = make()
    saved = save_bundle(tmp_path / "model", given_bundle)
    loaded = load_bundle(tmp_path / "model")
    assert_equal_bundles(saved, loaded)
    assert_equal_bundles(replace(given_bundle, metadata=saved.metadata, sha256=saved.sha256), loaded)
    assert not loaded.model.training


def test_a_loaded_model_saved_again_is_the_same_files(tmp_path: Path, folder: Path):
    save_bundle(tmp_path / "copy", load_bundle(folder))
    for name in ("model.safetensors", corpus_audio_in(folder).name):
        assert (tmp_path / "copy" / name).read_bytes() == (folder / name).read_bytes()


def test_a_loaded_model_decodes_and_walks_as_before(folder: Path):
    before, after = tiny_bundle(), load_bundle(folder)
    z = torch.randn(1, 3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(before.model.decode(z), after.model.decode(z))
    walks = [bundle.density.walk(40, np.random.default_rng(1)) for bundle in (before, after)]
    np.testing.assert_array_equal(*(walk.rows for walk in walks))
    np.testing.assert_array_equal(*(walk.latents(0, 40) for walk in walks))


def test_loading_draws_no_random_numbers(folder: Path):
    before = torch.get_rng_state()
    load_bundle(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_folder_holds_two_files_and_no_leftovers(folder: Path):
    assert sorted(path.name for path in folder.iterdir()) == [corpus_audio_in(folder).name, "model.safetensors"]


def test_the_hash_is_that_of_the_model_file_which_holds_that_of_the_audio(folder: Path):
    bundle = load_bundle(folder)
    assert bundle.sha256 == sha256_file(folder / "model.safetensors")
    assert bundle.metadata.corpus_audio is not None
    assert bundle.metadata.corpus_audio.sha256 == sha256_file(corpus_audio_in(folder))


def test_the_stored_audio_is_24_bit_mono_at_48_khz_all_clips_end_to_end(folder: Path):
    info = soundfile.info(corpus_audio_in(folder))
    assert (info.samplerate, info.channels, info.subtype) == (48_000, 1, "PCM_24")
    assert info.frames == sum(CLIP_LENGTHS)
    assert [len(clip) for clip in load_bundle(folder).clips] == list(CLIP_LENGTHS)


def test_audio_is_kept_to_24_bits(tmp_path: Path):
    rng = np.random.default_rng(0)
    clips = tuple(rng.uniform(-0.9, 0.9, length).astype(np.float32) for length in CLIP_LENGTHS)
    saved = save_bundle(tmp_path / "model", tiny_bundle(clips))
    for clip, stored in zip(clips, saved.clips, strict=True):
        np.testing.assert_allclose(stored, clip, atol=2.0**-23, rtol=0)


@pytest.mark.parametrize("peak", [1.0, 3.7, 1e6])
def test_audio_over_full_scale_comes_back_at_its_level(tmp_path: Path, peak: float):
    clips = tuple(clip * np.float32(peak * 2) for clip in tiny_clips())
    loaded = load_bundle_after_saving(tmp_path, clips)
    for clip, stored in zip(clips, loaded.clips, strict=True):
        np.testing.assert_allclose(stored, clip, atol=peak * 2.0**-22, rtol=0)


def test_silent_audio_comes_back_as_silence(tmp_path: Path):
    loaded = load_bundle_after_saving(tmp_path, tuple(np.zeros(length, np.float32) for length in CLIP_LENGTHS))
    assert not any(clip.any() for clip in loaded.clips)


def test_without_audio_there_is_no_audio_file_and_no_clips(tmp_path: Path):
    loaded = load_bundle_after_saving(tmp_path, ())
    assert loaded.clips == ()
    assert loaded.metadata.corpus_audio is None
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model.safetensors"]


def test_saving_without_audio_over_a_model_with_audio_removes_it(folder: Path):
    save_bundle(folder, tiny_bundle(()))
    assert list(folder.glob("*.flac")) == []
    assert load_bundle(folder).clips == ()


def test_stereo_recordings_are_stored_as_mid_and_side(tmp_path: Path):
    bundle = save_bundle(tmp_path / "model", stereo_bundle())
    assert bundle.metadata.corpus_audio is not None
    assert bundle.metadata.corpus_audio.channels == 2
    audio, rate = soundfile.read(corpus_audio_in(tmp_path / "model"))
    assert (audio.shape, rate) == ((sum(CLIP_LENGTHS), 2), 48_000)
    np.testing.assert_array_equal(audio[:, 0], np.concatenate(bundle.clips))
    assert all(clip.flags.c_contiguous for clip in bundle.clips)


def test_stereo_louder_than_full_scale_at_its_side_comes_back_at_its_level(tmp_path: Path):
    given_bundle = tiny_bundle()
    sides = tuple(4 * clip for clip in given_bundle.clips)
    loaded = save_bundle(tmp_path / "model", replace(given_bundle, sides=sides))
    for clip, side in zip(loaded.clips, loaded.sides, strict=True):
        assert side is not None
        np.testing.assert_allclose(side, 4 * clip, atol=4 * 2.0**-20, rtol=0)


def test_a_model_saved_before_there_was_stereo_is_read_as_mono(folder: Path):
    def older(metadata: dict[str, Any]) -> dict[str, Any]:
        assert metadata["corpus_audio"].pop("channels") == 1
        return metadata

    rewrite(folder, metadata=older)
    loaded = load_bundle(folder)
    assert loaded.sides == ()
    assert [len(clip) for clip in loaded.clips] == list(CLIP_LENGTHS)


# ---- damage: each kind its own error, which names the file


DAMAGED_TENSORS: dict[str, Callable[[dict[str, torch.Tensor]], Any]] = {
    "a weight is missing": lambda t: t.pop("vae.decoder.0.weight"),
    "a weight has another shape": lambda t: t.update({"vae.decoder.0.bias": torch.zeros(9)}),
    "a weight has another type": lambda t: t.update({"vae.decoder.0.bias": torch.zeros(8, dtype=torch.float16)}),
    "a weight is NaN": lambda t: t["vae.encoder.0.weight"].view(-1)[5].fill_(float("nan")),
    "a weight is infinite": lambda t: t["vae.encoder.0.weight"].view(-1)[5].fill_(float("inf")),
    "no latents": lambda t: t.pop("density.latents"),
    "latents without steps": lambda t: t.update({"density.latents": torch.zeros(0, 3)}),
    "latents that are one number": lambda t: t.update({"density.latents": torch.tensor(1.0)}),
    "latents of another size": lambda t: t.update({"density.latents": torch.zeros(10, 2)}),
    "latents in half precision": lambda t: t.update({"density.latents": torch.zeros(10, 3, dtype=torch.bfloat16)}),
    "a latent is NaN": lambda t: t["density.latents"][2, 1].fill_(float("nan")),
    "a distance is NaN": lambda t: t["density.neighbour_distances"][2, 1].fill_(float("nan")),
    "neighbours beyond the end": lambda t: t["density.neighbours"][0, 0].fill_(10),
    "neighbours before the start": lambda t: t["density.neighbours"][0, 0].fill_(-1),
    "neighbours of no one": lambda t: t.update(
        {
            "density.neighbours": torch.zeros(10, 0, dtype=torch.int64),
            "density.neighbour_distances": torch.zeros(10, 0),
        }
    ),
    "no partners": lambda t: t.pop("density.partners"),
    "partners beyond the end": lambda t: t["density.partners"][0, 0].fill_(10),
    "fewer distances than neighbours": lambda t: t.update({"density.neighbour_distances": torch.zeros(10, 1)}),
    "paths that are too long": lambda t: t["density.path_lengths"][0].fill_(6),
    "an empty path": lambda t: t.update({"density.path_lengths": torch.tensor([5, 0, 5])}),
    "a negative path": lambda t: t.update({"density.path_lengths": torch.tensor([15, -5])}),
    "paths whose sum overflows to the right number": lambda t: t.update(
        {"density.path_lengths": torch.tensor([2**63 - 1, 2**63 - 1, 12])}
    ),
}


@pytest.mark.parametrize(("field", "value"), [("width", 16), ("latent_dim", 4), ("frames_per_step", 4)])
def test_fault_27_weights_of_another_size_than_the_configuration_are_refused_by_name(
    folder: Path, field: str, value: int
):
    rewrite(folder, metadata=set_in("vae", field, value=value))
    assert_refused(folder, "model.safetensors")


@pytest.mark.parametrize("change", DAMAGED_TENSORS.values(), ids=DAMAGED_TENSORS.keys())
def test_fault_27_damaged_tensors_are_refused_by_name(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]):
    rewrite(folder, tensors=change)
    assert_refused(folder, "model.safetensors")


DAMAGED_LINEAR_TENSORS: dict[str, Callable[[dict[str, torch.Tensor]], Any]] = {
    "no analysis": lambda t: t.pop("linear.analysis"),
    "a synthesis of another shape": lambda t: t.update({"linear.synthesis": torch.zeros(3, 15)}),
    "a mean of another type": lambda t: t.update({"linear.mean": torch.zeros(16, dtype=torch.float16)}),
    "a spread that is NaN": lambda t: t["linear.spread"][1].fill_(float("nan")),
    "latents of another size": lambda t: t.update({"density.latents": torch.zeros(10, 2)}),
    "the weights of a trained model": lambda t: [
        t.update({f"vae.{n[7:]}": t.pop(n)}) for n in list(t) if n[:7] == "linear."
    ],
}


@pytest.mark.parametrize("change", DAMAGED_LINEAR_TENSORS.values(), ids=DAMAGED_LINEAR_TENSORS.keys())
def test_fault_27_damaged_tensors_of_a_linear_model_are_refused_by_name(
    tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], Any]
):
    save_bundle(tmp_path / "linear", tiny_linear_bundle())
    load_bundle(tmp_path / "linear")
    rewrite(tmp_path / "linear", tensors=change)
    assert_refused(tmp_path / "linear", "model.safetensors")


@pytest.mark.parametrize("kept", [0, 7, 8, 500, -1])
def test_fault_27_a_truncated_file_is_refused_by_name(folder: Path, kept: int):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    assert_refused(folder, "model.safetensors")


def test_fault_27_a_header_that_claims_to_be_huge_is_refused_by_name(folder: Path):
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])
    assert_refused(folder, "model.safetensors")


@pytest.mark.parametrize("trap", [pickled_trap, torch_trap], ids=["a pickle", "a torch checkpoint"])
def test_fault_27_a_pickle_is_refused_and_never_unpickled(folder: Path, tmp_path: Path, trap: Callable[[Path], bytes]):
    trace, path = tmp_path / "unpickled", folder / "model.safetensors"
    path.write_bytes(trap(trace))
    assert_refused(folder, path.name)
    assert not trace.exists()
    spring(path.read_bytes())
    assert trace.exists()


def test_fault_27_a_folder_in_place_of_the_file_is_refused_by_name(tmp_path: Path):
    (tmp_path / "odd" / "model.safetensors").mkdir(parents=True)
    assert_refused(tmp_path / "odd", "model.safetensors")


def replace_audio(folder: Path, audio: np.ndarray, rate: int = 48_000) -> None:
    """Store other audio, and a hash that agrees with it."""
    soundfile.write(corpus_audio_in(folder), audio, rate)
    digest = sha256_file(corpus_audio_in(folder))
    rewrite(folder, metadata=set_in("corpus_audio", "sha256", value=digest))


def test_missing_corpus_audio_is_refused_by_name(folder: Path):
    corpus_audio_in(folder).unlink()
    assert_refused(folder, "corpus")


def test_changed_corpus_audio_is_refused_by_name(folder: Path):
    path = corpus_audio_in(folder)
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)
    assert_refused(folder, "corpus")


def test_other_audio_of_the_same_length_is_refused_by_name(folder: Path):
    soundfile.write(corpus_audio_in(folder), np.zeros(sum(CLIP_LENGTHS)), 48_000, "PCM_24")
    assert_refused(folder, "corpus")


def test_corpus_audio_that_does_not_fit_the_list_of_clips_is_refused_by_name(folder: Path):
    replace_audio(folder, np.zeros(sum(CLIP_LENGTHS) - 1))
    assert_refused(folder, "corpus")
    replace_audio(folder, np.zeros(sum(CLIP_LENGTHS)), rate=44_100)
    assert_refused(folder, "corpus")
    replace_audio(folder, np.zeros((sum(CLIP_LENGTHS), 2)))
    assert_refused(folder, "corpus")


def test_paths_that_are_not_one_for_each_recording_are_refused_by_name(folder: Path):
    def join_two(tensors: dict[str, torch.Tensor]) -> None:
        lengths = tensors["density.path_lengths"]
        tensors["density.path_lengths"] = torch.cat([lengths[:2].sum()[None], lengths[2:]])

    rewrite(folder, tensors=join_two)
    assert_refused(folder, "model.safetensors")


@pytest.mark.parametrize("channels", [0, 1, 3, -2])
def test_stereo_audio_that_has_other_channels_than_listed_is_refused_by_name(tmp_path: Path, channels: int):
    save_bundle(tmp_path / "model", stereo_bundle())
    rewrite(tmp_path / "model", metadata=set_in("corpus_audio", "channels", value=channels))
    assert_refused(tmp_path / "model", "corpus")


def test_audio_of_three_channels_is_refused_even_where_listed(folder: Path):
    replace_audio(folder, np.zeros((sum(CLIP_LENGTHS), 3)))
    rewrite(folder, metadata=set_in("corpus_audio", "channels", value=3))
    assert_refused(folder, "corpus")


def test_a_number_of_channels_that_is_no_number_is_refused_by_name(folder: Path):
    rewrite(folder, metadata=set_in("corpus_audio", "channels", value="two"))
    assert_refused(folder, "model.safetensors")


def test_corpus_audio_that_is_no_audio_is_refused_by_name(folder: Path):
    corpus_audio_in(folder).write_bytes(b"<html>" * 100)
    digest = sha256_file(corpus_audio_in(folder))
    rewrite(folder, metadata=set_in("corpus_audio", "sha256", value=digest))
    assert_refused(folder, "corpus")


def test_a_gain_of_nothing_is_refused_by_name(folder: Path):
    rewrite(folder, metadata=set_in("corpus_audio", "gain", value=0.0))
    assert_refused(folder, "model.safetensors")


@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fault_27_a_flipped_byte_is_refused_as_a_model_error_or_does_no_harm(folder: Path, position: int, flip: int):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    contents = bytearray(whole)
    header_bytes = 8 + struct.unpack("<Q", whole[:8])[0]
    contents[position % (header_bytes + 200)] ^= flip
    path.write_bytes(contents)
    try:
        bundle = load_bundle(folder)
    except ModelError as error:
        assert str(folder) in str(error)
        assert "\n" not in str(error)
    else:
        assert torch.isfinite(bundle.model.decode(torch.zeros(1, 3, 4))).all()
        assert np.isfinite(bundle.density.walk(20, np.random.default_rng(0)).latents(0, 20)).all()
    finally:
        path.write_bytes(whole)


# ---- saving that fails


@contextlib.contextmanager
def full_disk(max_bytes: int) -> Iterator[None]:
    """Let no file grow over `max_bytes`, as a full disk would."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("max_bytes", "noisy_samples"),
    [(2_000, 0), (20_000, 100_000)],
    ids=["the weights do not fit", "the audio does not fit"],
)
def test_a_full_disk_leaves_the_older_model_whole(folder: Path, max_bytes: int, noisy_samples: int):
    before = contents_of(folder)
    newer = tiny_bundle(tuple(clip[::-1].copy() for clip in tiny_clips()))
    if noisy_samples:
        newer = tiny_bundle((np.random.default_rng(0).uniform(-0.5, 0.5, noisy_samples).astype(np.float32),))
    with full_disk(max_bytes), pytest.raises(OutputError, match="cannot be written") as caught:
        save_bundle(folder, newer)
    assert str(folder) in str(caught.value)
    assert contents_of(folder) == before
    assert load_bundle(folder).metadata.name == "tiny"


def test_a_file_in_place_of_the_folder_is_refused_by_name(tmp_path: Path):
    (tmp_path / "taken").write_text("a diary")
    with pytest.raises(OutputError, match="taken"):
        save_bundle(tmp_path / "taken", tiny_bundle())
    assert (tmp_path / "taken").read_text() == "a diary"


def test_folders_are_made_where_they_do_not_exist(tmp_path: Path):
    save_bundle(tmp_path / "a" / "b" / "c", tiny_bundle())
    assert load_bundle(tmp_path / "a" / "b" / "c").metadata.name == "tiny"


# --- saved over while it is loaded ---


def test_a_model_that_is_saved_over_while_it_is_loaded_is_the_newer_one_and_no_mixture(
    monkeypatch: pytest.MonkeyPatch, folder: Path
):
    newer = tiny_bundle()
    for value in newer.model.state_dict().values():
        value.mul_(0.5)
    newer = replace(newer, metadata=replace(newer.metadata, name="newer"), clips=newer.clips[::-1])
    really_read = bundle_module.load_corpus_audio
    saved: list[ModelBundle] = []

    def read_late(*arguments: Any) -> Any:
        monkeypatch.setattr(bundle_module, "load_corpus_audio", really_read)
        saved.append(save_bundle(folder, newer))  # metadata and weights of the older one are read already
        return really_read(*arguments)

    monkeypatch.setattr(bundle_module, "load_corpus_audio", read_late)
    loaded = load_bundle(folder)
    assert (loaded.metadata.name, loaded.sha256) == ("newer", saved[0].sha256)
    assert_equal_bundles(loaded, saved[0])


def test_a_model_that_is_replaced_again_and_again_is_told_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, folder: Path
):
    numbers = itertools.count()
    monkeypatch.setattr(bundle_module, "_stamp", lambda _: (next(numbers), 0, 0))
    with pytest.raises(ModelDamagedError, match="replaced again and again"):
        load_bundle(folder)


def test_recordings_of_a_killed_save_are_removed_by_the_next_and_those_of_the_user_are_not(folder: Path):
    (folder / "corpus-0123456789abcdef.flac").write_bytes(b"left by a kill")
    (folder / "corpus-my-notes.flac").write_bytes(b"the user's own")
    (folder / "corpus.flac").write_bytes(b"of a model of 0.1")
    saved = save_bundle(folder, tiny_bundle())
    assert saved.metadata.corpus_audio is not None
    own = corpus_file_name(saved.metadata.corpus_audio)
    assert sorted(path.name for path in folder.iterdir()) == sorted([own, "corpus-my-notes.flac", "model.safetensors"])
