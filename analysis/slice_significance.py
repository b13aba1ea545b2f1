"""Whether some images fail more than others of their own classes.

A hard class is no news here: the confusion matrix shows it. So chance means that each class makes as many
errors as it does, but on any of its images. How many of them then fall among the chosen images is a sum of
hypergeometric counts, one a class, and its distribution is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Booleans, Floats, Integers


@dataclass(frozen=True)
class ClassCounts:
    """Images and errors of each class, in all and among the chosen images.

    Args:
        images: (C,) images of each class.
        errors: (C,) wrong ones among them.
        inside: (C,) chosen images of each class.
        errors_inside: (C,) wrong ones among the chosen.
    """

    images: npt.NDArray[np.int64]
    errors: npt.NDArray[np.int64]
    inside: npt.NDArray[np.int64]
    errors_inside: npt.NDArray[np.int64]


def class_counts(wrong: Booleans, inside: Booleans, labels: Integers) -> ClassCounts:
    """Count what the tests below need; all three arguments are (N,), labels are class indices."""
    n = int(labels.max(initial=-1)) + 1
    return ClassCounts(
        np.bincount(labels, minlength=n),
        np.bincount(labels[wrong], minlength=n),
        np.bincount(labels[inside], minlength=n),
        np.bincount(labels[wrong & inside], minlength=n),
    )


def slice_p_value(wrong: Booleans, inside: Booleans, labels: Integers) -> float:
    """How likely so many errors fall among the chosen images by chance, each class's errors being given.

    Args:
        wrong: (N,) whether the prediction is wrong.
        inside: (N,) whether the image was chosen; not by looking at ``wrong``.
        labels: (N,) class indices.

    Returns:
        P(errors among the chosen >= those seen), exact, from 0 to 1; the one-sided test of Cochran, Mantel
        and Haenszel without its normal approximation.

    Source:
        N. Mantel, W. Haenszel, Statistical aspects of the analysis of data from retrospective studies of
        disease, 1959.

    >>> wrong = np.array([1, 1, 0, 0, 0, 0], dtype=bool)
    >>> round(slice_p_value(wrong, wrong, np.zeros(6, int)), 4)  # 1 of the 15 ways to choose 2 of 6
    0.0667
    """
    counts = class_counts(wrong, inside, labels)
    chances, least = errors_by_chance(counts)
    place = int(counts.errors_inside.sum()) - least
    return 1.0 if place <= 0 else float(min(1.0, chances[place:].sum()))


def errors_by_chance(counts: ClassCounts) -> tuple[Floats, int]:
    """The distribution of the number of errors among the chosen images if chance placed each class's errors.

    Returns:
        The probabilities of ``least``, ``least`` + 1, ... errors, and ``least``.
    """
    logs = _log_factorials(int(counts.images.max(initial=0)))
    # alike classes have alike distributions; the shortest ones first keep the sums short
    kinds = np.stack([counts.images, counts.errors, counts.inside])[
        :, (counts.errors > 0) & (counts.inside > 0)
    ]
    chances, least = np.ones(1), 0
    for n, errors, inside in kinds.T.tolist():
        low, high = max(0, inside + errors - n), min(inside, errors)
        least += low
        if high > low:
            chances = np.convolve(chances, _hypergeometric(n, errors, inside, logs))
    return chances, least


def _hypergeometric(n: int, errors: int, inside: int, logs: Floats) -> Floats:
    k = np.arange(max(0, inside + errors - n), min(inside, errors) + 1)
    ways = logs[errors] - logs[k] - logs[errors - k]
    ways += logs[n - errors] - logs[inside - k] - logs[n - errors - inside + k]
    chances: Floats = np.exp(ways - (logs[n] - logs[inside] - logs[n - inside]))
    return chances


def _log_factorials(n: int) -> Floats:
    return np.array([lgamma(k + 1) for k in range(n + 1)])


def adjusted_excess(counts: ClassCounts) -> float:
    """Errors among the chosen images beyond what the other images of their classes lead one to expect.

    A class all of whose images were chosen has no others to compare with, and counts for nothing.

    Returns:
        Errors, negative where there are fewer; divided by the chosen images, a difference of rates.

    >>> counts = ClassCounts(np.array([20]), np.array([6]), np.array([10]), np.array([4]))
    >>> adjusted_excess(counts)  # 4 of 10 inside, 2 of 10 outside
    2.0
    """
    outside = counts.images - counts.inside
    known = outside > 0
    rates = (counts.errors - counts.errors_inside)[known] / outside[known]
    return float((counts.errors_inside[known] - counts.inside[known] * rates).sum())


def z_scores(residuals: Floats, variances: Floats, masks: npt.NDArray[np.floating[Any]]) -> Floats:
    """How far the errors of many sets of images lie above what their classes lead one to expect.

    Args:
        residuals: (N,) wrongness less the class's error rate.
        variances: (N,) rate times one less the rate.
        masks: (M, N) 1 for the images of each set.

    Returns:
        (M,) in standard deviations, about; a quick look, not a test.
    """
    spread = np.sqrt(np.maximum(masks @ variances, 1e-12))
    found: Floats = (masks @ residuals) / spread
    return found
