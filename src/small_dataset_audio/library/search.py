"""Which models are wanted, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.library.home import Library, ModelEntry
from small_dataset_audio.names import quoted

KINDS: Final[Mapping[str, str]] = MappingProxyType({"vae": "trained", "linear": "walk"})
"""What people call the kinds of models."""

_SORT_KEYS: Final[Mapping[str, Callable[[ModelEntry], Any]]] = MappingProxyType(
    {
        "created": lambda entry: entry.metadata.created if entry.metadata else "",
        "name": lambda entry: entry.name.casefold(),
        "size": lambda entry: entry.size_bytes,
        "duration": lambda entry: entry.metadata.corpus.duration_s if entry.metadata else 0.0,
    }
)
SORTS: Final = tuple(_SORT_KEYS)


@dataclass(frozen=True)
class ModelQuery:
    """Which models are wanted; without conditions all are.

    Parameters
    ----------
    text : str
        Words, each of which occurs in the model's name, its corpus, its licence, or the name of a recording; capitals do
        not matter.
    kind : {"", "trained", "walk"}
        A walk was made without training. Damaged and unfinished models are of no kind.
    sort : {"created", "name", "size", "duration"}
        The last shall be the newest, the last in the alphabet, the largest, or the one with most recordings in seconds.
    reverse : bool
    """

    text: str = ""
    kind: str = ""
    sort: str = "created"
    reverse: bool = False

    def validate(self) -> None:
        """Check every field.

        Raises
        ------
        InvalidConfigError
            Names the field, its value, and the values allowed.
        """
        for name, value, allowed in (("kind", self.kind, ("", *KINDS.values())), ("sort", self.sort, SORTS)):
            if value not in allowed:
                shown = ", ".join(word for word in allowed if word)
                raise InvalidConfigError(f"{name} is {quoted(value)}; it must be one of {shown}")


def search_models(query: ModelQuery | None = None, library: Library | None = None) -> tuple[ModelEntry, ...]:
    """Models of the library that a query asks for, in its order.

    Raises
    ------
    InvalidConfigError
        A field of the query is not allowed.
    """
    query = query or ModelQuery()
    query.validate()
    words = query.text.casefold().split()
    found = [
        entry
        for entry in (library or Library()).entries()
        if (not query.kind or (entry.metadata and KINDS[entry.metadata.kind] == query.kind))
        and all(word in _words_of(entry) for word in words)
    ]
    return tuple(sorted(found, key=_SORT_KEYS[query.sort], reverse=query.reverse))


def _words_of(entry: ModelEntry) -> str:
    said = [entry.name, entry.folder.name]
    if entry.metadata is not None:
        corpus = entry.metadata.corpus
        said += [corpus.folder_name, corpus.licence, *(clip.name for clip in corpus.clips)]
    return "\n".join(said).casefold()
