"""What the worker does for each kind of job: calls of :mod:`small_dataset_audio.workflow`, told as plain values.

Each function gets a request of plain values and says how it goes on its desk; its return is the end.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from small_dataset_audio.audio import read_audio
from small_dataset_audio.corpus import MODEL_SCAN, Corpus, ScanProgress, iter_scan, summarise, write_demo_corpus
from small_dataset_audio.library import CHECKPOINT_FILE
from small_dataset_audio.plots import waveform_outline
from small_dataset_audio.training.loop import TrainingProgress
from small_dataset_audio.training.recovery import TrainingSetback
from small_dataset_audio.ui.desk import Desk
from small_dataset_audio.workflow import (
    FirstSound,
    ModelSaved,
    NotSaved,
    PreviewMade,
    TrainingStarted,
    TrainRequest,
    train_corpus,
)

_CURVE_POINTS: Final = 200
_CLIP_COLUMNS: Final = 160


def scan(desk: Desk, request: dict[str, Any]) -> None:
    """Look through a folder of recordings: what the doctor found, an outline of each, and where they can be heard."""
    folder = Path(request["folder"])
    if request.get("demo") and not folder.is_dir():
        desk.say(message="playing and recording the demo instruments", at_once=True)
        write_demo_corpus(folder)
    corpus = _read(desk, folder)
    outlines = {clip.name: waveform_outline(clip.audio, _CLIP_COLUMNS) for clip in corpus.clips}
    levels = {clip.name: clip.duration_s for clip in corpus.clips}
    summary = summarise(corpus).to_json()
    for report in summary["files"]:
        report["outline"] = outlines.get(report["name"], "")
        report["learnt_s"] = levels.get(report["name"], 0.0)
    files = {f"clip-{number}": str(folder / report["name"]) for number, report in enumerate(summary["files"])}
    desk.say(news=summary, files=files, progress=1.0, message="")


def _read(desk: Desk, folder: Path) -> Corpus:
    events = iter_scan(folder, MODEL_SCAN)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            corpus: Corpus = end.value
            return corpus
        desk.say(progress=event.done / event.total, message=f"listening to {event.report.name}")


def train(desk: Desk, request: dict[str, Any]) -> None:
    """Train a model, or go on with one whose training was stopped or killed."""
    wanted = TrainRequest(**{**request, "folder": Path(request["folder"])})
    name = wanted.name or ""
    # Whoever is here again after a kill goes on: what it had learnt is in the checkpoint.
    begun_before = desk.status.begun > 1 and (desk.library.folder_of(name) / CHECKPOINT_FILE).is_file()
    if begun_before and not wanted.resume:
        wanted = replace(wanted, resume=True, budget_s=None)
    news: dict[str, Any] = {"steps": 0, "curve": [], "held_out": [], "previews": [], "notes": [], **desk.status.news}
    files = dict(desk.status.files)
    if desk.status.begun > 1:
        news["notes"] = [*news["notes"], "went on where it had been interrupted"]
    desk.say(news=news, message="reading the recordings", at_once=True)
    for event in train_corpus(wanted, desk.library, should_stop=desk.should_stop):
        if isinstance(event, ScanProgress):
            desk.say(message=f"reading {event.report.name}")
        elif isinstance(event, FirstSound):
            files["first"] = str(event.wav_path)
            news = {**news, "previews": [_heard(event.wav_path, "first", "before any learning")]}
            desk.say(news=news, files=files, message="measuring how fast this machine learns", at_once=True)
        elif isinstance(event, TrainingStarted):
            news = {**news, "recordings": len(event.corpus.clips), "corpus_s": event.corpus.duration_s}
            desk.say(news=news, message="learning", at_once=True)
        elif isinstance(event, TrainingProgress):
            news = {**news, **_progress(news, event)}
            desk.say(news=news, progress=event.progress, message="learning")
        elif isinstance(event, PreviewMade):
            key = f"step-{event.step}"
            files[key] = str(event.wav_path)
            heard = _heard(event.wav_path, key, f"after {event.step} steps")
            news = {**news, "previews": [*(old for old in news["previews"] if old["key"] != key), heard]}
            desk.say(news=news, files=files, at_once=True)
        elif isinstance(event, NotSaved):
            news = {**news, "notes": [*news["notes"], f"not saved at step {event.step}: {event.reason}"]}
            desk.say(news=news, at_once=True)
        elif isinstance(event, TrainingSetback):
            news = {**news, "notes": [*news["notes"], f"went back a little and on more carefully ({event.cause})"]}
            desk.say(news=news, at_once=True)
        elif isinstance(event, ModelSaved):
            news = {**news, "model": event.bundle.metadata.name, "warning": event.warning, "left_s": 0.0}
            news["stopped_early"] = event.cancelled
            state = "stopped" if event.cancelled else "done"
            desk.say(news=news, state=state, message="", progress=1.0 if not event.cancelled else desk.status.progress)
        desk.between()


def _progress(news: dict[str, Any], event: TrainingProgress) -> dict[str, Any]:
    curve = [*news["curve"], [event.step, round(event.losses.reconstruction, 5)]]
    if len(curve) > 2 * _CURVE_POINTS:
        curve = curve[::2]
    held_out = news["held_out"]
    if event.losses.held_out is not None:
        held_out = [*held_out, [event.step, round(event.losses.held_out, 5)]]
    return {
        "steps": event.step,
        "total_steps": event.total_steps,
        "elapsed_s": round(event.elapsed_s, 1),
        "left_s": round(event.remaining_s, 1),
        "loss": round(event.losses.reconstruction, 4),
        "curve": curve,
        "held_out": held_out,
    }


def _heard(path: Path, key: str, words: str) -> dict[str, Any]:

    decoded = read_audio(path)
    return {
        "key": key,
        "words": words,
        "outline": waveform_outline(decoded.audio, _CLIP_COLUMNS),
        "duration_s": decoded.duration_s,
    }


def plain(value: object) -> dict[str, Any]:
    """Turn a dataclass into plain values."""
    made: dict[str, Any] = msgspec.to_builtins(value)
    return made
