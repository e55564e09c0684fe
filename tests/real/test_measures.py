"""The measures that takes are held against, on signals whose answer is known: each of them can fail."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from edges import noise, sine
from real.clicks import find_clicks, is_out_of, join_mask
from real.likeness import portray
from real.readers import parse_strictly, read_pcm, read_with_sox
from real.spectrum import band_powers, highest_band_over_22_khz_db

LONG = 96_000


@pytest.mark.parametrize("sample_rate", [48_000, 96_000])
@pytest.mark.parametrize("level_db", [-70.0, -79.0, -85.0])
def test_a_tone_over_22_khz_is_found_at_its_level(sample_rate: int, level_db: float):
    low, high = (sine(hz, LONG, sample_rate).astype(np.float64) for hz in (1500.0, 22_500.0))
    audio = (0.5 * low + 0.5 * 10 ** (level_db / 20) * high)[:, None]
    fade = np.hanning(LONG)[:, None]
    assert highest_band_over_22_khz_db(audio * fade, sample_rate) == pytest.approx(level_db, abs=0.1)


def test_the_power_of_a_sine_lies_in_its_own_band():
    faded = (np.hanning(LONG) * sine(1500.0, LONG))[:, None]
    powers = band_powers(faded, 48_000)
    assert powers[1] == pytest.approx(powers.sum(), rel=1e-6)
    assert band_powers(np.hstack([faded, faded / 2]), 48_000)[1] == pytest.approx([powers[1, 0], powers[1, 0] / 4])


def test_a_take_that_stops_on_a_loud_sample_has_energy_over_22_khz():
    cut = sine(440.0, 4800 + 27)[:, None]
    assert highest_band_over_22_khz_db(cut.astype(np.float64), 48_000) > -60


def test_silence_has_no_energy_anywhere():
    assert highest_band_over_22_khz_db(np.zeros((4800, 2)), 48_000) == -np.inf


def test_a_step_in_a_tone_is_a_click_where_it_is():
    tone = np.concatenate([sine(200.0, LONG), -sine(200.0, LONG, phase=1.0)]) + 1e-3 * noise(2 * LONG)
    assert find_clicks(tone * np.hanning(2 * LONG)) == pytest.approx([LONG], abs=3)


def test_a_single_wrong_sample_is_a_click_where_it_is():
    tone = sine(200.0, LONG) + 1e-3 * noise(LONG)
    tone[31_234] += 0.05
    assert find_clicks(tone * np.hanning(LONG)) == pytest.approx([31_234], abs=1)


@pytest.mark.parametrize("audio", [sine(200.0, LONG), noise(LONG), np.zeros(LONG, np.float32)])
def test_smooth_sounds_have_no_click(audio: np.ndarray):
    assert len(find_clicks(audio * np.hanning(LONG))) == 0


def test_a_struck_sound_is_no_click():
    audio = np.zeros(LONG)
    audio[40_000:] = noise(LONG - 40_000) * np.exp(-np.arange(LONG - 40_000) / 2400)
    assert len(find_clicks(audio)) == 0


def test_joins_are_masked_with_a_millisecond_around_them():
    mask = join_mask(3000, chunk_samples=1000, overlap_samples=200)
    assert np.flatnonzero(np.diff(mask.astype(int))).tolist() == [751, 1047, 1551, 1847, 2351, 2647]


def test_a_stretch_of_a_recording_is_known_at_any_level_and_a_cut_is_not():
    recordings = [noise(LONG, 1), noise(LONG, 2)]
    take = 0.1 * recordings[1][20_000:60_000]
    assert is_out_of(take, 20_000, recordings)
    assert not is_out_of(np.concatenate([take[:20_000], 0.1 * recordings[0][:20_000]]), 20_000, recordings)


def test_portraits_tell_sounds_apart_and_do_not_mind_volume():
    tone, hiss = portray([sine(300.0, LONG)]), portray([noise(LONG)])
    assert tone.distance_db(portray([0.1 * sine(300.0, LONG)])) < 1.0
    assert tone.distance_db(hiss) > 10.0
    assert portray([np.concatenate([noise(LONG), np.zeros(LONG, np.float32)])]).audible_share == pytest.approx(
        0.5, abs=0.02
    )


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24), ("FLOAT", 32)])
def test_the_second_readers_read_what_was_written(subtype: str, bits: int, tmp_path):
    steps = np.array([[-(2**15), 2**15 - 1], [-1, 1], [0, 12_345]])
    soundfile.write(tmp_path / "a.wav", steps / 2**15, 44_100, subtype=subtype)
    reading = (read_with_sox if subtype == "FLOAT" else read_pcm)(tmp_path / "a.wav")
    assert (reading.sample_rate, reading.bits) == (44_100, bits)
    np.testing.assert_allclose(reading.samples, steps / 2**15, rtol=0, atol=reading.tolerance)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 1, "a": 2}', '{"a": 1,}'])
def test_the_strict_parser_refuses_what_json_does_not_have(text: str):
    with pytest.raises(ValueError):
        parse_strictly(text)
