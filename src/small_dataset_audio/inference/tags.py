"""What a sound file says of itself: title, model, seed, and what made it.

Tags are made of the take alone, with no date and no file name in them: a take that is made again is the same file again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MADE_WITH: Final = "made with sda"
_MAX_CHARACTERS: Final = 200


@dataclass(frozen=True)
class Tags:
    """Tags of one take.

    Parameters
    ----------
    title : str
    model : str
    seed : int
    """

    title: str
    model: str
    seed: int

    @property
    def comment(self) -> str:
        """All of them in one line, for formats and players that show nothing else."""
        return f"{MADE_WITH}; model: {self.model}; seed: {self.seed}"

    @property
    def fields(self) -> Mapping[str, str]:
        """As soundfile names them."""
        return {"title": self.title, "comment": self.comment, "software": MADE_WITH}


def tags_of(model_name: str, seed: int) -> Tags:
    """Make the tags of a take; control characters, which no tag may hold, become spaces."""
    model = "".join(letter if letter.isprintable() else " " for letter in model_name)[:_MAX_CHARACTERS].strip()
    return Tags(f"{model}, seed {seed}", model, seed)
