from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from edges import noise, sine
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError
from small_dataset_audio.inference import chunking
from small_dataset_audio.inference.chunking import (
    crossfade_chunks,
    decode_trajectory,
    generate_chunks_crossfade,
    generate_chunks_latent_interp,
    plan_num_chunks,
    slerp,
    total_samples,
)
from small_dataset_audio.inference.overlap import overlap_add
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import Density, StandardNormal
from small_dataset_audio.models.draws import SpreadDraws
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder
from small_dataset_audio.models.walk import Walk
from tiny import narrow_model

# --- slerp ---

NUMBERS = st.floats(-1e6, 1e6, width=32)
SHARES = st.floats(0.0, 1.0)


@st.composite
def pairs(draw: st.DrawFn, dtype: type = np.float32) -> tuple[Tensor, Tensor]:
    """Two vectors of the same size: any two, twins, opposites, and both of these with a little noise; zeros as well."""
    size = draw(st.integers(2, 8))
    first = draw(arrays(dtype, size, elements=NUMBERS))
    relation = draw(st.sampled_from(["none", "none", "same direction", "opposite", "zero"]))
    if relation == "none":
        return torch.from_numpy(first), torch.from_numpy(draw(arrays(dtype, size, elements=NUMBERS)))
    scale = {"same direction": draw(st.floats(0.1, 10.0)), "opposite": -draw(st.floats(0.1, 10.0)), "zero": 0.0}[
        relation
    ]
    blur = draw(st.sampled_from([0.0, 1e-7, 1e-5, 1e-4, 1e-3, 0.02, 0.1]))
    away = np.random.default_rng(draw(st.integers(0, 99))).standard_normal(size)
    second = scale * first + (blur if scale else 0.0) * float(np.linalg.norm(first)) * away
    return torch.from_numpy(first), torch.from_numpy(second.astype(dtype))


def angle(one: Tensor, other: Tensor) -> float:
    """Angle in float64, exact near 0 and pi too (W. Kahan)."""
    one, other = one.double() / one.double().norm(), other.double() / other.double().norm()
    return 2 * math.atan2(float((one - other).norm()), float((one + other).norm()))


@given(pairs())
@example((torch.tensor([1.0, 0.0, 0.0]), torch.tensor([-0.9998, 0.012, 0.016])))
def test_slerp_begins_at_the_first_vector_and_ends_at_the_second(pair: tuple[Tensor, Tensor]):
    v0, v1 = pair
    tolerance = 3e-4 * max(float(v0.norm()), float(v1.norm()), 1e-30)
    assert float((slerp(v0, v1, 0.0) - v0).norm()) <= tolerance
    assert float((slerp(v0, v1, 1.0) - v1).norm()) <= tolerance


@given(pairs(), SHARES)
def test_slerp_stays_between_the_two_magnitudes(pair: tuple[Tensor, Tensor], share: float):
    low, high = sorted(float(vector.norm()) for vector in pair)
    assume(high > 1e-6)
    magnitude = float(slerp(*pair, share).norm())
    assert low * (1 - 1e-3) <= magnitude <= high * (1 + 1e-3)


@given(pairs(np.float64), SHARES)
def test_slerp_turns_at_constant_speed_and_its_magnitude_grows_evenly(pair: tuple[Tensor, Tensor], share: float):
    v0, v1 = pair
    assume(min(float(v0.norm()), float(v1.norm())) > 1e-6)
    whole = angle(v0, v1)
    assume(0.04 < whole < math.pi - 1e-3)
    between = slerp(v0, v1, share)
    assert angle(v0, between) == pytest.approx(share * whole, abs=1e-6)
    assert angle(between, v1) == pytest.approx((1 - share) * whole, abs=1e-6)
    expected = (1 - share) * float(v0.norm()) + share * float(v1.norm())
    assert float(between.norm()) == pytest.approx(expected, rel=1e-9)


@given(pairs(), SHARES)
def test_slerp_is_the_same_from_either_end(pair: tuple[Tensor, Tensor], share: float):
    v0, v1 = pair
    is_zero = min(float(v0.norm()), float(v1.norm())) < 1e-30
    assume(is_zero or angle(v0, v1) < math.pi - 2e-4)  # opposites have no shortest arc to agree on
    tolerance = 1e-3 * max(float(v0.norm()), float(v1.norm()), 1e-30)
    assert float((slerp(v0, v1, share) - slerp(v1, v0, 1.0 - share)).norm()) <= tolerance


