"""Any channel layout to mono.

- Two channels, and every layout not named below: the mean of all channels.
- Six channels in WAV order (left, right, centre, low frequencies, left and right surround), in a container that fixes this
  order: the mono column of ITU-R BS.775-3, table 2, scaled so that the weights add up to one; low frequencies are left out,
  as the recommendation says.
- Where the channels nearly cancel in the mix (a microphone wired in reverse, a "wide" effect): the louder channel alone.

What the mean of two channels leaves out is their side, half of left less right. Mid and side together are the stereo
recording again: left is mid plus side, right is mid less side (A. Blumlein, British Patent 394,325, 1931).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BS775_MONO: Final = (0.7071, 0.7071, 1.0, 0.0, 0.5, 0.5)
_WAV_ORDER_FORMATS: Final = frozenset({"WAV", "WAVEX", "RF64", "W64", "FLAC"})
_CANCELLED: Final = 0.1
"""RMS of the mix against the louder channel: -20 dB. Unrelated channels come to 0.71, a silent one to 0.5."""
_NO_SIDE: Final = 1e-3
"""Peak of the side against that of the mid: -60 dB. What stays under it is dither, or the coder of a mono recording."""


def downmix(audio: NDArray[np.float32], format_name: str) -> tuple[NDArray[np.float32], str]:
    """Mix to mono; returns the mix and a note on how it was made, empty for audio that was mono.

    Parameters
    ----------
    audio : ndarray [shape=(channels, samples), float32]
    format_name : str
        As libsndfile names it; tells whether the order of six channels is known.

    Returns
    -------
    ndarray [shape=(samples,), float32], str
    """
    channels = audio.shape[0]
    if channels == 1:
        return audio[0], ""
    if channels == len(_BS775_MONO) and format_name in _WAV_ORDER_FORMATS:
        weights = np.array(_BS775_MONO) / sum(_BS775_MONO)
        mono = weights.astype(np.float32) @ audio
        how = "ITU-R BS.775, without the low-frequency channel"
    else:
        mono, how = audio.mean(axis=0, dtype=np.float32), "mean"
    if _cancels(audio, mono):
        loudest = int(np.argmax([_rms(channel) for channel in audio]))
        mono, how = audio[loudest].copy(), f"they cancel in the mix: channel {loudest + 1}, the loudest, is used alone"
    return mono, f"downmixed from {channels} channels ({how})"


def side_of(audio: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Half of left less right: what :func:`downmix` leaves out of a stereo recording.

    Parameters
    ----------
    audio : ndarray [shape=(channels, samples), float32]

    Returns
    -------
    ndarray [shape=(samples,), float32], or None
        None where there are not two channels, or where they cancel in the mix: one of them alone is no mid to go beside.
    """
    if audio.shape[0] != 2 or _cancels(audio, audio.mean(axis=0, dtype=np.float32)):
        return None
    side: NDArray[np.float32] = (audio[0] - audio[1]) * np.float32(0.5)
    return side


def is_heard_beside(side: NDArray[np.float32], mid: NDArray[np.float32]) -> bool:
    """Whether a side [shape=(samples,)] makes a recording stereo; False where it stays 60 dB under the peak of the mid."""
    return float(np.abs(side).max(initial=0.0)) > _NO_SIDE * float(np.abs(mid).max(initial=0.0))


def _cancels(audio: NDArray[np.float32], mix: NDArray[np.float32]) -> bool:
    return _rms(mix) < _CANCELLED * max(_rms(channel) for channel in audio)


def _rms(signal: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.dot(signal, signal) / signal.size))
