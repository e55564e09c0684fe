"""Play: choose a model, set what there is to set, make takes, hear them, keep what is good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.errors import InvalidConfigError, SdaError
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.ui import near_place, near_state, presets_row, variations
from small_dataset_audio.ui.controls_view import live_names, show_sliders
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.near_place import NearPlace, stamp
from small_dataset_audio.ui.play_settings import (
    NO_BLEND,
    SETTINGS,
    STEERED,
    VARIED,
    build_settings,
    draw_seed,
    names,
    values_of,
    wanted_of,
)
from small_dataset_audio.ui.presets_row import WITHOUT_TRAINING, PresetsRow
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.steering_state import (
    keep_settings,
    set_changing,
    set_slider,
    settings_kept,
    settings_wanted,
)
from small_dataset_audio.ui.takes_made import show_single, show_takes
from small_dataset_audio.ui.variations import VariedLine, keep_variations, set_amount, start_variations, variations_of

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

MAX_SHOTS: Final = 128


@dataclass(frozen=True)
class PlayPlace:
    """Widgets of the place."""

    studio: Studio
    tab: gr.Tab
    model: gr.Dropdown
    presets: PresetsRow
    sliders: gr.HTML
    near: NearPlace
    settings: dict[str, Any]
    varied: VariedLine
    make: gr.Button
    shots: gr.Button
    kit: gr.Button
    num_shots: gr.Number
    takes: gr.HTML
    single: gr.HTML
    ready: gr.HTML

    @property
    def followed(self) -> tuple[Followed, ...]:
        """Pieces that follow the disk."""
        return (
            Followed("play", self.sliders, _show_sliders),
            self.near.followed,
            self.varied.followed,
            Followed("play", self.single, show_single),
            Followed("play", self.takes, show_takes),
        )

    @property
    def asked(self) -> list[Any]:
        """All inputs, in the order of :func:`names`."""
        return [self.settings[name] for name in names()]

    def recall_after(self, dependency: Any) -> None:  # noqa: ANN401 - Gradio's own
        """Show what is remembered, once something else was done."""
        on(dependency.then, self.recall, None, [self.model, *self.asked, self.ready], in_turn=SETTINGS)

    def recall(self, request: gr.Request) -> list[Any]:
        """What the widgets are to show: what this browser set before."""
        session = self.studio.session(request)
        kept = session.recall("play")
        choices = model_choices(self.studio, session)
        values = kept.get("values", {})
        chosen = kept.get("model") if kept.get("model") in [value for _, value in choices] else None
        first = choices[-1][1] if choices else None
        shown: dict[str, Any] = {name: values.get(name, gr.skip()) for name in names()}
        others = [NO_BLEND, *(choice for choice in choices if choice[1] != WITHOUT_TRAINING)]
        partner = values.get("blend", "")
        shown["blend"] = gr.Dropdown(choices=others, value=partner if partner in [value for _, value in others] else "")
        return [gr.Dropdown(choices=choices, value=chosen or first), *shown.values(), '<i class="sd-ready"></i>']

    def offer(self, request: gr.Request) -> list[Any]:
        """Models that there are by now; what was chosen stays."""
        shown = self.recall(request)
        return [shown[0], shown[1 + names().index("blend")]]

    def connect(self, page: gr.Blocks, refresh: Refresh) -> None:
        """Say what happens when."""
        studio = self.studio

        def keep(request: gr.Request, model: str, *values: Any) -> None:  # noqa: ANN401 - values of widgets
            remember(studio.session(request), {"model": model or "", "values": _named(values)})

        def make(request: gr.Request, model: str, *values: Any) -> None:  # noqa: ANN401 - values of widgets
            session = studio.session(request)
            remember(session, {"model": model or "", "values": _named(values)})
            try:
                start_takes(session, model or "", _named(values))
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        def act(event: gr.EventData, request: gr.Request) -> list[Any]:
            session, said = studio.session(request), event._data
            if said.get("act") == "stop":
                session.queue.ask_to_stop(session.id, str(said.get("job", "")))
            elif said.get("act") == "look":
                remember(session, {"look": [str(said.get("job", "")), int(said.get("number", 0))]})
            elif said.get("act") == "amount":
                set_amount(session, said.get("value"))
            elif said.get("act") == "vary":
                sidecar = _sidecar(session, str(said.get("job", "")), int(said.get("number", 0)))
                if sidecar is not None:
                    start_variations(session, sidecar)
            elif said.get("act") in {"settings", "again"}:
                recall_settings(session, str(said.get("job", "")), int(said.get("number", 0)), said["act"] == "again")
                return self.recall(request)
            return [gr.skip() for _ in shown]

        def cut(request: gr.Request, count: float, model: str, *values: Any) -> None:  # noqa: ANN401 - values of widgets
            session = studio.session(request)
            try:
                start_takes(session, model or "", _named(values), num_shots=int(count or 0))
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        def kit(request: gr.Request, count: float, model: str, *values: Any) -> None:  # noqa: ANN401 - values of widgets
            session = studio.session(request)
            try:
                start_takes(session, model or "", _named(values), num_shots=int(count or 0), as_kit=True)
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        def steer(event: gr.EventData, request: gr.Request) -> None:
            session, said = studio.session(request), event._data
            if said.get("act") == "control":
                set_slider(session, said.get("name"), said.get("value"), said.get("end"))
            elif said.get("act") == "changing":
                set_changing(session, said.get("name"), said.get("value") == "true")
            elif said.get("act") == "centre":
                keep_settings(session, {})
            elif said.get("act") == "measure":
                model = str(session.recall("play").get("model", ""))
                session.start("controls", {"model": model, "of": [model, stamp(studio, model)], "measure": True})

        everything = [self.model, *self.asked]
        shown = [*everything, self.ready]
        refresh.after(on(self.sliders.click, steer, in_turn=SETTINGS))
        refresh.after(on(self.model.change, keep, everything, in_turn=SETTINGS))
        refresh.after(on(self.kit.click, kit, [self.num_shots, *everything], in_turn=SETTINGS))
        refresh.after(on(self.shots.click, cut, [self.num_shots, *everything], in_turn=SETTINGS))
        refresh.after(on(self.single.click, act, None, shown, in_turn=SETTINGS))
        refresh.after(on(self.make.click, make, everything, in_turn=SETTINGS))
        refresh.after(on(self.takes.click, act, None, shown, in_turn=SETTINGS))
        on(page.load, self.recall, None, shown, in_turn=SETTINGS)
        on(self.tab.select, self.offer, None, [self.model, self.settings["blend"]])
        for widget in everything:
            # What is pasted into a text is no input to Gradio, but a change.
            on(widget.change if isinstance(widget, gr.Textbox) else widget.input, keep, everything, in_turn=SETTINGS)
        thrown = on(self.settings["dice"].click, draw_seed, None, self.settings["seed"], in_turn=SETTINGS)
        on(thrown.then, keep, everything, in_turn=SETTINGS)
        self.near.connect(studio, refresh)
        self.varied.connect(studio, refresh)
        self.presets.connect(self.model, self.settings, keep)
        stereo = self.settings["stereo"]
        on(stereo.change, lambda mode: gr.Slider(visible=mode == "mid_side"), stereo, self.settings["width"])


def build(studio: Studio, tab: gr.Tab, ready: gr.HTML) -> PlayPlace:
    """Lay out the place."""
    with gr.Row(elem_classes="sd-two"):
        with gr.Column(scale=2, min_width=320, elem_classes="sd-card sd-settings"):
            model = gr.Dropdown([], label="Model", elem_id="model")
            presets = presets_row.build(studio)
            sliders = piece("sliders")
            near = near_place.build()
            settings = build_settings()
            varied = variations.build()
            make = gr.Button("Make takes", variant="primary", size="lg", elem_id="make-takes")
            num_shots = gr.Number(
                16,
                label="Single sounds",
                info="Hits, notes, noises, each unlike the others, with these settings",
                precision=0,
                minimum=1,
                maximum=MAX_SHOTS,
            )
            with gr.Row(elem_classes="sd-pair"):
                shots = gr.Button("Cut them out", elem_id="cut-sounds", size="md", min_width=130)
                kit = gr.Button("Make a sampler kit", elem_id="make-kit", size="md", min_width=130)
        with gr.Column(scale=3, min_width=360):
            takes = piece("takes")
            single = piece("single-sounds")
    return PlayPlace(
        studio, tab, model, presets, sliders, near, settings, varied, make, shots, kit, num_shots, takes, single, ready
    )


def remember(session: Session, changes: dict[str, Any]) -> None:
    """Keep what somebody sets here, beside what was set before."""
    session.remember("play", {**session.recall("play"), **changes})


def model_choices(studio: Studio, session: Session) -> list[tuple[str, str]]:
    """Models that can be played, newest last, and the recordings themselves."""
    corpus = session.recall("corpus")
    walk = [(f"{corpus['name']}, without training", WITHOUT_TRAINING)] if corpus else []
    return [*walk, *((entry.name, entry.folder.name) for entry in studio.library.entries() if not entry.problem)]


def start_takes(
    session: Session, model: str, values: dict[str, Any], *, num_shots: int | None = None, as_kit: bool = False
) -> str:
    """Ask for takes, or for so many single sounds cut out of takes, or those as a kit; returns the job.

    Raises
    ------
    InvalidConfigError
    """
    # Single sounds are cut out of takes of many seeds; variations are of one.
    varied = variations_of(session, values["seed"]) if num_shots is None else []
    wanted = wanted_of({**values, STEERED: steered(session, model), VARIED: varied})
    corpus = session.recall("corpus")
    if not model or (model == WITHOUT_TRAINING and not corpus):
        raise SdaError("there is no model to play yet; bring some recordings under Corpus, or use those of the demo")
    request = {
        "model": "" if model == WITHOUT_TRAINING else model,
        "folder": corpus.get("folder", ""),
        "settings": asdict(wanted.config),
        "count": wanted.count,
        "evaluate": wanted.evaluate,
        "device": wanted.device,
        **near_state.near_request(session),
    }
    if num_shots is not None:
        if not 1 <= num_shots <= MAX_SHOTS:
            raise InvalidConfigError(f"single sounds is {num_shots}; it must be 1 to {MAX_SHOTS}")
        return session.start("shots", {**request, "count": num_shots, "kit": as_kit})
    remember(session, {"look": None})
    return session.start("take", request)


def recall_settings(session: Session, job_id: str, number: int, with_seed: bool) -> None:
    """Put the settings of a take into the widgets, with its seed or without."""
    sidecar = _sidecar(session, job_id, number)
    if sidecar is None:
        return
    try:
        said = read_sidecar(sidecar)
    except SdaError as error:
        raise gr.Error(str(error), print_exception=False) from error
    remember_settings(session, said["generation"], str(said["seed"]) if with_seed else "", said["model_name"])


def _sidecar(session: Session, job_id: str, number: int) -> Path | None:
    """Recipe of a take that this browser's job made."""
    status = session.queue.status(session.id, job_id)
    path = None if status is None else status.files.get(f"json-{number}")
    return None if path is None else Path(path)


def remember_settings(session: Session, settings: Mapping[str, Any], seed: str, model: str) -> None:
    """Put the settings of a take of `model` into the widgets, when they are next shown."""
    values = session.recall("play").get("values", {})
    remember(session, {"values": {**values, **values_of(settings, seed=seed)}})
    keep_settings(session, settings.get(STEERED))
    near_state.set_targets(session, settings, model)
    keep_variations(session, settings, seed)


def steered(session: Session, model: str) -> dict[str, Any]:
    """What is set of the controls that a model has."""
    found = session.job("controls")
    live = live_names(found[1].news) if found is not None and found[1].news.get("model") == model else []
    return settings_wanted(session, live)


def _show_sliders(studio: Studio, session: Session) -> str:
    """Sliders of the model that is chosen; asks for them where that is another one than before."""
    model = str(session.recall("play").get("model", ""))
    if model in {"", WITHOUT_TRAINING}:
        return ""
    found = session.job("controls")
    state = [model, stamp(studio, model)]
    if found is None or found[1].request.get("of") != state:
        session.start("controls", {"model": model, "of": state})
        return ""
    return show_sliders(found[1], settings_kept(session))


def _named(values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(names(), values, strict=True))