@given(arrays(np.float32, (2, 5), elements=st.floats(-(2.0**59), 2.0**59, width=32)), SHARES)
@example(np.zeros((2, 5), np.float32), 0.5)
@example(np.full((2, 5), 1e-45, np.float32), 0.5)
@example(np.array([[1e18] * 5, [-1e18] * 5], np.float32), 0.5)
def test_slerp_is_never_nan(pair: np.ndarray, share: float):
    assert torch.isfinite(slerp(torch.from_numpy(pair[0]), torch.from_numpy(pair[1]), share)).all()


@pytest.mark.parametrize("size", [2, 3, 32])
def test_slerp_between_opposite_vectors_takes_a_half_circle(size: int):
    vector = torch.linspace(0.5, 2.0, size)
    half_way = slerp(vector, -vector, 0.5)
    assert float(half_way @ vector) == pytest.approx(0.0, abs=1e-5)
    assert float(half_way.norm()) == pytest.approx(float(vector.norm()), rel=1e-5)
    quarter = slerp(vector, -vector, 0.25)
    assert angle(vector, quarter) == pytest.approx(math.pi / 4, abs=1e-5)


def test_slerp_from_a_zero_vector_is_a_straight_line():
    vector = torch.tensor([3.0, -4.0])
    zero = torch.zeros(2)
    torch.testing.assert_close(slerp(zero, vector, 0.25), 0.25 * vector)
    torch.testing.assert_close(slerp(vector, zero, 0.25), 0.75 * vector)
    assert torch.equal(slerp(zero, zero, 0.5), zero)


def direction(degrees: float) -> Tensor:
    return torch.tensor([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], dtype=torch.float64)


def test_slerp_is_a_straight_line_only_where_the_cosine_is_over_the_threshold():
    v0, v1 = direction(0.0), 3.0 * direction(60.0)
    line = 0.5 * v0 + 0.5 * v1
    arc = 2.0 * direction(30.0)
    torch.testing.assert_close(slerp(v0, v1, 0.5, dot_threshold=0.49), line)
    torch.testing.assert_close(slerp(v0, v1, 0.5, dot_threshold=0.51), arc)
    torch.testing.assert_close(slerp(v0, v1, 0.5), arc)
    near = direction(1.8)  # cosine 0.99951
    torch.testing.assert_close(slerp(v0, near, 0.5), 0.5 * v0 + 0.5 * near, rtol=0, atol=1e-12)
    torch.testing.assert_close(slerp(v0, direction(1.9), 0.5), direction(0.95), rtol=0, atol=1e-12)


def test_slerp_takes_batches_and_one_share_for_each():
    generator = torch.Generator().manual_seed(3)
    v0, v1 = torch.randn(4, 1, 6, generator=generator), torch.randn(1, 3, 6, generator=generator)
    v1[0, 1] = -v0[2, 0]  # one pair of opposites, one of twins, one with zero
    v1[0, 2] = v0[1, 0]
    v0[3] = 0.0
    shares = torch.tensor([0.0, 0.3, 1.0])[:, None]
    batch = slerp(v0, v1, shares)
    assert batch.shape == (4, 3, 6)
    for row in range(4):
        for column in range(3):
            one = slerp(v0[row, 0], v1[0, column], float(shares[column, 0]))
            torch.testing.assert_close(batch[row, column], one)


# --- crossfade ---


def join_naively(chunks: list[np.ndarray], overlap_samples: int) -> np.ndarray:
    """The whole array at a time, in float64, sample by sample."""
    joined: list[float] = []
    for number, chunk in enumerate(chunks):
        overlap = min(overlap_samples, len(joined), len(chunk)) if number else 0
        start = len(joined) - overlap
        for i in range(overlap):
            weight = math.sin(math.pi * (i + 0.5) / (2 * overlap)) ** 2
            joined[start + i] = (1 - weight) * joined[start + i] + weight * float(chunk[i])
        joined += [float(sample) for sample in chunk[overlap:]]
    return np.array(joined)


LENGTHS = st.lists(st.integers(0, 60), max_size=7)
OVERLAPS = st.integers(0, 40)


