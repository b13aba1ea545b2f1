"""What changed between two networks, as it lies in the workspace. Reading it needs no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from analysis.number_words import percent
from models.fingerprints import FileState, name_of
from models.store import Store

REVISION = 1
"""Raise it when what is compared changes; it is then compared again."""
Part = Literal["weight", "vector", "statistics"]
"""Of a layer: what has two axes or more; biases and scales; running mean and variance of a batch norm."""


@dataclass(frozen=True)
class LayerChange:
    """How one tensor differs between two networks.

    Args:
        layer: dotted name of the module that owns it.
        own: its name there ("weight", "bias", "running_mean").
        part: what it is.
        shape_before: None where the first network has none of this name.
        shape_after: None where the second has none.
        n_weights: how many numbers.
        relative: length of the difference over the length of the first; 0 where nothing changed at all. None where the
            two cannot be compared number by number, or are no numbers.
        cosine: of the angle between the two, -1..1; 1 where only the length changed.
        largest: the largest change of a single number.
        changed: share of numbers that changed at all, 0..1.
        is_finite: whether all are numbers.
    """

    layer: str
    own: str
    part: Part
    shape_before: tuple[int, ...] | None
    shape_after: tuple[int, ...] | None
    n_weights: int
    relative: float | None = None
    cosine: float | None = None
    largest: float | None = None
    changed: float | None = None
    is_finite: bool = True

    @property
    def is_same(self) -> bool:
        """Whether not one number changed."""
        return self.changed == 0

    @property
    def is_comparable(self) -> bool:
        """Whether both have it, in the same shape."""
        return self.shape_before is not None and self.shape_before == self.shape_after

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> LayerChange:
        """What ``asdict`` gave, after JSON."""
        plain: dict[str, Any] = {
            key: tuple(each) if isinstance(each, list) else each for key, each in value.items()
        }
        return cls(**plain)


def difference_file(store: Store, spec: dict[str, Any], states: Sequence[FileState]) -> Path:
    """Where a difference lies.

    Args:
        store: the workspace.
        spec: of the job: ``before`` and ``after``.
        states: of the two files, so that another file under the same name is compared again.
    """
    return (
        store.root
        / "layers"
        / f"difference-{name_of(REVISION, spec, [list(map(str, [each])) for each in states])}.json"
    )


def saved_difference(file: Path) -> tuple[LayerChange, ...] | None:
    """The difference as it was kept; None where it was not, or is damaged."""
    try:
        return tuple(LayerChange.from_json(each) for each in json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def plain_changes(found: Sequence[LayerChange]) -> list[dict[str, Any]]:
    """As `saved_difference` reads it back."""
    return [asdict(each) for each in found]


def difference_words(found: Sequence[LayerChange]) -> list[str]:
    """What the whole comes to, in sentences.

    Args:
        found: all changes between two networks.
    """
    learned = [each for each in found if each.part != "statistics"]
    both = [each for each in learned if each.is_comparable]
    same = [each for each in both if each.is_same]
    words: list[str] = []
    if learned and len(same) == len(learned):
        words.append("Not one weight differs.")
    elif len(both) * 2 > len(learned):  # of few that fit, a share of unchanged ones would mislead
        share = sum(each.n_weights for each in same) / max(1, sum(each.n_weights for each in learned))
        layers = {each.layer for each in both}
        still = layers - {each.layer for each in learned if each not in same}
        words.append(
            f"{len(still):,} of the {len(layers):,} layers and norms that both have did not change at all "
            f"({percent(share)} of all weights), as if frozen."
        )
    words += _most_changed(both)
    words += _misfits(learned)
    words += _statistics([each for each in found if each.part == "statistics" and each.is_comparable])
    if any(not each.is_finite for each in found):
        words.append("Some of the numbers are none (NaN or infinite); those layers have no figure.")
    return words


def _most_changed(both: Sequence[LayerChange]) -> list[str]:
    known = [each for each in both if each.part == "weight" and each.relative]
    if not known:
        return []
    most = max(known, key=lambda each: each.relative or 0.0)
    assert most.relative is not None
    return [
        f"The most changed weight is that of {most.layer}: by {percent(min(most.relative, 99.0))} of its length."
    ]


def _misfits(learned: Sequence[LayerChange]) -> list[str]:
    words = []
    other = {each.layer: each for each in learned if each.part == "weight" and None not in (each.shape_before, each.shape_after) and not each.is_comparable}  # fmt: skip
    for each in list(other.values())[:3]:
        words.append(
            f"{each.layer} has another shape: {shape_words(each.shape_before)} became {shape_words(each.shape_after)}."
        )
    if len(other) > 3:
        words.append(f"So have {len(other) - 3:,} layers more.")
    for which, side in (("first", "shape_after"), ("second", "shape_before")):
        alone = sorted({each.layer for each in learned if getattr(each, side) is None})
        if alone:
            more = f" and {len(alone) - 3:,} more" if len(alone) > 3 else ""
            words.append(f"Only the {which} network has {', '.join(alone[:3])}{more}.")
    return words


def _statistics(found: Sequence[LayerChange]) -> list[str]:
    if not found:
        return []
    moved = [each for each in found if not each.is_same]
    if not moved:
        return ["The running means and variances of all batch norms stayed what they were."]
    n_norms = len({each.layer for each in found})
    return [
        f"The running statistics of {len({each.layer for each in moved}):,} of {n_norms:,} batch norms changed."
    ]


def shape_words(shape: tuple[int, ...] | None) -> str:
    """A shape as a person writes it.

    >>> shape_words((34, 1280)), shape_words(None)
    ('34 x 1280', 'none')
    """
    return "none" if shape is None else " x ".join(map(str, shape))
