"""Copying: which half seconds of a take are in the corpus word for word, and where.

A take is cut into windows of 0.5 s every 0.25 s; silent ones are left out. Each is compared by normalised
cross-correlation with every stretch of the corpus, to the fraction of a sample. Over 0.90 it is *copied*: then at least
81 % of its energy is a scaled version of that stretch.

What counts as the same:

- at another **gain**: yes, both sides are normalised to unit energy;
- with **polarity inverted**: yes, the magnitude of the correlation decides, since nobody hears the difference; the match
  says so by its sign;
- **outside 100 Hz to 8 kHz**: not looked at. Everything runs at 16 kHz, high-passed at 100 Hz, so that a shared hum or
  a shared hiss is no copy, and it is three times quicker than at 48 kHz;
- at another speed or pitch, reversed, or filtered: no. Resemblance hears the last;
- over a **file border**: no. Recordings are laid in a row with silence between, longer than a window, and a stretch lies
  within one of them. A recording shorter than a window has no such stretch: it is met with silence around it, in whole or
  in part, or a single stroke could never be a copy. ``past_ends=True`` lets every recording be met so. It is stricter: a
  window that is quiet until the first 0.3 s of a longer recording set in is then copied too (the walk on tabla: 24 %
  instead of 6 %).

By FFT: the row of recordings in overlapping blocks (overlap-save), windows in batches, every local energy from one
cumulative sum. Content near 8 kHz changes within a sample at 16 kHz (white noise half a sample off correlates by 0.64
only), so the best place of every block is refined by band-limited interpolation of the correlation itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from measures.clips import Clip
from measures.parallel import map_batches

RATE_HZ = 16_000
LOW_CUT_HZ = 100.0
WINDOW_S = 0.5
HOP_S = 0.25
THRESHOLD = 0.90
SILENCE_DECADES = 3.0
"""A window is silent 60 dB under the take's peak; a corpus stretch, 60 dB under the corpus's loudest."""

_WINDOW = round(WINDOW_S * RATE_HZ)
_HOP = round(HOP_S * RATE_HZ)
_GAP = _WINDOW + RATE_HZ // 10  # 0.1 s more, for the high-pass to ring out in
_FFT_SIZE = 65_536
_BATCH_WINDOWS = 16
_REACH = 16
"""Samples on either side that the interpolation looks at."""
_FINENESS = 8
"""Steps per sample that it looks for a maximum in: at most 1/16 sample off, 0.7 % for white noise up to 8 kHz."""


@dataclass(frozen=True)
class Match:
    """The corpus stretch that a window of a take is most like.

    Attributes
    ----------
    take_s : float [s]
        Where the window starts in the take.
    file : str
        The recording.
    file_s : float [s]
        Where the stretch starts in it; negative where the window begins in the silence before a short one.
    correlation : float [-1 to 1]
        Negative where the polarity is inverted.
    """

    take_s: float
    file: str
    file_s: float
    correlation: float

    @property
    def is_copied(self) -> bool:
        """Over the threshold, in either polarity."""
        return abs(self.correlation) > THRESHOLD


@dataclass(frozen=True)
class TakeCopying:
    """What one take repeats.

    Attributes
    ----------
    take : str
    windows, copied_windows : int
        Sounding ones, and those over the threshold.
    longest_s : float [s]
        Longest part of the take that follows one part of one recording without leaving it.
    nearest : Match or None
        The most alike of all windows; None for a silent take.
    """

    take: str
    windows: int
    copied_windows: int
    longest_s: float
    nearest: Match | None


@dataclass(frozen=True)
class Copying:
    """What a set of takes repeats."""

    takes: tuple[TakeCopying, ...]

    @property
    def share(self) -> float:
        """Copied windows over sounding windows, all takes together (0 to 1)."""
        return sum(take.copied_windows for take in self.takes) / max(sum(take.windows for take in self.takes), 1)

    @property
    def longest_s(self) -> float:
        """Longest copied stretch of any take [s]."""
        return max(take.longest_s for take in self.takes)

    @property
    def nearest(self) -> Match | None:
        """The most alike window of any take."""
        matches = [take.nearest for take in self.takes if take.nearest is not None]
        return max(matches, key=lambda match: abs(match.correlation), default=None)


class CopyDetector:
    """A corpus made ready for finding windows of takes in it.

    Parameters
    ----------
    corpus : sequence of Clip
        At least one, not all silent.
    past_ends : bool
        Let a window reach past the ends of every recording into silence, not only of those shorter than a window.
    """

    def __init__(self, corpus: Sequence[Clip], *, past_ends: bool = False) -> None:
        self._names = [clip.name for clip in corpus]
        pieces = [np.pad(clip.at(RATE_HZ), (0, _GAP)) for clip in corpus]
        self._starts = _GAP + np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
        # The leading gap lets a window begin before the first recording; the tail lets every block be whole.
        row = _high_pass(np.concatenate([np.zeros(_GAP, np.float32), *pieces]))
        self._step = _FFT_SIZE - _WINDOW + 1 - 2 * _REACH
        self._num_blocks = -(-(len(row) - _WINDOW) // self._step)
        self._row = np.pad(row, (_REACH, self._num_blocks * self._step + _FFT_SIZE - len(row)))
        lengths = [len(piece) - _GAP for piece in pieces]
        allowed = _places(self._starts + _REACH, lengths, len(self._row) - _WINDOW + 1, past_ends=past_ends)
        self._inverse_norms = np.where(allowed, _inverse_norms(self._row), np.float32(0.0))

    def examine(self, takes: Sequence[Clip]) -> Copying:
        """Find what the takes repeat.

        Parameters
        ----------
        takes : sequence of Clip
            At least one.
        """
        prepared = [_sounding_windows(take) for take in takes]
        windows = torch.from_numpy(np.concatenate([windows for _, windows in prepared]))
        found = map_batches(self._search, torch.split(windows, _BATCH_WINDOWS) if len(windows) else [])
        correlations = np.concatenate([correlation for correlation, _ in found]) if found else np.zeros(0)
        positions = np.concatenate([position for _, position in found]) if found else np.zeros(0, np.int64)
        results, first = [], 0
        for take, (starts, own) in zip(takes, prepared, strict=True):
            last = first + len(own)
            results.append(self._summarise(take, starts, own, correlations[first:last], positions[first:last]))
            first = last
        return Copying(tuple(results))

    def _search(self, windows: torch.Tensor) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Best correlation (signed) and its position in the row, for each window."""
        spectra = torch.fft.rfft(windows, n=_FFT_SIZE).conj()
        best = torch.zeros(len(windows))
        best_position = torch.zeros(len(windows), dtype=torch.int64)
        for start, block, inverse_norms in self._blocks():
            product = torch.fft.irfft(spectra * block, n=_FFT_SIZE)[:, : self._step + 2 * _REACH]
            coarse = (product[:, _REACH:-_REACH] * inverse_norms).abs_().argmax(dim=1)
            correlation = _refine(product, coarse, inverse_norms[coarse])
            better = correlation.abs() > best.abs()
            best = torch.where(better, correlation, best)
            best_position = torch.where(better, coarse + start, best_position)
        return best.numpy().astype(np.float64), best_position.numpy()

    def _blocks(self) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """Each block's first position, spectrum (with `_REACH` samples before), and inverse norms."""
        for start in range(0, self._num_blocks * self._step, self._step):
            samples = torch.from_numpy(self._row[start : start + _FFT_SIZE])
            inverse_norms = torch.from_numpy(self._inverse_norms[start + _REACH : start + _REACH + self._step])
            yield start + _REACH, torch.fft.rfft(samples), inverse_norms

    def _summarise(
        self,
        take: Clip,
        starts: NDArray[np.int64],
        windows: NDArray[np.float32],
        correlations: NDArray[np.float64],
        positions: NDArray[np.int64],
    ) -> TakeCopying:
        matches = [
            self._match(start, position, correlation)
            for start, position, correlation in zip(
                starts.tolist(), positions.tolist(), correlations.tolist(), strict=True
            )
        ]
        by_start = dict(zip(starts.tolist(), windows, strict=True))
        lengths = [
            self._follow(by_start, start, position)
            for start, position, match in zip(starts.tolist(), positions.tolist(), matches, strict=True)
            if match.is_copied
        ]
        return TakeCopying(
            take=take.name,
            windows=len(matches),
            copied_windows=sum(match.is_copied for match in matches),
            longest_s=max(lengths, default=0.0),
            nearest=max(matches, key=lambda match: abs(match.correlation), default=None),
        )

    def _match(self, start: int, position: int, correlation: float) -> Match:
        # A window that begins up to its own length before a recording overlaps that one and no other.
        index = int(np.searchsorted(self._starts, position - _REACH + _WINDOW, side="left")) - 1
        index = max(index, 0)
        return Match(
            take_s=start / RATE_HZ,
            file=self._names[index],
            file_s=round((position - _REACH - int(self._starts[index])) / RATE_HZ, 4),
            correlation=correlation,
        )

    def _follow(self, windows: dict[int, NDArray[np.float32]], start: int, position: int) -> float:
        """Seconds for which the take goes on as the recording does from `position`, from a copied window on."""
        steps = 0
        while (following := windows.get(start + (steps + 1) * _HOP)) is not None:
            place = position + (steps + 1) * _HOP
            stretch = self._row[place - _REACH : place + _WINDOW + _REACH]
            if len(stretch) < _WINDOW + 2 * _REACH:
                break
            product = torch.from_numpy(np.correlate(stretch, following)[None])
            norm = torch.from_numpy(self._inverse_norms[place : place + 1])
            # The coarse place may be a sample off where the true one lies between two: the fine search covers it.
            if abs(float(_refine(product, torch.zeros(1, dtype=torch.int64), norm))) <= THRESHOLD:
                break
            steps += 1
        return WINDOW_S + steps * HOP_S


