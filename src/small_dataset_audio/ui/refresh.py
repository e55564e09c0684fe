"""Pieces of the page that follow what is on disk: looked at once a second, and sent only where they have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import gradio as gr

from small_dataset_audio.ui.events import on
from small_dataset_audio.ui.session import Session

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

Followed: TypeAlias = tuple[gr.HTML, Callable[[Session], str]]
"""A piece, and what it is to show."""


class Refresh:
    """Keeps pieces up to date; what each shows is known by its hash, so that a second without news costs nothing.

    Parameters
    ----------
    studio : Studio
    pieces : sequence of Followed
    """

    def __init__(self, studio: Studio, pieces: Sequence[Followed]) -> None:
        self._studio = studio
        self._pieces = pieces
        self._known = gr.State([])
        self._outputs = [*(piece for piece, _ in pieces), self._known]

    def connect(self, page: gr.Blocks, timer: gr.Timer) -> None:
        """Look now, and every second."""
        for trigger in (page.load, timer.tick):
            on(trigger, self._look, self._known, self._outputs)

    def after(self, dependency: Any) -> Any:  # noqa: ANN401 - Gradio's own
        """Look as soon as something was done."""
        return on(dependency.then, self._look, self._known, self._outputs)

    def _look(self, known: list[str], request: gr.Request) -> list[Any]:
        session = self._studio.session(request)
        shown = [show(session) for _, show in self._pieces]
        hashes = [hashlib.sha256(html.encode()).hexdigest() for html in shown]
        if hashes == known:
            return [gr.skip() for _ in self._outputs]
        before = known if len(known) == len(hashes) else [""] * len(hashes)
        changed = [html if now != then else gr.skip() for html, now, then in zip(shown, hashes, before, strict=True)]
        return [*changed, hashes]
