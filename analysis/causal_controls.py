"""What an edit is held against: other places of the same size, or the same place of other images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.map_regions import Region

CONTROLS = 3


def control_images(
    labels: npt.NDArray[np.integer], donors: int, most: int = CONTROLS
) -> list[list[int]] | None:
    """For each image, others of yet other classes to paste from as controls, drawn at random.

    Args:
        labels: (N,) of the images that something is pasted on; they are what can be pasted from, too.
        donors: from how many of them pieces are taken, of all classes in turn.
        most: how many for each image. All donors are taken about equally often.

    Returns:
        Positions within ``labels`` for each image; None where an image has fewer than ``most`` donors of
        other classes: one picture, pasted again and again, would stand for a whole class.

    >>> control_images(np.array([0, 0, 1, 1]), 4, 2), control_images(np.array([0, 0, 0]), 3, 1)
    ([[2, 3], [2, 3], [0, 1], [0, 1]], None)
    """
    draws = np.random.default_rng(0)
    chosen = _of_all_classes(labels, donors, draws)
    uses = np.zeros(len(labels), dtype=np.intp)
    found: list[list[int]] = [[] for _ in labels]
    # in random order: the last images take what is left over, and they should be of no class in particular
    for place in draws.permutation(len(labels)):
        able = draws.permutation(chosen[labels[chosen] != labels[place]])
        if len(able) < most:
            return None
        taken = able[np.argsort(uses[able], kind="stable")[:most]]
        uses[taken] += 1
        found[place] = sorted(map(int, taken))
    return found


def _of_all_classes(
    labels: npt.NDArray[np.integer], most: int, draws: np.random.Generator
) -> npt.NDArray[np.intp]:
    """At most so many positions, drawn at random: one of every class, a second of every class ..."""
    order = draws.permutation(len(labels))
    turns = np.empty(len(labels), dtype=np.intp)
    for each in np.unique(labels):
        of_class = order[labels[order] == each]
        turns[of_class] = np.arange(len(of_class))
    first: npt.NDArray[np.intp] = order[np.argsort(turns[order], kind="stable")][:most]
    return first


def control_regions(region: Region, n: int, seed: Sequence[int]) -> tuple[Region, ...]:
    """Other places of the same size, drawn at random.

    Args:
        region: the place in question, as shares.
        n: how many.
        seed: the same gives the same places.

    Returns:
        Places within 0..1 that share at most a quarter with the region, where there is room for that;
        else those of 50 draws that share least.
    """
    draws = np.random.default_rng(list(seed))
    width, height = region[2] - region[0], region[3] - region[1]
    found: list[Region] = []
    for _ in range(n):
        corners = draws.random((50, 2)) * (1 - width, 1 - height)
        places = [(float(x), float(y), float(x + width), float(y + height)) for x, y in corners]
        found.append(next((each for each in places if overlap(each, region) <= 0.25), None)
                     or min(places, key=lambda each: overlap(each, region)))  # fmt: skip
    return tuple(found)


def overlap(a: Region, b: Region) -> float:
    """The share of ``b`` that ``a`` covers, 0..1.

    >>> overlap((0, 0, 0.5, 1), (0.25, 0, 0.75, 1))
    0.5
    """
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height) / ((b[2] - b[0]) * (b[3] - b[1]))