def _places(starts: NDArray[np.int64], lengths: Sequence[int], count: int, *, past_ends: bool) -> NDArray[np.bool_]:
    """Which places of the row a window may be met at."""
    allowed = np.zeros(count, dtype=np.bool_)
    for start, length in zip(starts.tolist(), lengths, strict=True):
        if past_ends or length < _WINDOW:
            allowed[start - _WINDOW + 1 : start + length] = True
        else:
            allowed[start : start + length - _WINDOW + 1] = True
    return allowed


def _high_pass(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Butterworth of 4th order, run both ways; the 8 kHz side of the band is the resampler's."""
    sections = butter(4, LOW_CUT_HZ, "highpass", fs=RATE_HZ, output="sos")
    return np.asarray(sosfiltfilt(sections, samples), dtype=np.float32)


def _inverse_norms(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """One over the root energy of the window's length from each sample on; 0 where that is silence."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(row, dtype=np.float64))])
    local = energy[_WINDOW:] - energy[:-_WINDOW]
    audible = local > local.max() * 10.0 ** (-2 * SILENCE_DECADES)
    norms = np.sqrt(local, where=audible, out=np.full_like(local, np.inf))
    return np.asarray(1.0 / norms, dtype=np.float32)


def _sounding_windows(take: Clip) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Starts [samples at 16 kHz] and unit-energy windows of a take, silent ones left out."""
    samples = take.at(RATE_HZ)
    # A high-pass that may ring into silence on both sides, and a take that may be shorter than a window.
    padded = _high_pass(np.pad(samples, (_GAP, max(_WINDOW - len(samples), 0) + _GAP)))[_GAP:-_GAP]
    starts = np.arange(0, len(padded) - _WINDOW + 1, _HOP)
    windows = np.stack([padded[start : start + _WINDOW] for start in starts])
    norms = np.sqrt(np.square(windows, dtype=np.float64).sum(axis=1))
    sounding = norms / np.sqrt(_WINDOW) > np.abs(samples).max() * 10.0**-SILENCE_DECADES
    return starts[sounding], (windows[sounding] / norms[sounding, None]).astype(np.float32)


def _refine(product: torch.Tensor, places: torch.Tensor, inverse_norms: torch.Tensor) -> torch.Tensor:
    """Largest normalised correlation within a sample of each window's best whole one.

    Parameters
    ----------
    product : Tensor [shape=(windows, places + 2 * _REACH)]
        Cross-correlation; place p stands at column p + _REACH.
    places : Tensor [shape=(windows,)]
        Best whole places.
    inverse_norms : Tensor [shape=(windows,)]
        Of the corpus there. Energy over half a second changes too little within one sample to matter.

    Returns
    -------
    Tensor [shape=(windows,), -1 to 1]
    """
    columns = places[:, None] + torch.arange(2 * _REACH + 1)
    fine = product.gather(1, columns) @ _interpolator()
    strongest = fine.abs().argmax(dim=1, keepdim=True)
    return (fine.gather(1, strongest)[:, 0] * inverse_norms).clamp(-1.0, 1.0)


def _interpolator() -> torch.Tensor:
    """Windowed sinc from the whole samples -16..16 to steps of 1/8 in -1..1 [shape=(33, 17)]."""
    whole = torch.arange(-_REACH, _REACH + 1)[:, None]
    offset = whole - torch.arange(-_FINENESS, _FINENESS + 1) / _FINENESS
    taper = torch.cos(torch.pi / 2 * (offset / (_REACH + 1))) ** 2
    return torch.sinc(offset) * taper
