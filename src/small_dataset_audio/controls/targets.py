"""What a take shall be near to: a few points of a model's latent space, under a name.

The points stand in the configuration of a take, and so in its sidecar: it can be made again without the file, or the map, that
they come from. Importing this module loads nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeGuard

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.names import quoted

MOST_TARGETS: Final = 16
MOST_POINTS: Final = 16
_MOST_DIMENSIONS: Final = 4096
_LARGEST: Final = 1e6
_LONGEST_NAME: Final = 200
_DIGITS: Final = 6  # about what a float32 holds, and short in a sidecar

Point: TypeAlias = tuple[float, ...]


@dataclass(frozen=True)
class NearTarget:
    """One thing to be near to.

    Parameters
    ----------
    name : str [1 to 200 characters, of one line]
        For people: that of a recording, or coordinates on the map.
    points : tuple of tuple of float [1 to 16 points, each of the model's latent_dim numbers]
    shares : tuple of float [over 0, one for each point]
        How much of the time is spent near each point.
    """

    name: str
    points: tuple[Point, ...] = field(repr=False)
    shares: tuple[float, ...] = field(repr=False)


def target_of(name: str, points: Sequence[Sequence[float]], shares: Sequence[float]) -> NearTarget:
    """Make a target of any points: its name is cut to one line that can be shown, its numbers to six digits."""
    shown = "".join(character if character.isprintable() else "?" for character in name)[:_LONGEST_NAME]
    return NearTarget(
        shown or "?",
        tuple(tuple(_rounded(number) for number in point) for point in points),
        tuple(_rounded(share) for share in shares),
    )


def checked_targets(targets: object) -> tuple[NearTarget, ...]:
    """Bring targets, as a caller or a JSON gives them, into their one form.

    Parameters
    ----------
    targets : sequence of NearTarget, or of mappings with its fields

    Raises
    ------
    InvalidConfigError
        Too many, or one without a name or points, with points of unequal or no length, or with a number that is not finite.
    """
    if isinstance(targets, str | bytes) or not isinstance(targets, Sequence) or len(targets) > MOST_TARGETS:
        raise InvalidConfigError(f"near is {quoted(targets)}; it must be a list of at most {MOST_TARGETS} targets")
    checked = tuple(_checked(number, target) for number, target in enumerate(targets))
    sizes = {len(point) for target in checked for point in target.points}
    if len(sizes) > 1:
        raise InvalidConfigError(
            f"near has points of {min(sizes)} and of {max(sizes)} numbers; all must be of one model's latent space"
        )
    return checked


def _checked(number: int, target: object) -> NearTarget:
    if isinstance(target, Mapping):
        if set(target) != {"name", "points", "shares"}:
            raise InvalidConfigError(
                f"near[{number}] has the keys {quoted(sorted(map(str, target)))}; it must have name, points and shares"
            )
        name, points, shares = target["name"], target["points"], target["shares"]
    elif isinstance(target, NearTarget):
        name, points, shares = target.name, target.points, target.shares
    else:
        raise InvalidConfigError(f"near[{number}] is {quoted(target)}; it must be a target with a name and points")
    if not isinstance(name, str) or not name.isprintable() or not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidConfigError(
            f"near[{number}] has the name {quoted(name)}; it must be one line of 1 to {_LONGEST_NAME} characters"
        )
    if not _is_list(points) or not 1 <= len(points) <= MOST_POINTS:
        raise InvalidConfigError(
            f"near[{number}] ({name}) has the points {quoted(points)}; it must have 1 to {MOST_POINTS}"
        )
    checked = _numbers(name, shares)
    if len(checked) != len(points) or min(checked) <= 0.0:
        raise InvalidConfigError(
            f"near ({name}) has the shares {quoted(shares)}; it must have one over 0 for each point"
        )
    return NearTarget(name, tuple(_numbers(name, point) for point in points), checked)


def _numbers(name: str, values: object) -> Point:
    if not _is_list(values) or not 1 <= len(values) <= _MOST_DIMENSIONS:
        raise InvalidConfigError(f"near ({name}) has {quoted(values)} among its points; they must be lists of numbers")
    for number in values:
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= _LARGEST:
            raise InvalidConfigError(
                f"near ({name}) has the number {quoted(number)}; it must be finite, and within 1e6"
            )
    return tuple(float(number) for number in values)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")
