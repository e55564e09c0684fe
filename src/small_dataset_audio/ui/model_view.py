"""Models of the library as cards, and what lies in the bin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from small_dataset_audio.library import ModelEntry, TrashEntry
from small_dataset_audio.models.metadata import ModelMetadata
from small_dataset_audio.ui.history_view import when
from small_dataset_audio.ui.html import button, clock, esc, facts

_DROP: Final = (
    '<section class="sd-drop sd-drop-small" data-drop="model" aria-label="Drop model files here"><div class="sd-row">'
    "<p>Somebody gave you a model? Drop its <b>.sda</b> file here.</p>"
    '<button type="button" class="sd-button small" data-pick="files">Choose a file</button></div>'
    '<p class="sd-quiet" data-drop-news role="status" aria-live="polite"></p></section>'
)

_NOTHING: Final = """
<section class="sd-card sd-hint"><h2>No model yet</h2><p>Bring recordings under Corpus, and learn them.</p></section>
"""


def cards(entries: Sequence[ModelEntry]) -> str:
    """Models, newest first, and a place to drop one."""
    shown = "".join(_card(entry) for entry in reversed(entries))
    return f'<div class="sd-models">{shown}</div>{_DROP}' if entries else _NOTHING + _DROP


def _card(entry: ModelEntry) -> str:
    name, folder = entry.name, entry.folder.name
    metadata = entry.metadata
    if metadata is None or entry.problem:
        said = f'<p class="sd-quiet">{esc(entry.problem)}</p>'
        actions = button("Delete", "delete", kind="small", label=f"Delete {name}", model=folder)
    else:
        said = _about(entry, metadata)
        actions = (
            button("Play it", "play", kind="small strong", label=f"Play {name}", model=folder)
            + button("Duplicate", "duplicate", kind="small", label=f"Duplicate {name}", model=folder)
            + button("Save to a file", "export", kind="small", label=f"Save {name} to a file", model=folder)
            + button("Delete", "delete", kind="small", label=f"Delete {name}", model=folder)
        )
    rename = (
        f'<input class="sd-rename" type="text" maxlength="100" aria-label="Name of {esc(name)}" data-change="rename" '
        f'data-model="{esc(folder)}" value="{esc(name)}">'
    )
    return (
        f'<article class="sd-card sd-model" aria-label="{esc(name)}">{rename}{said}'
        f'<div class="sd-row">{actions}</div></article>'
    )


def _about(entry: ModelEntry, metadata: ModelMetadata) -> str:
    training, corpus = metadata.training, metadata.corpus
    trained = metadata.kind == "vae"
    learnt = f"{clock(training.elapsed_s)}, {training.steps} steps" if trained else "without training"
    keeps = "yes" if metadata.corpus_audio is not None else "no"
    told = facts(
        [
            ("made", when(metadata.created)),
            ("recordings", f"{len(corpus.clips)} ({clock(corpus.duration_s)})"),
            ("learnt", learnt),
            ("keeps the recordings", keeps),
            ("on disk", f"{entry.size_bytes / 1e6:.1f} MB"),
            ("licence", corpus.licence),
        ]
    )
    names = ", ".join(clip.name for clip in corpus.clips[:6])
    more = f" and {len(corpus.clips) - 6} more" if len(corpus.clips) > 6 else ""
    picture = (
        f'<details><summary>How it learnt</summary><img class="sd-loss" loading="lazy" '
        f'src="/studio/model/{quote(entry.folder.name)}/losses" alt="Error over the training of {esc(entry.name)}"></details>'
        if trained
        else ""
    )
    return f'{told}<p class="sd-quiet">Made of {esc(names + more)}</p>{picture}'


def bin_of(entries: Sequence[TrashEntry]) -> str:
    """Models that were deleted, newest first."""
    models = [entry for entry in reversed(entries) if entry.kind == "model"]
    if not models:
        return ""
    rows = "".join(_deleted(entry) for entry in models)
    return f'<section class="sd-card"><h3>Deleted models</h3>{rows}</section>'


def _deleted(entry: TrashEntry) -> str:
    back = button("Bring it back", "restore", kind="small", label=f"Bring {entry.name} back", id=entry.id)
    moment = f'<span class="sd-quiet">deleted {esc(when(entry.deleted_at.isoformat()))}</span>'
    return f'<div class="sd-row"><span>{esc(entry.name)}</span>{moment}{back}</div>'
