"""What a perfectly calibrated model would show: labels drawn from the confidences themselves."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import numpy.typing as npt

from analysis.confusion import Floats, Integers

_DRAWN_AT_ONCE = 1 << 22
_EXACT_UP_TO = 2000
_AT_ONCE = 64
_ALMOST_NORMAL = 400.0
"""Variance of a count from which the normal approximation is good in its tails too."""


def null_counts(
    confidence: Floats, starts: Integers, *, draws: int = 1000, seed: int = 0
) -> npt.NDArray[np.int64]:
    """How many images of each bin a perfectly calibrated model would have right, drawn many times.

    Args:
        confidence: (N,) 0 to 1, the images of a bin beside each other.
        starts: (B,) where each bin begins, ascending from 0; no bin is empty.
        draws: how often.
        seed: of the draws.

    Returns:
        (draws, B) counts: in each draw every image is right with the probability of its confidence.
    """
    generator = np.random.default_rng(seed)
    said = confidence.astype(np.float32)
    counts = np.empty((draws, len(starts)), dtype=np.int64)
    at_once = max(1, _DRAWN_AT_ONCE // max(1, len(said)))
    for first in range(0, draws, at_once):
        rows = slice(first, min(draws, first + at_once))
        right = generator.random((rows.stop - first, len(said)), dtype=np.float32) < said
        counts[rows] = np.add.reduceat(right, starts, axis=1, dtype=np.int64)
    return counts


def count_p_value(confidence: Floats, right: int) -> float:
    """How likely a perfectly calibrated model would have a count so far from the expected one, to either side.

    Exact (the Poisson binomial distribution) up to 2,000 images, and above where the count hardly varies, as with
    confidences near 1; else its normal approximation.

    Args:
        confidence: (n,) 0 to 1.
        right: how many of the n images are right.

    Returns:
        Twice the smaller tail, at most 1.

    >>> round(count_p_value(np.full(10, 0.9), 5), 4)
    0.0033
    """
    variance = float((confidence * (1 - confidence)).sum())
    if len(confidence) > _EXACT_UP_TO and variance > _ALMOST_NORMAL:
        return _normal_p_value(confidence, right)
    if 2 * float(confidence.sum()) > len(confidence):  # count the fewer ones
        confidence, right = 1 - confidence, len(confidence) - right
    # beyond this the chances are too small to be told from 0
    most = int(float(confidence.sum()) + 12 * math.sqrt(variance)) + 40
    chances = count_chances(confidence, most)
    tail = min(chances[: right + 1].sum(), chances[right:].sum())
    return float(min(1.0, 2 * tail))


def count_chances(confidence: Floats, most: int | None = None) -> Floats:
    """The distribution of the number of right images (Poisson binomial), exactly.

    Args:
        confidence: (n,) 0 to 1.
        most: chances of higher counts are left out; None leaves out none.

    Returns:
        (min(n, most) + 1,) the chance of each count from 0 on.

    >>> count_chances(np.array([0.5, 0.5])).tolist()
    [0.25, 0.5, 0.25]
    """
    size = len(confidence) if most is None else min(most, len(confidence))
    # many images in several rows at once, whose counts are then added
    rows = _AT_ONCE if len(confidence) > _EXACT_UP_TO else 1
    table = np.zeros((rows, -(-len(confidence) // rows)))
    table.ravel()[: len(confidence)] = confidence
    chances = np.zeros((rows, size + 1))
    chances[:, 0] = 1.0
    for place, probability in enumerate(table.T[:, :, None], start=1):
        end = min(place, size)
        grown = chances[:, :end] * probability
        chances[:, : end + 1] *= 1 - probability
        chances[:, 1 : end + 1] += grown
    return reduce(lambda whole, row: np.convolve(whole, row)[: size + 1], chances)


def _normal_p_value(confidence: Floats, right: int) -> float:
    spread = math.sqrt(float((confidence * (1 - confidence)).sum()))
    distance = max(0.0, abs(right - float(confidence.sum())) - 0.5)
    if spread == 0:
        return 1.0 if distance == 0 else 0.0
    return math.erfc(distance / spread / math.sqrt(2))
