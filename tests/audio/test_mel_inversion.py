from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from small_dataset_audio.audio.mel_inversion import MelInverter


def basis(n_mels: int, n_fft: int = 512) -> torch.Tensor:
    return torch.from_numpy(librosa.filters.mel(sr=16_000, n_fft=n_fft, n_mels=n_mels, norm=1))


def spectra(bins: int, frames: int = 7) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).exponential(size=(2, bins, frames)).astype(np.float32))


@pytest.mark.parametrize("n_mels", [8, 40, 80])
def test_in_stretches_it_is_what_the_whole_basis_gives(n_mels: int):
    whole = basis(n_mels)
    bands = whole @ spectra(257)
    # The same updates, by the textbook.
    numerator = whole.T @ bands
    expected = numerator / whole.sum(dim=0).clamp_min(1e-8)[:, None]
    for _ in range(30):
        expected = expected * numerator / (whole.T @ (whole @ expected)).clamp_min(1e-12)
    torch.testing.assert_close(MelInverter(whole).invert(bands), expected, rtol=1e-3, atol=1e-5)


def test_it_comes_as_close_to_the_bands_as_non_negative_least_squares():
    whole = basis(40).double()
    bands = whole @ spectra(257).double()
    made = whole @ MelInverter(whole).invert(bands)
    for row, column in np.ndindex(2, 7):
        _, least = nnls(whole.numpy(), bands[row, :, column].numpy())
        distance = float((made[row, :, column] - bands[row, :, column]).norm())
        assert distance < least + 1e-2 * float(bands[row, :, column].norm())


def test_bands_of_zero_stay_zero_and_nothing_is_negative():
    whole = basis(40)
    bands = whole @ spectra(257)
    bands[:, 10:20] = 0.0
    made = MelInverter(whole).invert(bands)
    assert made.min() >= 0.0
    assert (whole @ made)[:, 11:19].max() < 1e-6


def test_a_bin_that_no_band_reaches_is_silent():
    whole = basis(40)
    whole[:, 64:128] = 0.0  # a whole stretch of bins
    made = MelInverter(whole).invert(whole @ spectra(257))
    assert not made[:, 64:128].any()


def test_the_bands_asked_for_are_left_as_they_were():
    whole = basis(8)
    bands = whole @ spectra(257)
    before = bands.clone()
    MelInverter(whole).invert(bands)
    assert torch.equal(bands, before)
