"""What takes shall be near to, as the worker makes it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from small_dataset_audio.errors import SdaError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.workflow import ModelPipeline, near_places, near_recordings


def near_config(pipeline: ModelPipeline, config: GenerationConfig, wanted: Mapping[str, Any]) -> GenerationConfig:
    """Put what is wanted into the settings, in the latents of the model.

    Raises
    ------
    AudioFileError, InvalidConfigError
    SdaError
        What an earlier take was near to, of another model.
    """
    if wanted.get("files"):
        near = near_recordings(pipeline, [Path(path) for path in wanted["files"]])
    elif wanted.get("places"):
        near = near_places(pipeline, [(float(x), float(y)) for x, y in wanted["places"]])
    elif wanted.get("targets"):
        if wanted.get("model") != pipeline.model_name:
            raise SdaError(
                f"what the take was near to is known to the model {wanted.get('model')!r} alone; choose that one, "
                "or remove it under 'Near to something'"
            )
        near = GenerationConfig.from_mapping({"near": wanted["targets"]}).near
    else:
        return config
    config = replace(config, near=near, near_strength=float(wanted["strength"]))
    config.validate()
    return config
