"""Corpus: recordings come in, are heard and looked at, and the doctor says what will be done about each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.errors import SdaError
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.html import button, clock, esc, facts, notice, progress, sound
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

_COLUMNS: Final = 160
_DROP: Final = """
<section class="sd-drop" data-drop aria-label="Drop recordings here">
<div class="sd-drop-words"><h2>Bring your recordings</h2>
<p>Drop files or a folder anywhere in this box: 5 to 500 recordings, any mix of WAV, AIFF, FLAC, OGG and MP3, of any length.
They are copied into the studio, and never changed.</p></div>
<div class="sd-row"><button type="button" class="sd-button strong" data-pick="files">Choose files</button>
<button type="button" class="sd-button" data-pick="folder">Choose a folder</button>
<button type="button" class="sd-button" data-act="demo">Use the demo recordings</button></div>
<p class="sd-quiet" data-drop-news role="status" aria-live="polite"></p>
</section>
"""


@dataclass(frozen=True)
class CorpusPlace:
    """Widgets of the place."""

    drop: gr.HTML
    path: gr.Textbox
    open_path: gr.Button
    report: gr.HTML

    @property
    def followed(self) -> tuple[Followed, ...]:
        """Pieces that follow the disk."""
        return (Followed("corpus", self.report, show),)

    def connect(self, studio: Studio, refresh: Refresh, places: gr.Tabs) -> None:
        """Say what happens when."""

        def drop(event: gr.EventData, request: gr.Request) -> None:
            session, data = studio.session(request), event._data
            if data.get("act") == "demo":
                choose(session, studio.folders.demo, "demo", demo=True)
            elif data.get("act") == "dropped":
                name = str(data.get("corpus", ""))
                try:
                    choose(session, session.corpus_folder(name), name)
                except SdaError as error:
                    raise gr.Error(str(error), print_exception=False) from error

        def open_path(path: str, request: gr.Request) -> None:
            folder = Path(path.strip()).expanduser()
            if not studio.is_local or not path.strip() or not folder.is_dir():
                raise gr.Error(f"There is no folder {path!r} on this machine.", print_exception=False)
            choose(studio.session(request), folder, folder.resolve().name)

        def act(event: gr.EventData, request: gr.Request) -> Any:  # noqa: ANN401 - a Gradio update
            if event._data.get("act") == "again":
                session = studio.session(request)
                corpus = session.recall("corpus")
                if corpus:
                    choose(session, Path(corpus["folder"]), corpus["name"], demo=bool(corpus.get("demo")))
            return gr.Tabs(selected="train") if event._data.get("act") == "learn" else gr.skip()

        refresh.after(on(self.drop.click, drop))
        for pressed in (self.open_path.click, self.path.submit):
            refresh.after(on(pressed, open_path, self.path))
        refresh.after(on(self.report.click, act, None, places))


def build(studio: Studio) -> CorpusPlace:
    """Lay out the place."""
    drop = piece("drop", _DROP)
    with gr.Row(visible=studio.is_local, elem_classes="sd-path"):
        path = gr.Textbox(
            value="",
            label="Or the path of a folder on this machine",
            placeholder="~/Music/recordings",
            scale=5,
            max_lines=1,
        )
        open_path = gr.Button("Open", scale=0, min_width=110)
    report = piece("corpus-report")
    return CorpusPlace(drop, path, open_path, report)


def choose(session: Session, folder: Path, name: str, *, demo: bool = False) -> None:
    """Make a folder the corpus of this session, and have the doctor look through it."""
    job_id = session.start("scan", {"folder": str(folder.absolute()), "demo": demo})
    shown = safe_folder_name(name or "recordings")
    session.remember("corpus", {"folder": str(folder.absolute()), "name": shown, "demo": demo, "job": job_id})


def show(studio: Studio, session: Session) -> str:
    """What is known of the corpus now."""
    del studio
    found = session.job("scan")
    if found is None:
        return ""
    job_id, status = found
    name = str(session.recall("corpus").get("name", ""))
    if status.state == "failed":
        return notice(status.message, "bad")
    if not status.is_finished:
        return (
            f'<section class="sd-card">{progress(status.progress, status.message or "waiting for its turn")}</section>'
        )
    return _report(job_id, status, name)


def _report(job_id: str, status: JobStatus, name: str) -> str:
    summary = status.news
    used = summary.get("used", 0)
    files = summary.get("files", [])
    rows = "".join(_row(job_id, number, report) for number, report in enumerate(files))
    found = facts(
        [
            ("usable", f"{used} of {summary.get('looked_at', 0)}"),
            ("sound in all", clock(summary.get("duration_s", 0.0))),
            ("shortest, longest", f"{clock(summary.get('shortest_s', 0.0))}, {clock(summary.get('longest_s', 0.0))}"),
        ]
    )
    warnings = "".join(f"<li>{esc(words)}</li>" for words in summary.get("warnings", []))
    doctor = (
        f'<div class="sd-doctor"><h3>What to know</h3><ul>{warnings}</ul></div>'
        if warnings
        else ('<p class="sd-quiet">Nothing to worry about in these recordings.</p>')
    )
    go = button("Learn these sounds", "learn", kind="strong") if used else ""
    return (
        f'<section class="sd-card"><div class="sd-title"><h2>{esc(name)}</h2><div class="sd-row">'
        f'{button("Look again", "again")}{go}</div></div>{found}{doctor}<div class="sd-clips">{rows}</div></section>'
    )


def _row(job_id: str, number: int, report: dict[str, Any]) -> str:
    status = report.get("status", "")
    words = "; ".join(report.get("notes", []))
    if status == "used":
        heard = sound(
            f"/studio/file/{job_id}/clip-{number}",
            report["name"],
            report.get("outline", ""),
            _COLUMNS,
            report["duration_s"],
        )
        return f'<div class="sd-clip">{heard}<p class="sd-quiet">{esc(words or "used as it is")}</p></div>'
    why = f"the same recording as {report.get('duplicate_of')}" if status == "duplicate" else report.get("reason", "")
    return (
        f'<div class="sd-clip left-out"><div class="sd-name"><span>{esc(report.get("name", ""))}</span>'
        f'<small>left out</small></div><p class="sd-quiet">{esc(why)}</p></div>'
    )
