"""How many labels the model confidently disagrees with (confident learning)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Floats, Integers
from analysis.row_blocks import even_row_blocks

Probabilities = npt.NDArray[np.floating[Any]]
# cleanlab's own constants, so that both count the same
_LEAST_THRESHOLD = 2e-6
_SLACK = 1e-6


def confident_disagreements(labels: Integers, probabilities: Probabilities) -> npt.NDArray[np.bool_]:
    """The images that the model confidently counts to another class than their label.

    A class is confident where its probability reaches the mean probability of the class over the images
    that bear it as their label; of several confident classes the most probable one counts. An image whose
    label is the most probable class never disagrees.

    This counts plain errors of the model as well: it says how much there is to look at, not how much is wrong.

    Args:
        labels: (N,) class indices.
        probabilities: (N, C), rows sum to 1; may be memory-mapped, it is read in blocks.

    Returns:
        (N,) whether the image disagrees.

    Source:
        C. Northcutt, L. Jiang, I. Chuang, Confident learning: estimating uncertainty in dataset labels, 2021;
        the counting of cleanlab's ``num_label_issues`` ("off_diagonal").

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.9, 0.1]])
    >>> confident_disagreements(np.array([0, 0, 1, 1]), p).tolist()
    [False, False, False, True]
    """
    thresholds = _thresholds(labels, probabilities) - _SLACK
    found = np.zeros(len(labels), dtype=bool)
    for rows in even_row_blocks(probabilities.shape):
        block, own = np.asarray(probabilities[rows], dtype=float), labels[rows]
        confident = block >= thresholds
        best = block.argmax(axis=1)
        guess = np.where(confident.sum(axis=1) > 1, best, confident.argmax(axis=1))
        place = np.arange(len(block))
        # near the best is as good as the best: rounding must not make an issue
        is_best = block[place, own] + _SLACK > _best_other(block, own)
        found[rows] = confident.any(axis=1) & (guess != own) & ~is_best
    return found


def _thresholds(labels: Integers, probabilities: Probabilities) -> Floats:
    n_classes = probabilities.shape[1]
    own = np.asarray(probabilities[np.arange(len(labels)), labels], dtype=float)
    sums = np.bincount(labels, weights=own, minlength=n_classes)
    n = np.bincount(labels, minlength=n_classes)
    means: Floats = np.divide(sums, n, out=np.full(n_classes, np.inf), where=n > 0)
    return np.maximum(means, _LEAST_THRESHOLD)


def _best_other(block: Floats, labels: Integers) -> Floats:
    others = block.copy()
    others[np.arange(len(block)), labels] = -np.inf
    best: Floats = others.max(axis=1)
    return best
