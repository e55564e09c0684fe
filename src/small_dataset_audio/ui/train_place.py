"""Train: a name, a time, one button; then the curve, the time left, and previews to hear while it learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.constants import DEVICES
from small_dataset_audio.errors import SdaError
from small_dataset_audio.models.metadata_limits import check_wishes
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.html import button, clock, curve, esc, facts, notice, progress, sound
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

BUDGETS_S: Final = MappingProxyType(
    {"30 seconds": 30, "1 minute": 60, "3 minutes": 180, "10 minutes": 600, "30 minutes": 1800, "1 hour": 3600}
)
_USUAL_BUDGET: Final = "3 minutes"
_COLUMNS: Final = 160
_BEFORE: Final = """
<section class="sd-card sd-hint"><h2>What will happen</h2>
<p>First, within seconds, ten seconds of sound without any learning. Then a curve that should fall, and a preview now and then,
to hear how it comes closer. You can stop at any time: what is learnt so far is a model, and can be gone on with. Closing this
page stops nothing.</p></section>
"""


@dataclass(frozen=True)
class TrainPlace:
    """Widgets of the place."""

    corpus: gr.HTML
    name: gr.Textbox
    budget: gr.Radio
    seed: gr.Number
    device: gr.Dropdown
    keep_audio: gr.Checkbox
    licence: gr.Textbox
    start: gr.Button
    news: gr.HTML

    @property
    def followed(self) -> tuple[Followed, ...]:
        """Pieces that follow the disk."""
        return Followed("train", self.corpus, _corpus_words), Followed("train", self.news, show)

    def connect(self, studio: Studio, refresh: Refresh, places: gr.Tabs, recall_after: Callable[[Any], None]) -> None:
        """Say what happens when."""
        asked = [self.name, self.budget, self.seed, self.device, self.keep_audio, self.licence]

        def start(
            name: str, budget: str, seed: float, device: str, keep_audio: bool, licence: str, request: gr.Request
        ) -> None:
            try:
                start_training(
                    studio,
                    studio.session(request),
                    name=name,
                    budget_s=float(BUDGETS_S[budget]),
                    seed=int(seed or 0),
                    device=device,
                    keep_audio=keep_audio,
                    licence=licence,
                )
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        def act(event: gr.EventData, request: gr.Request) -> Any:  # noqa: ANN401 - a Gradio update
            session, pressed = studio.session(request), event._data.get("act")
            found = session.job("train")
            if found is None:
                return gr.skip()
            job_id, status = found
            if pressed == "stop":
                session.queue.ask_to_stop(session.id, job_id)
            elif pressed == "go-on" and status.is_finished:
                session.start("train", {**status.request, "resume": True, "budget_s": None})
            elif pressed == "play":
                session.remember("play", {**session.recall("play"), "model": status.news.get("model", "")})
                return gr.Tabs(selected="play")
            return gr.skip()

        refresh.after(on(self.start.click, start, asked))
        done = on(self.news.click, act, None, places)
        refresh.after(done)
        recall_after(done)


def build(studio: Studio) -> TrainPlace:
    """Lay out the place."""
    del studio
    with gr.Row(elem_classes="sd-two"):
        with gr.Column(scale=2, min_width=300, elem_classes="sd-card"):
            corpus = piece()
            name = gr.Textbox("", label="Name of the model", placeholder="named after the recordings", max_lines=1)
            budget = gr.Radio(
                list(BUDGETS_S),
                value=_USUAL_BUDGET,
                label="Time to learn",
                info="More is better up to a point; it ends earlier where it has stopped getting better.",
            )
            with gr.Accordion("More", open=False):
                seed = gr.Number(0, label="Seed", info="The same seed, the same model.", precision=0, minimum=0)
                device = gr.Dropdown(list(DEVICES), value="auto", label="Processor")
                keep_audio = gr.Checkbox(
                    True,
                    label="Keep a copy of the recordings in the model",
                    info="Takes are made out of them. Without, they sound less like them.",
                )
                licence = gr.Textbox("", label="Licence of the recordings", placeholder="unspecified", max_lines=1)
            start = gr.Button("Start learning", variant="primary", size="lg", elem_id="start-training")
        with gr.Column(scale=3, min_width=360):
            news = piece("train-news")
    return TrainPlace(corpus, name, budget, seed, device, keep_audio, licence, start, news)


def start_training(
    studio: Studio,
    session: Session,
    *,
    name: str,
    budget_s: float,
    seed: int = 0,
    device: str = "auto",
    keep_audio: bool = True,
    licence: str = "",
) -> None:
    """Ask for a training on the corpus of a browser.

    Raises
    ------
    SdaError
        No corpus; a training at work; a name or licence that cannot be used, or a name that is taken.
    """
    corpus = session.recall("corpus")
    if not corpus:
        raise SdaError("bring some recordings first, under Corpus")
    if _is_at_work(session):
        raise SdaError("a model is learning already; stop it first, or wait")
    wanted = name.strip() or studio.library.free_name(corpus["name"])
    check_wishes(wanted, licence.strip() or None)
    if studio.library.folder_of(wanted).exists():
        raise SdaError(f"there is a model {wanted!r} already; choose another name")
    request = {
        "folder": corpus["folder"],
        "name": wanted,
        "budget_s": budget_s,
        "seed": seed,
        "device": device,
        "keep_audio": keep_audio,
        "licence": licence.strip() or None,
    }
    session.start("train", request)


def _is_at_work(session: Session) -> bool:
    found = session.job("train")
    return found is not None and not found[1].is_finished


def _corpus_words(studio: Studio, session: Session) -> str:
    del studio
    corpus = session.recall("corpus")
    if not corpus:
        return '<h2>Learn</h2><p class="sd-quiet">Bring some recordings first, under Corpus.</p>'
    return f"<h2>Learn from {esc(corpus['name'])}</h2>"


def show(studio: Studio, session: Session) -> str:
    """How the last training of this browser stands."""
    del studio
    found = session.job("train")
    if found is None:
        return _BEFORE
    return _news(*found)


def _news(job_id: str, status: JobStatus) -> str:
    news, name = status.news, str(status.request.get("name", ""))
    previews = "".join(_preview(job_id, one) for one in news.get("previews", []))
    heard = f'<h3>Previews</h3><div class="sd-clips">{previews}</div>' if previews else ""
    drawn = curve(news.get("curve", []), news.get("held_out", []), news.get("total_steps", 0)) if news else ""
    notes = "".join(notice(words) for words in news.get("notes", []))
    return f'<section class="sd-card">{_head(status, name)}{notes}{drawn}{_facts(status)}{heard}</section>'


def _preview(job_id: str, one: dict[str, Any]) -> str:
    url = f"/studio/file/{job_id}/{one['key']}"
    return f'<div class="sd-clip">{sound(url, one["words"], one["outline"], _COLUMNS, one["duration_s"])}</div>'


def _head(status: JobStatus, name: str) -> str:
    news = status.news
    if status.state == "failed":
        go_on = button("Go on", "go-on") if news.get("steps") else ""
        return f'<div class="sd-title"><h2>{esc(name)}</h2>{go_on}</div>{notice(status.message, "bad")}'
    if status.state == "stopped":
        words = (
            "Stopped; what it has learnt so far can be played, and it can go on."
            if news.get("model")
            else status.message
        )
        buttons = button("Go on", "go-on") + (button("Play it", "play", kind="strong") if news.get("model") else "")
        return f'<div class="sd-title"><h2>{esc(name)}</h2><div class="sd-row">{buttons}</div></div>{notice(words)}'
    if status.state == "done":
        play = button("Play it", "play", kind="strong")
        return (
            f'<div class="sd-title"><h2>{esc(name)}</h2>{play}</div>'
            f"{notice('It has learnt your recordings.', 'good')}{notice(_warning(news), 'warn')}"
        )
    left = news.get("left_s")
    words = status.message if left is None or status.message != "learning" else f"learning: about {clock(left)} left"
    return (
        f'<div class="sd-title"><h2>{esc(name)}</h2>{button("Stop", "stop")}</div>'
        f"{progress(status.progress, words or 'waiting for its turn')}"
    )


def _warning(news: dict[str, Any]) -> str:
    """What the training warns of, without the options of the command line."""
    what = str(news.get("warning", "")).partition(":")[0]
    return f"{what}: give it more time, three minutes or more" if what else ""


def _facts(status: JobStatus) -> str:
    news = status.news
    pairs: list[tuple[str, object]] = []
    if "recordings" in news:
        pairs.append(("recordings", f"{news['recordings']} ({clock(news.get('corpus_s', 0.0))})"))
    if "elapsed_s" in news:
        pairs += [
            ("learning for", clock(news["elapsed_s"])),
            ("steps", news["steps"]),
            ("error now", news.get("loss", "")),
        ]
    return facts(pairs) if pairs else ""
