"""Sound at a pace of its own: time runs faster and slower, pitch stays, attacks stay whole.

A phase vocoder (M. Dolson, "The phase vocoder: a tutorial", CMJ 1986) whose phases are locked to the peaks of each spectrum
(J. Laroche and M. Dolson, "Improved phase vocoder time-scale modification of audio", IEEE TSAP 1999): every partial goes on
where it was, at any pace, and what surrounds it keeps its place beside it.

A phase vocoder smears what begins suddenly, so around an attack time runs as recorded and the samples are copied as they are
(A. Roebel, "A new approach to transient processing in the phase vocoder", DAFx 2003, resets phases there). Where a copy
begins it is shifted by up to half a hop, to where it fits what sounds already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.joins import best_lag

HOP_LENGTH: Final = 512
_N_FFT: Final = 2048
_REACH: Final = HOP_LENGTH // 2  # an attack's copy is shifted by up to so many samples
_BEFORE_HOPS: Final = 4  # of an attack: windows hear it from two hops before on; a copy begins two earlier
_AFTER_HOPS: Final = 6  # 64 ms: an attack and what it sets in motion
_ATTACK_DECADES: Final = 0.12  # mean rise of all bands from one hop to the next
_PEAK_HOPS: Final = 4  # an attack is the largest rise of so many hops on either side
_ONSET_BANDS: Final = 36
_QUIET_DECADES: Final = 4.0  # under the loudest moment so far: rises out of less are none
_SILENT_LEVEL: Final = np.log10(1e-5 * _N_FFT / 4)  # of a band at -100 dBFS
_PIECE_HOPS: Final = 64
_SILENCE: Final = 1e-8  # magnitude of a bin

_WINDOW: Final = np.hanning(_N_FFT + 1)[:_N_FFT].astype(np.float32)
_GAIN: Final = np.float32(1.0 / 1.5)  # four squared Hann windows overlap to 1.5
_BAND_EDGES: Final = np.unique(np.round(np.geomspace(2, _N_FFT // 2, _ONSET_BANDS)).astype(np.int64))


def samples_needed(num_samples: int, fastest: float) -> int:
    """Samples of the source that `num_samples` of the result may need at a pace of up to `fastest`."""
    return (
        int(np.ceil((num_samples + _N_FFT) * max(fastest, 1.0))) + (_PEAK_HOPS + _BEFORE_HOPS) * HOP_LENGTH + 2 * _N_FFT
    )


def bend_time(
    pieces: Iterable[NDArray[np.float32]], rates: NDArray[np.float64], num_samples: int
) -> Iterator[NDArray[np.float32]]:
    """Play a stream at a pace that changes.

    Parameters
    ----------
    pieces : iterable of ndarray [shape=(channels, samples), float32, 48 kHz]
        The first channel decides for all, so that no bend turns a stereo image: of mid and side, the mid. After the last
        one there is silence.
    rates : ndarray [shape=(n,), seconds of the source for each second of the result, over 0]
        For each hop of the result; the last one is held. Attacks are played at 1 whatever it says.
    num_samples : int
        Of the result.

    Yields
    ------
    ndarray [shape=(channels, samples), float32]
        Together exactly `num_samples`. The result does not depend on how the source is cut into pieces.
    """
    source = _Source(pieces)
    bender = _Bender(source, rates)
    left = num_samples
    while left > 0:
        piece = bender.next_hops(min(_PIECE_HOPS, -(-left // HOP_LENGTH)))[:, :left]
        left -= piece.shape[1]
        yield piece


class _Bender:
    """Synthesis: frames are found one by one and transformed together, which is quicker."""

    def __init__(self, source: _Source, rates: NDArray[np.float64]) -> None:
        self._source = source
        self._rates = rates
        self._position = -float(HOP_LENGTH)  # centre of the next frame in the source [samples]
        self._number = 0
        self._spectrum: NDArray[np.complex64] | None = None  # of the frame before, of the first channel
        self._is_copying = False
        self._tail = np.zeros((source.channels, _N_FFT - HOP_LENGTH), dtype=np.float32)
        self.next_hops(_N_FFT // 2 // HOP_LENGTH + 1)  # what lies before the beginning

    def next_hops(self, num_hops: int) -> NDArray[np.float32]:
        """Return the next finished samples [shape=(channels, num_hops * HOP_LENGTH)]."""
        num_samples = num_hops * HOP_LENGTH
        sounding = np.pad(self._tail, ((0, 0), (0, num_samples)))
        done = 0
        while done < num_hops:
            frames = self._next_frames(num_hops - done) * (_WINDOW * _GAIN)
            for number in range(frames.shape[1]):
                begin = (done + number) * HOP_LENGTH
                sounding[:, begin : begin + _N_FFT] += frames[:, number]
            done += frames.shape[1]
        self._tail = sounding[:, num_samples:]
        return sounding[:, :num_samples]

    def _next_frames(self, at_most: int) -> NDArray[np.float32]:
        """Frames of a stretch of one kind [shape=(channels, frames, _N_FFT)]: a copy's, or all up to the next attack."""
        here: list[NDArray[np.float32]] = []
        before: list[NDArray[np.float32]] = []
        while len(here) < at_most:
            centre = round(self._position)
            is_attack = self._source.is_attack(centre)
            if is_attack and here:
                break
            rate = float(self._rates[min(self._number, len(self._rates) - 1)])
            self._number += 1
            if is_attack:
                return self._copy(centre)[:, None]
            # Taken at once: what is far behind is not held any more when the stretch is at its end.
            here.append(self._source.frame(centre))
            before.append(self._source.frame(centre - HOP_LENGTH)[0])
            self._position += rate * HOP_LENGTH
        return self._move_on(np.stack(here, axis=1), np.stack(before))

    def _move_on(self, here: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.float32]:
        """Let what the source holds [shape=(channels, frames, _N_FFT)] sound on from the frame before.

        `before` is the first channel a hop earlier [shape=(frames, _N_FFT)].
        """
        spectra = np.fft.rfft(here * _WINDOW).astype(np.complex64, copy=False)
        earlier = np.fft.rfft(before * _WINDOW).astype(np.complex64, copy=False)
        sounding = self._spectrum
        for number, peaks in enumerate(_peaks(spectra[0])):
            if sounding is not None:
                spectra[:, number] *= _turns(sounding, earlier[number], peaks)
            sounding = spectra[0, number]
        self._spectrum = sounding
        self._is_copying = False
        frames: NDArray[np.float32] = np.fft.irfft(spectra, n=_N_FFT).astype(np.float32, copy=False)
        return frames

    def _copy(self, centre: int) -> NDArray[np.float32]:
        """Take samples as they are; where a copy begins, from where they fit what sounds already."""
        if not self._is_copying and self._spectrum is not None:
            centre += self._fit(centre)
        frame = self._source.frame(centre) * _WINDOW
        self._spectrum = np.fft.rfft(frame[0]).astype(np.complex64)
        self._position = float(centre + HOP_LENGTH)
        self._is_copying = True
        return frame

    def _fit(self, centre: int) -> int:
        spectrum = self._spectrum
        here, before = self._source.frame(centre)[:1, None], self._source.frame(centre - HOP_LENGTH)[:1]
        going_on = self._move_on(here, before)[0, 0]
        self._spectrum = spectrum
        around = np.concatenate(
            [self._source.frame(centre - _REACH)[0], self._source.frame(centre + _REACH)[0, -2 * _REACH :]]
        )
        # The frame is windowed, the source is not; the middle half is where both are heard.
        quarter = _N_FFT // 4
        return best_lag(going_on[quarter:-quarter], around[quarter:-quarter])


