"""One file of a corpus: read, judge, measure, bring to mono 48 kHz and keep what makes it stereo; say what was done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.formats import extension_contradicts
from small_dataset_audio.audio.io import DecodedAudio, decode_audio, open_regular_file, resample
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.corpus.downmix import downmix, is_heard_beside, side_of
from small_dataset_audio.corpus.offset import CUTOFF_HZ, remove_offset, steady_offset
from small_dataset_audio.corpus.records import Clip, FileReport, Mark, ScanConfig
from small_dataset_audio.errors import AudioFileError

_FULL_SCALE: Final = 0.999
_MIN_FLAT_TOP: Final = 4  # a full-scale 50 Hz sine in 16 bits touches its peak for up to three samples
_LARGEST_SAMPLE: Final = 2.0**32
"""Float files of 32-bit integers that were never scaled reach half of it; what is beyond is damage, and would overflow."""
_EIGHT_BIT: Final = frozenset({"PCM_U8", "PCM_S8", "ULAW", "ALAW"})


def decode_here(path: Path) -> DecodedAudio:
    """Decode a file in this process.

    Raises
    ------
    AudioFileError
        The reason alone, without the path.
    """
    with open_regular_file(path) as file:
        return decode_audio(file, extension=path.suffix.lower())


def take_in(
    path: Path, name: str, config: ScanConfig, decode: Callable[[Path], DecodedAudio] = decode_here
) -> tuple[FileReport, Clip | None]:
    """Read one file; it is opened for reading only.

    Parameters
    ----------
    path : Path
    name : str
        What the report and the clip call it.
    config : ScanConfig
    decode : callable, optional
        Decodes in place of :func:`decode_here`: see :meth:`small_dataset_audio.audio.guarded_decoder.GuardedDecoder.decode`.

    Returns
    -------
    FileReport, Clip or None
        None where the file cannot be used; the report says why.
    """
    try:
        decoded = decode(path)
    except AudioFileError as error:
        return FileReport(name, "skipped", str(error)), None
    facts = _measure(decoded)
    if reason := _why_unusable(decoded, facts.peak, config):
        return facts.report(name, decoded, reason), None
    mono, how = downmix(decoded.audio, decoded.format)
    if how:
        facts.note("downmixed", how)
    if decoded.sample_rate != SAMPLE_RATE:
        facts.note("resampled", f"resampled from {decoded.sample_rate} Hz")
    if decoded.duration_s < config.training_window_s:
        window = f"{config.training_window_s:.2f} s"
        facts.note("padded", f"shorter than one training window ({window}): padded when training")
    if extension_contradicts(path.suffix.lower(), decoded.format):
        says = f"extension says {path.suffix}" if path.suffix else "no extension"
        facts.note("wrong_extension", f"{says}, content is {decoded.format}")
    mono = resample(mono, decoded.sample_rate, SAMPLE_RATE)
    if offset := steady_offset(mono):
        mono = remove_offset(mono, offset)
        facts.note("dc_offset", f"constant offset (DC) of {offset:+.3f} removed by a high-pass at {CUTOFF_HZ:.0f} Hz")
    clip = Clip(name, mono, content_hash(decoded), _side(decoded, mono, facts))
    return facts.report(name, decoded), clip


def _side(decoded: DecodedAudio, mid: NDArray[np.float32], facts: _Facts) -> NDArray[np.float32] | None:
    """Bring the side to 48 kHz and rid it of an offset, as was done to the mid; None where the recording is not stereo."""
    side = side_of(decoded.audio)
    if side is None:
        return None
    side = resample(side, decoded.sample_rate, SAMPLE_RATE)
    if offset := steady_offset(side):
        side = remove_offset(side, offset)
        facts.note("dc_offset", f"constant offset (DC) between left and right of {2 * offset:+.3f} removed likewise")
    return side if is_heard_beside(side, mid) else None


def content_hash(decoded: DecodedAudio) -> str:
    """SHA-256 of the decoded samples, their layout and rate: what is heard, whatever it is wrapped in."""
    digest = hashlib.sha256(f"{decoded.sample_rate} Hz, shape {decoded.audio.shape}, float32".encode())
    digest.update(np.ascontiguousarray(decoded.audio, dtype="<f4").data)
    return digest.hexdigest()


@dataclass
class _Facts:
    """Collects what is found about a file while it is looked at."""

    peak: float
    clipped_samples: int
    notes: list[str] = field(default_factory=list)
    marks: set[Mark] = field(default_factory=set)

    def note(self, mark: Mark, words: str) -> None:
        self.notes.append(words)
        self.marks.add(mark)

    def report(self, name: str, decoded: DecodedAudio, reason: str = "") -> FileReport:
        return FileReport(
            name=name,
            status="skipped" if reason else "used",
            reason=reason,
            duration_s=decoded.duration_s,
            sample_rate=decoded.sample_rate,
            channels=decoded.audio.shape[0],
            format=decoded.format,
            subtype=decoded.subtype,
            peak=self.peak,
            clipped_samples=self.clipped_samples,
            notes=tuple(self.notes),
            marks=frozenset(self.marks),
        )


def _measure(decoded: DecodedAudio) -> _Facts:
    audio = decoded.audio
    peak = float(max(audio.max(), -audio.min()))
    eight_bit = decoded.subtype in _EIGHT_BIT
    # In 8 bits a clean sine has flat tops too, so clipping cannot be told.
    clipped = 0 if eight_bit or peak < _FULL_SCALE else sum(_flat_top_samples(channel) for channel in audio)
    facts = _Facts(peak, clipped)
    if decoded.truncated:
        facts.note("truncated", decoded.truncated)
    if decoded.capped:
        facts.note("capped", decoded.capped)
    if eight_bit:
        facts.note("eight_bit", f"8-bit audio ({decoded.subtype}): its noise will be learned as well")
    if clipped:
        facts.note("clipped", f"clipped: {clipped} samples in flat tops at full scale")
    if 1.0 < peak <= _LARGEST_SAMPLE:
        over = int(np.count_nonzero(np.abs(audio) > 1.0))
        facts.note("over_full_scale", f"holds {over} samples over 1.0 (peak {peak:.2f}): kept as they are")
    return facts


def _why_unusable(decoded: DecodedAudio, peak: float, config: ScanConfig) -> str:
    if decoded.duration_s < config.min_duration_s:
        samples = decoded.audio.shape[1]
        length = f"{decoded.duration_s:.4f} s ({samples} {'sample' if samples == 1 else 'samples'})"
        return f"too short: {length}; at least {config.min_duration_s:.4g} s is needed"
    if (
        decoded.duration_s > config.max_total_s
    ):  # at a low rate, a file that can be held is longer than all may be together
        return f"too long: {decoded.duration_s / 3600:.3g} h; at most {config.max_total_s / 3600:.3g} h are held in all"
    if peak > _LARGEST_SAMPLE:
        return f"samples out of reason: as large as {peak:.1e}, where full scale is 1.0"
    lowest, highest = decoded.audio.min(axis=1), decoded.audio.max(axis=1)
    if ((highest - lowest) / 2 < 10 ** (config.silence_db / 20)).all():
        offset = float(np.abs(highest + lowest).max() / 2)
        if offset < 10 ** (config.silence_db / 20):
            return "silence"
        return f"only a constant offset (DC): {offset:.3f}, with no sound on it"
    return ""


def _flat_top_samples(channel: NDArray[np.float32]) -> int:
    """Count samples in runs of equal values at full scale, as a converter leaves them that was driven too hard."""
    at_top = np.flatnonzero(np.abs(channel) >= _FULL_SCALE)
    if at_top.size < _MIN_FLAT_TOP:
        return 0
    values = channel[at_top]
    breaks = np.flatnonzero((np.diff(at_top) != 1) | (values[1:] != values[:-1])) + 1
    lengths = np.diff(np.concatenate(([0], breaks, [at_top.size])))
    return int(lengths[lengths >= _MIN_FLAT_TOP].sum())
