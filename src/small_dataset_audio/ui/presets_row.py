"""Presets of the model that is played: recalled by choosing one, kept by writing a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.errors import SdaError
from small_dataset_audio.presets import settings_of
from small_dataset_audio.ui.events import on
from small_dataset_audio.ui.near_state import set_targets
from small_dataset_audio.ui.play_settings import SETTINGS, STEERED, VARIED, default_values, names, values_of, wanted_of
from small_dataset_audio.ui.steering_state import keep_settings, settings_wanted
from small_dataset_audio.ui.variations import keep_variations, variations_of
from small_dataset_audio.workflow import delete_preset, list_presets, read_preset, save_preset

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

WITHOUT_TRAINING: Final = "//"
"""In the list of models: the corpus itself. No model can be called so."""


@dataclass(frozen=True)
class PresetsRow:
    """Widgets of the row."""

    studio: Studio
    chosen: gr.Dropdown
    save: gr.Button
    delete: gr.Button

    def offer(self, model: str) -> Any:  # noqa: ANN401 - a Gradio update
        """Presets of a model. What is written is left alone: on a busy machine the list comes while somebody writes a name."""
        return gr.Dropdown(choices=self._names_of(model))

    def connect(self, model: gr.Dropdown, settings: dict[str, Any], keep: Callable[..., None]) -> None:
        """Say what happens when."""
        asked = [settings[name] for name in names()]

        def recall(request: gr.Request, model: str, name: str) -> list[Any]:
            if not model or not name or name not in self._names_of(model):
                return [gr.skip() for _ in asked]
            try:
                preset = read_preset(model, name, library=self.studio.library)
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error
            set_seed = preset.settings.get("seed")
            seed = "" if set_seed is None else str(set_seed)
            values = {**default_values(), **values_of(preset.settings, seed=seed)}
            session = self.studio.session(request)
            keep_settings(session, preset.settings.get(STEERED))
            set_targets(session, preset.settings, model)
            keep_variations(session, preset.settings, seed)
            # How takes are made is no part of a preset.
            return [values.get(name, gr.skip()) for name in names()]

        def save(request: gr.Request, model: str, name: str, *values: Any) -> Any:  # noqa: ANN401 - widgets and a Gradio update
            try:
                if not model or model == WITHOUT_TRAINING:
                    raise SdaError("presets are kept with a model; choose one first")
                if not (name or "").strip():
                    raise SdaError("write a name for the preset first")
                session, named = self.studio.session(request), dict(zip(names(), values, strict=True))
                varied = variations_of(session, named["seed"])
                config = wanted_of({**named, STEERED: settings_wanted(session), VARIED: varied}).config
                settings = settings_of(config, with_seed=config.seed is not None)
                save_preset(model, name, settings, with_seed=True, overwrite=True, library=self.studio.library)
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error
            gr.Info(f"The settings are kept as {name.strip()}.", title="Preset")
            return gr.Dropdown(choices=self._names_of(model), value=name.strip())

        def delete(model: str, name: str) -> Any:  # noqa: ANN401 - a Gradio update
            if model and name in self._names_of(model):
                try:
                    delete_preset(model, name, library=self.studio.library)
                except SdaError as error:
                    raise gr.Error(str(error), print_exception=False) from error
            return gr.Dropdown(choices=self._names_of(model), value=None)

        recalled = on(self.chosen.select, recall, [model, self.chosen], asked, in_turn=SETTINGS)
        on(recalled.then, keep, [model, *asked], in_turn=SETTINGS)
        on(self.save.click, save, [model, self.chosen, *asked], self.chosen, in_turn=SETTINGS)
        on(self.delete.click, delete, [model, self.chosen], self.chosen)
        on(model.change, self.offer, model, self.chosen)

    def _names_of(self, model: str) -> list[str]:
        if not model or model == WITHOUT_TRAINING:
            return []
        try:
            return [entry.name for entry in list_presets(model, library=self.studio.library) if not entry.problem]
        except SdaError:  # the model is gone meanwhile
            return []


def build(studio: Studio) -> PresetsRow:
    """Lay out the row."""
    with gr.Row(elem_classes="sd-pair sd-presets"):
        chosen = gr.Dropdown(
            [],
            label="Preset",
            allow_custom_value=True,
            info="Choose one, or write a name and save",
            scale=4,
            min_width=150,
        )
        save = gr.Button("Save", scale=1, min_width=80, elem_id="save-preset")
        delete = gr.Button("Delete", scale=1, min_width=80, elem_id="delete-preset")
    return PresetsRow(studio, chosen, save, delete)