@given(LENGTHS, OVERLAPS)
@example([10, 2, 10], 4)  # a chunk shorter than the overlap
@example([3, 3, 3, 3], 40)  # all of them are
@example([10, 0, 10], 4)
def test_streaming_overlap_add_equals_the_whole_array_at_a_time(lengths: list[int], overlap_samples: int):
    chunks = [noise(length, seed) for seed, length in enumerate(lengths)]
    expected = join_naively(chunks, overlap_samples)
    np.testing.assert_allclose(crossfade_chunks(chunks, overlap_samples), expected, rtol=0, atol=1e-6)


@given(LENGTHS, OVERLAPS)
def test_a_constant_signal_stays_constant_through_every_join(lengths: list[int], overlap_samples: int):
    joined = crossfade_chunks([np.full(length, 0.7, np.float32) for length in lengths], overlap_samples)
    np.testing.assert_allclose(joined, 0.7, rtol=0, atol=1e-6)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8), st.integers(0, 200), st.floats(20.0, 20_000.0))
def test_a_sine_stays_a_sine_through_every_join(lengths: list[int], overlap_samples: int, frequency_hz: float):
    whole = sine(frequency_hz, sum(lengths))
    chunks: list[np.ndarray] = []
    position = 0
    for length in lengths:
        position -= min(overlap_samples, position, length)
        chunks.append(whole[position : position + length])
        position += length
    np.testing.assert_allclose(crossfade_chunks(chunks, overlap_samples), whole[:position], rtol=0, atol=1e-6)


@pytest.mark.parametrize("num_chunks", [2, 3, 9])
def test_a_second_of_sine_in_chunks_with_the_default_overlap_stays_a_sine(num_chunks: int):
    chunk_samples, overlap_samples = 6000, 2400
    whole = sine(440.0, total_samples(num_chunks, chunk_samples, overlap_samples))
    starts = [number * (chunk_samples - overlap_samples) for number in range(num_chunks)]
    joined = crossfade_chunks([whole[start : start + chunk_samples] for start in starts])
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-6)


@given(st.lists(st.integers(40, 100), min_size=1, max_size=6), OVERLAPS)
def test_every_join_eats_one_overlap(lengths: list[int], overlap_samples: int):
    joined = crossfade_chunks([noise(length) for length in lengths], overlap_samples)
    assert len(joined) == sum(lengths) - (len(lengths) - 1) * overlap_samples
    assert joined.dtype == np.float32


def test_no_chunks_make_an_empty_array():
    joined = crossfade_chunks([])
    assert joined.shape == (0,)
    assert joined.dtype == np.float32


@pytest.mark.parametrize("length", [0, 1, 2399, 2400, 2401, 10_000])
def test_one_chunk_is_returned_unchanged(length: int):
    np.testing.assert_array_equal(crossfade_chunks([noise(length)]), noise(length))


def test_a_join_has_no_step():
    joined = crossfade_chunks([np.full(4000, 0.5, np.float32), np.full(4000, -0.5, np.float32)], 2400)
    steepest = math.pi / (2 * 2400)  # slope of half a Hann window of height 1
    assert np.abs(np.diff(joined)).max() == pytest.approx(steepest, rel=1e-2)
    assert (np.diff(joined) <= 0).all()
    assert joined[0] == 0.5
    assert joined[-1] == -0.5


def test_chunks_may_be_lists_and_float64():
    joined = crossfade_chunks([[0.5, 0.5], np.array([0.5, 0.5], np.float64)], 1)
    np.testing.assert_allclose(joined, [0.5, 0.5, 0.5])


def test_what_is_handed_in_is_not_changed():
    chunks = [noise(10, seed) for seed in range(3)]
    crossfade_chunks(chunks, 4)
    for seed, chunk in enumerate(chunks):
        np.testing.assert_array_equal(chunk, noise(10, seed))


@pytest.mark.parametrize(
    ("chunks", "overlap_samples", "error", "words"),
    [
        ([noise(10), noise(10)], -1, InvalidConfigError, "overlap_samples is -1; it must be 0 or more"),
        ([noise(10), np.array([0.0, np.nan])], 2, InvalidAudioError, r"chunks\[1\] holds 1 NaN"),
        ([np.zeros((2, 10))], 2, InvalidAudioError, r"chunks\[0\] has shape \(2, 10\); chunks must be mono"),
        ([np.zeros(10, np.int16)], 2, InvalidAudioError, r"chunks\[0\] has dtype int16"),
    ],
)
def test_what_cannot_be_joined_is_refused_by_name(chunks: Any, overlap_samples: int, error: type, words: str):
    with pytest.raises(error, match=words):
        crossfade_chunks(chunks, overlap_samples)


