"""The dataset doctor on real folders, and the recordings after all was done with them."""

from __future__ import annotations

import pytest
import soundfile

from real.studio import CORPORA, Studio, TrainedOn
from small_dataset_audio.corpus import inspect_folder, scan_corpus
from tiny import hashes_below

pytestmark = pytest.mark.real

NUM_FILES = {"tabla": 26, "ambi": 11}


@pytest.fixture(params=CORPORA)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_file_is_found_and_used(name: str, studio: Studio):
    summary = inspect_folder(studio.recordings(name))
    assert (summary.looked_at, summary.used, summary.skipped, summary.duplicates) == (NUM_FILES[name],) * 2 + (0, 0)


def test_durations_rates_and_channels_are_those_of_the_headers(name: str, studio: Studio):
    folder = studio.recordings(name)
    for report in inspect_folder(folder).files:
        header = soundfile.info(folder / report.name)
        assert report.duration_s == pytest.approx(header.frames / header.samplerate, abs=0.5 / header.samplerate)
        assert (report.sample_rate, report.channels) == (header.samplerate, header.channels)


def test_what_was_done_to_the_files_is_counted_as_the_headers_have_it(name: str, studio: Studio):
    folder = studio.recordings(name)
    headers = [soundfile.info(path) for path in folder.iterdir()]
    summary = inspect_folder(folder)
    assert summary.resampled == sum(header.samplerate != 48_000 for header in headers) == NUM_FILES[name]
    assert summary.downmixed == sum(header.channels > 1 for header in headers)
    assert summary.padded == sum(header.duration < 128 * 512 / 48_000 for header in headers)
    assert summary.sample_rates == {44_100: NUM_FILES[name]}


def test_clips_are_as_long_at_48_khz_as_the_recordings_were(name: str, studio: Studio):
    folder = studio.recordings(name)
    for clip in scan_corpus(folder).clips:
        assert len(clip.audio) == pytest.approx(soundfile.info(folder / clip.name).frames * 48_000 / 44_100, abs=1)


def test_the_corpus_lasts_as_long_as_its_files_together(name: str, studio: Studio):
    folder = studio.recordings(name)
    in_all_s = sum(soundfile.info(path).duration for path in folder.iterdir())
    assert inspect_folder(folder).duration_s == pytest.approx(in_all_s, abs=1e-3)


def test_training_leaves_every_recording_as_it_was(trained: TrainedOn):
    assert len(trained.hashes_before) == NUM_FILES[trained.name]
    assert hashes_below(trained.recordings) == trained.hashes_before


def test_training_ends_with_a_model_that_says_what_it_was_made_of(trained: TrainedOn):
    corpus = trained.saved.bundle.metadata.corpus
    assert not trained.saved.cancelled
    assert trained.saved.loss_picture.is_file()
    assert sorted(clip.name for clip in corpus.clips) == sorted(trained.hashes_before)
    assert corpus.content_hash == scan_corpus(trained.recordings).content_hash
