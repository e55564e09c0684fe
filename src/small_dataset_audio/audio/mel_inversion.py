"""From mel bands back to a linear spectrum.

Each bin lies under two triangles at most, so nearly all of a mel basis is zeros. Cut into stretches of bins, each with
the bands that reach into it, the basis is a fraction of its size, and so is the work.
"""

from __future__ import annotations

from torch import Tensor

_STRETCH_BINS = 128
_ITERATIONS = 30


class MelInverter:
    """Non-negative inversion of a mel basis.

    Multiplicative updates for the Euclidean distance (Lee and Seung, "Algorithms for non-negative matrix factorization",
    NIPS 2000), which keep zero where the mel is zero and never go negative.

    Parameters
    ----------
    basis : Tensor [shape=(n_mels, bins), non-negative]
    """

    def __init__(self, basis: Tensor) -> None:
        self._basis = basis
        stretches = (slice(first, first + _STRETCH_BINS) for first in range(0, basis.shape[1], _STRETCH_BINS))
        self._stretches = [(bins, bands) for bins in stretches if (bands := _reached(basis[:, bins])) is not None]

    def invert(self, amplitude: Tensor) -> Tensor:
        """Find the spectrum whose bands are nearest to those asked for.

        Parameters
        ----------
        amplitude : Tensor [shape=(batch, n_mels, frames), non-negative]

        Returns
        -------
        Tensor [shape=(batch, bins, frames), non-negative]
        """
        numerator = self._to_bins(amplitude)
        magnitude = numerator / self._basis.sum(dim=0).clamp_min(1e-8)[:, None]
        for _ in range(_ITERATIONS):
            estimate = self._to_bins(self._to_bands(magnitude))
            magnitude *= numerator / estimate.clamp_min_(1e-12)
        return magnitude

    def _to_bands(self, magnitude: Tensor) -> Tensor:
        bands_of_all = magnitude.new_zeros(magnitude.shape[0], self._basis.shape[0], magnitude.shape[2])
        for bins, bands in self._stretches:
            bands_of_all[:, bands] += self._basis[bands, bins] @ magnitude[:, bins]
        return bands_of_all

    def _to_bins(self, amplitude: Tensor) -> Tensor:
        magnitude = amplitude.new_zeros(amplitude.shape[0], self._basis.shape[1], amplitude.shape[2])
        for bins, bands in self._stretches:
            magnitude[:, bins] = self._basis[bands, bins].T @ amplitude[:, bands]
        return magnitude


def _reached(stretch: Tensor) -> slice | None:
    """Bands that reach into some bins; None where there are none."""
    bands = stretch.any(dim=1).nonzero().flatten().tolist()
    return slice(bands[0], bands[-1] + 1) if bands else None
