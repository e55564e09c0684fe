"""The guided first run: from nothing to a first take, one button at a time, in a few minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.errors import SdaError
from small_dataset_audio.ui.corpus_place import choose
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.html import button, clock, esc
from small_dataset_audio.ui.play_place import start_takes
from small_dataset_audio.ui.play_settings import default_values
from small_dataset_audio.ui.refresh import EVERYWHERE, Followed, Refresh
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.train_place import start_training

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

_LEARN_S: Final = 60.0
_STEPS: Final = ("Bring recordings", "Learn them", "Make a take", "Hear it")


@dataclass(frozen=True)
class Guide:
    """The strip above the places."""

    strip: gr.HTML

    @property
    def followed(self) -> tuple[Followed, ...]:
        """Pieces that follow the disk."""
        return (Followed(EVERYWHERE, self.strip, show),)

    def connect(self, studio: Studio, page: gr.Blocks, refresh: Refresh, places: gr.Tabs) -> None:
        """Say what happens when."""

        def begin(request: gr.Request) -> None:
            session = studio.session(request)
            if not session.recall("guide"):
                is_new = not any(not entry.problem for entry in studio.library.entries())
                session.remember("guide", {"on": is_new})

        def act(request: gr.Request, event: gr.EventData) -> Any:  # noqa: ANN401 - a Gradio update
            try:
                return do(studio, studio.session(request), str(event._data.get("act", "")))
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        refresh.after(on(page.load, begin))
        refresh.after(on(self.strip.click, act, None, places))


def build() -> Guide:
    """Lay out the strip."""
    return Guide(piece("guide"))


def do(studio: Studio, session: Session, act: str) -> Any:  # noqa: ANN401 - a Gradio update
    """Take the next step.

    Raises
    ------
    SdaError
    """
    if act == "demo":
        choose(session, studio.folders.demo, "demo", demo=True)
        return gr.Tabs(selected="corpus")
    if act == "learn":
        start_training(studio, session, name="", budget_s=_LEARN_S)
        return gr.Tabs(selected="train")
    if act == "take":
        found = session.job("train")
        model = str(found[1].news.get("model", "")) if found is not None else ""
        start_takes(session, model, {**default_values(), "count": 1, "evaluate": True, "device": "auto"})
        return gr.Tabs(selected="play")
    if act == "close":
        session.remember("guide", {"on": False})
    return gr.skip()


def show(studio: Studio, session: Session) -> str:
    """The steps, and the next one as a button; nothing for whoever has a model already."""
    del studio
    if not session.recall("guide").get("on"):
        return ""
    at, words, action = _next(session)
    steps = "".join(
        f'<li class="{"done" if number < at else "now" if number == at else ""}"'
        f"{' aria-current=step' if number == at else ''}>{esc(step)}</li>"
        for number, step in enumerate(_STEPS)
    )
    close = button("Without the guide" if at < 3 else "Close the guide", "close", kind="small")
    return (
        f'<section class="sd-card sd-guide" aria-label="First steps"><ol>{steps}</ol>'
        f'<div class="sd-title"><p>{esc(words)}</p><div class="sd-row">{action}{close}</div></div></section>'
    )


def _next(session: Session) -> tuple[int, str, str]:
    """Number of the step that somebody is at, what is to be said of it, and its button."""
    scan, train, take = session.job("scan"), session.job("train"), session.job("take")
    if scan is None:
        words = "New here? Hear it done with the demo recordings, in about three minutes; or bring your own below."
        return (
            0,
            words,
            button("Use the demo recordings", "demo", kind="strong", label="Start with the demo recordings"),
        )
    if not scan[1].is_finished:
        return 0, "Listening to the recordings.", ""
    if train is None:
        words = "Listen to them below, if you like. Then have them learnt, for one minute."
        return 1, words, button("Learn them for a minute", "learn", kind="strong")
    status = train[1]
    if not status.is_finished:
        left = status.news.get("left_s")
        rest = f", about {clock(left)} left" if left else ""
        return 1, f"It is learning{rest}. Previews come as it goes; hear how they come closer.", ""
    if take is None:
        return (
            2,
            "It has learnt your recordings. Now it makes something new of them.",
            button("Make the first take", "take", kind="strong"),
        )
    if not take[1].is_finished:
        return 2, "The first take is on its way.", ""
    return 3, "There it is: press play. Save it, or change the settings and make more.", ""
