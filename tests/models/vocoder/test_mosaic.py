from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edges import noise, sine
from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.audio.blend import louder_of
from small_dataset_audio.audio.joins import level_crossfade
from small_dataset_audio.constants import HOP_LENGTH, SAMPLE_RATE
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError
from small_dataset_audio.models.vocoder import MosaicConfig, MosaicVocoder
from small_dataset_audio.models.vocoder import mosaic as mosaic_module

SPECTROGRAM = AudioSpectrogram()


def struck(frequency_hz: float, num_samples: int, seed: int) -> np.ndarray:
    """A decaying tone with a noisy attack: no two moments of it, and no two of them, are alike."""
    t = np.arange(num_samples, dtype=np.float32) / SAMPLE_RATE
    tone = sine(frequency_hz, num_samples) + 0.5 * sine(2.76 * frequency_hz, num_samples)
    return (0.4 * tone * np.exp(-6 * t) + 0.2 * noise(num_samples, seed) * np.exp(-30 * t)).astype(np.float32)


CORPUS = [struck(frequency_hz, 20_000 + 777 * i, i) for i, frequency_hz in enumerate((220.0, 331.0, 507.0, 780.0))]


def mel_of(audio: np.ndarray) -> Tensor:
    return SPECTROGRAM.waveform_to_mel(torch.from_numpy(audio.astype(np.float32)))


def vocoder(clips: Sequence[np.ndarray] = CORPUS, **config: float) -> MosaicVocoder:
    return MosaicVocoder(SPECTROGRAM, clips, MosaicConfig(**config) if config else None)


def render(made_by: MosaicVocoder, mel: Tensor, num_samples: int) -> np.ndarray:
    return made_by.render(mel, num_samples, torch.Generator().manual_seed(0))


def bands_of(mel: Tensor) -> Tensor:
    """What frames are compared by: the mel bands averaged by fours [shape=(frames, 64)]."""
    return mel[0, 0].T.unflatten(1, (64, 4)).mean(dim=2)


def blur(mel: Tensor) -> Tensor:
    """Smear over time and bands, as a small model does."""
    padded = torch.nn.functional.pad(mel, (3, 3, 4, 4), mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, (9, 7), stride=1)


def blurred(audio: np.ndarray) -> Tensor:
    """A mel as a small model makes it."""
    return blur(mel_of(audio))


def num_jumps(path: np.ndarray) -> int:
    return int((np.diff(path) != 1).sum())


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


# ---- the search


def price(path: np.ndarray, target: np.ndarray, features: np.ndarray, is_last: np.ndarray, jump_cost: float) -> float:
    """What a path costs, by the definition in the module's first lines."""
    total = 0.0
    for frame, place in enumerate(path):
        total += float(np.sqrt(np.mean((features[place] - target[frame]) ** 2)))
        if frame and (place != path[frame - 1] + 1 or is_last[path[frame - 1]]):
            total += jump_cost
    return total


def lowest_price(target: np.ndarray, features: np.ndarray, is_last: np.ndarray, jump_cost: float) -> float:
    """The whole Viterbi recursion over all pairs of corpus frames, written down once more, naively."""
    places = range(len(features))

    def distance(frame: int, place: int) -> float:
        return float(np.sqrt(np.mean((features[place] - target[frame]) ** 2)))

    prices = [distance(0, place) for place in places]
    for frame in range(1, len(target)):
        earlier = prices
        prices = []
        for place in places:
            ways = [
                earlier[before] + (0.0 if before + 1 == place and not is_last[before] else jump_cost)
                for before in places
            ]
            prices.append(min(ways) + distance(frame, place))
    return min(prices)


@pytest.mark.parametrize("jump_cost", [0.0, 0.05, 0.2, 0.6, 5.0])
@pytest.mark.parametrize("seed", range(4))
def test_with_every_frame_a_candidate_no_path_is_cheaper(jump_cost: float, seed: int):
    rng = np.random.default_rng(seed)
    clips = [struck(200.0 * (i + 1), int(rng.integers(1000, 7000)), seed + i) for i in range(2)]
    made_by = vocoder(clips, num_candidates=1024, jump_cost=jump_cost)
    features, is_last = made_by._features, made_by._is_last
    mixture = features[rng.integers(len(features), size=(16, 2))].mean(axis=1)
    target = (mixture + np.roll(mixture, 1, axis=0)) / 2 + rng.normal(0, 0.1, mixture.shape)
    target = target.astype(np.float32)

    path = made_by.choose_frames(torch.from_numpy(target))

    found = price(path, target, features, is_last, jump_cost)
    assert found == pytest.approx(lowest_price(target, features, is_last, jump_cost), rel=1e-4)


