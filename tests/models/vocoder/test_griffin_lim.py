from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from edges import noise, sine
from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.models.vocoder import GriffinLimVocoder

# Blocks are counted in windows: at this rate one is 1.9 s long, and three make 5 s.
SMALL = AudioSpectrogram(SpectrogramConfig(sample_rate=16_000, n_fft=256, hop_length=64, n_mels=64))
RATE = SMALL.config.sample_rate
THREE_BLOCKS = 5 * RATE


def mel_of(audio: np.ndarray) -> Tensor:
    return SMALL.waveform_to_mel(torch.from_numpy(audio.astype(np.float32)))


def render(audio: np.ndarray, seed: int = 0, iterations: int = 32) -> np.ndarray:
    """Resynthesise `audio` from its mel."""
    vocoder = GriffinLimVocoder(SMALL, iterations)
    return vocoder.render(mel_of(audio), len(audio), torch.Generator().manual_seed(seed))


def levels_db(audio: np.ndarray, window: int = 200) -> np.ndarray:
    """Level of each 12.5 ms."""
    blocks = audio[: len(audio) // window * window].reshape(-1, window)
    return 10 * np.log10(np.mean(blocks.astype(np.float64) ** 2, axis=1) + 1e-20)


def long_tone(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    if kind == "noise":
        return 0.1 * rng.standard_normal(THREE_BLOCKS)
    frequencies_hz = {"sine": [440.0], "chord": [220.0, 277.2, 329.6, 441.0, 660.0]}[kind]
    phases = rng.uniform(0, 6, len(frequencies_hz))
    return sum(0.1 * sine(f, THREE_BLOCKS, RATE, phase) for f, phase in zip(frequencies_hz, phases, strict=True))


@pytest.mark.parametrize("num_samples", [1, 63, 64, 65, 30_000, 30_145, 30_720, 30_784, 60_737, 80_000])
def test_the_length_is_exact_on_either_side_of_every_block(num_samples: int):
    rendered = render(noise(num_samples), iterations=0)
    assert rendered.shape == (num_samples,)
    assert rendered.dtype == np.float32


@pytest.mark.parametrize("num_samples", [30_145, 60_737, 80_000])
def test_no_part_of_a_long_rendering_is_left_out(num_samples: int):
    levels = levels_db(render(0.3 * sine(440.0, num_samples, RATE), iterations=4))
    assert levels.min() > levels.max() - 6.0


@pytest.mark.parametrize("kind", ["sine", "chord", "noise"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_level_is_kept_through_the_joins_of_blocks(kind: str, seed: int):
    # Blocks with phases of their own would cancel each other: by 5 dB for a sine, 8 dB for a chord, 3 dB for noise.
    audio = long_tone(kind)
    difference_db = levels_db(render(audio, seed)) - levels_db(audio)
    assert np.abs(difference_db[8:-8]).max() < 2.2
    # Bands hold mean amplitudes. Those of noise are Rayleigh-distributed: at most 10 log10(pi / 4) = -1.05 dB is lost.
    assert -1.05 < np.median(difference_db) < 0.3


@pytest.mark.parametrize("kind", ["sine", "chord"])
def test_there_is_no_click_at_the_joins_of_blocks(kind: str):
    audio = long_tone(kind)
    steepest = np.abs(np.diff(audio)).max()
    assert np.abs(np.diff(render(audio)))[100:-100].max() < 1.3 * steepest


def test_a_sine_keeps_its_frequency_in_every_block():
    rendered = render(0.3 * sine(1000.0, THREE_BLOCKS, RATE))
    for block in np.split(rendered, 5):
        spectrum = np.abs(np.fft.rfft(block * np.hanning(len(block)), 1 << 17))
        assert spectrum.argmax() * RATE / (1 << 17) == pytest.approx(1000.0, abs=8.0)  # bins are 62.5 Hz apart


def test_more_iterations_come_closer_to_the_mel_asked_for():
    audio = long_tone("chord")[:20_000]
    asked = mel_of(audio)
    errors = [float((mel_of(render(audio, iterations=n)) - asked).abs().mean()) for n in (0, 8, 64)]
    assert errors[0] > errors[1] > errors[2]


def test_silence_in_is_silence_out():
    assert not render(np.zeros(70_000)).any()


def test_a_pause_longer_than_a_block_stays_silent_and_the_tone_after_it_comes_back():
    audio = long_tone("sine")
    audio[RATE : 4 * RATE] = 0.0
    rendered = render(audio)
    assert np.abs(rendered[RATE + 256 : 4 * RATE - 256]).max() < 1e-6
    assert levels_db(rendered)[-40:-8].min() > levels_db(audio).max() - 2.0


def test_the_same_seed_renders_the_same_bits_and_another_seed_does_not():
    audio = long_tone("noise")[:40_000]
    np.testing.assert_array_equal(render(audio, seed=3, iterations=2), render(audio, seed=3, iterations=2))
    assert np.corrcoef(render(audio, seed=3, iterations=2), render(audio, seed=4, iterations=2))[0, 1] < 0.9


def test_memory_does_not_depend_on_the_length(monkeypatch: pytest.MonkeyPatch):
    longest = 0
    inverted = SMALL.mel_to_magnitude

    def measured(mel: Tensor) -> Tensor:
        nonlocal longest
        longest = max(longest, mel.shape[-1])
        return inverted(mel)

    monkeypatch.setattr(SMALL, "mel_to_magnitude", measured)
    render(noise(20 * RATE), iterations=0)
    assert longest <= 2 * RATE // SMALL.config.hop_length


@pytest.mark.parametrize("hop_length", [16, 50, 64])
def test_it_renders_at_any_hop(hop_length: int):
    spectrogram = AudioSpectrogram(SpectrogramConfig(sample_rate=16_000, n_fft=256, hop_length=hop_length, n_mels=64))
    audio = 0.3 * sine(440.0, 40_000, RATE)
    mel = spectrogram.waveform_to_mel(torch.from_numpy(audio))
    rendered = GriffinLimVocoder(spectrogram).render(mel, 40_000, torch.Generator().manual_seed(0))
    assert np.abs(levels_db(rendered) - levels_db(audio))[8:-8].max() < 2.0


@pytest.mark.parametrize("num_voices", [1, 2, 3])
def test_of_several_voices_the_louder_is_rendered_in_every_band(num_voices: int):
    tones = [0.3 * sine(440.0 * (i + 1), 20_000, RATE) for i in range(num_voices)]
    voices = torch.cat([mel_of(tone) for tone in tones])
    louder = torch.from_numpy(np.maximum.reduce(voices.numpy(), axis=0))[None]
    vocoder = GriffinLimVocoder(SMALL)
    rendered, expected = (vocoder.render(m, 20_000, torch.Generator().manual_seed(0)) for m in (voices, louder))
    np.testing.assert_array_equal(rendered, expected)
    spectrum = np.abs(np.fft.rfft(rendered[4000:12_000] * np.hanning(8000)))
    for tone in tones:
        own = np.abs(np.fft.rfft(tone[4000:12_000] * np.hanning(8000)))
        assert spectrum[own.argmax()] > 0.7 * own.max()


def test_beside_silence_a_voice_is_rendered_as_if_alone():
    tone = long_tone("chord")[:20_000]
    voices = torch.cat([mel_of(np.zeros(20_000)), mel_of(tone)])
    rendered = GriffinLimVocoder(SMALL, 32).render(voices, 20_000, torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(rendered, render(tone))


def test_it_is_known_by_its_name():
    assert GriffinLimVocoder(SMALL).name == "griffin_lim"
