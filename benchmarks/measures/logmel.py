"""The log-mel spectrogram that motion, resemblance and the walk share: 2048/512 Hann at 48 kHz, amplitude."""

from __future__ import annotations

from functools import cache

import librosa
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
N_FFT = 2048
HOP_LENGTH = 512
FRAMES_PER_SECOND = RATE_HZ / HOP_LENGTH


def mel_amplitude(samples: NDArray[np.float32], n_mels: int) -> NDArray[np.float32]:
    """Mel amplitudes, [shape=(frames, n_mels)], frame f centred on sample 512 f.

    Parameters
    ----------
    samples : ndarray [shape=(samples,), float32, at 48 kHz]
    n_mels : int
        Slaney bands from 0 to 24 kHz, each a weighted mean of its bins; a full-scale sine reads about 1 in the
        bands that are narrower than the window's main lobe.
    """
    # Zeros at the end make a clip shorter than the window one that librosa takes; they add no frame to a longer one.
    padded = np.pad(samples, (0, max(N_FFT - len(samples), 0)))
    spectrum = np.abs(librosa.stft(padded, n_fft=N_FFT, hop_length=HOP_LENGTH))
    return np.asarray(spectrum.T @ _filters(n_mels), dtype=np.float32)


@cache
def _filters(n_mels: int) -> NDArray[np.float32]:
    bank = librosa.filters.mel(sr=RATE_HZ, n_fft=N_FFT, n_mels=n_mels, norm=1.0)
    window_gain = 4.0 / N_FFT  # a full-scale sine under a Hann window peaks at N_FFT / 4
    return np.asarray(bank.T * window_gain, dtype=np.float32)
