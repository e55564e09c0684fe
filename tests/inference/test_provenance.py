from __future__ import annotations

import hashlib
import platform
import struct

import numpy as np
import torch

from edges import noise
from small_dataset_audio import __version__
from small_dataset_audio.files import dump_json
from small_dataset_audio.inference.provenance import audio_sha256, describe_environment


def test_the_environment_says_what_bits_depend_on():
    environment = describe_environment(torch.device("cpu"))
    assert environment["sda"] == __version__
    assert environment["torch"] == torch.__version__
    assert environment["numpy"] == np.__version__
    assert {"scipy", "soxr", "librosa"} <= set(environment)
    assert environment["python"] == platform.python_version()
    assert environment["device"] == "cpu"
    assert environment["threads"] == torch.get_num_threads()


def test_the_environment_can_stand_in_a_sidecar():
    dump_json(describe_environment("cpu"))


def test_the_hash_is_over_little_endian_float32_samples():
    samples = [0.0, 0.5, -0.25, 1.0]
    expected = hashlib.sha256(struct.pack("<4f", *samples)).hexdigest()
    assert audio_sha256(np.array(samples, np.float32)) == expected
    assert audio_sha256(np.array(samples, ">f4")) == expected
    assert audio_sha256(np.array(samples, np.float64)) == expected


def test_the_hash_does_not_depend_on_how_the_samples_lie_in_memory():
    stereo = noise(960).reshape(2, 480)
    assert audio_sha256(np.asfortranarray(stereo)) == audio_sha256(stereo)
    assert audio_sha256(np.repeat(stereo, 2, axis=1)[:, ::2]) == audio_sha256(stereo)


def test_the_smallest_change_of_one_sample_changes_the_hash():
    audio = noise(480)
    changed = audio.copy()
    changed[100] = np.nextafter(changed[100], np.float32(1.0))
    assert audio_sha256(changed) != audio_sha256(audio)
