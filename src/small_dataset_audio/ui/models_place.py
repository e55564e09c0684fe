"""Models in the library: played, renamed, duplicated, given away, taken in, deleted and brought back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from small_dataset_audio.errors import SdaError
from small_dataset_audio.library import (
    ModelQuery,
    Trash,
    delete_model,
    duplicate_model,
    rename_model,
    restore_model,
    search_models,
)
from small_dataset_audio.ui import model_view
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.html import link, notice, progress
from small_dataset_audio.ui.play_place import PlayPlace, remember
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio


@dataclass(frozen=True)
class ModelsPlace:
    """Widgets of the models in the library."""

    text: gr.Textbox
    news: gr.HTML
    cards: gr.HTML

    @property
    def followed(self) -> tuple[Followed, ...]:
        """Pieces that follow the disk."""
        return Followed("library", self.news, show_news), Followed("library", self.cards, show_cards)

    def connect(self, studio: Studio, page: gr.Blocks, refresh: Refresh, play: PlayPlace, places: gr.Tabs) -> None:
        """Say what happens when."""

        def search(request: gr.Request, text: str) -> None:
            session = studio.session(request)
            session.remember("models", {**session.recall("models"), "text": text or ""})

        def recall(request: gr.Request) -> str:
            return str(studio.session(request).recall("models").get("text", ""))

        def act(request: gr.Request, event: gr.EventData) -> Any:  # noqa: ANN401 - a Gradio update
            session, said = studio.session(request), dict(event._data or {})
            try:
                return do(studio, session, said)
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        done = on(self.cards.click, act, None, places)
        refresh.after(done)
        play.recall_after(done)
        refresh.after(on(self.text.change, search, self.text))
        on(page.load, recall, None, self.text)


def build() -> ModelsPlace:
    """Lay out the models."""
    text = gr.Textbox("", label="Search models", placeholder="words of a model, a recording, a licence", max_lines=1)
    news = piece()
    cards = piece("models")
    return ModelsPlace(text, news, cards)


def do(studio: Studio, session: Session, said: dict[str, Any]) -> Any:  # noqa: ANN401 - a Gradio update
    """Do what was pressed; returns what becomes of the places.

    Raises
    ------
    SdaError
    """
    act, model, library = said.get("act"), str(said.get("model", "")), studio.library
    if act == "play":
        remember(session, {"model": model})
        return gr.Tabs(selected="play")
    if act == "rename":
        rename_model(model, str(said.get("value", "")).strip(), library)
    elif act == "duplicate":
        duplicate_model(model, library.free_name(model), library)
    elif act == "delete":
        delete_model(model, library)
    elif act == "restore":
        restore_model(str(said.get("id", "")), library)
    elif act == "export":
        session.start("export", {"model": library.folder_of(model).name})
        session.remember("models", {**session.recall("models"), "news": "export"})
    elif act == "dropped":
        for name in said.get("names", []):
            session.start("import", {"path": str(session.dropped_model(str(name)))})
            session.remember("models", {**session.recall("models"), "news": "import"})
    return gr.skip()


def show_cards(studio: Studio, session: Session) -> str:
    """Models that are asked for, and those that were deleted."""
    entries = search_models(ModelQuery(text=str(session.recall("models").get("text", ""))), studio.library)
    return model_view.cards(entries) + model_view.bin_of(Trash(studio.library.root).entries())


def show_news(studio: Studio, session: Session) -> str:
    """How the last file of a model stands."""
    del studio
    found = session.job(str(session.recall("models").get("news", "")))
    if found is None:
        return ""
    job_id, status = found
    if status.state == "failed":
        return notice(status.message, "bad")
    if not status.is_finished:
        return (
            f'<section class="sd-card">{progress(status.progress, status.message or "waiting for its turn")}</section>'
        )
    name = str(status.news.get("name", ""))
    save = (
        link(f"Save {name}", f"/studio/file/{job_id}/file?save=true", download=name, kind="small strong")
        if name
        else ""
    )
    return f'<div class="sd-row sd-said">{notice(status.message, "good")}{save}</div>'
