"""The figures of a classifier: accuracy, top-k accuracy, and those of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.confusion import Counts, Integers, shares, square
from analysis.intervals import wilson_interval
from analysis.row_blocks import row_blocks


@dataclass(frozen=True)
class Accuracy:
    """How many images are right, and how sure that is.

    Args:
        right: images that count as right.
        n: images in all.
        rate: right / n, from 0 to 1; nan without images.
        low: the lower end of the 95 % Wilson interval.
        high: its upper end.
    """

    right: int
    n: int
    rate: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """The figures as a person says them.

        >>> accuracy(np.array([0, 1, 1, 0]), np.array([0, 1, 1, 1])).words
        '3 of 4 right (75.0%, 95% interval 30.1% to 95.4%)'
        """
        if not self.n:
            return "no images"
        interval = f"95% interval {self.low:.1%} to {self.high:.1%}"
        return f"{self.right:,} of {self.n:,} right ({self.rate:.1%}, {interval})"


def accuracy(labels: Integers, predicted: Integers) -> Accuracy:
    """The share of images whose prediction is their label.

    Args:
        labels: (N,) class indices.
        predicted: (N,) class indices.

    Returns:
        The share with its 95 % Wilson interval.
    """
    return accuracy_of(int((labels == predicted).sum()), len(labels))


def accuracy_of(right: int, n: int) -> Accuracy:
    """``right`` of ``n`` images, as a share with its 95 % Wilson interval."""
    low, high = wilson_interval(right, n)
    return Accuracy(right, n, right / n if n else float("nan"), float(low), float(high))


def top_k_accuracy(probabilities: npt.NDArray[np.floating[Any]], labels: Integers, k: int = 5) -> Accuracy:
    """The share of images whose label is among the k most probable classes.

    Of classes with the very same probability the one with the lower index comes first, as with argmax.

    Args:
        probabilities: (N, C); logits do as well, only their order counts.
        labels: (N,) class indices.
        k: from 1 to C.

    Returns:
        The share with its 95 % Wilson interval.

    Raises:
        ValueError: k is not within 1 and C.

    >>> top_k_accuracy(np.array([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1]]), np.array([1, 2]), k=2).right
    1
    """
    if not 1 <= k <= probabilities.shape[1]:
        raise ValueError(f"k must lie between 1 and the {probabilities.shape[1]} classes, not {k}")
    right = 0
    for rows in row_blocks(len(labels)):
        right += int((label_ranks(probabilities[rows], labels[rows]) < k).sum())
    return accuracy_of(right, len(labels))


def label_ranks(
    probabilities: npt.NDArray[np.floating[Any]], labels: Integers
) -> npt.NDArray[np.signedinteger[Any]]:
    """How many classes stand before the label.

    Args:
        probabilities: (N, C).
        labels: (N,) class indices.

    Returns:
        (N,) from 0 (the label is the top prediction) to C - 1.
    """
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    ties_before = (probabilities == own) & (np.arange(probabilities.shape[1]) < labels[:, None])
    return np.asarray(((probabilities > own) | ties_before).sum(axis=1))


def per_class(counts: Counts, class_names: Sequence[str]) -> pd.DataFrame:
    """The figures of each class.

    Args:
        counts: (C, C), row = label, column = prediction.
        class_names: C names.

    Returns:
        C rows: ``class``; ``support`` (images of the class), ``right``, ``errors`` (the others of
        them), ``predicted`` (images called so); ``precision``, ``recall``, ``f1`` from 0 to 1;
        ``recall_low``, ``recall_high`` (95 % Wilson interval). A figure without images is nan:
        recall of a class without images, precision of one that was never predicted.

    Raises:
        ValueError: counts are not square, or the names are not as many.

    >>> per_class(np.array([[3, 1], [0, 4]]), ["cat", "dog"])[["class", "precision", "recall"]]
      class  precision  recall
    0   cat        1.0    0.75
    1   dog        0.8    1.00
    """
    square(counts)
    if len(class_names) != len(counts):
        raise ValueError(f"{len(class_names)} class names for {len(counts)} classes")
    right, support, predicted = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    low, high = wilson_interval(right, support)
    return pd.DataFrame(
        {
            "class": list(class_names),
            "support": support,
            "right": right,
            "errors": support - right,
            "predicted": predicted,
            "precision": shares(right, predicted),
            "recall": shares(right, support),
            "f1": shares(2 * right, support + predicted),
            "recall_low": low,
            "recall_high": high,
        }
    )
