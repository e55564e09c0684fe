"""Every public function that takes one piece of audio, against the edge set. To enter a function, add a line to `FUNCTIONS`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edges import UNUSABLE, USABLE, AudioFunction, as_for_mono, assert_equal, assert_finite, noise
from small_dataset_audio.audio.filters import apply_anti_alias_filter
from small_dataset_audio.audio.io import check_audio, resample
from small_dataset_audio.errors import InvalidAudioError
from small_dataset_audio.inference.finishing import finish_ends
from small_dataset_audio.inference.quality import compute_quality_score, compute_snr_db, detect_clipping
from small_dataset_audio.inference.stereo import apply_mid_side_widening, create_dual_seed_stereo, peak_normalize


def twice_as_many_samples(mono: dict[str, Any]) -> dict[str, Any]:
    return {**mono, "clipped_samples": 2 * mono["clipped_samples"], "flat_tops": 2 * mono["flat_tops"]}


def rating_alone(audio: Any) -> dict[str, Any]:
    """All of a score but its counts and the sentence that quotes them; `detect_clipping` is entered by itself."""
    score = compute_quality_score(audio)
    return {key: score[key] for key in ("rating", "snr_db", "sounds_like_noise")}


FUNCTIONS = [
    AudioFunction("check_audio", check_audio),
    AudioFunction("resample up", lambda audio: resample(audio, 44_100, 48_000)),
    AudioFunction("resample down", lambda audio: resample(audio, 96_000, 44_100)),
    AudioFunction("apply_anti_alias_filter", apply_anti_alias_filter),
    AudioFunction("finish_ends", finish_ends),
    AudioFunction("apply_mid_side_widening", apply_mid_side_widening, of_two_monos=None),
    AudioFunction("create_dual_seed_stereo, left", lambda a: create_dual_seed_stereo(a, noise(100)), of_two_monos=None),
    AudioFunction("create_dual_seed_stereo, right", lambda a: create_dual_seed_stereo(noise(9), a), of_two_monos=None),
    AudioFunction("peak_normalize", peak_normalize),
    AudioFunction("compute_snr_db", compute_snr_db, of_two_monos=as_for_mono),
    AudioFunction("detect_clipping", detect_clipping, of_two_monos=twice_as_many_samples),
    AudioFunction("compute_quality_score", rating_alone, of_two_monos=as_for_mono),
]

FOR_STEREO = [function for function in FUNCTIONS if function.of_two_monos]
FOR_MONO_ONLY = [function for function in FUNCTIONS if not function.of_two_monos]

each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
each_usable_edge = pytest.mark.parametrize("audio", USABLE.values(), ids=USABLE.keys())


@each_function
@each_usable_edge
def test_a_usable_edge_gives_a_finite_result(function: AudioFunction, audio: np.ndarray):
    result = function.call(audio)
    assert_finite(result)
    if isinstance(result, np.ndarray):
        assert result.dtype == np.float32


@each_function
@pytest.mark.parametrize("audio", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_edge_is_refused_in_one_line(function: AudioFunction, audio: Any):
    with pytest.raises(InvalidAudioError) as caught:
        function.call(audio)
    assert "\n" not in str(caught.value)


@each_function
@each_usable_edge
def test_the_input_is_left_as_it_was(function: AudioFunction, audio: np.ndarray):
    locked = audio.copy()
    locked.setflags(write=False)
    function.call(locked)
    np.testing.assert_array_equal(locked, audio)


@each_function
@each_usable_edge
def test_a_view_with_gaps_and_a_reversed_view_are_as_good_as_a_copy(function: AudioFunction, audio: np.ndarray):
    with_gaps = np.repeat(audio, 3)[::3]
    reversed_twice = audio[::-1].copy()[::-1]
    expected = function.call(audio)
    assert_equal(function.call(with_gaps), expected)
    assert_equal(function.call(reversed_twice), expected)


@each_function
@each_usable_edge
def test_float64_gives_what_float32_gives(function: AudioFunction, audio: np.ndarray):
    assert_equal(function.call(audio.astype(np.float64)), function.call(audio))


@pytest.mark.parametrize("function", FOR_STEREO, ids=lambda function: function.name)
@each_usable_edge
def test_stereo_of_two_equal_monos_gives_the_mono_result_twice(function: AudioFunction, audio: np.ndarray):
    assert function.of_two_monos is not None
    expected = function.of_two_monos(function.call(audio))
    assert_equal(function.call(np.stack([audio, audio])), expected, tolerance=1e-7)


@pytest.mark.parametrize("function", FOR_STEREO, ids=lambda function: function.name)
@each_usable_edge
def test_stereo_stored_by_frames_gives_what_stereo_stored_by_channels_gives(function: AudioFunction, audio: np.ndarray):
    by_channels = np.stack([audio, -audio])
    by_frames = np.ascontiguousarray(by_channels.T).T
    assert_equal(function.call(by_frames), function.call(by_channels))


@pytest.mark.parametrize("function", FOR_MONO_ONLY, ids=lambda function: function.name)
def test_stereo_is_refused_where_mono_is_needed(function: AudioFunction):
    with pytest.raises(InvalidAudioError, match="mono"):
        function.call(np.zeros((2, 480), np.float32))
