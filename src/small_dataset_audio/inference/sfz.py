"""SFZ: the text file that tells a sampler which sound lies on which key.

Only opcodes of version 1 (rgc:audio, 2004), which every player knows, are written: lokey, hikey, pitch_keycenter,
pitch_keytrack, tune, seq_length, seq_position, loop_mode, loop_start, loop_end, ampeg_release. The text is ASCII; paths have
slashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from small_dataset_audio.inference.cutting import Cut

_HIT_RELEASE_S = 0.05
_HELD_RELEASE_S = 0.4


@dataclass(frozen=True)
class SfzSample:
    """A sound in a file.

    Parameters
    ----------
    path : str
        From the SFZ file, with slashes.
    cut : Cut
        Whose loop and root key are told.
    """

    path: str
    cut: Cut


@dataclass(frozen=True)
class SfzKey:
    """What lies on a range of keys.

    Parameters
    ----------
    lowest, highest : int [0 to 127, MIDI notes]
    samples : sequence of SfzSample
        Played one after the other, round and round.
    follows_keys : bool
        Whether each key has its own pitch, around the sample's root key; else all play it as it is.
    label : str
        ASCII; for whoever reads the file.
    """

    lowest: int
    highest: int
    samples: Sequence[SfzSample]
    follows_keys: bool
    label: str


def write_sfz(keys: Sequence[SfzKey], title: str) -> str:
    """Write an instrument.

    Parameters
    ----------
    keys : sequence of SfzKey
    title : str
        First line, a comment.
    """
    lines = [f"// {_plain(title)}", ""]
    for key in keys:
        lines += [
            f"// {_plain(key.label)}",
            f"<group> lokey={key.lowest} hikey={key.highest} seq_length={len(key.samples)}",
        ]
        if not key.follows_keys:
            lines[-1] += " pitch_keytrack=0"
        lines += [_region(sample, number, key) for number, sample in enumerate(key.samples, start=1)]
        lines.append("")
    return "\n".join(lines)


def _region(sample: SfzSample, number: int, key: SfzKey) -> str:
    cut = sample.cut
    words = [f"<region> seq_position={number}"]
    if cut.root_key is not None and key.follows_keys:
        words.append(f"pitch_keycenter={cut.root_key} tune={-cut.root_cents}")
    elif not key.follows_keys:
        words.append(f"pitch_keycenter={key.lowest}")
    if cut.loop_first is not None:
        words.append(f"loop_mode=loop_continuous loop_start={cut.loop_first} loop_end={cut.loop_last}")
        words.append(f"ampeg_release={_HELD_RELEASE_S:g}")
    else:
        words.append(f"loop_mode=one_shot ampeg_release={_HIT_RELEASE_S:g}")
    return " ".join([*words, f"sample={sample.path}"])  # last: a path may hold spaces


def _plain(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)
