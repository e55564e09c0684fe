from __future__ import annotations

import io

import pytest
from rich.console import Console

from small_dataset_audio.cli.render import counting, rendering


def shown(*, terminal: bool) -> str:
    """What is on the screen in the middle of a take."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    with rendering(console, "take 1 of 2") as show:
        show(150.0, 600.0)
    return screen.getvalue()


def test_a_terminal_sees_how_many_seconds_of_a_take_are_made():
    assert "take 1 of 2" in shown(terminal=True)
    assert "150 of 600 s" in shown(terminal=True)


def test_a_pipe_sees_nothing_of_it():
    assert shown(terminal=False) == ""


@pytest.mark.parametrize(("current", "words"), [("vocoder alone", "vocoder alone"), (object(), "measuring")])
def test_a_bar_has_the_words_for_what_is_being_done(current: object, words: str):
    screen = io.StringIO()
    with counting(Console(file=screen, force_terminal=True, width=100), "measuring") as show:
        show(1, 4, current)
    assert words in screen.getvalue()
    assert "1 of 4" in screen.getvalue()
