"""Models that stay loaded between two takes: the last one that was played, as long as its file is the same."""

from __future__ import annotations

from small_dataset_audio.library import Library
from small_dataset_audio.models.metadata import MODEL_FILE
from small_dataset_audio.workflow import ModelPipeline, load_pipeline


class Pipelines:
    """Loads models of a library, and keeps one: two would take twice the memory.

    Parameters
    ----------
    library : Library
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._kept: tuple[tuple[object, ...], ModelPipeline] | None = None

    def of(self, model: str, device: str) -> ModelPipeline:
        """Pipeline of a model by its name.

        Raises
        ------
        ModelNotFoundError, ModelDamagedError, ModelVersionError, InvalidConfigError
        """
        file = self._library.find(model) / MODEL_FILE
        state = file.stat()
        key = (file, state.st_ino, state.st_size, state.st_mtime_ns, device)
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        self._kept = None  # before the next one is read
        pipeline = load_pipeline(model, device=device, library=self._library)
        self._kept = (key, pipeline)
        return pipeline
