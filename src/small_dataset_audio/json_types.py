"""Classes that JSON is read into, made ready before threads share them."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_from_json(kind: type[T]) -> type[T]:
    """Let msgspec learn the fields of a class when it is defined.

    It would learn them when the class is first read. Two threads that do that at once crash the program: one uses the list of
    fields while the other still fills it (msgspec 0.22; seen in the studio's server, whose page asks several things at once).
    What the class holds is learnt along with it.
    """
    msgspec.json.Decoder(kind)
    return kind
