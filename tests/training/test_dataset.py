from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from edges import noise, sine
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.dataset import CropDataset

SMALL = TrainingConfig(batch_size=4, crop_frames=32)
FLOOR = -5.0


def plain(**fields: float) -> TrainingConfig:
    """A configuration without augmentation."""
    return TrainingConfig(**{"crop_frames": 32, "gain_db": 0.0, "augmented_share": 0.0, **fields})


def test_a_batch_is_a_function_of_seed_and_step_alone(spectrogram: AudioSpectrogram, clips: list[np.ndarray]):
    forwards = CropDataset(clips, spectrogram, SMALL)
    in_order = [forwards.batch(step) for step in range(4)]
    torch.manual_seed(99)
    backwards = CropDataset(clips, spectrogram, SMALL)
    for step in (3, 0, 2, 3, 1):
        assert torch.equal(backwards.batch(step), in_order[step])


def test_every_step_and_every_seed_gives_another_batch(spectrogram: AudioSpectrogram, clips: list[np.ndarray]):
    batches = [CropDataset(clips, spectrogram, SMALL).batch(step) for step in (0, 1, 10_000)]
    other_seed = TrainingConfig(seed=2**63 - 1, batch_size=4, crop_frames=32)
    batches.append(CropDataset(clips, spectrogram, other_seed).batch(0))
    for i, one in enumerate(batches):
        assert all(not torch.equal(one, other) for other in batches[:i])
    crops = batches[0]
    assert all(not torch.equal(crops[0], crop) for crop in crops[1:])


def test_drawing_a_batch_leaves_the_global_generators_alone(spectrogram: AudioSpectrogram, clips: list[np.ndarray]):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - that it is global is the point
    CropDataset(clips, spectrogram, SMALL).batch(0)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002 - see above


@pytest.mark.parametrize("lengths", [[1], [1, 2], [480], [100, 300_000], [48_000], [17_407, 17_408, 17_409]])
@pytest.mark.parametrize("augmented_share", [0.0, 1.0])
def test_clips_of_any_length_fill_crops_of_the_asked_shape(
    spectrogram: AudioSpectrogram, lengths: list[int], augmented_share: float
):
    config = TrainingConfig(batch_size=3, crop_frames=20, augmented_share=augmented_share, pitch_semitones=12.0)
    batch = CropDataset([noise(length) for length in lengths], spectrogram, config).batch(7)
    assert batch.shape == (3, 1, 256, 20)
    assert batch.dtype == torch.float32
    assert torch.isfinite(batch).all()
    assert float(batch.min()) >= FLOOR


def test_the_gain_changes_the_level_of_a_crop_within_its_limit_and_nothing_else(spectrogram: AudioSpectrogram):
    clips = [noise(96_000)]
    loud = CropDataset(clips, spectrogram, plain(gain_db=6.0, batch_size=16)).batch(0)
    as_recorded = CropDataset(clips, spectrogram, plain(batch_size=16)).batch(0)
    sounding = (as_recorded > FLOOR + 1.0).all(dim=2, keepdim=True)  # frames without silence at the floor
    changes_db = []
    for crop in range(16):
        change = 20 * (loud - as_recorded)[crop, 0][:, sounding[crop, 0, 0]]
        assert change.max() - change.min() < 1e-2
        changes_db.append(float(change.mean()))
    assert max(map(abs, changes_db)) <= 6.0 + 1e-3
    assert max(changes_db) > 2.0
    assert min(changes_db) < -2.0


def peak_frequencies_hz(batch: torch.Tensor) -> np.ndarray:
    """Frequency of the strongest partial of each crop: centroid of the bands around the strongest one."""
    centres = librosa.mel_frequencies(n_mels=258, fmax=24_000)[1:-1]
    amplitude = (10.0**batch).amax(dim=-1)[:, 0].numpy()
    frequencies = []
    for bands in amplitude:
        around = slice(bands.argmax() - 3, bands.argmax() + 4)
        frequencies.append(np.average(centres[around], weights=bands[around] ** 2))
    return np.array(frequencies)


def test_pitch_is_shifted_within_its_limit_for_the_asked_share_of_crops(spectrogram: AudioSpectrogram):
    config = plain(pitch_semitones=2.0, augmented_share=0.5, batch_size=40)
    shifts = 12 * np.log2(
        peak_frequencies_hz(CropDataset([sine(2000.0, 480_000)], spectrogram, config).batch(0)) / 2000
    )
    assert np.abs(shifts).max() <= 2.0 + 0.05
    shifted = np.abs(shifts) > 0.1
    assert 8 <= shifted.sum() <= 32
    assert shifts.max() > 1.0
    assert shifts.min() < -1.0


def test_without_augmentation_pitch_stays(spectrogram: AudioSpectrogram):
    batch = CropDataset([sine(2000.0, 480_000)], spectrogram, plain(batch_size=12)).batch(0)
    np.testing.assert_allclose(peak_frequencies_hz(batch), 2000.0, rtol=0.005)


def test_short_clips_do_not_leave_most_of_a_batch_silent(spectrogram: AudioSpectrogram):
    batch = CropDataset([noise(9600)], spectrogram, plain(batch_size=16, crop_frames=128)).batch(0)
    silent = (batch <= FLOOR + 1e-3).all(dim=2).float().mean()
    assert 0.05 < float(silent) < 0.5  # clips of 0.2 s, pauses of 0.125 s on average


def test_every_part_of_a_long_clip_is_seen(spectrogram: AudioSpectrogram):
    tones = [sine(400.0 * 1.4**number, 24_000) for number in range(10)]
    batch = CropDataset([np.concatenate(tones)], spectrogram, plain(batch_size=40)).batch(0)
    for number, tone in enumerate(tones):
        alone = spectrogram.waveform_to_mel(torch.from_numpy(tone)).amax(dim=(0, 1, 3))
        band = int(alone.argmax())
        loudest = float(batch[:, 0, band].max())
        assert loudest == pytest.approx(float(alone[band]), abs=0.1), f"tone {number} is never heard"


def test_without_clips_there_is_nothing_to_draw_from(spectrogram: AudioSpectrogram):
    with pytest.raises(InvalidConfigError, match="clips is empty"):
        CropDataset([], spectrogram, SMALL)
