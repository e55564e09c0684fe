"""The page: four places in the order of the work, and what holds them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import gradio as gr

from small_dataset_audio.library import Library
from small_dataset_audio.ui import corpus_place, guide, kits_place, library_place, models_place, play_place, train_place
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.refresh import Refresh
from small_dataset_audio.ui.session import COOKIE, Session, SessionKeys

TITLE: Final = "sda studio"
_HEADER: Final = """
<header class="sd-head"><div><h1>sda <span>studio</span></h1>
<p>New sound from your own recordings. Nothing leaves this machine.</p></div>
<button type="button" class="sd-theme" aria-label="Light or dark" title="Light or dark"></button></header>
"""


@dataclass(frozen=True)
class Studio:
    """What every place is built with.

    Parameters
    ----------
    library : Library
    folders : StudioFolders
    keys : SessionKeys
    is_local : bool
        Whether whoever sits at the page sits at this machine, and may name folders of it.
    """

    library: Library
    folders: StudioFolders
    keys: SessionKeys
    is_local: bool

    def session(self, request: gr.Request) -> Session:
        """Session of the browser that asks."""
        found = self.keys.session_of(request.cookies.get(COOKIE, ""))
        if found is None:  # the door lets nobody through without
            raise gr.Error("This browser is not let in; open the address that the terminal shows.")
        return Session(found, self.folders)


def build_page(library: Library, folders: StudioFolders, keys: SessionKeys, *, is_local: bool) -> gr.Blocks:
    """Build the page; it holds no state."""
    studio = Studio(library, folders, keys, is_local)
    page: gr.Blocks
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.HTML(_HEADER, js_on_load=None, apply_default_css=False)
        ready = gr.HTML("", js_on_load=None, apply_default_css=False, elem_classes="sd-hidden")
        first_steps = guide.build()
        places = gr.Tabs(elem_id="places")
        with places:
            with gr.Tab("Corpus", id="corpus") as corpus_tab:
                corpus = corpus_place.build(studio)
            with gr.Tab("Train", id="train") as train_tab:
                train = train_place.build(studio)
            with gr.Tab("Play", id="play") as play_tab:
                play = play_place.build(studio, play_tab, ready)
            with gr.Tab("Library", id="library") as library_tab, gr.Tabs(elem_id="shelves"):
                with gr.Tab("Takes", id="takes"):
                    takes = library_place.build()
                with gr.Tab("Models", id="models"):
                    models = models_place.build()
                with gr.Tab("Kits", id="kits"):
                    kits = kits_place.build()
        tabs = {"corpus": corpus_tab, "train": train_tab, "play": play_tab, "library": library_tab}
        parts = (first_steps, corpus, train, play, takes, models, kits)
        refresh = Refresh(studio, [piece for part in parts for piece in part.followed], tabs)
        refresh.connect(page, gr.Timer(1.0))
        first_steps.connect(studio, page, refresh, places)
        corpus.connect(studio, refresh, places)
        train.connect(studio, refresh, places, play.recall_after)
        play.connect(page, refresh)
        takes.connect(studio, page, refresh, play, places)
        models.connect(studio, page, refresh, play, places)
        kits.connect(studio, refresh)
    page.queue(default_concurrency_limit=16, api_open=False)
    return page
