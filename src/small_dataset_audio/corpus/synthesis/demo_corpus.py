"""The demo corpus: about a minute of recordings that nobody had to record.

:func:`write_demo_corpus` plays the score of :mod:`.demo_score` on three physical models and writes what a musician's folder
would hold: mono WAV files, 48 kHz, 24 bits, dry, each with a moment of silence before its first note.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import soundfile as sf
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.corpus.synthesis.demo_score import DEMO_SCORE, Clip
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.files import make_output_folder, write_bytes

_LEAD_IN_S = 0.04
_TIMING_SPREAD_S = 0.006  # standard deviation: a good player's
_DAMP_S = 0.03  # in which a note that does not ring on is stopped
_FADE_OUT_S = 0.3
_SOFTEST_PEAK_DB, _HARDEST_PEAK_DB = -12.0, -3.0


def write_demo_corpus(
    folder: Path, *, seed: int = 0, on_clip: Callable[[int, int, str], None] | None = None
) -> tuple[Path, ...]:
    """Synthesise the demo corpus: 16 WAV files (48 kHz, 24-bit, mono), 65 s in all.

    Parameters
    ----------
    folder : Path
        Where the files go; made if missing. Clips of an earlier call are replaced, other files are left alone.
    seed : int [0 to 2**63 - 1]
        Same seed, same machine: same bits. Another seed plays the same score again: every stroke differs a little, as
        on another day.
    on_clip : callable, optional
        Called as ``on_clip(done, total, file_name)`` after each file is in place.

    Returns
    -------
    tuple of Path
        The files, in the order of the score.

    Raises
    ------
    InvalidConfigError
        `seed` is outside its range.
    OutputError
        The folder or a file cannot be written; files finished before are whole.
    """
    if not 0 <= seed < 2**63:
        raise InvalidConfigError(f"seed is {seed}; it must be from 0 to 2**63 - 1")
    make_output_folder(folder)
    paths = []
    for index, clip in enumerate(DEMO_SCORE):
        # A generator for each clip: changing one clip of the score leaves the others' bits alone
        audio = render_clip(clip, np.random.default_rng([seed, index]))
        path = folder / f"{clip.name}.wav"
        write_bytes(path, _encode_wav(audio))
        paths.append(path)
        if on_clip is not None:
            on_clip(index + 1, len(DEMO_SCORE), path.name)
    return tuple(paths)


def render_clip(clip: Clip, generator: np.random.Generator) -> NDArray[np.float32]:
    """Play one clip of the score.

    Parameters
    ----------
    clip : Clip
    generator : numpy.random.Generator
        Draws what the players vary.

    Returns
    -------
    ndarray [shape=(round(clip.duration_s * 48000),), float32, peak at -12 dBFS (softest) to -3 dBFS (hardest clip)]
        Begins and ends in silence, without DC.
    """
    audio = np.zeros(round(clip.duration_s * SAMPLE_RATE))
    for note in clip.notes:
        onset_s = _LEAD_IN_S + note.onset_s + _TIMING_SPREAD_S * float(np.clip(generator.standard_normal(), -3, 3))
        start = round(onset_s * SAMPLE_RATE)
        room_s = (audio.size - start) / SAMPLE_RATE
        length_s = room_s if note.length_s is None else min(note.length_s, room_s)
        pitches_hz = [float(librosa.note_to_hz(name)) for name in note.pitches]
        played = clip.player.play(pitches_hz, length_s, note.strength, generator)
        audio[start : start + played.size] += _fade_end(played, _DAMP_S)
    without_dc = sosfilt(butter(2, 20.0, "highpass", fs=SAMPLE_RATE, output="sos"), audio)
    faded = _fade_end(without_dc, _FADE_OUT_S)
    peak_db = _SOFTEST_PEAK_DB + (_HARDEST_PEAK_DB - _SOFTEST_PEAK_DB) * clip.strength
    return np.asarray(faded * (10.0 ** (peak_db / 20.0) / np.max(np.abs(faded))), dtype=np.float32)


def _fade_end(audio: NDArray[np.floating], fade_s: float) -> NDArray[np.float64]:
    """Half a cosine down to nothing over the last `fade_s`."""
    size = min(round(fade_s * SAMPLE_RATE), audio.size)
    faded = audio.astype(np.float64)
    faded[audio.size - size :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, size + 1) / size)
    return faded


def _encode_wav(audio: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, audio, SAMPLE_RATE, subtype="PCM_24", format="WAV")
    return buffer.getvalue()
