from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edges import noise
from small_dataset_audio.errors import InvalidAudioError, OutputError
from small_dataset_audio.inference import pieces
from small_dataset_audio.inference.pieces import FileStore, MemoryStore, Store, checked, cut, recut, stream_of


def split(audio: np.ndarray, *lengths: int) -> list[np.ndarray]:
    """Cut [shape=(channels, samples)] after so many samples each, and the rest."""
    return np.split(audio, np.cumsum(lengths), axis=1)


@pytest.fixture
def stereo() -> np.ndarray:
    return noise(600).reshape(2, 300)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "memory":
        yield MemoryStore(2, 300)
        return
    with FileStore(tmp_path, 2, 300) as opened:
        yield opened


@given(st.lists(st.integers(1, 40), min_size=1), st.integers(1, 50))
def test_recutting_keeps_every_sample_and_makes_all_pieces_but_the_last_of_one_length(lengths: list[int], length: int):
    audio = np.arange(2 * sum(lengths), dtype=np.float32).reshape(2, -1)
    recutted = list(recut(split(audio, *lengths[:-1]), length))
    np.testing.assert_array_equal(np.concatenate(recutted, axis=1), audio)
    assert {piece.shape[1] for piece in recutted[:-1]} <= {length}
    assert 1 <= recutted[-1].shape[1] <= length


@given(st.lists(st.integers(1, 40), min_size=1), st.data())
def test_a_cut_keeps_the_first_samples_and_asks_for_no_more(lengths: list[int], data: st.DataObject):
    audio = np.arange(sum(lengths), dtype=np.float32)[None]
    asked = []
    kept = data.draw(st.integers(1, sum(lengths)))

    def parts():
        for part in split(audio, *lengths[:-1]):
            asked.append(part.shape[1])
            yield part

    np.testing.assert_array_equal(np.concatenate(list(cut(parts(), kept)), axis=1), audio[:, :kept])
    assert sum(asked[:-1]) < kept


def test_what_a_store_was_filled_with_comes_out_as_often_as_one_asks(
    stereo: np.ndarray, store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pieces, "PIECE_SAMPLES", 128)
    stream = store.fill(split(stereo, 7, 200))
    assert (stream.channels, stream.num_samples) == (2, 300)
    for _ in range(2):
        out = list(stream.pieces())
        assert [piece.shape for piece in out] == [(2, 128), (2, 128), (2, 44)]
        np.testing.assert_array_equal(np.concatenate(out, axis=1), stereo)
    np.testing.assert_array_equal(stream.first(130), stereo[:, :130])
    np.testing.assert_array_equal(stream.first(), stereo)


def test_two_readers_of_one_stream_do_not_disturb_each_other(
    stereo: np.ndarray, store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pieces, "PIECE_SAMPLES", 100)
    stream = store.fill([stereo])
    for one, other in zip(stream.pieces(), stream.pieces(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shapes", [[(2, 299)], [(2, 300), (2, 1)], [(1, 300)], [(2, 100), (3, 200)]])
def test_a_renderer_that_breaks_its_promise_is_stopped(store: Store, shapes: list[tuple[int, int]]):
    with pytest.raises(InvalidAudioError, match="this take has 2 channels of 300 samples"):
        store.fill(np.zeros(shape, np.float32) for shape in shapes)


def test_a_renderer_that_makes_nothing_is_stopped(store: Store):
    with pytest.raises(InvalidAudioError, match="0 samples so far; this take has 2 channels of 300 samples"):
        store.fill([])


def test_a_file_store_has_no_name_that_could_be_left_behind(stereo: np.ndarray, tmp_path: Path):
    with FileStore(tmp_path, 2, 300) as store:
        store.fill([stereo])
        assert os.name == "nt" or list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_store_needs_a_folder_that_is_there(tmp_path: Path):
    with pytest.raises(OutputError, match=r"nowhere cannot hold the take while it is made.*choose another folder"):
        FileStore(tmp_path / "nowhere", 2, 300)


def test_row_11_a_piece_that_is_no_number_is_not_passed_on(stereo: np.ndarray):
    stereo[1, 250] = np.nan
    passed = checked(split(stereo, 200))
    next(passed)
    with pytest.raises(InvalidAudioError, match="NaN or infinite"):
        next(passed)


def test_a_stream_of_an_array_copies_nothing():
    audio = noise(1000)[None]
    assert all(np.shares_memory(piece, audio) for piece in stream_of(audio).pieces())
