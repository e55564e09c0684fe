from __future__ import annotations

import importlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from small_dataset_audio.corpus import MODEL_SCAN, ScanProgress, scan_corpus
from small_dataset_audio.errors import CorpusError, InvalidConfigError, OutputError
from small_dataset_audio.inference import GenerationConfig, GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.models import LinearAutoencoder, LinearConfig, load_bundle
from small_dataset_audio.models.bundle import MODEL_FILE, save_bundle
from small_dataset_audio.workflow import (
    WalkModelReady,
    WalkProgress,
    evaluate_model,
    generate_takes,
    load_pipeline,
    quick_model,
    rerender,
)
from tiny import corpus_audio_in, five_clips, hashes_below, write_recordings

first_sound = importlib.import_module("small_dataset_audio.workflow.first_sound")


def ready(folder: Path, library: Library, **options: Any) -> WalkModelReady:
    *_, last = quick_model(folder, library, **options)
    assert isinstance(last, WalkModelReady)
    return last


@pytest.fixture(scope="module")
def walk_library(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Library:
    """A library with the walk model of the recordings. Read only, please."""
    library = Library(tmp_path_factory.mktemp("walk"))
    ready(recordings, library)
    return library


# --- what is made ---


def test_events_tell_what_is_read_and_what_is_done(library: Library, recordings: Path):
    events = list(quick_model(recordings, library))
    kinds = [type(event) for event in events]
    assert kinds[:5] == [ScanProgress] * 5
    assert set(kinds[5:-1]) == {WalkProgress}
    assert kinds[-1] is WalkModelReady
    for event in events[5:-1]:
        assert event.stage
        assert 0 <= event.done < event.total
    for event in events:
        assert len(repr(event)) < 400


def test_a_folder_becomes_a_model_of_the_library_that_was_not_trained(walk_library: Library, recordings: Path):
    (entry,) = walk_library.entries()
    bundle, corpus = load_bundle(entry.folder), scan_corpus(recordings, MODEL_SCAN)
    assert sorted(path.name for path in entry.folder.iterdir()) == [corpus_audio_in(entry.folder).name, MODEL_FILE]
    assert bundle.metadata.name == entry.folder.name == "my plucks-walk"
    assert bundle.metadata.kind == "linear"
    assert bundle.metadata.linear == LinearConfig()
    assert isinstance(bundle.model, LinearAutoencoder)
    assert bundle.metadata.corpus.content_hash == corpus.content_hash
    assert bundle.metadata.corpus.licence == "unspecified"
    assert (bundle.metadata.training.steps, bundle.metadata.training.stop_reason) == (0, "fitted")
    assert 0.0 < bundle.metadata.training.loss < 1.0
    assert [len(clip) for clip in bundle.clips] == [len(clip.audio) for clip in corpus.clips]


def test_its_walks_are_as_those_of_trained_models(walk_library: Library, trained_library: Library):
    walking, trained = (library.entries()[0].metadata for library in (walk_library, trained_library))
    assert walking is not None
    assert trained is not None
    assert walking.density == trained.density


def test_its_takes_sound_like_the_recordings_and_are_made_again_bit_for_bit(tmp_path: Path, walk_library: Library):
    pipeline = load_pipeline("my plucks-walk", library=walk_library)
    (take,) = generate_takes(pipeline, GenerationConfig(3.0, seed=1), output_dir=tmp_path)
    assert take.result.vocoder == "mosaic"
    assert take.evaluation is not None
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * 48_000).astype(np.float32)
    assert take.evaluation.similarity_percent > pipeline.reference.evaluate(noise, 48_000).similarity_percent + 20.0
    assert rerender(take.json_path, library=walk_library).identical is True


def test_what_it_sees_of_the_recordings_is_close_to_them(walk_library: Library):
    bundle = load_bundle(walk_library.find("my plucks-walk"))
    for clip in bundle.clips:
        mel = bundle.spectrogram.waveform_to_mel(torch.from_numpy(clip))
        assert (bundle.model.autoencode(mel) - mel).square().mean() < 0.1 * mel.var()


def test_it_can_be_evaluated_as_any_model(walk_library: Library):
    *_, finished = evaluate_model("my plucks-walk", duration_s=2.0, library=walk_library)
    assert [stage.name for stage in finished.evaluation.stages] == ["corpus", "vocoder", "autoencoder", "generated"]


def test_the_recordings_are_not_touched(library: Library, recordings: Path):
    before = hashes_below(recordings)
    ready(recordings, library)
    assert hashes_below(recordings) == before


def test_the_global_generators_are_left_alone(library: Library, recordings: Path):
    before = torch.get_rng_state()
    ready(recordings, library)
    assert torch.equal(torch.get_rng_state(), before)


# --- found again ---


def test_the_same_recordings_find_the_model_that_is_there(library: Library, recordings: Path, tmp_path: Path):
    first = ready(recordings, library)
    before = hashes_below(library.models_folder)
    copy = tmp_path / "elsewhere"
    shutil.copytree(recordings, copy)
    (copy / "pluck 0.wav").rename(copy / "zero.wav")
    for folder in (recordings, copy):
        again = ready(folder, library)
        assert (again.name, again.folder, again.is_new) == (first.name, first.folder, False)
    assert first.is_new
    assert hashes_below(library.models_folder) == before


