"""Play: choose a model, set what there is to set, make takes, hear them, keep what is good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.controls.sliders import SLIDER_END, UNITS
from small_dataset_audio.errors import InvalidConfigError, SdaError
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.models.metadata import MODEL_FILE
from small_dataset_audio.ui import presets_row, take_view
from small_dataset_audio.ui.controls_view import live_names, show_sliders
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.html import button, notice, progress
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.play_settings import (
    NO_BLEND,
    STEERED,
    build_settings,
    draw_seed,
    names,
    values_of,
    wanted_of,
)
from small_dataset_audio.ui.presets_row import WITHOUT_TRAINING, PresetsRow
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.shots_view import show_shots

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

MAX_SHOTS: Final = 128
_SHOWN_JOBS: Final = 12
_BEFORE: Final = """
<section class="sd-card sd-hint"><h2>Nothing played yet</h2>
<p>Choose a model and press <b>Make takes</b>. They come one after the other, to be heard, seen and saved. A take that you like
can be made again from its seed, at any time, to the same bit.</p></section>
"""


@dataclass(frozen=True)
class PlayPlace:
    """Widgets of the place."""

    studio: Studio
    tab: gr.Tab
    model: gr.Dropdown
    presets: PresetsRow
    sliders: gr.HTML
    settings: dict[str, Any]
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
            Followed("play", self.single, _show_single),
            Followed("play", self.takes, show_takes),
        )

    @property
    def asked(self) -> list[Any]:
        """All inputs, in the order of :func:`names`."""
        return [self.settings[name] for name in names()]

    def recall_after(self, dependency: Any) -> None:  # noqa: ANN401 - Gradio's own
        """Show what is remembered, once something else was done."""
        on(dependency.then, self.recall, None, [self.model, *self.asked, self.ready])

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

        def act(event: gr.EventData, request: gr.Request) -> None:
            session, said = studio.session(request), event._data
            if said.get("act") == "stop":
                session.queue.ask_to_stop(session.id, str(said.get("job", "")))
            elif said.get("act") == "look":
                remember(session, {"look": [str(said.get("job", "")), int(said.get("number", 0))]})
            elif said.get("act") in {"settings", "again"}:
                recall_settings(session, str(said.get("job", "")), int(said.get("number", 0)), said["act"] == "again")

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
            kept = session.recall("play")
            if said.get("act") == "control" and said.get("name") in UNITS:
                value = min(SLIDER_END, max(-SLIDER_END, float(said.get("value", 0.0))))
                remember(session, {STEERED: {**kept.get(STEERED, {}), said["name"]: value}})
            elif said.get("act") == "centre":
                remember(session, {STEERED: {}})
            elif said.get("act") == "measure":
                model = str(kept.get("model", ""))
                session.start("controls", {"model": model, "of": [model, _stamp(studio, model)], "measure": True})

        everything = [self.model, *self.asked]
        refresh.after(on(self.sliders.click, steer))
        refresh.after(on(self.model.change, keep, everything))
        refresh.after(on(self.kit.click, kit, [self.num_shots, *everything]))
        refresh.after(on(self.shots.click, cut, [self.num_shots, *everything]))
        refresh.after(on(self.single.click, act))
        refresh.after(on(self.make.click, make, everything))
        refresh.after(on(on(self.takes.click, act).then, self.recall, None, [*everything, self.ready]))
        on(page.load, self.recall, None, [*everything, self.ready])
        on(self.tab.select, self.offer, None, [self.model, self.settings["blend"]])
        for widget in everything:
            # What is pasted into a text is no input to Gradio, but a change.
            on(widget.change if isinstance(widget, gr.Textbox) else widget.input, keep, everything)
        on(on(self.settings["dice"].click, draw_seed, None, self.settings["seed"]).then, keep, everything)
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
            settings = build_settings()
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
    return PlayPlace(studio, tab, model, presets, sliders, settings, make, shots, kit, num_shots, takes, single, ready)


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
    wanted = wanted_of({**values, STEERED: steered(session, model)})
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
    }
    if num_shots is not None:
        if not 1 <= num_shots <= MAX_SHOTS:
            raise InvalidConfigError(f"single sounds is {num_shots}; it must be 1 to {MAX_SHOTS}")
        return session.start("shots", {**request, "count": num_shots, "kit": as_kit})
    remember(session, {"look": None})
    return session.start("take", request)


def recall_settings(session: Session, job_id: str, number: int, with_seed: bool) -> None:
    """Put the settings of a take into the widgets, with its seed or without."""
    status = session.queue.status(session.id, job_id)
    sidecar = None if status is None else status.files.get(f"json-{number}")
    if status is None or sidecar is None:
        return
    try:
        said = read_sidecar(Path(sidecar))
    except SdaError as error:
        raise gr.Error(str(error), print_exception=False) from error
    remember_settings(session, said["generation"], str(said["seed"]) if with_seed else "")


def remember_settings(session: Session, settings: Mapping[str, Any], seed: str) -> None:
    """Put the settings of a take into the widgets, when they are next shown."""
    values = session.recall("play").get("values", {})
    controls = dict(settings.get(STEERED) or {})
    remember(session, {"values": {**values, **values_of(settings, seed=seed)}, STEERED: controls})


def steered(session: Session, model: str) -> dict[str, Any]:
    """What is set of the controls that a model has."""
    found = session.job("controls")
    live = live_names(found[1].news) if found is not None and found[1].news.get("model") == model else []
    return {name: value for name, value in session.recall("play").get(STEERED, {}).items() if name in live and value}


def _show_sliders(studio: Studio, session: Session) -> str:
    """Sliders of the model that is chosen; asks for them where that is another one than before."""
    model = str(session.recall("play").get("model", ""))
    if model in {"", WITHOUT_TRAINING}:
        return ""
    found = session.job("controls")
    state = [model, _stamp(studio, model)]
    if found is None or found[1].request.get("of") != state:
        session.start("controls", {"model": model, "of": state})
        return ""
    return show_sliders(found[1], session.recall("play").get(STEERED, {}))


def _stamp(studio: Studio, model: str) -> int:
    """Time of a model's file, which says whether it is the one that was looked at; 0 where it is gone."""
    try:
        return (studio.library.folder_of(model) / MODEL_FILE).stat().st_mtime_ns
    except (OSError, SdaError):
        return 0


