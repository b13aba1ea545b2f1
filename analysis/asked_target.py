"""What a map is asked about, as plain data that a job's spec can hold. Needs no torch until it is a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.attribution.records import Target

Asked = int | tuple[int, int]
"""A class index, or (a, b) for "why a rather than b"."""


def to_json(asked: Asked) -> int | list[int]:
    """What ``from_json`` reads back.

    >>> to_json(3), to_json((1, 0))
    (3, [1, 0])
    """
    return list(asked) if isinstance(asked, tuple) else asked


def from_json(value: Any) -> Asked:
    """What ``to_json`` wrote.

    >>> from_json(3), from_json([1, 0])
    (3, (1, 0))
    """
    return (int(value[0]), int(value[1])) if isinstance(value, list) else int(value)


def as_target(asked: Asked) -> Target:
    """The target as `analysis.attribution.attribute` takes it."""
    from analysis.attribution import Contrast

    return Contrast(*asked) if isinstance(asked, tuple) else asked


def plain(target: Target) -> Asked:
    """A target as plain data; ``as_target`` gives it back."""
    from analysis.attribution import Contrast

    return (int(target.a), int(target.b)) if isinstance(target, Contrast) else int(target)
