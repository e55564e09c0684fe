from __future__ import annotations

from typing import Any

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edges import UNUSABLE, USABLE, noise, sine
from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError

SMALL = SpectrogramConfig(sample_rate=16_000, n_fft=256, hop_length=64, n_mels=16)

each_config = pytest.mark.parametrize(
    "config",
    [
        SpectrogramConfig(),
        SpectrogramConfig(n_fft=2048, hop_length=500, n_mels=192),
        SpectrogramConfig(sample_rate=22_050, n_fft=1024, hop_length=128, n_mels=64, amplitude_floor=1e-4),
        SMALL,
    ],
    ids=["default", "hop does not divide the window", "another rate", "small"],
)


def tensor(audio: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(audio))


def mel_of(audio: np.ndarray, spectrogram: AudioSpectrogram) -> np.ndarray:
    """Log mel of one mono signal [shape=(n_mels, frames)]."""
    return spectrogram.waveform_to_mel(tensor(audio))[0, 0].numpy()


def librosa_mel(audio: np.ndarray, config: SpectrogramConfig) -> np.ndarray:
    """What librosa makes of the same signal, brought to the same scale."""
    whole_hops = -(-len(audio) // config.hop_length) * config.hop_length
    amplitude = librosa.feature.melspectrogram(
        y=np.pad(audio, (0, whole_hops - len(audio))),
        sr=config.sample_rate,
        n_fft=config.n_fft,
        hop_length=config.hop_length,
        n_mels=config.n_mels,
        norm=1,
        power=1.0,
        pad_mode="constant",
    )
    full_scale = librosa.filters.get_window("hann", config.n_fft).sum() / 2
    return np.log10(np.maximum(amplitude / full_scale, config.amplitude_floor))


@each_config
@pytest.mark.parametrize("num_samples", [8192, 9999])
def test_the_mel_is_what_librosa_computes(config: SpectrogramConfig, num_samples: int):
    audio = noise(num_samples) * np.linspace(0, 1, num_samples, dtype=np.float32)
    # 2e-4 is 0.004 dB: float32 round-off of two FFTs, largest where amplitudes are near the floor
    np.testing.assert_allclose(mel_of(audio, AudioSpectrogram(config)), librosa_mel(audio, config), atol=2e-4, rtol=0)


@pytest.mark.parametrize("num_frames", [1023, 1024, 1025, 2049, 3000])
def test_blocks_of_the_analysis_leave_no_seam(num_frames: int):
    # Frames are analysed 1024 at a time; librosa takes them all at once.
    audio = np.resize(noise(20_011), (num_frames - 1) * SMALL.hop_length - 5)
    measured = mel_of(audio, AudioSpectrogram(SMALL))
    assert measured.shape == (SMALL.n_mels, num_frames)
    np.testing.assert_allclose(measured, librosa_mel(audio, SMALL), atol=2e-4, rtol=0)


@pytest.mark.parametrize("bin_number", [20, 43, 171, 640])
def test_a_full_scale_sine_reads_one_at_its_bin_and_half_beside_it(bin_number: int):
    spectrogram = AudioSpectrogram()
    config = spectrogram.config
    frequency_hz = bin_number * config.sample_rate / config.n_fft
    measured = mel_of(sine(frequency_hz, 16 * config.n_fft), spectrogram)[:, 32]

    spectrum = np.zeros(config.n_fft // 2 + 1)
    spectrum[bin_number - 1 : bin_number + 2] = 0.5, 1.0, 0.5  # the main lobe of a Hann window
    basis = librosa.filters.mel(sr=config.sample_rate, n_fft=config.n_fft, n_mels=config.n_mels, norm=1)
    expected = basis @ spectrum

    touched = expected > 1e-3
    np.testing.assert_allclose(10 ** measured[touched], expected[touched], rtol=1e-3)
    # Hann side lobes: under -31 dB at first, and falling
    assert (10 ** measured[~touched] < 0.01).all()


def test_an_impulse_reads_the_window_in_every_band():
    # The spectrum of an impulse is flat, and the weights of a band sum to one: each band reads the window itself.
    spectrogram = AudioSpectrogram()
    n_fft, hop = spectrogram.config.n_fft, spectrogram.config.hop_length
    position, height = 10_007, 0.8
    audio = np.zeros(20_000, np.float32)
    audio[position] = height

    measured = 10 ** mel_of(audio, spectrogram)
    for frame in range(measured.shape[1]):
        distance = position - frame * hop
        window = 0.5 + 0.5 * np.cos(2 * np.pi * distance / n_fft) if abs(distance) < n_fft // 2 else 0.0
        expected = max(height * window / (n_fft / 4), spectrogram.config.amplitude_floor)
        np.testing.assert_allclose(measured[:, frame], expected, rtol=1e-3)


def test_a_constant_of_one_reads_two_in_the_lowest_bin_and_the_floor_far_above():
    # A full-scale constant is a cosine of 0 Hz whose two mirror images coincide.
    spectrogram = AudioSpectrogram()
    measured = mel_of(np.ones(16_384, np.float32), spectrogram)[:, 16]
    basis = spectrogram.mel_basis.numpy()
    expected = 2.0 * basis[:, 0] + 1.0 * basis[:, 1]
    np.testing.assert_allclose(10 ** measured[:2], expected[:2], rtol=1e-3)
    np.testing.assert_array_equal(measured[20:], np.float32(spectrogram.log_floor))


def test_silence_reads_the_floor_of_minus_100_db():
    spectrogram = AudioSpectrogram()
    measured = mel_of(np.zeros(4800, np.float32), spectrogram)
    assert 20 * spectrogram.log_floor == pytest.approx(-100.0)
    np.testing.assert_allclose(measured, spectrogram.log_floor, atol=1e-6)


@given(gain_db=st.floats(-60, 20))
@settings(deadline=None, max_examples=20)
def test_a_gain_shifts_every_band_by_itself_down_to_the_floor(gain_db: float):
    spectrogram = AudioSpectrogram(SMALL)
    audio = noise(2000)
    expected = np.maximum(mel_of(audio, spectrogram) + gain_db / 20, spectrogram.log_floor)
    np.testing.assert_allclose(mel_of(audio * 10 ** (gain_db / 20), spectrogram), expected, atol=1e-4)


@pytest.mark.parametrize("n_mels", [64, 192, 256])
def test_no_band_is_without_a_bin(n_mels: int):
    spectrogram = AudioSpectrogram(SpectrogramConfig(n_mels=n_mels))
    np.testing.assert_allclose(spectrogram.mel_basis.sum(dim=1), 1.0, rtol=1e-5)


@given(num_samples=st.integers(1, 3000), n_fft=st.sampled_from([64, 66, 256]), hops=st.integers(4, 9))
@settings(deadline=None, max_examples=100)
def test_the_frames_promised_are_the_frames_made_and_cover_every_sample(num_samples: int, n_fft: int, hops: int):
    spectrogram = AudioSpectrogram(SpectrogramConfig(n_fft=n_fft, hop_length=n_fft // hops, n_mels=8, sample_rate=4000))
    hop = spectrogram.config.hop_length
    mel = spectrogram.waveform_to_mel(torch.zeros(num_samples))
    assert mel.shape == (1, 1, *spectrogram.get_mel_shape(num_samples))
    assert spectrogram.num_frames(num_samples) == mel.shape[-1] == int(np.ceil(num_samples / hop)) + 1
    assert num_samples <= (mel.shape[-1] - 1) * hop < num_samples + hop


@pytest.mark.parametrize("num_samples", [1, 511, 512, 513, 48_000])
def test_the_way_back_gives_whole_hops(num_samples: int):
    spectrogram = AudioSpectrogram()
    mel = spectrogram.waveform_to_mel(tensor(noise(num_samples)))
    waveform = spectrogram.mel_to_waveform(mel, iterations=0)
    assert waveform.shape == (1, 1, -(-num_samples // 512) * 512)
    assert waveform.dtype == torch.float32


@pytest.mark.parametrize("audio", USABLE.values(), ids=USABLE.keys())
def test_every_usable_edge_gives_finite_levels_at_or_over_the_floor(audio: np.ndarray):
    spectrogram = AudioSpectrogram()
    mel = mel_of(audio, spectrogram)
    assert np.isfinite(mel).all()
    assert mel.min() >= np.float32(spectrogram.log_floor)


@pytest.mark.parametrize("audio", USABLE.values(), ids=USABLE.keys())
def test_every_usable_edge_comes_back_as_finite_audio(audio: np.ndarray):
    spectrogram = AudioSpectrogram()
    waveform = spectrogram.mel_to_waveform(spectrogram.waveform_to_mel(tensor(audio)), iterations=2)
    assert torch.isfinite(waveform).all()


@pytest.mark.parametrize("audio", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_every_unusable_edge_is_refused_in_one_line(audio: Any):
    with pytest.raises(InvalidAudioError, match="waveform ") as caught:
        AudioSpectrogram(SMALL).waveform_to_mel(torch.as_tensor(audio))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(2, 2, 480), (1, 0, 480), (0, 480), (1, 1, 0), (1, 1, 1, 480)])
def test_a_wrong_shape_is_refused_by_name(shape: tuple[int, ...]):
    with pytest.raises(InvalidAudioError, match="must be") as caught:
        AudioSpectrogram(SMALL).waveform_to_mel(torch.zeros(shape))
    assert str(shape) in str(caught.value)


def test_what_float32_cannot_hold_is_refused():
    with pytest.raises(InvalidAudioError, match="finite"):
        AudioSpectrogram(SMALL).waveform_to_mel(torch.full((480,), 1e300, dtype=torch.float64))


def test_one_signal_reads_the_same_in_every_shape_dtype_and_layout():
    spectrogram = AudioSpectrogram()
    audio = tensor(noise(5000))
    expected = spectrogram.waveform_to_mel(audio[None, None])
    with_gaps = torch.repeat_interleave(audio, 3)[::3]
    as_read_from_frames = torch.stack([audio, -audio], dim=1).T[:1]
    for same in (audio, audio[None], with_gaps, as_read_from_frames, audio.double(), audio.double()[None, None]):
        assert torch.equal(spectrogram.waveform_to_mel(same), expected)


def test_a_batch_is_read_row_by_row():
    spectrogram = AudioSpectrogram()
    batch = torch.stack([tensor(noise(5000, seed)) for seed in range(3)])
    together = spectrogram.waveform_to_mel(batch[:, None])
    alone = torch.cat([spectrogram.waveform_to_mel(row) for row in batch])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_the_waveform_handed_in_is_left_as_it_was():
    audio = tensor(noise(1000))
    before = audio.clone()
    AudioSpectrogram(SMALL).waveform_to_mel(audio)
    assert torch.equal(audio, before)


def test_in_double_precision_the_mel_stays_the_same():
    single, double = AudioSpectrogram(SMALL), AudioSpectrogram(SMALL).double()
    audio = tensor(noise(2000))
    mel = double.waveform_to_mel(audio)
    assert mel.dtype == torch.float64
    torch.testing.assert_close(mel.float(), single.waveform_to_mel(audio), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["noise", "sine", "two sines and a click"])
def test_mel_inversion_finds_a_spectrum_with_these_mel_bands(name: str):
    chord = sine(440.0, 9600) / 2 + sine(3100.0, 9600) / 8
    chord[5000] += 0.5
    audio = {"noise": noise(9600), "sine": sine(440.0, 9600), "two sines and a click": chord}[name]
    spectrogram = AudioSpectrogram()
    mel = spectrogram.waveform_to_mel(tensor(audio))

    magnitude = spectrogram.mel_to_magnitude(mel)
    bands = (spectrogram.mel_basis @ magnitude).clamp_min(spectrogram.config.amplitude_floor)

    error_db = 20 * (bands.log10() - mel[:, 0]).abs()
    assert magnitude.min() >= 0.0
    assert error_db.mean() < 0.01
    # The worst single cell: 1.0 dB on noise after 30 updates.
    assert error_db.max() < 2.0


def test_mel_inversion_of_an_impossible_mel_is_still_finite_and_not_negative():
    # Bands that no spectrum has together, as a blurred mel holds: loud beside silent, jumping by 100 dB.
    spectrogram = AudioSpectrogram()
    mel = torch.empty(1, 1, 256, 20).uniform_(-5.0, 0.3, generator=torch.Generator().manual_seed(0))
    mel[..., ::2, ::3] = spectrogram.log_floor
    magnitude = spectrogram.mel_to_magnitude(mel)
    assert torch.isfinite(magnitude).all()
    assert magnitude.min() >= 0.0


def test_the_floor_is_rendered_as_silence():
    spectrogram = AudioSpectrogram()
    mel = spectrogram.waveform_to_mel(torch.zeros(4800))
    assert torch.equal(spectrogram.mel_to_magnitude(mel), torch.zeros(1, 1025, 11))
    assert torch.equal(spectrogram.mel_to_waveform(mel, iterations=4), torch.zeros(1, 1, 5120))


@pytest.mark.parametrize("frequency_hz", [110.0, 440.0, 3000.0])
def test_a_sine_comes_back_at_its_frequency_and_level(frequency_hz: float):
    spectrogram = AudioSpectrogram()
    audio = 0.5 * sine(frequency_hz, SAMPLE_RATE)
    waveform = spectrogram.mel_to_waveform(spectrogram.waveform_to_mel(tensor(audio)))[0, 0].numpy()

    middle = waveform[9600:-9600]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    peak_hz = spectrum.argmax() * SAMPLE_RATE / (1 << 18)
    # A mel band is wider than a semitone at 110 Hz: inversion cannot tell the pitch any closer than its band.
    band_width_hz = np.interp(frequency_hz, [0, 1000, 4000], [16.0, 16.0, 64.0])
    assert abs(peak_hz - frequency_hz) < band_width_hz
    level_db = 20 * np.log10(np.sqrt(np.mean(middle**2)) / (0.5 / np.sqrt(2)))
    assert abs(level_db) < 1.0


def test_the_mel_of_what_is_rendered_is_the_mel_asked_for():
    spectrogram = AudioSpectrogram()
    t = np.arange(SAMPLE_RATE, dtype=np.float32) / SAMPLE_RATE
    audio = (sine(220.0, SAMPLE_RATE) + sine(331.0, SAMPLE_RATE)) * np.exp(-4 * t) * 0.4 + noise(SAMPLE_RATE) * 0.02
    asked = spectrogram.waveform_to_mel(tensor(audio))
    made = spectrogram.waveform_to_mel(spectrogram.mel_to_waveform(asked))[..., : asked.shape[-1]]
    assert 20 * (made - asked)[..., 4:-4].abs().mean() < 2.0


def test_the_same_seed_renders_the_same_bits_and_another_seed_does_not():
    spectrogram = AudioSpectrogram(SMALL)
    mel = spectrogram.waveform_to_mel(tensor(noise(4000)))

    def render(seed: int) -> Tensor:
        return spectrogram.mel_to_waveform(mel, iterations=3, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(render(7), render(7))
    assert not torch.allclose(render(7), render(8), atol=1e-2)
    assert torch.equal(spectrogram.mel_to_waveform(mel, iterations=3), render(0))


def test_no_global_random_state_is_read_or_changed():
    spectrogram = AudioSpectrogram(SMALL)
    mel = spectrogram.waveform_to_mel(tensor(noise(1000)))
    before = torch.get_rng_state()
    first = spectrogram.mel_to_waveform(mel, iterations=1)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng():
        torch.manual_seed(99)
        assert torch.equal(spectrogram.mel_to_waveform(mel, iterations=1), first)


def test_nothing_of_the_analysis_is_stored_with_weights():
    assert AudioSpectrogram().state_dict() == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_rate", 3_999),
        ("sample_rate", 768_001),
        ("n_fft", 62),
        ("n_fft", 65_538),
        ("n_fft", 2047),
        ("hop_length", 0),
        ("hop_length", 513),
        ("n_mels", 7),
        ("n_mels", 513),
        ("amplitude_floor", 0.0),
        ("amplitude_floor", 1.0),
        ("amplitude_floor", float("nan")),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_name_and_value(field: str, value: float):
    with pytest.raises(InvalidConfigError, match=f"^{field} is {value}; it must be ") as caught:
        AudioSpectrogram(SpectrogramConfig(**{field: value}))
    assert isinstance(caught.value, ValueError)