def show_takes(studio: Studio, session: Session) -> str:
    """Takes of this browser, newest first; one of them large."""
    del studio
    jobs = session.queue.of_session(session.id, "take")[:_SHOWN_JOBS]
    if not jobs:
        return _BEFORE
    made = [(job_id, status, take) for job_id, status in jobs for take in reversed(status.news.get("takes", []))]
    look = session.recall("play").get("look")
    chosen = next((found for found in made if look == [found[0], found[2]["number"]]), made[0] if made else None)
    large = "" if chosen is None else take_view.large_take(chosen[0], chosen[2], _actions(chosen[0], chosen[2]))
    rest = "".join(take_view.small_take(job_id, take) for job_id, _, take in made if chosen and take is not chosen[2])
    others = f'<h2>Other takes</h2><div class="sd-clips">{rest}</div>' if rest else ""
    return f"{_at_work(*jobs[0])}{large}{others}"


def _show_single(studio: Studio, session: Session) -> str:
    del studio
    found = session.job("shots")
    return "" if found is None else show_shots(*found)


def _at_work(job_id: str, status: JobStatus) -> str:
    if status.state == "failed":
        return notice(status.message, "bad")
    if status.is_finished:
        return ""
    stop = button("Stop", "stop", kind="small", label="Stop making takes", job=job_id)
    bar = progress(status.progress, status.message or "waiting for its turn")
    return f'<section class="sd-card sd-working">{bar}{stop}</section>'


def _actions(job_id: str, take: dict[str, Any]) -> str:
    number = str(take["number"])
    return button(
        "Use its settings", "settings", kind="small", label="Use the settings of this take", job=job_id, number=number
    ) + button(
        "And its seed", "again", kind="small", label="Use settings and seed of this take", job=job_id, number=number
    )


def _named(values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(names(), values, strict=True))