@pytest.mark.parametrize("jump_cost", [0.02, 0.2, 0.6])
def test_with_an_eighth_of_the_frames_as_candidates_the_path_is_hardly_dearer(jump_cost: float):
    target = bands_of(blurred(np.concatenate([CORPUS[3], CORPUS[1], CORPUS[2][:12_000]])))

    def price_with(num_candidates: int) -> float:
        made_by = vocoder(num_candidates=num_candidates, jump_cost=jump_cost)
        path = made_by.choose_frames(target)
        return price(path, target.numpy(), made_by._features, made_by._is_last, jump_cost)

    # 0.4 % where a place takes up two of the candidates, once gone on to and once jumped to
    assert price_with(1024) * (1 - 1e-4) <= price_with(32) <= price_with(1024) * 1.001


def test_a_single_candidate_is_the_nearest_frame_or_the_next():
    made_by = vocoder(num_candidates=1, jump_cost=0.0)
    target = bands_of(blurred(CORPUS[1]))
    distances = torch.cdist(target, torch.from_numpy(made_by._features))
    path = torch.from_numpy(made_by.choose_frames(target))
    chosen = distances[torch.arange(len(path)), path]
    # without a price for jumping nothing but resemblance counts
    torch.testing.assert_close(chosen, distances.min(dim=1).values, atol=2e-2, rtol=0)


def test_dearer_jumps_make_fewer_of_them():
    target = bands_of(blurred(np.concatenate([CORPUS[3], CORPUS[1], CORPUS[2][:12_000]])))
    jumps = [num_jumps(vocoder(jump_cost=cost).choose_frames(target)) for cost in (0.0, 0.05, 0.2, 1.0, 100.0)]
    assert jumps == sorted(jumps, reverse=True)
    assert jumps[0] > 2 * jumps[-1]


def test_blocks_of_the_search_leave_no_seam():
    # The distances are computed for 256 frames at most at a time; here are five times as many.
    audio = np.tile(np.concatenate(CORPUS), 8)
    path = vocoder().choose_frames(bands_of(mel_of(audio)))
    assert len(path) > 1280
    starts = np.flatnonzero(np.diff(path) != 1)
    # one jump where a clip ends, and perhaps one more in the silence that follows it
    assert len(starts) <= 2 * 8 * len(CORPUS)


@pytest.mark.parametrize("targets_at_once", [1, 7, 100])
def test_a_long_target_is_searched_for_in_smaller_blocks_with_the_same_result(
    targets_at_once: int, monkeypatch: pytest.MonkeyPatch
):
    made_by, target = vocoder(), bands_of(blurred(np.concatenate(CORPUS)))
    at_once = made_by.choose_frames(target)
    monkeypatch.setattr(mosaic_module, "_TARGETS_AT_ONCE", targets_at_once)
    sizes = [len(nearest) for nearest, _ in made_by._nearest(target, 8)]
    assert sum(sizes) == len(target)
    assert max(sizes) == targets_at_once
    np.testing.assert_array_equal(made_by.choose_frames(target), at_once)


# ---- what is heard


@pytest.mark.parametrize("number", range(4))
def test_the_mel_of_a_recording_is_rendered_as_the_recording(number: int):
    clip = CORPUS[number]
    rendered = render(vocoder(), mel_of(clip), len(clip))
    # The search sees no difference between neighbouring moments of the faded tail: the loud part is what is compared.
    assert correlation(rendered[:16_000], clip[:16_000]) > 0.99


