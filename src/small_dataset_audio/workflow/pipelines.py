"""Models of the library, loaded and ready to generate: one, or one with a second to blend it with."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.errors import ModelNotFoundError
from small_dataset_audio.evaluation.takes import CorpusReference
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.memory import release_free_memory
from small_dataset_audio.models.bundle import load_bundle
from small_dataset_audio.models.metadata import MODEL_FILE
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder
from small_dataset_audio.models.vocoder.protocol import Vocoder
from small_dataset_audio.names import quoted
from small_dataset_audio.workflow.device import resolve_device


class ModelPipeline(GenerationPipeline):
    """The pipeline of a saved model, which takes can be compared with.

    Attributes
    ----------
    corpus : tuple of (str, ndarray [shape=(samples,), float32, 48 kHz])
        Name and audio of each recording; empty where the model keeps none.
    home : Path or None
        Of the library that it was loaded by, whose history its takes are recorded in.
    """

    corpus: tuple[tuple[str, NDArray[np.float32]], ...] = ()
    home: Path | None = None

    @cached_property
    def reference(self) -> CorpusReference | None:
        """The corpus made ready for evaluating takes, at the first use; None where the model keeps no audio."""
        if not self.corpus:
            return None
        return CorpusReference([clip for _, clip in self.corpus], [name for name, _ in self.corpus])

    def reference_for(self, config: GenerationConfig) -> CorpusReference | None:
        """The corpus that takes of a configuration are compared with: of a blend, the recordings of both models."""
        partner = self.partner if isinstance(self.partner, ModelPipeline) else None
        if config.blend_model is None or partner is None or config.blend_weight == 0.0:
            return self.reference
        if config.blend_weight == 1.0:
            return partner.reference
        if not (self.corpus and partner.corpus):
            return None
        own = {name for name, _ in self.corpus}
        others = [(f"{partner.model_name}: {name}" if name in own else name, clip) for name, clip in partner.corpus]
        names, clips = zip(*self.corpus, *others, strict=True)
        return CorpusReference(clips, names)

    @property
    def default_vocoder(self) -> Vocoder:
        """The one that renders takes unless another is asked for."""
        return self._renderer.choose_vocoder(GenerationConfig())


def load_pipeline(
    model: str, *, device: str = "auto", library: Library | None = None, blend: str | None = None
) -> ModelPipeline:
    """Load a model by name or folder, ready to generate.

    Parameters
    ----------
    model : str
    device : {"auto", "cpu", "cuda", "mps"}
    library : Library, optional
    blend : str, optional
        Name or folder of a second model, which becomes the pipeline's partner.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError, InvalidConfigError
    """
    chosen: torch.device = resolve_device(device)
    library = library or Library()
    bundle = load_bundle(library.find(model), chosen)
    pipeline = ModelPipeline.from_bundle(bundle, chosen)
    pipeline.home = library.root
    mosaic = pipeline.vocoders.get("mosaic")
    if isinstance(mosaic, MosaicVocoder):
        names = [clip.name for clip in bundle.metadata.corpus.clips]
        # As the mosaic holds them: those of the bundle are let go of, since an hour twice is too much.
        pipeline.corpus = tuple(zip(names, mosaic.recordings, strict=True))
    del bundle
    release_free_memory()
    if blend is not None:
        pipeline.partner = load_pipeline(blend, device=device, library=library)
    return pipeline


def bring_partner(pipeline: GenerationPipeline, config: GenerationConfig) -> None:
    """Load the second model that a configuration names, where the pipeline has another one or none.

    It is looked for in the pipeline's library by its name alone: a configuration may come from anywhere, and no path is
    followed that stands in one.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError
    """
    wanted, there = config.blend_model, pipeline.partner
    if wanted is None or (there is not None and there.model_name == wanted):
        return
    if isinstance(pipeline, ModelPipeline) and pipeline.home is not None:
        library = Library(pipeline.home)
        folder = model_in_library(wanted, library, "--blend")
        pipeline.partner = load_pipeline(folder, device=pipeline.device.type, library=library)


def model_in_library(name: str, library: Library, option: str) -> str:
    """Folder of the model that somebody's file names, in the library and nowhere else.

    Raises
    ------
    ModelNotFoundError
        There is none; says which option takes another one.
    """
    folder = library.folder_of(name)
    if not (folder / MODEL_FILE).is_file():
        raise ModelNotFoundError(
            f"no model {quoted(name)}; {library.what_there_is()}; give the one that the take was made with as {option}"
        )
    return str(folder.absolute())
