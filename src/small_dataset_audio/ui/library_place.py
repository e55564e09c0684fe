"""Library: every take that was made, every model, and what can be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.errors import SdaError
from small_dataset_audio.history import HistoryQuery
from small_dataset_audio.ui import history_view
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.html import button, link, notice, progress
from small_dataset_audio.ui.play_place import PlayPlace, remember_settings
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.variations import start_variations
from small_dataset_audio.workflow import (
    compare_takes,
    count_takes,
    discard_take,
    get_take,
    keep_take,
    note_take,
    rate_take,
    restore_take,
    search_takes,
)

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

_PAGE: Final = 20
_MARKS: Final = (("All", ""), ("Kept", "kept"), ("Undecided", "undecided"), ("Discarded", "discarded"))


@dataclass(frozen=True)
class TakesPlace:
    """Widgets of the takes in the library."""

    text: gr.Textbox
    mark: gr.Radio
    news: gr.HTML
    compared: gr.HTML
    rows: gr.HTML

    @property
    def followed(self) -> tuple[Followed, ...]:
        """Pieces that follow the disk."""
        return (
            Followed("library", self.news, show_news),
            Followed("library", self.compared, compared),
            Followed("library", self.rows, show_rows),
        )

    def connect(self, studio: Studio, page: gr.Blocks, refresh: Refresh, play: PlayPlace, places: gr.Tabs) -> None:
        """Say what happens when."""

        def search(request: gr.Request, text: str, mark: str) -> None:
            session = studio.session(request)
            kept = session.recall("library")
            session.remember("library", {**kept, "text": text or "", "mark": mark or "", "limit": _PAGE})

        def recall(request: gr.Request) -> tuple[str, str]:
            kept = studio.session(request).recall("library")
            return kept.get("text", ""), kept.get("mark", "")

        def act(request: gr.Request, event: gr.EventData) -> Any:  # noqa: ANN401 - a Gradio update
            session, said = studio.session(request), dict(event._data or {})
            try:
                return do(studio, session, said)
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        asked = [self.text, self.mark]
        for pressed in (self.rows.click, self.compared.click):
            done = on(pressed, act, None, places)
            refresh.after(done)
            play.recall_after(done)
        for changed in (self.text.change, self.mark.input):  # what is pasted is no input to Gradio
            refresh.after(on(changed, search, asked))
        on(page.load, recall, None, asked)


def build() -> TakesPlace:
    """Lay out the takes."""
    with gr.Row(elem_classes="sd-path"):
        text = gr.Textbox("", label="Search", placeholder="words of a model, a note, a file", max_lines=1, scale=3)
        mark = gr.Radio(list(_MARKS), value="", label="Show", scale=2)
    news = piece()
    compared_ = piece("compared")
    rows = piece("history")
    return TakesPlace(text, mark, news, compared_, rows)


def do(studio: Studio, session: Session, said: dict[str, Any]) -> Any:  # noqa: ANN401 - a Gradio update
    """Do what was pressed; returns what becomes of the places.

    Raises
    ------
    SdaError
    """
    library, act = studio.library, said.get("act")
    number = int(said.get("number", 0) or 0)
    kept = session.recall("library")
    if act == "note":
        note_take(number, str(said.get("value", "")), library=library)
    elif act == "stars":
        stars = int(said.get("stars", 0) or 0)
        rate_take(number, 0 if get_take(number, library=library).stars == stars else stars, library=library)
    elif act == "mark":
        _mark(studio, number, str(said.get("state", "")))
    elif act == "side":
        sides = dict(kept.get("sides", {}))
        side = str(said.get("side", ""))
        sides = {key: value for key, value in sides.items() if value != number and key != side}
        if kept.get("sides", {}).get(side) != number:
            sides[side] = number
        session.remember("library", {**kept, "sides": sides})
    elif act == "close":
        session.remember("library", {**kept, "sides": {}})
    elif act == "more":
        session.remember("library", {**kept, "limit": int(kept.get("limit", _PAGE)) + _PAGE})
    elif act == "rerender":
        session.start("rerender", {"number": number})
    elif act == "settings":
        record = get_take(number, library=library)
        remember_settings(session, record.settings, "", record.model_name)
        return gr.Tabs(selected="play")
    elif act == "vary":
        start_variations(session, get_take(number, library=library).sidecar_path)
        return gr.Tabs(selected="play")
    return gr.skip()


def _mark(studio: Studio, number: int, state: str) -> None:
    record = get_take(number, library=studio.library)
    if record.state == state:
        restore_take(number, library=studio.library)
    elif state == "kept":
        keep_take(number, library=studio.library)
    elif state == "discarded":
        discard_take(number, library=studio.library)


def compared(studio: Studio, session: Session) -> str:
    """A and B, where both are chosen."""
    sides = session.recall("library").get("sides", {})
    if "a" not in sides or "b" not in sides:
        return ""
    try:
        return history_view.comparison(compare_takes(sides["a"], sides["b"], library=studio.library))
    except SdaError as error:
        return notice(str(error), "bad")


def show_rows(studio: Studio, session: Session) -> str:
    """Takes that are asked for."""
    kept = session.recall("library")
    query = HistoryQuery(
        text=str(kept.get("text", "")), state=str(kept.get("mark", "")), limit=int(kept.get("limit", _PAGE))
    )
    try:
        records = search_takes(query, library=studio.library)
        more = count_takes(query, library=studio.library) - len(records)
    except SdaError as error:
        return notice(str(error), "bad")
    rows = history_view.rows(records, kept.get("sides", {}))
    return rows + (button(f"Show more ({more})", "more") if more > 0 else "")


def show_news(studio: Studio, session: Session) -> str:
    """How the last take that is made again stands."""
    del studio
    found = session.job("rerender")
    if found is None:
        return ""
    job_id, status = found
    if status.state == "failed":
        return notice(status.message, "bad")
    if not status.is_finished:
        return (
            f'<section class="sd-card">{progress(status.progress, status.message or "waiting for its turn")}</section>'
        )
    save = link("Save it", f"/studio/file/{job_id}/wav?save=true", download="take.wav", kind="small")
    kind = "good" if status.news.get("identical") else "warn"
    return f'<div class="sd-row sd-said">{notice(status.message, kind)}{save}</div>'