def _peaks(spectra: NDArray[np.complex64]) -> list[NDArray[np.int64]]:
    """Bins of each spectrum [shape=(frames, bins)] that are higher than two on either side."""
    power = spectra.real**2 + spectra.imag**2
    inner = power[:, 2:-2]
    is_peak = (inner > power[:, 1:-3]) & (inner >= power[:, 3:-1]) & (inner > power[:, :-4]) & (inner >= power[:, 4:])
    return [np.flatnonzero(row) + 2 for row in is_peak]


def _turns(
    sounding: NDArray[np.complex64], before: NDArray[np.complex64], peaks: NDArray[np.int64]
) -> NDArray[np.complex64]:
    """Say by how much each bin is turned to go on from what sounds [shape=(bins,), of magnitude 1].

    A partial's phase has advanced in the source, from `before` to now, as it shall in the result: from the `sounding`
    frame on. That is read off at each peak, and holds for the bins around it.
    """
    if not len(peaks):
        return np.ones(1, dtype=np.complex64)
    turn = sounding[peaks].astype(np.complex128) * np.conj(before[peaks])
    size = np.abs(turn)
    # Silence has no phase to go on from; what rounding left there differs from one processor to another.
    is_heard = size > _SILENCE**2
    turn = np.where(is_heard, turn / np.where(is_heard, size, 1.0), 1.0).astype(np.complex64)
    ends = np.concatenate([[0], (peaks[1:] + peaks[:-1] + 1) // 2, [len(before)]])
    return np.repeat(turn, np.diff(ends))


class _Source:
    """The stream as far as it is needed: samples around where the synthesis is, and the attacks ahead of it."""

    def __init__(self, pieces: Iterable[NDArray[np.float32]]) -> None:
        self._pieces = iter(pieces)
        first = next(self._pieces, np.zeros((1, 0), dtype=np.float32))
        self.channels = first.shape[0]
        lead = np.zeros((self.channels, _N_FFT), dtype=np.float32)  # before the beginning there is silence
        self._samples = np.concatenate([lead, first], axis=1)
        self._begin = -_N_FFT  # position of the first sample held
        self._is_over = False
        self._bands: NDArray[np.float32] | None = None  # of the last hop analysed
        self._rises = np.zeros(0, dtype=np.float32)
        self._first_rise = 0
        self._loudest = -np.inf
        self._attacks: list[int] = []
        self._judged_hops = 0

    def frame(self, centre: int) -> NDArray[np.float32]:
        """Return the samples around a position [shape=(channels, _N_FFT)]."""
        begin = centre - _N_FFT // 2
        self._hold(begin + _N_FFT)
        start = begin - self._begin
        return self._samples[:, start : start + _N_FFT]

    def is_attack(self, centre: int) -> bool:
        """Whether time must run as recorded around a position."""
        hop = centre // HOP_LENGTH
        self._judge(hop + _BEFORE_HOPS + 1)
        while self._attacks and self._attacks[0] + _AFTER_HOPS <= hop - 1:
            self._attacks.pop(0)
        return any(attack - _BEFORE_HOPS <= hop < attack + _AFTER_HOPS for attack in self._attacks)

    def _judge(self, num_hops: int) -> None:
        """Find the attacks among the first `num_hops` hops."""
        while self._judged_hops < num_hops:
            hop = self._judged_hops
            self._analyse(hop + _PEAK_HOPS + 1)
            around = self._rises[max(hop - _PEAK_HOPS, 0) - self._first_rise : hop + _PEAK_HOPS + 1 - self._first_rise]
            rise = self._rises[hop - self._first_rise]
            if rise > _ATTACK_DECADES and rise >= around.max():
                self._attacks.append(hop)
            self._judged_hops += 1
        spare = self._judged_hops - _PEAK_HOPS - 1 - self._first_rise
        if spare > _PIECE_HOPS:
            self._rises, self._first_rise = self._rises[spare:], self._first_rise + spare

    def _analyse(self, num_hops: int) -> None:
        """Measure by how much the bands rise in each hop, up to `num_hops`; some more at once, since that is quicker."""
        done = self._first_rise + len(self._rises)
        if done >= num_hops:
            return
        hops = np.arange(done, max(num_hops, done + _PIECE_HOPS))
        self._hold(int(hops[-1]) * HOP_LENGTH + _N_FFT // 2)
        start = int(hops[0]) * HOP_LENGTH - _N_FFT // 2 - self._begin
        frames = np.lib.stride_tricks.sliding_window_view(self._samples[0, start:], _N_FFT)[::HOP_LENGTH][: len(hops)]
        magnitude = np.abs(np.fft.rfft(frames * _WINDOW, axis=1))
        bands = np.add.reduceat(magnitude, _BAND_EDGES[:-1], axis=1) / np.diff(_BAND_EDGES)
        log = np.log10(np.maximum(bands, 1e-9)).astype(np.float32)
        # Frame by frame, so that a floor does not depend on how many are analysed at once.
        loudest = np.maximum.accumulate(np.concatenate([[self._loudest], log.max(axis=1)]))[1:]
        self._loudest = float(loudest[-1])
        floor = np.maximum(loudest - _QUIET_DECADES, _SILENT_LEVEL)[:, None]
        # Before the beginning there is silence: what begins with a sound begins with an attack.
        before = np.full_like(log[:1], -np.inf) if self._bands is None else self._bands[None]
        previous = np.concatenate([before, log[:-1]])
        rises = np.maximum(np.maximum(log, floor) - np.maximum(previous, floor), 0.0).mean(axis=1)
        self._bands = log[-1]
        self._rises = np.concatenate([self._rises, rises.astype(np.float32)])

    def _hold(self, end: int) -> None:
        """Have all samples up to a position; those that are over are let go of."""
        if end <= self._begin + self._samples.shape[1]:
            return
        held = [self._samples]
        num_held = self._begin + self._samples.shape[1]
        while num_held < end:
            piece = None if self._is_over else next(self._pieces, None)
            if piece is None:
                self._is_over = True
                piece = np.zeros((self.channels, end - num_held + _N_FFT), dtype=np.float32)
            held.append(piece)
            num_held += piece.shape[1]
        samples = np.concatenate(held, axis=1)
        # Analysis runs ahead of synthesis by less than this.
        kept_from = max(end - (2 * _PIECE_HOPS + 16) * HOP_LENGTH - 2 * _N_FFT, self._begin)
        self._samples, self._begin = samples[:, kept_from - self._begin :], kept_from
