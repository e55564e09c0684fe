"""Near to something: the part of Play where takes are given recordings, or places on the map, to be near to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gradio as gr

from small_dataset_audio.errors import SdaError
from small_dataset_audio.models.metadata import MODEL_FILE
from small_dataset_audio.ui import near_state
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.near_view import show_near
from small_dataset_audio.ui.play_settings import SETTINGS
from small_dataset_audio.ui.presets_row import WITHOUT_TRAINING
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio


@dataclass(frozen=True)
class NearPlace:
    """Widgets of the part."""

    near: gr.HTML

    @property
    def followed(self) -> Followed:
        """What follows the disk."""
        return Followed("play", self.near, show)

    def connect(self, studio: Studio, refresh: Refresh) -> None:
        """Say what happens when."""

        def act(event: gr.EventData, request: gr.Request) -> None:
            session, said = studio.session(request), event._data
            try:
                do(studio, session, said)
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        refresh.after(on(self.near.click, act, in_turn=SETTINGS))


def build() -> NearPlace:
    """Lay out the part."""
    with gr.Accordion("Near to something", open=False):
        return NearPlace(piece("near"))


def do(studio: Studio, session: Session, said: dict[str, object]) -> None:
    """Do what was pressed, changed or dropped.

    Raises
    ------
    SdaError
    """
    act = said.get("act")
    if act == "dropped":
        names = said.get("names")
        near_state.add_files(session, str(said.get("corpus", "")), names if isinstance(names, list) else [])
    elif act in {"place", "then"}:
        near_state.set_place(session, said.get("x"), said.get("y"), then=act == "then")
    elif act == "remove":
        number = str(said.get("number", ""))
        near_state.remove(session, int(number) if number.isdecimal() else 10**6)
    elif act == "strength":
        near_state.set_strength(session, said.get("value"))
    elif act == "map":
        of = _mapped(studio, session)
        if not of[0]:
            raise SdaError("there is no model to draw a map of yet; bring some recordings under Corpus")
        session.start("map", {"model": "" if of[0] == WITHOUT_TRAINING else of[0], "folder": of[1], "of": of})


def show(studio: Studio, session: Session) -> str:
    """What is set, and the map of the model that is chosen, where it was asked for."""
    return show_near(near_state.near_set(session), _drawn(studio, session))


def stamp(studio: Studio, model: str) -> int:
    """Time of a model's file, which says whether it is the one that was looked at; 0 where it is gone."""
    try:
        return (studio.library.folder_of(model) / MODEL_FILE).stat().st_mtime_ns
    except (OSError, SdaError):
        return 0


def _drawn(studio: Studio, session: Session) -> tuple[str, JobStatus] | None:
    found = session.job("map")
    return found if found is not None and found[1].request.get("of") == _mapped(studio, session) else None


def _mapped(studio: Studio, session: Session) -> list[object]:
    """What the map is of: model, folder of its recordings where it is made of them, time of the model's file."""
    model = str(session.recall("play").get("model", ""))
    if model == WITHOUT_TRAINING:
        return [model, str(session.recall("corpus").get("folder", "")), 0]
    return [model, "", stamp(studio, model)]
