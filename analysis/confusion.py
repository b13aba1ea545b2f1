"""Which class was called what, how often: counts, rates, and the images behind them.

Everywhere rows are labels (true) and columns are predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer[Any]]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


def confusion_counts(labels: Integers, predicted: Integers, n_classes: int) -> Counts:
    """Count every pair of label and prediction.

    Args:
        labels: (N,) class indices, 0 to ``n_classes`` - 1.
        predicted: (N,) class indices, 0 to ``n_classes`` - 1.
        n_classes: C.

    Returns:
        (C, C) counts; row = label, column = prediction.

    Raises:
        ValueError: the arrays differ in length, or an index is no class.

    >>> confusion_counts(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    if labels.shape != predicted.shape or labels.ndim != 1:
        raise ValueError(
            f"labels and predicted must be (N,) and alike, not {labels.shape} and {predicted.shape}"
        )
    for name, indices in (("labels", labels), ("predicted", predicted)):
        if indices.size and not 0 <= indices.min() <= indices.max() < n_classes:
            raise ValueError(f"{name} holds indices outside 0 to {n_classes - 1}")
    cells = labels.astype(np.int64) * n_classes + predicted
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def rates(counts: Counts, by: Literal["label", "prediction"] = "label") -> Floats:
    """Shares of each row or of each column.

    Args:
        counts: (C, C), row = label, column = prediction.
        by: "label" divides by the images of the label (the diagonal is the recall); "prediction"
            divides by the images called so (the diagonal is the precision).

    Returns:
        (C, C) from 0 to 1; nan in the rows (or columns) that hold no image.

    >>> rates(np.array([[3, 1], [0, 0]]))
    array([[0.75, 0.25],
           [ nan,  nan]])
    """
    square(counts)
    totals = counts.sum(axis=1 if by == "label" else 0, keepdims=True)
    if by == "prediction":
        totals = totals.reshape(1, -1)
    return shares(counts, np.broadcast_to(totals, counts.shape))


def shares(part: Integers, whole: Integers) -> Floats:
    """``part / whole``, and nan where ``whole`` is 0."""
    quotients = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    np.divide(part, whole, out=quotients, where=whole > 0)
    return quotients


def folded(counts: Counts, groups: Sequence[int] | Integers) -> Counts:
    """Add up the classes of each group.

    Args:
        counts: (C, C), row = label, column = prediction.
        groups: (C,) the group of each class, 0 to G - 1.

    Returns:
        (G, G) counts whose sum is that of ``counts``.

    >>> folded(np.array([[5, 1, 0], [2, 4, 1], [0, 0, 3]]), [0, 0, 1])
    array([[12,  1],
           [ 0,  3]])
    """
    square(counts)
    group = np.asarray(groups, dtype=np.int64)
    if group.shape != (len(counts),) or (group.size and group.min() < 0):
        raise ValueError(f"groups must hold one index from 0 up for each of the {len(counts)} classes")
    n_groups = int(group.max()) + 1 if group.size else 0
    cells = group[:, None] * n_groups + group[None, :]
    # bincount adds in float64: exact up to 2**53 images
    sums = np.bincount(cells.ravel(), weights=counts.ravel(), minlength=n_groups * n_groups)
    return sums.astype(np.int64).reshape(n_groups, n_groups)


def cell_images(
    labels: Integers,
    predicted: Integers,
    row: Sequence[int] | None,
    column: Sequence[int] | None,
) -> npt.NDArray[np.intp]:
    """The images of a cell, of a whole row or column, or of a cell of folded groups.

    Args:
        labels: (N,) class indices.
        predicted: (N,) class indices.
        row: the label's classes (one, or all of a group); None takes every label.
        column: the prediction's classes; None takes every prediction.

    Returns:
        Positions in ``labels``, ascending.

    >>> cell_images(np.array([0, 0, 1]), np.array([1, 0, 1]), [0], None)
    array([0, 1])
    """
    chosen = np.ones(labels.shape, dtype=bool)
    if row is not None:
        chosen &= np.isin(labels, np.asarray(row, dtype=np.int64))
    if column is not None:
        chosen &= np.isin(predicted, np.asarray(column, dtype=np.int64))
    return np.flatnonzero(chosen)


def square(counts: Counts) -> None:
    """Check that counts are a square matrix.

    Raises:
        ValueError: they are not.
    """
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"counts must be square (labels x predictions), not {counts.shape}")
