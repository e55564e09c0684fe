"""The faults that the program answers, and what it really prints for them: caused in a folder, for ``docs/errors.md``."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from badfiles import IMA_ADPCM, pcm16, tone, wav_bytes
from faults.hostile import MODEL, with_metadata_text
from models.tiny import tiny_bundle
from small_dataset_audio.corpus import scan_corpus
from small_dataset_audio.errors import SdaError
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.inference import export_wav
from small_dataset_audio.library import Library
from small_dataset_audio.models import load_bundle, save_bundle
from small_dataset_audio.names import safe_folder_name
from traps import torch_trap


@dataclass(frozen=True)
class Fault:
    """A row of the table.

    Parameters
    ----------
    number : int
        That the names of its tests bear.
    fault, answer : str
        What happens, and what the program does.
    """

    number: int
    fault: str
    answer: str


FAULTS: Final = (
    Fault(1, "a file of 0 bytes", "it is skipped"),
    Fault(2, "a valid header and no samples", "it is skipped"),
    Fault(3, "one sample, or less than the minimum", "it is skipped, with its length and the minimum"),
    Fault(4, "a truncated recording", "what is there is used, with a note"),
    Fault(5, "a header that claims gigabytes", "nothing is allocated for it; what is there is used, with a note"),
    Fault(6, "over 32 channels", "it is skipped"),
    Fault(7, "a sample rate out of range", "it is skipped; 4 kHz to 768 kHz are read"),
    Fault(8, "a wrong extension", "its content decides; it is noted"),
    Fault(9, "text, a web page or noise named .wav", "it is skipped"),
    Fault(10, "NaN or infinite samples in a recording", "it is skipped, with their count"),
    Fault(11, "NaN in a take", "nothing is written"),
    Fault(12, "float peaks over full scale", "they are kept, and noted"),
    Fault(13, "silence, or a constant", "it is skipped; where there is nothing else, it is an error"),
    Fault(14, "8 bits, an unusual rate", "it is converted, and noted"),
    Fault(15, "more than two channels", "they are mixed down as documented, and noted"),
    Fault(16, "a format without a decoder", "it is skipped; the formats that are read are named"),
    Fault(17, "IMA ADPCM", "it is skipped before a decoder opens it"),
    Fault(18, "a decoder that crashes or hangs", "that file alone is skipped: decoding is a process of its own"),
    Fault(19, "the same recording twice", "it is used once"),
    Fault(20, "a name that leaves its folder", "it is refused"),
    Fault(21, "a name that some file systems do not take", "a safe name is derived for the folder"),
    Fault(22, "loops of links, links out of the folder", "visited once, and not followed unless asked"),
    Fault(23, "a file or folder that is missing or unreadable", "a file is skipped; a folder is an error"),
    Fault(24, "a full disk while a checkpoint is written", "the older checkpoint stays whole"),
    Fault(25, "a full disk while a take is written", "no part of it remains"),
    Fault(26, "a process killed at any moment", "the newest whole checkpoint is gone on from; leftovers are swept"),
    Fault(27, "a damaged or hostile model", "it is refused by name, and listed as damaged; nothing is unpickled"),
    Fault(28, "a model of a newer format", "it is left as it is"),
    Fault(29, "two processes that train one model", "the second leaves"),
    Fault(30, "no finite loss, or no memory", "back to the last good step, with smaller steps or batches"),
    Fault(31, "a catalogue that is damaged or missing", "it is made again from the model folders"),
    Fault(32, "other recordings than a training began with", "the difference is shown"),
    Fault(33, "Ctrl-C while training", "a checkpoint and a usable model are left; twice: at once"),
    Fault(34, "an output folder that cannot be written", "it is an error before the work begins"),
)


def printed_messages(folder: Path) -> dict[int, str]:
    """What is really printed for those faults that can be caused in a moment, with paths relative to `folder`."""
    messages = {**_about_recordings(folder / "recordings"), **_errors(folder)}
    return {number: text.replace(f"{folder}/", "").replace(str(folder), ".") for number, text in messages.items()}


def _about_recordings(folder: Path) -> dict[int, str]:
    """Reasons and notes of one scan, in which each fault is a file."""
    folder.mkdir()
    sound = tone(1.0, hz=220)
    plain: dict[str, bytes] = {
        "1.wav": b"",
        "3.wav": wav_bytes(pcm16(np.array([0.5]))),
        "4.wav": wav_bytes(pcm16(tone(2.0, hz=330)))[: 44 + 96_000],
        "5.wav": wav_bytes(pcm16(tone(1.0, hz=440)), claimed=0xFFFFFFF0),
        "6.wav": wav_bytes(bytes(2048 * 10), channels=1024),
        "7.wav": wav_bytes(pcm16(sound), rate=10_000_000),
        "9.wav": b"<!DOCTYPE html>" * 50,
        "16.m4a": b"\0\0\0\x20ftypM4A " + bytes(100),
        "17.wav": wav_bytes(bytes(2000), tag=IMA_ADPCM, bits=4),
    }
    for name, data in plain.items():
        (folder / name).write_bytes(data)
    damaged = tone(1.0, hz=550)
    damaged[100:103] = np.nan
    layout = np.stack([tone(1.0, hz=660 + channel) for channel in range(6)], axis=1)
    written: dict[str, tuple[np.ndarray, int, str, str]] = {
        "2.wav": (np.zeros((0, 2)), 44_100, "WAV", "PCM_16"),
        "8.wav": (tone(1.0, hz=700), 48_000, "FLAC", "PCM_16"),
        "10.wav": (damaged, 48_000, "WAV", "FLOAT"),
        "12.wav": (3.0 * tone(1.0, hz=800), 48_000, "WAV", "FLOAT"),
        "13.wav": (np.zeros(48_000), 48_000, "WAV", "PCM_16"),
        "14.wav": (tone(1.0, 22_050, hz=900), 22_050, "WAV", "PCM_U8"),
        "15.wav": (layout, 48_000, "WAV", "PCM_16"),
        "19.wav": (sound, 48_000, "WAV", "PCM_16"),
        "19b.wav": (sound, 48_000, "WAV", "PCM_16"),
    }
    for name, (audio, rate, container, subtype) in written.items():
        soundfile.write(folder / name, audio, rate, format=container, subtype=subtype)
    with suppress(OSError):  # not on every system
        (folder / "22.wav").symlink_to(Path(__file__))
    reports = {report.name: report for report in scan_corpus(folder).files}
    found = {int(Path(name).stem): report for name, report in reports.items() if Path(name).stem.isdigit()}
    found[19] = reports["19b.wav"]
    return {number: report.reason or "; ".join(report.notes) for number, report in found.items()}


def _errors(folder: Path) -> dict[int, str]:
    """Messages of errors, each caused."""
    library = Library(folder / "home")
    model = library.folder_of("rain")
    save_bundle(model, tiny_bundle())
    messages = {
        11: _message(lambda: export_wav(np.array([0.0, np.nan], np.float32), folder / "take.wav")),
        20: _message(lambda: library.folder_of("../rain")),
        21: f"the model CON is kept in the folder {safe_folder_name('CON')}",
        23: _message(lambda: scan_corpus(folder / "nowhere")),
    }
    with_metadata_text(model / MODEL, json.dumps({"format_version": 9, "sda_version": "9.1"}))
    messages[28] = _message(lambda: load_bundle(model))
    (model / MODEL).write_bytes(torch_trap(folder / "never made"))
    messages[27] = _message(lambda: load_bundle(model))
    (folder / "taken").write_text("a diary")
    messages[34] = _message(lambda: make_output_folder(folder / "taken"))
    return messages


def _message(cause: Callable[[], object]) -> str:
    try:
        cause()
    except SdaError as error:
        return str(error)
    raise AssertionError("no error came of it")
