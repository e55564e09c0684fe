"""Two sounds become one that is neither: in every bin of their spectra, the louder is heard.

Unlike a sum it does not beat where both hold the same partial, and does not pile up noise. The idea is that of the binary
mask (D. Wang, "On ideal binary mask as the computational goal of auditory scene analysis", 2005), used to mix.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def louder_of(sounds: Sequence[NDArray[np.float32]], window: Tensor) -> NDArray[np.float32]:
    """Keep, in each bin of each frame, the sound that is louder there.

    Parameters
    ----------
    sounds : sequence of ndarray [shape=(samples,) or (channels, samples), float32]
        Of equal shape; at least one. The first channel, of mid and side the mid, decides which sound is heard in a bin, and
        the others follow: a bin keeps the place that it has in its recording.
    window : Tensor [shape=(n_fft,)]
        Analysis and synthesis window; frames overlap by half of it.

    Returns
    -------
    ndarray [shape as given, float32]
    """
    if len(sounds) == 1 or not sounds[0].size:
        return sounds[0]
    num_samples = sounds[0].shape[-1]
    # Channel by channel, each as a mono sound would be: its bits do not depend on how many there are.
    channels = [_spectra(channel, window) for channel in zip(*map(np.atleast_2d, sounds), strict=True)]
    loudest = [spectra[0] for spectra in channels]
    for number in range(1, len(sounds)):  # pairwise: several times faster than argmax and gather
        is_louder = channels[0][number].abs() > loudest[0].abs()
        loudest = [
            torch.where(is_louder, spectra[number], so_far) for spectra, so_far in zip(channels, loudest, strict=True)
        ]
    blended = [
        torch.istft(spectrum, len(window), len(window) // 2, window=window, length=num_samples).cpu().numpy()
        for spectrum in loudest
    ]
    return np.stack(blended).reshape(sounds[0].shape)


def _spectra(signals: Sequence[NDArray[np.float32]], window: Tensor) -> Tensor:
    """Spectra of signals of one length [shape=(signals, bins, frames)]."""
    hop_length = len(window) // 2
    # One frame more: the last samples would lie where a single window fades to nothing, and be divided by it.
    padded = torch.nn.functional.pad(torch.from_numpy(np.stack(signals)).to(window.device), (0, hop_length))
    return torch.stft(
        padded, len(window), hop_length, window=window, center=True, pad_mode="constant", return_complex=True
    )
