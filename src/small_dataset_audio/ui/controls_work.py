"""What the controls of a model do, as the worker reads or measures it."""

from __future__ import annotations

from typing import Any

from small_dataset_audio.ui.desk import Desk
from small_dataset_audio.workflow import AnalysisProgress, analyse, read_controls


def tell_controls(desk: Desk, request: dict[str, Any]) -> None:
    """Say what the controls of a model do; measure it first where that is asked for."""
    model = str(request["model"])
    if request.get("measure"):
        for event in analyse(model, library=desk.library):
            if isinstance(event, AnalysisProgress):
                desk.say(message=event.stage, progress=event.done / max(1, event.total))
            desk.between()
            if desk.should_stop():
                desk.say(state="stopped", message="stopped", at_once=True)
                return
    reports = read_controls(model, library=desk.library)
    found = None if reports is None else [report.to_json() for report in reports]
    desk.say(message="", progress=1.0, news={"model": model, "controls": found})
