"""How audio is analysed. Importing this module loads neither torch nor librosa."""

from __future__ import annotations

from dataclasses import dataclass

from small_dataset_audio.constants import AMPLITUDE_FLOOR, HOP_LENGTH, N_FFT, N_MELS, SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError


@dataclass(frozen=True)
class SpectrogramConfig:
    """How audio is analysed; stored with every model.

    Parameters
    ----------
    sample_rate : int [Hz]
    n_fft : int [samples]
        Window and FFT length; even, so that frames can be centred.
    hop_length : int [samples]
        At most a quarter of `n_fft`, for phase retrieval.
    n_mels : int
        Mel bands between 0 Hz and Nyquist.
    amplitude_floor : float
        Amplitudes under it count as it, before the logarithm.
    """

    sample_rate: int = SAMPLE_RATE
    n_fft: int = N_FFT
    hop_length: int = HOP_LENGTH
    n_mels: int = N_MELS
    amplitude_floor: float = AMPLITUDE_FLOOR

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        if not 4_000 <= self.sample_rate <= 768_000:
            raise InvalidConfigError(f"sample_rate is {self.sample_rate}; it must be 4000 to 768000 Hz")
        if not 64 <= self.n_fft <= 65_536 or self.n_fft % 2:
            raise InvalidConfigError(f"n_fft is {self.n_fft}; it must be 64 to 65536 samples, and even")
        if not 1 <= self.hop_length <= self.n_fft // 4:
            raise InvalidConfigError(
                f"hop_length is {self.hop_length}; it must be 1 to a quarter of n_fft ({self.n_fft // 4})"
            )
        if not 8 <= self.n_mels <= 512:
            raise InvalidConfigError(f"n_mels is {self.n_mels}; it must be 8 to 512 bands")
        if not 0.0 < self.amplitude_floor < 1.0:
            raise InvalidConfigError(f"amplitude_floor is {self.amplitude_floor}; it must be between 0 and 1")
