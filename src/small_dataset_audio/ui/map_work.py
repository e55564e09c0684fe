"""The map of a model's recordings, as the worker draws it: places on it are chosen to be near to."""

from __future__ import annotations

from typing import Any

from small_dataset_audio.plots import MAP_FRAME, MAP_LIMIT
from small_dataset_audio.ui.desk import Desk
from small_dataset_audio.ui.take_work import model_of
from small_dataset_audio.workflow import draw_map, explore


def tell_map(desk: Desk, request: dict[str, Any]) -> None:
    """Draw the map of a model."""
    desk.say(message="drawing the map", at_once=True)
    model = model_of(desk, request)
    desk.own_folder.mkdir(parents=True, exist_ok=True)
    drawn = draw_map(explore(model, library=desk.library), desk.own_folder / "map.png")
    news = {"model": model, "frame": list(MAP_FRAME), "limit": MAP_LIMIT}
    desk.say(progress=1.0, message="", news=news, files={"map": str(drawn)})
