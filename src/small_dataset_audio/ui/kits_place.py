"""Kits in the library: heard, saved, put away and brought back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.audio import read_audio
from small_dataset_audio.errors import SdaError
from small_dataset_audio.plots import waveform_outline
from small_dataset_audio.ui import kits_view
from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session
from small_dataset_audio.workflow import KitSound, discard_kit, discarded_kits, find_kit, find_kits, restore_kit

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

_MOST_SAMPLES: Final = 60 * 2 * 96_000  # a sound is cut out of a take of a minute at most


@dataclass(frozen=True)
class KitsPlace:
    """Widgets of the kits in the library."""

    rows: gr.HTML

    @property
    def followed(self) -> tuple[Followed, ...]:
        """Pieces that follow the disk."""
        return (Followed("library", self.rows, show_rows),)

    def connect(self, studio: Studio, refresh: Refresh) -> None:
        """Say what happens when."""

        def act(request: gr.Request, event: gr.EventData) -> None:
            try:
                do(studio, studio.session(request), dict(event._data or {}))
            except SdaError as error:
                raise gr.Error(str(error), print_exception=False) from error

        refresh.after(on(self.rows.click, act))


def build() -> KitsPlace:
    """Lay out the kits."""
    return KitsPlace(piece("kits"))


def do(studio: Studio, session: Session, said: dict[str, Any]) -> None:
    """Do what was pressed.

    Raises
    ------
    SdaError
    """
    act, kit_id, kept = said.get("act"), str(said.get("kit", "")), session.recall("kits")
    if act == "open":
        shown = {} if kept.get("open") == kit_id else {"open": kit_id, "outlines": _outlines(studio, kit_id)}
        session.remember("kits", {"open": "", "outlines": [], "limit": kept.get("limit", kits_view.PAGE), **shown})
    elif act == "more":
        session.remember("kits", {**kept, "limit": int(kept.get("limit", kits_view.PAGE)) + kits_view.PAGE})
    elif act == "discard":
        discard_kit(kit_id, studio.folders.takes, studio.library)
    elif act == "restore":
        restore_kit(kit_id, studio.folders.takes, studio.library)


def show_rows(studio: Studio, session: Session) -> str:
    """Kits that there are, and those that were put away."""
    kept = session.recall("kits")
    kits = find_kits(studio.folders.takes)
    return kits_view.rows(kits, kept) + kits_view.bin_of(discarded_kits(studio.library))


def _outlines(studio: Studio, kit_id: str) -> list[str]:
    """How the sounds of a kit look; drawn when it is opened, and not once a second."""
    kit = find_kit(kit_id, studio.folders.takes)
    if kit is None:
        return []
    return [_outline(sound) for sound in kit.sounds]


def _outline(sound: KitSound) -> str:
    try:
        return waveform_outline(read_audio(sound.path, max_samples=_MOST_SAMPLES).audio, kits_view.COLUMNS)
    except SdaError:  # somebody changed it; the others can be heard
        return ""
