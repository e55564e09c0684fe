"""How the page tells the program what happened: quietly, and by no name that a program elsewhere could call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import gradio as gr
from gradio.blocks import Block

from small_dataset_audio.ui.html import ON_CLICK

Widgets: TypeAlias = Block | Sequence[Block] | None


def on(
    trigger: Callable[..., Any],
    do: Callable[..., Any],
    inputs: Widgets = None,
    outputs: Widgets = None,
    *,
    in_turn: str | None = None,
) -> Any:  # noqa: ANN401 - Gradio's own
    """Have `do` called with the values of `inputs` when something happens; what it returns goes into `outputs`.

    What is given the same word as `in_turn` is done one after the other, as it happened; all else may overtake.

    Returns
    -------
    Dependency
        Its ``then`` is a trigger too.
    """
    return trigger(
        do,
        inputs,
        outputs,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="multiple",
        queue=True,
        concurrency_limit=1,
        concurrency_id=in_turn,
    )


def piece(elem_id: str | None = None, html: str = "") -> gr.HTML:
    """Piece of the page that is written by hand, and tells what is pressed or changed in it as a ``click``."""
    return gr.HTML(html, js_on_load=ON_CLICK, apply_default_css=False, elem_id=elem_id, elem_classes="sd-piece")