def test_joined_samples_come_out_before_the_next_chunk_is_asked_for():
    asked_for = []

    def chunks() -> Iterator[np.ndarray]:
        for number in range(3):
            asked_for.append(number)
            yield noise(1000, number)

    joined = overlap_add(chunks(), 100)
    assert len(next(joined)) == 900
    assert asked_for == [0]
    assert len(next(joined)) == 900
    assert asked_for == [0, 1]


# --- how many chunks ---


@given(st.integers(1, 10_000_000), st.integers(1, 100_000), st.data())
def test_the_plan_covers_what_is_needed_with_as_few_chunks_as_do(
    num_samples: int, chunk_samples: int, data: st.DataObject
):
    overlap_samples = data.draw(st.integers(0, chunk_samples - 1))
    num_chunks = plan_num_chunks(num_samples, chunk_samples, overlap_samples)
    assert num_chunks >= 1
    assert total_samples(num_chunks, chunk_samples, overlap_samples) >= num_samples
    assert num_chunks == 1 or total_samples(num_chunks - 1, chunk_samples, overlap_samples) < num_samples


@given(st.integers(0, 8), st.integers(1, 60), st.data())
def test_the_length_of_a_plan_is_that_of_chunks_really_joined(num_chunks: int, chunk_samples: int, data: st.DataObject):
    overlap_samples = data.draw(st.integers(0, chunk_samples - 1))
    joined = crossfade_chunks([noise(chunk_samples)] * num_chunks, overlap_samples)
    assert len(joined) == total_samples(num_chunks, chunk_samples, overlap_samples)


# --- decoding and rendering ---


class LevelVocoder:
    """Renders noise from the generator it is given, around the mean level of the mel; remembers what it was given."""

    name = "level"

    def __init__(self) -> None:
        self.mels: list[Tensor] = []
        self.rendered: list[weakref.ref[np.ndarray]] = []
        self.most_alive = 0

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> np.ndarray:
        self.most_alive = max(self.most_alive, sum(reference() is not None for reference in self.rendered))
        self.mels.append(mel)
        assert num_samples <= (mel.shape[-1] - 1) * 512
        audio = torch.rand(num_samples, generator=generator).numpy() + np.float32(mel.mean())
        self.rendered.append(weakref.ref(audio))
        return audio


class ListedAnchors:
    """A density that gives the anchors it was made with."""

    def __init__(self, anchors: np.ndarray) -> None:
        self.anchors = anchors

    def walk(self, num_steps: int, *_: object) -> Walk:
        raise NotImplementedError

    def draw_anchors(self, num_anchors: int, _: np.random.Generator) -> np.ndarray:
        assert num_anchors == len(self.anchors)
        return self.anchors


AS_RECORDED = WalkStyle(detune=0.0, bend=0.0)
MODES = {"crossfade": generate_chunks_crossfade, "latent_interpolation": generate_chunks_latent_interp}


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> Any:
    return MODES[request.param]


both_modes = pytest.mark.parametrize("mode", MODES, indirect=True)


@both_modes
@pytest.mark.parametrize(
    ("num_chunks", "chunk_samples", "overlap_samples"),
    [(0, 4800, 480), (1, 4800, 480), (3, 4800, 480), (2, 5001, 0), (4, 1000, 999), (2, 1, 0)],
)
def test_both_modes_give_the_length_they_promise(
    mode: Any, spectrogram: AudioSpectrogram, num_chunks: int, chunk_samples: int, overlap_samples: int
):
    audio = mode(
        narrow_model(), spectrogram, num_chunks, "cpu", 1, chunk_samples, overlap_samples, vocoder=LevelVocoder()
    )
    assert audio.shape == (
        max(num_chunks * chunk_samples - (num_chunks - 1) * overlap_samples, 0) if num_chunks else 0,
    )
    assert audio.dtype == np.float32


