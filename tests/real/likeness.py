"""What a sound is made of, roughly: its log-mel frames, and how its level is spread over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
from scipy.spatial import cKDTree

_NUM_BANDS = 64
_AUDIBLE_DB = 60.0
_DEPTH_DB = 50.0
_FLOOR_DB = -90.0


@dataclass(frozen=True, eq=False)
class Portrait:
    """A sound in a few numbers, whatever its volume.

    Parameters
    ----------
    frames_db : ndarray [shape=(frames, 64), dB]
        Spectra of the audible frames, each from 0 dB in its loudest band down to -50 dB.
    audible_share : float
        Frames whose loudest band is within 60 dB of the loudest of all.
    spread_db : float
        10th to 90th percentile of the audible frames' levels.
    """

    frames_db: np.ndarray
    audible_share: float
    spread_db: float

    def distance_db(self, other: Portrait) -> float:
        """Root mean square difference of a frame to the one that is nearest to it in `other`: the median over all frames."""
        distances, _ = cKDTree(other.frames_db).query(self.frames_db)
        return float(np.median(distances)) / _NUM_BANDS**0.5


def portray(clips: Sequence[np.ndarray]) -> Portrait:
    """Portray some audio [each shape=(samples,), 48 kHz] as one sound."""
    power = np.concatenate([_mel_power(clip) for clip in clips])
    frames_db = 10 * np.log10(np.maximum(power / power.max(), 10 ** (_FLOOR_DB / 10)))
    level_db = frames_db.max(axis=1)
    audible = level_db > -_AUDIBLE_DB
    low_db, high_db = np.percentile(level_db[audible], [10, 90])
    shapes = frames_db[audible] - level_db[audible, None]
    return Portrait(np.maximum(shapes, -_DEPTH_DB), float(audible.mean()), float(high_db - low_db))


def _mel_power(clip: np.ndarray) -> np.ndarray:
    samples = clip.astype(np.float32)
    return librosa.feature.melspectrogram(y=samples, sr=48_000, n_fft=2048, hop_length=1024, n_mels=_NUM_BANDS).T