def test_a_recording_more_makes_another_model_and_leaves_the_first(library: Library, tmp_path: Path):
    folder = write_recordings(tmp_path / "plucks")
    first = ready(folder, library)
    before = hashes_below(first.folder)
    soundfile.write(folder / "new.wav", five_clips()[2][::-1], 48_000)
    second = ready(folder, library)
    assert (first.name, second.name, second.is_new) == ("plucks-walk", "plucks-walk-2", True)
    assert hashes_below(first.folder) == before


def test_a_model_made_with_other_settings_is_not_taken_for_what_would_be_made_now(
    library: Library, recordings: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(first_sound, "DENSITY", replace(first_sound.DENSITY, min_run_steps=7))
        older = ready(recordings, library)
    newer = ready(recordings, library)
    assert (newer.name, newer.is_new) == (f"{older.name}-2", True)


def test_a_trained_model_of_the_same_recordings_is_not_taken_for_a_walk(trained_library: Library, recordings: Path):
    (entry,) = trained_library.entries()
    assert first_sound._kept_model(trained_library, scan_corpus(recordings, MODEL_SCAN)) is None
    assert entry.metadata is not None
    assert entry.metadata.corpus.content_hash == scan_corpus(recordings, MODEL_SCAN).content_hash


def test_a_model_kept_in_mono_is_not_taken_for_recordings_that_are_stereo(library: Library, recordings: Path):
    first = ready(recordings, library)
    assert load_bundle(first.folder).sides
    corpus = scan_corpus(recordings, MODEL_SCAN)
    assert first_sound._kept_model(library, corpus) is not None
    save_bundle(first.folder, replace(load_bundle(first.folder), sides=()))
    assert first_sound._kept_model(library, corpus) is None


def test_two_that_begin_at_once_get_two_names(library: Library, recordings: Path):
    first, second = quick_model(recordings, library), quick_model(recordings, library)
    for running in (first, second):
        while not isinstance(next(running), WalkProgress):
            pass
    names = [event.name for running in (first, second) for event in running if isinstance(event, WalkModelReady)]
    assert names == ["my plucks-walk", "my plucks-walk-2"]


# --- refused, or broken off ---


def test_row_23_a_folder_that_is_missing_or_holds_nothing_leaves_no_model(library: Library, tmp_path: Path):
    with pytest.raises(CorpusError, match="nowhere does not exist"):
        ready(tmp_path / "nowhere", library)
    with pytest.raises(CorpusError, match="holds no audio files"):
        ready(tmp_path, library)
    assert library.entries() == ()


def test_an_unknown_device_is_refused_before_any_work(library: Library, recordings: Path):
    with pytest.raises(InvalidConfigError, match="device is 'tpu'"):
        next(quick_model(recordings, library, device="tpu"))
    assert not library.root.exists()


def test_row_34_a_library_that_cannot_be_written_is_an_error_before_the_first_file_is_read(
    tmp_path: Path, recordings: Path
):
    (tmp_path / "home").write_text("a file where the library should be")
    with pytest.raises(OutputError, match="home"):
        next(quick_model(recordings, Library(tmp_path / "home")))


def test_what_is_dropped_on_the_way_leaves_nothing(library: Library, recordings: Path):
    running = quick_model(recordings, library)
    while not isinstance(next(running), WalkProgress):
        pass
    running.close()
    assert library.entries() == ()
    assert library.free_name("my plucks-walk") == "my plucks-walk"


# --- the first take of a training ---


def test_the_first_sound_is_ten_seconds_out_of_the_recordings(tmp_path: Path, recordings: Path):
    corpus = scan_corpus(recordings, MODEL_SCAN)
    path = first_sound.render_first_sound(corpus, "plucks", tmp_path, torch.device("cpu"), seed=4)
    assert path == tmp_path / "first_sound.wav"
    audio, rate = soundfile.read(path)
    assert len(audio) == 10 * rate
    assert 0.5 < np.abs(audio).max() <= 0.8913
    sidecar = json.loads(path.with_suffix(".json").read_text())
    assert (sidecar["model_name"], sidecar["seed"]) == ("unknown", 4)


def test_one_that_is_there_already_is_replaced(tmp_path: Path, recordings: Path):
    corpus = scan_corpus(recordings, MODEL_SCAN)
    (tmp_path / "first_sound.wav").write_bytes(b"of a training that was killed")
    first_sound.render_first_sound(corpus, "plucks", tmp_path, torch.device("cpu"))
    assert soundfile.info(tmp_path / "first_sound.wav").duration == 10.0


def test_of_many_recordings_two_minutes_are_used_in_their_order(recordings: Path):
    corpus = scan_corpus(recordings, MODEL_SCAN)
    minute = np.broadcast_to(np.float32(0.1), 50 * 48_000)
    many = replace(corpus, clips=tuple(replace(corpus.clips[0], name=f"{n}", audio=minute) for n in range(9)))
    some = first_sound._some_of(many, seed=1)
    assert some.duration_s == 120.0
    names = [clip.name for clip in some.clips]
    assert names == sorted(names)
    assert len(names) == 3
    assert names != [clip.name for clip in first_sound._some_of(many, seed=2).clips]
    assert [clip.name for clip in first_sound._some_of(corpus, seed=1).clips] == [clip.name for clip in corpus.clips]


def test_the_pipeline_takes_either_kind_of_model(walk_library: Library):
    bundle = load_bundle(walk_library.find("my plucks-walk"))
    for mode in ("crossfade", "latent_interpolation"):
        for vocoder in ("mosaic", "griffin_lim"):
            config = GenerationConfig(0.5, seed=1, concat_mode=mode, vocoder=vocoder)
            assert np.abs(GenerationPipeline.from_bundle(bundle).generate(config).audio).max() > 0.5