@both_modes
def test_defaults_make_seconds_of_griffin_lim_joined_over_50_ms(mode: Any, spectrogram: AudioSpectrogram):
    audio = mode(narrow_model(), spectrogram, 2, torch.device("cpu"), 1)
    assert len(audio) == 2 * 48_000 - 2400
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() > 0


@both_modes
def test_the_same_seed_gives_the_same_bits_and_another_seed_another_sound(mode: Any, spectrogram: AudioSpectrogram):
    first, again, other, far = (
        mode(narrow_model(), spectrogram, 2, "cpu", seed, 9600, 2400) for seed in (1, 1, 2, 2**63 - 1)
    )
    np.testing.assert_array_equal(first, again)
    for unlike in (other, far):
        assert abs(np.corrcoef(first, unlike)[0, 1]) < 0.9


@both_modes
def test_the_global_random_state_is_neither_read_nor_changed(mode: Any, spectrogram: AudioSpectrogram):
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is tested
    first = mode(narrow_model(), spectrogram, 2, "cpu", 1, 4800, 480)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002 - as above
    torch.manual_seed(6)
    np.testing.assert_array_equal(mode(narrow_model(), spectrogram, 2, "cpu", 1, 4800, 480), first)


def test_what_is_settled_does_not_depend_on_how_much_is_still_to_come(spectrogram: AudioSpectrogram):
    def make(num_chunks: int) -> np.ndarray:
        return generate_chunks_crossfade(
            narrow_model(), spectrogram, num_chunks, "cpu", 7, 4800, 480, vocoder=LevelVocoder()
        )

    long = make(20)
    # The last chunks see the end of the trajectory as context, and the last one has no successor to fade into yet.
    settled = total_samples(12, 4800, 480) - 4800 - 12 * 2048
    np.testing.assert_array_equal(make(12)[:settled], long[:settled])


class StepVocoder:
    """Renders each latent step of a model without blur as its own number, one after the other."""

    name = "step"

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> np.ndarray:
        return mel[0, 0, 0].repeat_interleave(512).numpy()[:num_samples].copy()


class RisingDensity:
    """A trajectory whose n-th step is n; its steps are places in no recording."""

    def walk(self, num_steps: int, *_: object) -> Walk:
        table = np.tile(np.arange(num_steps, dtype=np.float32)[:, None], (1, 4))
        return Walk(table, np.arange(num_steps)[None], np.array([num_steps]), is_recorded=False)

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> np.ndarray:
        raise NotImplementedError


