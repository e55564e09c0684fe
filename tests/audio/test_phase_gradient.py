from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edges import noise, sine
from small_dataset_audio.audio.phase import griffin_lim
from small_dataset_audio.audio.phase_gradient import _loudest_ways, integrate_phase_gradient

N_FFT, HOP, RATE = 1024, 256, 48_000
WINDOW = torch.hann_window(N_FFT)


def stft(waveform: Tensor) -> Tensor:
    return torch.stft(waveform, N_FFT, HOP, window=WINDOW, center=True, pad_mode="constant", return_complex=True)


def spectrum_of(audio: np.ndarray) -> Tensor:
    return stft(torch.from_numpy(audio.astype(np.float32))[None])


def estimate(magnitude: Tensor, seed: int = 0, **arguments: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return integrate_phase_gradient(magnitude, hop_length=HOP, generator=generator, **arguments)


def convergence(waveform: Tensor, magnitude: Tensor) -> float:
    return float((stft(waveform).abs() - magnitude).norm() / magnitude.norm())


def render(magnitude: Tensor, iterations: int, *, gradient: bool) -> Tensor:
    return griffin_lim(
        magnitude,
        window=WINDOW,
        hop_length=HOP,
        iterations=iterations,
        generator=torch.Generator().manual_seed(0),
        start=estimate(magnitude) if gradient else None,
    )


def turns(phases: Tensor) -> Tensor:
    """Distance from a whole number of turns."""
    return (phases / (2 * torch.pi) - (phases / (2 * torch.pi)).round()).abs()


@pytest.mark.parametrize("frequency_hz", [187.5, 1000.0, 1021.3, 7777.7])
def test_the_phase_of_a_sine_advances_by_its_frequency(frequency_hz: float):
    spectrum = spectrum_of(0.3 * sine(frequency_hz, 64 * HOP))
    phases = estimate(spectrum.abs()).angle()[0, round(frequency_hz * N_FFT / RATE), 4:-4]
    expected = 2 * torch.pi * frequency_hz * HOP / RATE
    assert turns(phases.diff() - expected).max() < 0.01


def test_all_bins_of_a_partial_have_the_phase_of_its_peak():
    # Seen from the start of the frame, as torch.stft does, bins beside each other are half a turn apart.
    spectrum = spectrum_of(0.3 * sine(1021.3, 64 * HOP))
    true, made = spectrum.angle()[0, 21:24, 8:-8], estimate(spectrum.abs()).angle()[0, 21:24, 8:-8]
    assert turns(made.diff(dim=0) - true.diff(dim=0)).max() < 0.01


@pytest.mark.parametrize("offset", [-100, 0, 37])
def test_the_phases_of_an_impulse_meet_at_its_time(offset: int):
    audio = np.zeros(32 * HOP)
    audio[16 * HOP + offset] = 1.0
    spectrum = spectrum_of(audio)
    # The slope of the phase over frequency is the impulse's time in the frame.
    slope = estimate(spectrum.abs())[0, 50:400, 16].angle().diff()
    expected = -2 * torch.pi * (N_FFT // 2 + offset) / N_FFT
    assert turns(slope - expected).max() < 0.02  # of a turn; a Hann window is not quite a Gaussian


def test_the_impulse_comes_back_as_an_impulse():
    audio = np.zeros(32 * HOP)
    audio[16 * HOP + 37] = 1.0
    magnitude = spectrum_of(audio).abs()
    made = render(magnitude, 0, gradient=True)[0].square()
    around = slice(16 * HOP + 37 - 32, 16 * HOP + 37 + 33)
    assert made[around].sum() > 0.8 * made.sum()
    scattered = render(magnitude, 0, gradient=False)[0].square()
    assert scattered[around].sum() < 0.3 * scattered.sum()


def test_a_chirp_is_found_without_an_iteration():
    t = np.arange(96 * HOP) / RATE
    magnitude = spectrum_of(0.5 * np.sin(2 * np.pi * (800 * t + 6000 * t * t))).abs()
    assert convergence(render(magnitude, 0, gradient=True), magnitude) < 0.2
    assert convergence(render(magnitude, 0, gradient=False), magnitude) > 0.5


def test_two_iterations_from_the_gradient_come_closer_than_32_from_random_phases():
    t = np.arange(96 * HOP) / RATE
    strokes = sum(sine(f, 96 * HOP) for f in (311.0, 740.0, 2030.0)) * np.exp(-8 * (t % 0.2))
    magnitude = spectrum_of(0.2 * strokes).abs()
    assert convergence(render(magnitude, 2, gradient=True), magnitude) < convergence(
        render(magnitude, 32, gradient=False), magnitude
    )


def test_known_frames_keep_their_phases_and_the_tone_goes_on_from_them():
    spectrum = spectrum_of(0.3 * sine(1021.3, 64 * HOP, RATE, 1.3))
    made = estimate(spectrum.abs(), known=spectrum[..., :8])
    peak = 22
    given = spectrum[..., :8]
    sounding = given.abs() > 1e-9 * given.abs().max()  # what is 0 has no phase to keep
    torch.testing.assert_close(made[..., :8][sounding], torch.sgn(given[sounding]), atol=1e-3, rtol=0)
    # A Hann window is not quite a Gaussian: what is read off is the frequency to a fiftieth of a bin, and so the phase drifts.
    assert turns(made[0, peak, 8:18].angle() - spectrum[0, peak, 8:18].angle()).max() < 0.05


def brute_force_ways(before: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Loudness of the loudest way from each bin of the frame before to each bin: every way, walked."""
    count = len(frame)
    loudness = np.empty((count, count))
    for source, target in itertools.product(range(count), repeat=2):
        path = range(source, target, 1 if target > source else -1)
        loudness[source, target] = min([before[source], *(frame[step] for step in path)])
    return loudness


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_every_bin_is_reached_by_the_loudest_way_there_is(count: int, seed: int):
    before, frame = np.random.default_rng(seed).random((2, count)).astype(np.float32)
    chosen = _loudest_ways(torch.from_numpy(before)[None, None], torch.from_numpy(frame)[None, None])[0, 0].numpy()
    loudness = brute_force_ways(before, frame)
    np.testing.assert_array_equal(loudness[chosen, np.arange(count)], loudness.max(axis=0))


def test_where_several_bins_are_equally_loud_all_ways_leave_at_the_lowest():
    before = torch.tensor([[[0.2, 0.5, 0.1, 0.5, 0.0]]])
    assert _loudest_ways(before, torch.ones_like(before)).flatten().tolist() == [1] * 5
    assert _loudest_ways(torch.zeros_like(before), torch.ones_like(before)).flatten().tolist() == [0] * 5


def test_each_row_of_a_batch_is_found_by_itself():
    loud, quiet = (spectrum_of(a).abs() for a in (0.5 * sine(700.0, 32 * HOP), 0.001 * sine(3000.0, 32 * HOP)))
    together = estimate(torch.cat([loud, quiet]))
    torch.testing.assert_close(together[:1], estimate(loud), atol=0.01, rtol=0)


def test_silence_has_phases_and_nothing_is_undefined():
    for magnitude in (torch.zeros(1, 513, 5), torch.ones(1, 513, 1), spectrum_of(noise(4 * HOP)).abs() * 1e-30):
        made = estimate(magnitude)
        torch.testing.assert_close(made.abs(), torch.ones_like(magnitude))


def test_the_same_generator_state_gives_the_same_bits_and_another_other_phases():
    magnitude = spectrum_of(0.1 * noise(32 * HOP)).abs()
    assert torch.equal(estimate(magnitude, 1), estimate(magnitude, 1))
    assert (estimate(magnitude, 1) - estimate(magnitude, 2)).abs().mean() > 0.5


def test_the_magnitudes_are_left_as_they_were():
    magnitude = spectrum_of(noise(16 * HOP)).abs()
    before = magnitude.clone()
    estimate(magnitude)
    assert torch.equal(magnitude, before)
