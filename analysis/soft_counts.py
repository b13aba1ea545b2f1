"""What a network half believes: its probabilities added up, where a confusion matrix counts winners."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Floats, Integers, confusion_counts


def soft_counts(
    labels: Integers,
    predicted: Integers,
    n_classes: int,
    probabilities: npt.NDArray[np.floating[Any]] | None,
    rows: Integers | None = None,
) -> Floats:
    """The sum of the probabilities of each class over the images of each label.

    Args:
        labels: (N,) class indices.
        predicted: (N,) class indices; counted where there are no probabilities.
        n_classes: C.
        probabilities: (N, C), maybe memory-mapped, or None.
        rows: only these images; None takes all.

    Returns:
        (C, C), row = label; a row sums to the number of its images.

    >>> soft_counts(np.array([0, 0]), np.array([0, 0]), 2, np.array([[0.9, 0.1], [0.7, 0.3]])).round(1)
    array([[1.6, 0.4],
           [0. , 0. ]])
    """
    rows = np.arange(len(labels)) if rows is None else rows
    if probabilities is None:
        return confusion_counts(labels[rows], predicted[rows], n_classes).astype(float)
    sums = np.zeros((n_classes, n_classes))
    order = rows[np.argsort(labels[rows], kind="stable")]
    ends = np.cumsum(np.bincount(labels[rows], minlength=n_classes))
    # class by class, so that memory-mapped probabilities are never copied as a whole
    for label, members in enumerate(np.split(order, ends[:-1])):
        sums[label] = probabilities[members].sum(axis=0, dtype=float)
    return sums
