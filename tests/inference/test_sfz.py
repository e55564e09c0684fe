"""SFZ files, read by a parser and played by a sampler that know nothing of how they were written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import librosa
import numpy as np
import pytest

from edges import noise, sine
from samplers import RATE, likeness, needs_sampler, play
from small_dataset_audio.inference.cutting import Cut
from small_dataset_audio.inference.sfz import SfzKey, SfzSample, write_sfz
from small_dataset_audio.inference.wav import export_wav

HELD = 72_000
PERIODS = 48_000 - 48_000 % 2_400  # 220 Hz comes back after 11 periods


def hit() -> np.ndarray:
    """A decaying noise without the highest octaves, which samplers do not play as they are."""
    dull = np.convolve(noise(24_000), np.hanning(30) / 10.0, "same")
    return (dull * np.exp(-np.arange(24_000) / 4_000)).astype(np.float32)


@pytest.fixture(scope="module")
def instrument(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hit on key 36, a held tone of 220 Hz over an octave around its root, and one half a semitone over its root."""
    folder = tmp_path_factory.mktemp("instrument")
    (folder / "my samples").mkdir()
    tone, over = (
        Cut(0, HELD, 0, 0, 9_600, 9_600 + PERIODS - 1, 0, 57, 0),
        Cut(0, HELD, 0, 0, root_key=81, root_cents=50),
    )
    export_wav(hit(), folder / "my samples" / "hit.wav")
    export_wav(0.5 * sine(220.0, HELD), folder / "my samples" / "tone.wav")
    export_wav(0.5 * sine(880.0 * 2 ** (0.5 / 12), HELD), folder / "my samples" / "over.wav")
    keys = [
        SfzKey(36, 36, [SfzSample("my samples/hit.wav", Cut(0, 24_000, 0, 0))], follows_keys=False, label="key 36"),
        SfzKey(45, 69, [SfzSample("my samples/tone.wav", tone)], follows_keys=True, label="Tön"),
        SfzKey(75, 90, [SfzSample("my samples/over.wav", over)], follows_keys=True, label="over"),
    ]
    path = folder / "an instrument.sfz"
    path.write_text(write_sfz(keys, "Regen äöü\nline"), encoding="ascii")
    return path


def test_turns_keys_loops_and_roots_are_written():
    cuts = [Cut(0, 900, 0, 0), Cut(5, 900, 0, 0, 100, 799, 50, 60, 12)]
    samples = [SfzSample(f"samples/{number}.wav", cut) for number, cut in enumerate(cuts)]
    lines = write_sfz([SfzKey(40, 40, samples, follows_keys=False, label="x")], "t").splitlines()
    assert [line for line in lines if line and not line.startswith("//")] == [
        "<group> lokey=40 hikey=40 seq_length=2 pitch_keytrack=0",
        "<region> seq_position=1 pitch_keycenter=40 loop_mode=one_shot ampeg_release=0.05 sample=samples/0.wav",
        "<region> seq_position=2 pitch_keycenter=40 loop_mode=loop_continuous loop_start=100 loop_end=799 ampeg_release=0.4 "
        "sample=samples/1.wav",
    ]


def test_a_title_of_any_letters_stays_one_line_of_comment(instrument: Path):
    first = instrument.read_text(encoding="ascii").splitlines()[0]
    assert first == "// Regen ????line"


@pytest.mark.skipif(shutil.which("sfzlint") is None, reason="sfzlint (of PyPI) is not on the PATH")
def test_a_checker_of_the_first_specification_has_nothing_to_say(instrument: Path):
    command = ["sfzlint", "--no-pickle", str(instrument), "--spec-version", "v1"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")
    wrong = instrument.with_name("wrong.sfz")
    wrong.write_text(instrument.read_text().replace("loop_start", "loop_begin"))
    assert (
        "loop_begin" in subprocess.run([*command[:2], str(wrong)], capture_output=True, text=True, check=False).stdout
    )


@needs_sampler
def test_a_sampler_plays_the_hit_as_it_is_the_tone_by_its_keys_and_holds_it(instrument: Path, tmp_path: Path):
    played = play(instrument, [(36, 0.5, 1.5), (57, 2.0, 6.0), (69, 7.0, 8.0), (81, 9.0, 10.0)], tmp_path)

    def at(begin_s: float, end_s: float) -> np.ndarray:
        return played[round(begin_s * RATE) : round(end_s * RATE)].astype(np.float32)

    heard = at(0.4, 1.2)
    assert likeness(heard, hit()) > 0.98

    def pitch_hz(sound: np.ndarray) -> float:
        return float(np.median(librosa.yin(sound, fmin=100, fmax=2_000, sr=RATE, frame_length=4096)))

    assert pitch_hz(at(2.2, 3.2)) == pytest.approx(220.0, rel=0.002)
    assert pitch_hz(at(4.5, 5.8)) == pytest.approx(220.0, rel=0.002)  # the sample itself is 1.5 s long
    assert np.abs(at(5.0, 5.8)).max() == pytest.approx(np.abs(at(2.5, 3.0)).max(), rel=0.05)
    assert np.abs(at(6.8, 6.95)).max() < 0.02
    assert pitch_hz(at(7.2, 7.9)) == pytest.approx(440.0, rel=0.002)
    assert pitch_hz(at(9.2, 9.9)) == pytest.approx(880.0, rel=0.002)  # half a semitone is taken off
