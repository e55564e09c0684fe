"""A sampler of other people's: Polyphone reads an SFZ file, FluidSynth plays what it makes of it."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

RATE = 48_000
_TICKS_PER_S = 1_000

needs_sampler = pytest.mark.skipif(
    shutil.which("polyphone") is None or shutil.which("fluidsynth") is None,
    reason="no Polyphone or no FluidSynth: tests/real/install_samplers.sh installs both on Debian",
)


def play(sfz: Path, notes: Sequence[tuple[int, float, float]], folder: Path) -> np.ndarray:
    """Have an SFZ file played.

    Parameters
    ----------
    notes : sequence of (key, begin [s], end [s])

    Returns
    -------
    ndarray [shape=(samples,)]
        The left channel at 48 kHz, without reverb and chorus.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A display, a home and a place for its settings are what Polyphone expects, though it shows nothing.
    quiet = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    convert = ["polyphone", "-1", "-i", str(sfz), "-d", str(folder), "-o", "kit"]
    subprocess.run(convert, env=quiet, check=True, capture_output=True, timeout=60)
    (folder / "notes.mid").write_bytes(_midi(notes))
    options = ["-ni", "-R", "0", "-C", "0", "-g", "1", "-r", str(RATE), "-F", str(folder / "played.wav")]
    command = ["fluidsynth", *options, str(folder / "kit.sf2"), str(folder / "notes.mid")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return soundfile.read(folder / "played.wav")[0][:, 0]


def likeness(heard: np.ndarray, sound: np.ndarray) -> float:
    """How like a sound what is heard is, wherever in it that begins: 1 where nothing else is heard.

    Up to 5 kHz: a sampler interpolates, and does not play the highest octaves as they are.
    """
    below = scipy.signal.butter(6, 5_000, fs=RATE, output="sos")
    heard, sound = (scipy.signal.sosfiltfilt(below, samples) for samples in (heard, sound))
    products = scipy.signal.correlate(heard, sound, "valid", method="fft")
    return float(products.max() / (np.linalg.norm(sound) * np.linalg.norm(heard)))


def _midi(notes: Sequence[tuple[int, float, float]]) -> bytes:
    """A Standard MIDI File of one track, a tick a millisecond."""
    events = sorted(
        event for key, begin_s, end_s in notes for event in ((end_s, 0x80, key, 0), (begin_s, 0x90, key, 127))
    )
    track, before = struct.pack(">BBBBI", 0, 0xFF, 0x51, 3, 1_000_000)[:4] + (1_000_000).to_bytes(3, "big"), 0
    for at_s, status, key, velocity in [*events, (events[-1][0] + 1.0, 0x90, 0, 0)]:
        now = round(at_s * _TICKS_PER_S)
        track += _variable(now - before) + bytes([status, key, velocity])
        before = now
    track += b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, _TICKS_PER_S)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _variable(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | (number & 0x7F))
    return bytes(reversed(digits))
