"""A model's card as a page: Markdown with pictures beside it, or HTML with the pictures in it."""

from __future__ import annotations

import base64
import html
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from small_dataset_audio.audio.io import read_audio
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import InvalidNameError
from small_dataset_audio.files import atomic_write, make_output_folder, write_bytes
from small_dataset_audio.library import Library, ModelCard, model_card
from small_dataset_audio.plots import plot_take

_SHOWN_S: Final = 60
_CAPTIONS: Final = {
    "recordings": "What it learnt from: the first minute of its recordings, end to end.",
    "losses": "How its training went.",
}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#27323b;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "h2{margin-top:2rem}table{border-collapse:collapse}td{padding:.15rem 1rem .15rem 0;vertical-align:top}"
    "td:first-child{color:#5b6872}img{max-width:100%}"
)


def write_card(model: str, path: Path, *, overwrite: bool = False, library: Library | None = None) -> tuple[Path, ...]:
    """Write a model's card; returns the page and, for Markdown, its pictures beside it.

    Parameters
    ----------
    model : str
        Name or folder.
    path : Path
        Ends in ``.md``, ``.html`` or ``.htm``; its folder is made.
    overwrite : bool
        Replace files that are there.
    library : Library, optional

    Raises
    ------
    InvalidNameError
        Another suffix.
    ModelNotFoundError, ModelDamagedError, ModelVersionError
    OutputError
        A file exists, or cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in {".md", ".html", ".htm"}:
        raise InvalidNameError(f"{path} is no name for a card; end it in .md or .html")
    card = model_card(model, library)
    make_output_folder(path.parent)
    with tempfile.TemporaryDirectory() as scratch:
        pictures = _pictures(card, Path(scratch))
        if suffix != ".md":
            inside = {name: base64.b64encode(file.read_bytes()).decode() for name, file in pictures.items()}
            write_bytes(path, _html(card, inside).encode(errors="replace"), overwrite=overwrite)
            return (path,)
        beside = {name: path.with_name(f"{path.stem}_{name}.png") for name in pictures}
        for name, target in beside.items():
            with atomic_write(target, overwrite=overwrite) as temporary:
                shutil.copyfile(pictures[name], temporary)
    page = card_markdown(card, {name: target.name for name, target in beside.items()})
    write_bytes(path, page.encode(errors="replace"), overwrite=overwrite)
    return (path, *beside.values())


def card_markdown(card: ModelCard, pictures: Mapping[str, str] | None = None) -> str:
    """Write a card as Markdown; `pictures` are file names by what they show."""
    lines = [f"# {_plain(card.name)}", "", _plain(card.summary), ""]
    for name, file in (pictures or {}).items():
        lines += [f"![{_CAPTIONS[name]}](<{file}>)", ""]
    for section in card.sections:
        lines += [f"## {section.title}", "", "| | |", "| --- | --- |"]
        lines += [f"| {_plain(key)} | {_plain(value)} |" for key, value in section.rows]
        lines.append("")
    return "\n".join(lines)


def _html(card: ModelCard, pictures: Mapping[str, str]) -> str:
    escape = html.escape
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(card.name)}</title><style>{_STYLE}</style></head>',
        f"<body><h1>{escape(card.name)}</h1><p>{escape(card.summary)}</p>",
    ]
    for name, data in pictures.items():
        parts.append(f'<figure><img alt="{_CAPTIONS[name]}" src="data:image/png;base64,{data}">')
        parts.append(f"<figcaption>{_CAPTIONS[name]}</figcaption></figure>")
    for section in card.sections:
        rows = "".join(f"<tr><td>{escape(key)}</td><td>{escape(value)}</td></tr>" for key, value in section.rows)
        parts.append(f"<h2>{section.title}</h2><table>{rows}</table>")
    return "\n".join([*parts, "</body></html>", ""])


def _pictures(card: ModelCard, scratch: Path) -> dict[str, Path]:
    found = {}
    if card.corpus_audio is not None:
        shown = read_audio(card.corpus_audio, max_samples=_SHOWN_S * SAMPLE_RATE)
        found["recordings"] = plot_take(shown.audio, shown.sample_rate, scratch / "recordings.png", title=card.name)
    if card.loss_picture is not None:
        found["losses"] = card.loss_picture
    return found


def _plain(text: str) -> str:
    """Text as Markdown shows it: nothing in a name of a stranger's file is a link, a table or HTML."""
    for letter in "\\`*_[]<>|#!":
        text = text.replace(letter, f"\\{letter}")
    return text