@pytest.mark.parametrize(("chunk_samples", "overlap_samples"), [(48_000, 2400), (20_480, 0), (4801, 479)])
def test_the_trajectory_goes_on_through_the_joins(
    monkeypatch: pytest.MonkeyPatch, spectrogram: AudioSpectrogram, chunk_samples: int, overlap_samples: int
):
    def hold_each_step(z: Tensor, *_: Any) -> Tensor:
        return z[:, :1].repeat_interleave(4, dim=-1).unsqueeze(1).expand(-1, -1, 256, -1)

    model = narrow_model()
    monkeypatch.setattr(model, "decode", hold_each_step)
    audio = generate_chunks_crossfade(
        model,
        spectrogram,
        5,
        "cpu",
        7,
        chunk_samples,
        overlap_samples,
        density=RisingDensity(),
        vocoder=StepVocoder(),
        style=AS_RECORDED,
    )
    # Every step of 2048 samples is at its own place, whichever chunk rendered it.
    np.testing.assert_allclose(audio, np.arange(len(audio)) // 2048, atol=1e-4)


# --- played, or decoded ---


class RecordedDensity:
    """Goes along recordings that lie end to end, from step 3 of the first on; what it is asked for is remembered."""

    def __init__(self, num_steps: int, *, is_recorded: bool = True, drifts: bool = False) -> None:
        self.path_lengths = np.array([num_steps])
        self.table = np.zeros((num_steps, 4), np.float32)
        self.is_recorded = is_recorded
        self.drifts = drifts
        self.styles: list[WalkStyle | None] = []

    def walk(
        self,
        num_steps: int,
        generator: np.random.Generator,
        style: WalkStyle | None = None,
        spread: SpreadDraws | None = None,
    ) -> Walk:
        self.styles.append(style)
        rows = np.minimum(3 + np.arange(num_steps), len(self.table) - 1)[None]
        displacement = np.ones((num_steps, 4), np.float32) if self.drifts else None
        return Walk(self.table, rows, self.path_lengths, displacement=displacement, is_recorded=self.is_recorded)

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> np.ndarray:
        return np.zeros((num_anchors, 4), np.float32)


def never_asked(model: ConvVAE) -> ConvVAE:
    def refuse(*_: Any) -> Tensor:
        raise AssertionError("the model was asked")

    model.decode = refuse  # type: ignore[method-assign]
    return model


@pytest.mark.parametrize(("chunk_samples", "overlap_samples"), [(48_000, 2400), (20_480, 0), (4801, 479)])
def test_a_walk_along_a_recording_is_that_recording_sample_for_sample_through_every_join(
    spectrogram: AudioSpectrogram, chunk_samples: int, overlap_samples: int
):
    recording = noise(60 * 2048)
    audio = generate_chunks_crossfade(
        never_asked(narrow_model()),
        spectrogram,
        2,
        "cpu",
        7,
        chunk_samples,
        overlap_samples,
        density=RecordedDensity(60),
        vocoder=MosaicVocoder(spectrogram, [recording]),
        style=AS_RECORDED,
    )
    np.testing.assert_allclose(audio, recording[3 * 2048 :][: len(audio)], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "density",
    [RecordedDensity(60, is_recorded=False), RecordedDensity(60, drifts=True), StandardNormal(4), None],
    ids=["no places", "moved away", "standard normal", "none at all"],
)
def test_a_walk_that_is_no_place_in_the_recordings_is_decoded(spectrogram: AudioSpectrogram, density: Density | None):
    mosaic = MosaicVocoder(spectrogram, [noise(60 * 2048)])
    arguments = (spectrogram, 2, "cpu", 7, 9600, 480)
    with pytest.raises(AssertionError, match="the model was asked"):
        generate_chunks_crossfade(never_asked(narrow_model()), *arguments, density=density, vocoder=mosaic)
    loud = narrow_model(mel_mean=-1.5)  # as the recording: silence is further away
    audio = generate_chunks_crossfade(loud, *arguments, density=density, vocoder=mosaic)
    assert np.abs(audio).max() > 0.1


def test_a_vocoder_that_cannot_play_has_every_walk_decoded(spectrogram: AudioSpectrogram):
    vocoder = LevelVocoder()
    generate_chunks_crossfade(
        narrow_model(), spectrogram, 2, "cpu", 7, 9600, 480,
        density=RecordedDensity(60), vocoder=vocoder, style=AS_RECORDED,
    )  # fmt: skip
    assert len(vocoder.mels) == 2


def test_voices_that_are_decoded_reach_the_vocoder_side_by_side(spectrogram: AudioSpectrogram):
    class Duet(RecordedDensity):
        def walk(
            self,
            num_steps: int,
            generator: np.random.Generator,
            style: WalkStyle | None = None,
            spread: SpreadDraws | None = None,
        ) -> Walk:
            single = super().walk(num_steps, generator, style, spread)
            return dataclasses.replace(single, rows=np.repeat(single.rows, 2, axis=0))

    vocoder = LevelVocoder()
    generate_chunks_crossfade(narrow_model(), spectrogram, 3, "cpu", 7, 9600, 480, density=Duet(60), vocoder=vocoder)
    assert {mel.shape[:3] for mel in vocoder.mels} == {(2, 1, 256)}


def test_the_style_reaches_the_density_and_without_one_it_is_the_default(spectrogram: AudioSpectrogram):
    style = WalkStyle(voices=3, jump_scale=0.5)
    density = RecordedDensity(60)
    for given_style in (style, None):
        generate_chunks_crossfade(
            narrow_model(), spectrogram, 1, "cpu", 7, 4800, 480,
            density=density, vocoder=LevelVocoder(), style=given_style,
        )  # fmt: skip
    assert density.styles == [style, WalkStyle()]


def test_chunks_differ_from_one_another(spectrogram: AudioSpectrogram):
    audio = generate_chunks_crossfade(narrow_model(), spectrogram, 2, "cpu", 7, 9600, 0)
    assert abs(np.corrcoef(audio[:9600], audio[9600:])[0, 1]) < 0.9


def test_one_chunk_is_in_memory_at_a_time(spectrogram: AudioSpectrogram):
    vocoder = LevelVocoder()
    generate_chunks_crossfade(narrow_model(), spectrogram, 12, "cpu", 7, 4800, 480, vocoder=vocoder, style=AS_RECORDED)
    assert len(vocoder.rendered) == 12
    assert vocoder.most_alive <= 1


@pytest.mark.parametrize("bend", [0.0, 0.2, 1.0])
def test_where_time_is_bent_a_take_is_as_long_as_asked_for(spectrogram: AudioSpectrogram, bend: float):
    audio = generate_chunks_crossfade(
        never_asked(narrow_model()), spectrogram, 40, "cpu", 7, 4800, 480,
        density=RecordedDensity(400), vocoder=MosaicVocoder(spectrogram, [noise(400 * 2048)]), style=WalkStyle(bend=bend),
    )  # fmt: skip
    assert len(audio) == total_samples(40, 4800, 480)
    assert np.std(audio[-2400:]) > 0.1  # to the end


def decoded_latents(monkeypatch: pytest.MonkeyPatch, model: Any) -> list[Tensor]:
    """What `model` is given to decode, from now on."""
    seen: list[Tensor] = []
    decode = model.decode

    def remember(z: Tensor, *arguments: Any) -> Tensor:
        seen.append(z)
        return decode(z, *arguments)

    monkeypatch.setattr(model, "decode", remember)
    return seen


@pytest.mark.parametrize("steps_between", [1, 2, 4])
def test_the_interpolated_path_visits_every_anchor_and_is_an_arc_between(
    monkeypatch: pytest.MonkeyPatch, spectrogram: AudioSpectrogram, steps_between: int
):
    model = narrow_model()
    seen = decoded_latents(monkeypatch, model)
    anchors = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    # 51 hops are 52 frames, or 13 latent steps: one at each anchor and three between.
    generate_chunks_latent_interp(
        model, spectrogram, 3, "cpu", 1, 17 * 512, 0, steps_between, density=ListedAnchors(anchors), vocoder=LevelVocoder()
    )  # fmt: skip
    (path,) = seen
    assert path.shape == (1, 4, 13)
    np.testing.assert_allclose(path[0, :, ::4].T, anchors, atol=1e-5)
    for number in range(3):
        start, end = torch.from_numpy(anchors[number]), torch.from_numpy(anchors[number + 1])
        half_way = slerp(start, end, 0.5) if steps_between > 1 else (start + end) / 2
        np.testing.assert_allclose(path[0, :, 4 * number + 2], half_way, atol=1e-5)


def test_the_interpolated_path_is_one_signal_whatever_the_chunks(spectrogram: AudioSpectrogram):
    vocoder = LevelVocoder()
    generate_chunks_latent_interp(narrow_model(), spectrogram, 5, "cpu", 1, 4800, 480, vocoder=vocoder)
    assert [mel.shape[-1] for mel in vocoder.mels] == [spectrogram.num_frames(5 * 4800 - 4 * 480)]


def test_a_long_interpolated_path_goes_on_through_its_joins(
    monkeypatch: pytest.MonkeyPatch, spectrogram: AudioSpectrogram
):
    def hold_each_step(z: Tensor, *_: Any) -> Tensor:
        return z[:, :1].repeat_interleave(4, dim=-1).unsqueeze(1).expand(-1, -1, 256, -1)

    model = narrow_model()
    monkeypatch.setattr(model, "decode", hold_each_step)
    anchors = np.tile(np.arange(1.0, 7.0, dtype=np.float32)[:, None], (1, 4))
    arguments = (model, spectrogram, 5, "cpu", 1, 48_000, 2400, 3)

    def make() -> np.ndarray:
        vocoder = StepVocoder()
        return generate_chunks_latent_interp(*arguments, density=ListedAnchors(anchors), vocoder=vocoder)

    whole = make()
    monkeypatch.setattr(chunking, "_SIGNAL_SAMPLES", 70_001)
    # Every step of 2048 samples is at its own place, whichever stretch rendered it.
    np.testing.assert_allclose(make(), whole, rtol=0.002)


def test_a_long_interpolated_path_is_rendered_in_stretches_of_bounded_length(
    monkeypatch: pytest.MonkeyPatch, spectrogram: AudioSpectrogram
):
    monkeypatch.setattr(chunking, "_SIGNAL_SAMPLES", 48_000)
    vocoder = LevelVocoder()
    audio = generate_chunks_latent_interp(narrow_model(), spectrogram, 9, "cpu", 1, 24_000, 480, vocoder=vocoder)
    assert len(audio) == total_samples(9, 24_000, 480)
    assert len(vocoder.mels) == 5
    assert max(mel.shape[-1] for mel in vocoder.mels) < 48_000 / 512 + 4 * (2 * 8 + 3)  # context, and whole steps
    assert vocoder.most_alive <= 1


class StereoVocoder:
    """Renders noise on the left and the same, quieter, on the right."""

    name = "stereo"

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> np.ndarray:
        audio = torch.rand(num_samples, generator=generator).numpy()
        return np.stack([audio, 0.5 * audio])


@both_modes
def test_what_a_vocoder_renders_in_stereo_stays_stereo(mode: Any, spectrogram: AudioSpectrogram):
    audio = mode(narrow_model(), spectrogram, 3, "cpu", 1, 4800, 480, vocoder=StereoVocoder())
    assert audio.shape == (2, total_samples(3, 4800, 480))
    np.testing.assert_allclose(audio[1], 0.5 * audio[0], rtol=1e-5)  # one shift for both, or the image would turn


def test_without_a_density_draws_come_from_the_standard_normal_and_are_held(
    monkeypatch: pytest.MonkeyPatch, spectrogram: AudioSpectrogram
):
    model = narrow_model(latent_dim=64)
    seen = decoded_latents(monkeypatch, model)
    generate_chunks_crossfade(model, spectrogram, 8, "cpu", 1, vocoder=LevelVocoder(), style=AS_RECORDED)
    draws = torch.unique(torch.cat([latents[0].T for latents in seen]), dim=0)
    assert len(draws) == 8  # one for each second of 7.7
    assert abs(float(draws.mean())) < 0.2
    assert float(draws.std()) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("num_steps", [1, 255, 256, 257, 264, 600])
def test_decoding_in_blocks_equals_decoding_in_one_pass(num_steps: int):
    model = narrow_model()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():  # residual blocks begin as the identity, which would hide their reach
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    trajectory = np.random.default_rng(2).standard_normal((4, num_steps)).astype(np.float32)
    with torch.inference_mode():
        whole = model.decode(torch.from_numpy(trajectory)[None])
    scale = float(whole.std())
    decoded = decode_trajectory(model, trajectory, (256, 4 * num_steps - 1), "cpu")
    assert decoded.shape == (1, 1, 256, 4 * num_steps - 1)
    torch.testing.assert_close(decoded, whole[..., :-1], rtol=0, atol=1e-5 * scale)


@both_modes
@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_row_11_a_model_that_decodes_to_no_number_stops_before_the_vocoder(
    monkeypatch: pytest.MonkeyPatch, mode: Any, spectrogram: AudioSpectrogram, poison: float
):
    model, vocoder = narrow_model(), LevelVocoder()
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z, *rest: decode(z, *rest).index_fill_(-1, torch.tensor([3]), poison))
    with pytest.raises(InvalidAudioError, match="the model decoded to NaN or infinite"):
        mode(model, spectrogram, 2, "cpu", 1, 4800, 480, vocoder=vocoder)
    assert vocoder.mels == []


@both_modes
@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ((-1, 4800, 480), "num_chunks is -1; it must be 0 or more"),
        ((2, 480, 480), r"overlap_samples is 480; it must be 0 or more, and shorter than a chunk \(480 samples\)"),
        ((2, 4800, -1), "overlap_samples is -1"),
        ((2, 0, 0), "overlap_samples is 0"),
    ],
)
def test_lengths_that_cannot_be_joined_are_refused(
    mode: Any, spectrogram: AudioSpectrogram, lengths: tuple[int, int, int], words: str
):
    num_chunks, chunk_samples, overlap_samples = lengths
    with pytest.raises(InvalidConfigError, match=words):
        mode(narrow_model(), spectrogram, num_chunks, "cpu", 1, chunk_samples, overlap_samples)


def test_an_arc_of_no_points_is_refused(spectrogram: AudioSpectrogram):
    with pytest.raises(InvalidConfigError, match="steps_between is 0; it must be 1 or more"):
        generate_chunks_latent_interp(narrow_model(), spectrogram, 2, "cpu", 1, 4800, 480, 0)
