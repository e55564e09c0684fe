"""The public names, defaults and signatures are a contract: this page is a copy of it, and does not follow the code."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import inspect
from typing import Any

import pytest

import small_dataset_audio

CONTRACT = """
from small_dataset_audio.inference import (
    GenerationConfig, GenerationResult, GenerationPipeline,          # generation.py
    export_wav, write_sidecar_json, BIT_DEPTH_MAP, SAMPLE_RATE_OPTIONS,   # export.py
    slerp, crossfade_chunks, generate_chunks_crossfade, generate_chunks_latent_interp,   # chunking.py
    apply_mid_side_widening, create_dual_seed_stereo, peak_normalize,     # stereo.py
    compute_snr_db, detect_clipping, compute_quality_score,               # quality.py
)
from small_dataset_audio.audio import apply_anti_alias_filter, AudioSpectrogram   # audio/filters.py, audio/spectrogram.py
from small_dataset_audio.models import ConvVAE                            # models/vae.py
from small_dataset_audio.training import load_checkpoint, save_checkpoint # training/checkpoint.py
"""

HOMES = {
    "inference": {
        "generation": ["GenerationConfig", "GenerationResult", "GenerationPipeline"],
        "export": ["export_wav", "write_sidecar_json", "BIT_DEPTH_MAP", "SAMPLE_RATE_OPTIONS"],
        "chunking": ["slerp", "crossfade_chunks", "generate_chunks_crossfade", "generate_chunks_latent_interp"],
        "stereo": ["apply_mid_side_widening", "create_dual_seed_stereo", "peak_normalize"],
        "quality": ["compute_snr_db", "detect_clipping", "compute_quality_score"],
    },
    "audio": {"filters": ["apply_anti_alias_filter"], "spectrogram": ["AudioSpectrogram"]},
    "models": {"vae": ["ConvVAE"]},
    "training": {"checkpoint": ["load_checkpoint", "save_checkpoint"]},
}

LATER = {"inference.generation": ["Appraisal", "TakeSummary"]}
"""What came after the specification: what `render_to_file` is told about a take, and what it returns of one."""

REQUIRED = inspect.Parameter.empty

SIGNATURES: dict[str, dict[str, Any]] = {
    "inference.export_wav": {"audio": REQUIRED, "path": REQUIRED, "sample_rate": 48_000, "bit_depth": "24-bit"},
    "inference.write_sidecar_json": {
        "wav_path": REQUIRED,
        "model_name": REQUIRED,
        "generation_config": REQUIRED,
        "seed": REQUIRED,
        "quality_metrics": REQUIRED,
        "duration_s": REQUIRED,
    },
    "inference.slerp": {"v0": REQUIRED, "v1": REQUIRED, "t": REQUIRED, "dot_threshold": 0.9995},
    "inference.crossfade_chunks": {"chunks": REQUIRED, "overlap_samples": 2400},
    "inference.generate_chunks_crossfade": {
        "model": REQUIRED,
        "spectrogram": REQUIRED,
        "num_chunks": REQUIRED,
        "device": REQUIRED,
        "seed": REQUIRED,
        "chunk_samples": 48_000,
        "overlap_samples": 2400,
    },
    "inference.generate_chunks_latent_interp": {
        "model": REQUIRED,
        "spectrogram": REQUIRED,
        "num_chunks": REQUIRED,
        "device": REQUIRED,
        "seed": REQUIRED,
        "chunk_samples": 48_000,
        "overlap_samples": 2400,
        "steps_between": 10,
    },
    "inference.apply_mid_side_widening": {
        "mono": REQUIRED,
        "width": 0.7,
        "sample_rate": 48_000,
        "haas_delay_ms": 15.0,
    },
    "inference.create_dual_seed_stereo": {"left": REQUIRED, "right": REQUIRED},
    "inference.peak_normalize": {"audio": REQUIRED, "target_peak": 0.891},
    "audio.apply_anti_alias_filter": {"audio": REQUIRED, "sample_rate": 48_000},
    "models.ConvVAE.decode": {"self": REQUIRED, "z": REQUIRED, "target_shape": None},
    "audio.AudioSpectrogram.get_mel_shape": {"self": REQUIRED, "num_samples": REQUIRED},
    "inference.GenerationPipeline.generate": {"self": REQUIRED, "config": REQUIRED},
}


def public(dotted: str) -> Any:
    package, *names = dotted.split(".")
    value: Any = importlib.import_module(f"small_dataset_audio.{package}")
    for name in names:
        value = getattr(value, name)
    return value


def test_the_import_block_of_the_specification_works_as_it_stands():
    namespace: dict[str, Any] = {}
    exec(CONTRACT, namespace)  # noqa: S102 - the text of the contract itself is what is tested
    for package, modules in HOMES.items():
        for names in modules.values():
            for name in names:
                assert namespace[name] is public(f"{package}.{name}")


@pytest.mark.parametrize(("package", "module"), [(p, m) for p, modules in HOMES.items() for m in modules])
def test_each_name_can_also_be_had_from_the_module_that_the_specification_states(package: str, module: str):
    home = importlib.import_module(f"small_dataset_audio.{package}.{module}")
    for name in HOMES[package][module]:
        assert getattr(home, name) is public(f"{package}.{name}")


@pytest.mark.parametrize("package", HOMES)
def test_a_package_lists_its_names_in_all_and_dir_and_each_can_be_had(package: str):
    module = importlib.import_module(f"small_dataset_audio.{package}")
    promised = {name for names in HOMES[package].values() for name in names}
    assert promised <= set(module.__all__)
    assert len(module.__all__) == len(set(module.__all__))
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name).__class__ is not type(module), f"{name} is a module, not what is in it"


def test_the_inference_package_offers_what_is_promised_and_nothing_else():
    promised = {name for names in HOMES["inference"].values() for name in names}
    assert set(public("inference").__all__) == promised | set(LATER["inference.generation"])


def test_what_came_later_is_offered_by_its_package_and_its_module():
    for module, names in LATER.items():
        for name in names:
            assert getattr(public(module.partition(".")[0]), name) is getattr(public(module), name)
            assert name in public(module).__all__


def test_the_root_offers_the_public_classes():
    assert small_dataset_audio.GenerationPipeline is public("inference.GenerationPipeline")
    assert small_dataset_audio.GenerationConfig is public("inference.GenerationConfig")
    assert small_dataset_audio.GenerationResult is public("inference.GenerationResult")
    with pytest.raises(AttributeError):
        _ = small_dataset_audio.GenerationPipelin


def test_the_generation_config_has_the_fields_and_defaults_of_the_specification_in_their_order():
    config = public("inference.GenerationConfig")
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    assert list(defaults.items())[:11] == [
        ("duration_s", 1.0),
        ("max_duration_s", 60.0),
        ("seed", None),
        ("chunk_duration_s", 1.0),
        ("concat_mode", "crossfade"),
        ("stereo_mode", "mono"),
        ("stereo_width", 0.7),
        ("sample_rate", 48_000),
        ("bit_depth", "24-bit"),
        ("steps_between", 10),
        ("overlap_samples", 2400),
    ]
    config()  # every setting has a default


@pytest.mark.parametrize("name", ["GenerationConfig", "GenerationResult"])
def test_configurations_and_results_are_frozen(name: str):
    assert public(f"inference.{name}").__dataclass_params__.frozen


def test_the_result_has_the_fields_of_the_specification():
    names = [field.name for field in dataclasses.fields(public("inference.GenerationResult"))]
    assert names[:7] == ["audio", "sample_rate", "quality", "config", "seed_used", "duration_s", "channels"]


def test_the_tables_are_those_of_the_specification():
    assert public("inference.BIT_DEPTH_MAP") == {"16-bit": "PCM_16", "24-bit": "PCM_24", "32-bit float": "FLOAT"}
    assert public("inference.SAMPLE_RATE_OPTIONS") == (44_100, 48_000, 96_000)


@pytest.mark.parametrize("dotted", SIGNATURES)
def test_a_function_takes_what_the_specification_says_in_that_order(dotted: str):
    parameters = inspect.signature(public(dotted)).parameters
    promised = SIGNATURES[dotted]
    positional = {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    }
    assert list(positional.items())[: len(promised)] == list(promised.items())
    additions = [parameters[name] for name in parameters if name not in promised]
    assert all(addition.default is not REQUIRED for addition in additions)


def test_the_pipeline_is_made_from_model_spectrogram_and_device():
    names = list(inspect.signature(public("inference.GenerationPipeline")).parameters)
    assert names[:3] == ["model", "spectrogram", "device"]


def test_an_export_needs_a_result_and_takes_a_folder_and_a_name():
    parameters = inspect.signature(public("inference.GenerationPipeline").export).parameters
    assert list(parameters)[:4] == ["self", "result", "output_dir", "filename"]
    additions = list(parameters.values())[4:]
    assert all(addition.kind is inspect.Parameter.KEYWORD_ONLY for addition in additions)
    assert all(addition.default is not REQUIRED for addition in additions)
    assert parameters["filename"].default is None


def test_the_version_is_that_of_the_distribution():
    assert small_dataset_audio.__version__ == importlib.metadata.version("small-dataset-audio")


def test_every_error_is_one_of_ours_and_also_a_builtin():
    errors = importlib.import_module("small_dataset_audio.errors")
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, errors.SdaError)
        if kind is not errors.SdaError:
            assert issubclass(kind, ValueError | OSError | ArithmeticError)
