"""Pieces of the page that follow what is on disk: looked at once a second, and sent only where they have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import gradio as gr

from small_dataset_audio.ui.events import on
from small_dataset_audio.ui.session import Session

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

EVERYWHERE = ""

Known: TypeAlias = dict[str, str]
"""Hash of what each piece shows, by its number."""


@dataclass(frozen=True)
class Followed:
    """A piece of the page.

    Parameters
    ----------
    place : str
        Where it is: it is looked at while that place is open; :data:`EVERYWHERE` always.
    piece : HTML
    show : callable
        What it is to show to a browser.
    """

    place: str
    piece: gr.HTML
    show: Callable[[Studio, Session], str]


class Refresh:
    """Keeps pieces up to date; a second without news sends nothing.

    Parameters
    ----------
    studio : Studio
    pieces : sequence of Followed
    tabs : mapping of str to Tab
        The places.
    """

    def __init__(self, studio: Studio, pieces: Sequence[Followed], tabs: Mapping[str, gr.Tab]) -> None:
        self._studio = studio
        self._pieces = pieces
        self._tabs = tabs
        self._known = gr.State({})
        self._place = gr.State(next(iter(tabs)))
        self._outputs = [*(followed.piece for followed in pieces), self._known]

    def connect(self, page: gr.Blocks, timer: gr.Timer) -> None:
        """Look now, every second, and as soon as a place is opened."""
        for trigger in (page.load, timer.tick):
            on(trigger, self._look, [self._known, self._place], self._outputs)
        for name, tab in self._tabs.items():
            self.after(on(tab.select, lambda name=name: name, None, self._place))

    def after(self, dependency: Any) -> Any:  # noqa: ANN401 - Gradio's own
        """Look as soon as something was done."""
        return on(dependency.then, self._look, [self._known, self._place], self._outputs)

    def _look(self, known: Known, place: str, request: gr.Request) -> list[Any]:
        session = self._studio.session(request)
        outputs: list[Any] = []
        now = dict(known)
        for number, followed in enumerate(self._pieces):
            output: Any = gr.skip()
            if followed.place in {place, EVERYWHERE}:
                html = followed.show(self._studio, session)
                digest = hashlib.sha256(html.encode()).hexdigest()
                if known.get(str(number)) != digest:
                    output, now[str(number)] = html, digest
            outputs.append(output)
        return [*outputs, gr.skip() if now == known else now]
