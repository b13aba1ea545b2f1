"""In which order the matrix shows its classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.confusion import Counts, Floats, shares, square

Order = Literal["name", "accuracy", "confusion"]

# Optimal leaf ordering grows with the cube: .04-.07 s at 400 classes, .7-6 s at 1000, where it brings 2 %
# more of the errors near the diagonal. Above this the tree's own order is kept.
OPTIMAL_UP_TO = 500


def class_order(
    counts: Counts, by: Order, class_names: Sequence[str], *, optimal_up_to: int = OPTIMAL_UP_TO
) -> npt.NDArray[np.intp]:
    """The order of the classes, first to last.

    Args:
        counts: (C, C), row = label, column = prediction.
        by: "name" (numbers within names by their value), "accuracy" (lowest recall first, classes
            without images last), or "confusion" (classes that are taken for each other stand together).
        class_names: C names.
        optimal_up_to: for "confusion", the most classes whose leaves are ordered optimally.

    Returns:
        (C,) class indices.

    Raises:
        ValueError: counts are not square, or the names are not as many.

    >>> class_order(np.diag([1, 1, 1]), "name", ["b 10", "b 9", "a"]).tolist()
    [2, 1, 0]
    """
    square(counts)
    if len(class_names) != len(counts):
        raise ValueError(f"{len(class_names)} class names for {len(counts)} classes")
    if by == "confusion":
        return confusion_order(counts, optimal_up_to=optimal_up_to)
    by_name = np.array(sorted(range(len(counts)), key=lambda i: _natural(class_names[i])), dtype=np.intp)
    if by == "name":
        return by_name
    recalls = shares(np.diagonal(counts), counts.sum(axis=1))
    return by_name[np.argsort(recalls[by_name], kind="stable")]


def _natural(name: str) -> tuple[list[str | int], str]:
    # split with a captured group alternates text and digits, so like is always compared with like
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def confusion_distances(counts: Counts | Floats) -> Floats:
    """How seldom two classes are taken for each other.

    Args:
        counts: (C, C), row = label, column = prediction; C of 2 or more.

    Returns:
        (C, C), symmetric, 0 on the diagonal and for the closest pair: minus the mean log of both
        smoothed rates, less its smallest value off the diagonal.
    """
    n_classes = len(counts)
    smoothed = np.log((counts + 0.5) / (counts.sum(axis=1, keepdims=True) + n_classes / 2))
    distances: Floats = -(smoothed + smoothed.T) / 2
    off_diagonal = ~np.eye(n_classes, dtype=bool)
    distances -= distances[off_diagonal].min()
    distances[~off_diagonal] = 0.0
    return distances


def confusion_order(counts: Counts, *, optimal_up_to: int = OPTIMAL_UP_TO) -> npt.NDArray[np.intp]:
    """Put classes that are taken for each other next to each other.

    Average linkage over ``confusion_distances`` (complete linkage is ruined by ties), then the order of
    the leaves in which neighbours are closest.

    Args:
        counts: (C, C), row = label, column = prediction.
        optimal_up_to: the most classes whose leaves are ordered optimally; above, the tree's own
            order is kept.

    Returns:
        (C,) class indices, of the two directions that which begins with the lower index.

    Source:
        Z. Bar-Joseph, D. Gifford, T. Jaakkola, Fast optimal leaf ordering for hierarchical
        clustering, 2001.

    >>> confusion_order(np.array([[9, 0, 0, 5], [0, 9, 5, 0], [0, 5, 9, 0], [5, 0, 0, 9]])).tolist()
    [0, 3, 2, 1]
    """
    square(counts)
    if len(counts) < 3:
        return np.arange(len(counts))
    # scipy takes a third of a second to import: only who orders so pays
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    distances = squareform(confusion_distances(counts), checks=False)
    tree = linkage(distances, method="average")
    if len(counts) <= optimal_up_to:
        tree = optimal_leaf_ordering(tree, distances)
    order: npt.NDArray[np.intp] = np.asarray(leaves_list(tree), dtype=np.intp)
    return order if order[0] < order[-1] else order[::-1].copy()