def test_the_mel_of_several_recordings_is_rendered_as_these_recordings():
    # Each begins on a whole hop: the search knows no time finer than that, and a join may shift by half of one.
    audio = np.concatenate([CORPUS[i][: 30 * HOP_LENGTH] for i in (2, 0, 3)])
    rendered = render(vocoder(), mel_of(audio), len(audio))
    for begin in np.arange(3) * 30 * HOP_LENGTH:
        inside = audio[begin + 1000 : begin + 13_000]
        lags = range(-HOP_LENGTH // 2, HOP_LENGTH // 2 + 1)
        nearby = [rendered[begin + 1000 + lag : begin + 13_000 + lag] for lag in lags]
        assert max(correlation(stretch, inside) for stretch in nearby) > 0.99


@pytest.mark.parametrize("number", range(4))
def test_frames_looked_up_as_the_model_shows_them_are_found_again(number: int):
    clip = CORPUS[number]
    made_by = MosaicVocoder(SPECTROGRAM, CORPUS, autoencode=blur)
    with_silence = np.pad(clip, 8 * HOP_LENGTH)  # blurred together with its surroundings, as the corpus is
    rendered = render(made_by, blurred(with_silence), len(with_silence))
    assert correlation(rendered[4096:20_000], with_silence[4096:20_000]) > 0.99


def test_a_recording_in_the_corpus_is_found_whatever_its_place_within_a_hop():
    clip = CORPUS[1]
    for shift in (100, 256, 411):
        audio = np.pad(clip, (3 * HOP_LENGTH + shift, 4000))
        rendered = render(vocoder(), mel_of(audio), len(audio))
        lags = np.correlate(rendered[:20_000], clip[:8000], mode="valid")
        assert abs(int(lags.argmax()) - (3 * HOP_LENGTH + shift)) <= HOP_LENGTH


def test_what_is_rendered_has_nearly_the_mel_asked_for():
    asked = blurred(np.concatenate([CORPUS[0], CORPUS[2]]))
    num_samples = (asked.shape[-1] - 1) * HOP_LENGTH
    made = mel_of(render(vocoder(), asked, num_samples))
    difference_db = 20 * (bands_of(made) - bands_of(asked)).abs().mean()
    unrelated_db = 20 * (bands_of(asked).flip(0) - bands_of(asked)).abs().mean()
    assert difference_db < 0.4 * unrelated_db


@pytest.mark.parametrize("numbers", [(0, 1), (2, 3, 0)])
def test_of_several_voices_each_is_rendered_alone_and_the_louder_is_heard_in_every_bin(numbers: tuple[int, ...]):
    made_by = vocoder()
    mels = [mel_of(np.resize(CORPUS[number], 20_000)) for number in numbers]
    alone = [render(made_by, mel, 20_000) for mel in mels]
    together = render(made_by, torch.cat(mels), 20_000)
    np.testing.assert_allclose(together, louder_of(alone, SPECTROGRAM.window), atol=1e-6)
    assert all(np.abs(together - one).max() > 0.01 for one in alone)


@pytest.mark.parametrize("times", [2, 3])
def test_one_voice_several_times_is_that_voice(times: int):
    mel = blurred(CORPUS[1])
    alone = render(vocoder(), mel, 20_000)
    np.testing.assert_allclose(render(vocoder(), torch.cat([mel] * times), 20_000), alone, atol=1e-5)


@pytest.mark.parametrize("num_samples", [1, 511, 512, 513, 7_777, 24_000, 100_001])
def test_the_length_is_exact(num_samples: int):
    rendered = render(vocoder(), mel_of(noise(num_samples) * 0.1), num_samples)
    assert rendered.shape == (num_samples,)
    assert rendered.dtype == np.float32
    assert np.isfinite(rendered).all()


@pytest.mark.parametrize("join_hops", [1, 2, 3, 5, 16])
def test_the_last_sample_is_reached_at_every_length_of_join(join_hops: int):
    clip = 0.5 * sine(300.0, 50_000)
    for num_samples in (20_000, 20_480, 20_481):
        mel = mel_of(clip)[..., : SPECTROGRAM.num_frames(num_samples)]
        rendered = render(vocoder([clip], join_hops=join_hops), mel, num_samples)
        assert np.abs(rendered[-160:]).max() > 0.45


@given(seed=st.integers(0, 1000), size=st.integers(2, 3000), gain=st.floats(-60, 0))
@settings(deadline=None, max_examples=60)
def test_a_crossfade_of_a_signal_with_itself_is_the_signal(seed: int, size: int, gain: float):
    signal = noise(size, seed) * np.float32(10 ** (gain / 20))
    np.testing.assert_allclose(level_crossfade(signal, signal), signal, rtol=1e-5, atol=1e-9)


@given(size=st.integers(2000, 6000), share=st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_a_crossfade_keeps_the_power_whatever_the_two_sides_have_in_common(size: int, share: float):
    common, one, other = (np.random.default_rng(i).standard_normal(size) for i in range(3))
    outgoing, incoming = (
        (np.sqrt(share) * common + np.sqrt(1 - share) * own).astype(np.float32) for own in (one, other)
    )
    thirds = np.split(level_crossfade(outgoing, incoming)[: size // 3 * 3].astype(np.float64), 3)
    for third in thirds:
        # standard error of a mean of 667 squares and more: 5.5 %
        assert np.mean(third**2) == pytest.approx(1.0, abs=0.25)


def test_a_crossfade_of_opposites_or_with_silence_stays_finite_and_within_both():
    signal = noise(500)
    silence = np.zeros(500, np.float32)
    for outgoing, incoming in ((signal, -signal), (signal, silence), (silence, signal), (silence, silence)):
        joined = level_crossfade(outgoing, incoming)
        assert np.isfinite(joined).all()
        assert (np.abs(joined) <= np.maximum(np.abs(outgoing), np.abs(incoming)) + 1e-6).all()
    assert not level_crossfade(silence, silence).any()


def test_silence_in_is_silence_out():
    rendered = render(vocoder(), mel_of(np.zeros(60_000)), 60_000)
    # A frame is silent at -100 dB; the faintest edge of a window may still reach into a clip.
    assert np.abs(rendered).max() < 1e-4


def test_a_corpus_of_silence_renders_silence():
    assert not render(vocoder([np.zeros(9000, np.float32)]), mel_of(CORPUS[0]), 20_000).any()


@pytest.mark.parametrize("num_samples", [1, 100, 512, 1025])
def test_a_clip_of_any_length_will_do(num_samples: int):
    rendered = render(vocoder([noise(num_samples)]), mel_of(CORPUS[0]), 20_000)
    assert np.isfinite(rendered).all()
    assert np.abs(rendered).max() <= 1.0


def flickering(mels: Sequence[Tensor], frames: int, hold: int = 7) -> Tensor:
    """A mel that keeps changing from one recording to the next, so that there is a join every `hold` frames."""
    middle = [mel[..., 20 : 20 + hold] for mel in mels]
    return torch.cat([middle[i % len(middle)] for i in range(frames // hold + 1)], dim=-1)[..., :frames]


def test_no_click_is_made_where_recordings_are_joined():
    low, high = 0.4 * sine(180.0, 60_000), 0.4 * sine(290.0, 60_000)
    mel = flickering([mel_of(low), mel_of(high)], frames=200)
    rendered = render(vocoder([low, high]), mel, 199 * HOP_LENGTH)
    jumps = num_jumps(vocoder([low, high]).choose_frames(bands_of(mel)))
    assert jumps > 10
    steepest = 0.4 * 2 * np.pi * 290.0 / SAMPLE_RATE
    assert np.abs(np.diff(rendered)).max() < 1.5 * steepest


def test_nothing_is_louder_than_the_corpus_by_more_than_a_join():
    rendered = render(vocoder(jump_cost=0.0), blurred(np.concatenate(CORPUS)), 60_000)
    loudest = max(np.abs(clip).max() for clip in CORPUS)
    # two unrelated sides at equal power can meet at their crests: sqrt(2) at the very most
    assert np.abs(rendered).max() <= loudest * np.sqrt(2)


def test_rendering_again_gives_the_same_bits_and_draws_nothing():
    mel = blurred(np.concatenate(CORPUS))
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    first = vocoder().render(mel, 50_000, generator)
    assert torch.equal(generator.get_state(), before)
    np.testing.assert_array_equal(first, vocoder().render(mel, 50_000, torch.Generator().manual_seed(2)))


def test_the_corpus_and_the_mel_are_left_as_they_were():
    clips = [clip.copy() for clip in CORPUS]
    for clip in clips:
        clip.setflags(write=False)
    mel = blurred(CORPUS[0])
    before = mel.clone()
    render(vocoder(clips), mel, 10_000)
    assert torch.equal(mel, before)


@pytest.mark.parametrize("n_mels", [16, 64, 100, 192])
def test_any_number_of_bands_can_be_compared(n_mels: int):
    spectrogram = AudioSpectrogram(SpectrogramConfig(n_mels=n_mels))
    mel = spectrogram.waveform_to_mel(torch.from_numpy(CORPUS[2]))
    made_by = MosaicVocoder(spectrogram, CORPUS)
    rendered = made_by.render(mel, len(CORPUS[2]), torch.Generator())
    assert correlation(rendered[:12_000], CORPUS[2][:12_000]) > 0.9


def test_no_clips_are_refused():
    with pytest.raises(InvalidConfigError, match="clips is empty"):
        vocoder([])


def test_a_clip_with_nan_is_refused():
    with pytest.raises(InvalidAudioError, match="NaN"):
        vocoder([*CORPUS, np.full(1000, np.nan, np.float32)])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_candidates", 0),
        ("num_candidates", 1025),
        ("jump_cost", -0.1),
        ("jump_cost", 101.0),
        ("jump_cost", float("nan")),
        ("join_hops", 0),
        ("join_hops", 17),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_name_and_value(field: str, value: float):
    with pytest.raises(InvalidConfigError, match=f"^{field} is {value}; it must be "):
        vocoder(**{field: value})


def test_it_is_known_by_its_name():
    assert vocoder().name == "mosaic"
