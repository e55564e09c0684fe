from __future__ import annotations

import itertools

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor

from edges import noise, sine
from small_dataset_audio.audio.phase import griffin_lim

N_FFT, HOP = 1024, 256
WINDOW = torch.hann_window(N_FFT)


def stft(waveform: Tensor) -> Tensor:
    return torch.stft(waveform, N_FFT, HOP, window=WINDOW, center=True, pad_mode="constant", return_complex=True)


def chirp_and_noise(num_samples: int = 64 * HOP) -> Tensor:
    t = np.arange(num_samples) / 48_000
    chirp = np.sin(2 * np.pi * (300 * t + 4000 * t * t))
    return torch.from_numpy((0.5 * chirp + 0.05 * noise(num_samples)).astype(np.float32))[None]


def render(magnitude: Tensor, iterations: int, seed: int = 0, **arguments: object) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return griffin_lim(
        magnitude, window=WINDOW, hop_length=HOP, iterations=iterations, generator=generator, **arguments
    )


def inconsistency(waveform: Tensor, magnitude: Tensor) -> float:
    """Spectral convergence: distance to the magnitudes asked for, relative to them."""
    return float((stft(waveform).abs() - magnitude).norm() / magnitude.norm())


def test_the_plain_algorithm_never_gets_worse():
    # Griffin and Lim's theorem. The trimmed ends of a centred transform are outside of it: hence the 1 in 1000.
    magnitude = stft(chirp_and_noise()).abs()
    errors = [inconsistency(render(magnitude, n, momentum=0.0), magnitude) for n in range(0, 24, 2)]
    for before, after in itertools.pairwise(errors):
        assert after <= before * 1.001
    assert errors[-1] < 0.5 * errors[0]


def test_more_iterations_come_closer():
    magnitude = stft(chirp_and_noise()).abs()
    errors = [inconsistency(render(magnitude, n), magnitude) for n in (0, 4, 16, 64)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.15 * errors[0]


def test_momentum_comes_closer_than_none_in_as_many_iterations():
    magnitude = stft(chirp_and_noise()).abs()

    def mean_error(momentum: float) -> float:
        rendered = [render(magnitude, 32, seed, momentum=momentum) for seed in range(3)]
        return float(np.mean([inconsistency(waveform, magnitude) for waveform in rendered]))

    assert mean_error(0.99) < 0.8 * mean_error(0.0)


def test_it_comes_as_close_as_librosa_does():
    signal = chirp_and_noise()
    magnitude = stft(signal).abs()
    theirs = librosa.griffinlim(
        magnitude[0].numpy(), n_iter=32, hop_length=HOP, momentum=0.99, pad_mode="constant", random_state=0
    )
    assert inconsistency(render(magnitude, 32), magnitude) < 1.1 * inconsistency(
        torch.from_numpy(theirs)[None], magnitude
    )


@pytest.mark.parametrize("frames", [2, 3, 40])
def test_the_length_is_one_hop_for_each_frame_but_the_first(frames: int):
    magnitude = torch.ones(2, N_FFT // 2 + 1, frames)
    assert render(magnitude, 2).shape == (2, (frames - 1) * HOP)


def test_silence_stays_silence():
    assert torch.equal(render(torch.zeros(1, N_FFT // 2 + 1, 9), 5), torch.zeros(1, 8 * HOP))


def test_a_tone_keeps_its_frequency_and_level():
    tone = torch.from_numpy(0.3 * sine(1000.0, 48 * HOP))[None]
    made = render(stft(tone).abs(), 32)[0, 8 * HOP : -8 * HOP].numpy()
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made)), 1 << 17))
    assert spectrum.argmax() * 48_000 / (1 << 17) == pytest.approx(1000.0, abs=3.0)
    assert np.sqrt(np.mean(made**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_the_same_generator_state_gives_the_same_bits():
    magnitude = stft(chirp_and_noise()).abs()
    assert torch.equal(render(magnitude, 3, seed=1), render(magnitude, 3, seed=1))
    assert not torch.allclose(render(magnitude, 3, seed=1), render(magnitude, 3, seed=2), atol=0.05)


def test_with_every_phase_known_the_waveform_comes_back():
    signal = chirp_and_noise()
    spectrum = stft(signal)
    for iterations in (0, 5):
        made = render(spectrum.abs(), iterations, known=spectrum)
        torch.testing.assert_close(made, signal, atol=1e-4, rtol=0)


@pytest.mark.parametrize("frequency_hz", [200.0, 517.0, 3000.0])
def test_where_the_first_frames_are_known_the_tone_goes_on_in_phase(frequency_hz: float):
    tone = torch.from_numpy(0.3 * sine(frequency_hz, 64 * HOP))[None]
    spectrum = stft(tone)
    made = render(spectrum.abs(), 32, known=spectrum[..., :8])
    beginning = slice(0, 7 * HOP)
    assert torch.corrcoef(torch.cat([made, tone])[:, beginning])[0, 1] > 0.99
    # where what is known ends, the level does not dip: the phases after it have found it
    after = made[0, 7 * HOP : 11 * HOP]
    assert after.square().mean().sqrt() == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_the_magnitudes_and_the_known_spectrum_are_left_as_they_were():
    spectrum = stft(chirp_and_noise())
    magnitude, known = spectrum.abs(), spectrum[..., :5].clone()
    before = magnitude.clone(), known.clone()
    render(magnitude, 2, known=known)
    assert torch.equal(magnitude, before[0])
    assert torch.equal(known, before[1])
