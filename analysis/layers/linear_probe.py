"""How well a straight line tells two sets of vectors apart, and how well it does where there is nothing to tell.

Ridge regression on 1 and -1 in closed form: thousands of shufflings of the labels then cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FOLDS = 5
SHUFFLES = 500
_REPEATS, _REPEATS_OF_MANY, _MANY = 10, 3, 200


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of one layer's vectors.

    Args:
        right: (N,) share of the repeats in which each image was called right by a line it did not help to draw, 0..1.
        by_chance: (B,) accuracies of the same with shuffled labels, 0..1.
    """

    right: Floats
    by_chance: Floats


def label_blind_folds(n: int) -> npt.NDArray[np.intp]:
    """(R, n) which fold each image is in, R times anew: 10 times, 3 for more than 200 images.

    They know nothing of the labels, so shuffled labels are treated exactly as the true ones.
    """
    draws = np.random.default_rng(0)
    repeats = _REPEATS if n <= _MANY else _REPEATS_OF_MANY
    return np.stack([draws.permutation(np.arange(n) % FOLDS) for _ in range(repeats)])


def shuffled(is_second: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(B, N) the labels in other orders, the same ones for every layer."""
    draws = np.random.default_rng(1)
    return np.stack([draws.permutation(is_second) for _ in range(SHUFFLES)])


def linear_trial(
    vectors: Floats,
    is_second: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.intp],
    others: npt.NDArray[np.bool_],
) -> Trial:
    """Draw the line between two classes and try it on images it was not drawn by, fold by fold.

    Args:
        vectors: (N, D), all finite. Numbers that are the same for all images say nothing and are left out.
        is_second: (N,) which of the two classes; both occur.
        folds: (R, N), see `label_blind_folds`.
        others: (B, N) shuffled labels, see `shuffled`.

    Returns:
        What came of it.
    """
    from threadpoolctl import threadpool_limits  # of scikit-learn, which cannot do without it

    # so small products take twenty times as long where threads share them out and wait for each other
    with threadpool_limits(1, user_api="blas"):
        return _trial(vectors, is_second, folds, others)


def _trial(
    vectors: Floats,
    is_second: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.intp],
    others: npt.NDArray[np.bool_],
) -> Trial:
    labels = np.vstack([is_second[None], others]).T
    moving = vectors[:, np.ptp(vectors, axis=0) > 0]
    right = np.zeros(labels.shape)
    for fold_of in folds:
        for fold in range(FOLDS):
            tried = fold_of == fold
            chosen = _chosen_second(moving[~tried], labels[~tried], moving[tried])
            right[tried] += chosen == labels[tried]
    right /= len(folds)
    accuracies = [(right * side).sum(0) / side.sum(0) for side in (labels, ~labels)]
    return Trial(right[:, 0], np.asarray(accuracies[0] + accuracies[1])[1:] / 2)


def _chosen_second(fitted: Floats, labels: npt.NDArray[np.bool_], tried: Floats) -> npt.NDArray[np.bool_]:
    """(M, B) whether images are called the second class, for each labelling (N, B) of the N others."""
    n, size = len(fitted), fitted.shape[1]
    if size == 0:
        return np.zeros((len(tried), labels.shape[1]), dtype=bool)
    centre, spread = fitted.mean(0), fitted.std(0)
    spread[spread == 0] = 1
    fitted, tried = (fitted - centre) / spread, (tried - centre) / spread
    # the penalty is the number of numbers: the scores' variance beforehand is then that of the noise
    inverse = np.linalg.inv(fitted @ fitted.T + size * np.eye(n))
    targets = np.where(labels, 1.0, -1.0)
    mean = targets.mean(0)
    weights = inverse @ (targets - mean)
    scores = tried @ (fitted.T @ weights) + mean
    # each image's score by the line that the others draw, in closed form
    left_out = targets - size * weights / (size * np.diag(inverse) - 1 / n)[:, None]
    middles = [(left_out * side).sum(0) / np.maximum(side.sum(0), 1) for side in (labels, ~labels)]
    return np.asarray(scores > (middles[0] + middles[1]) / 2)


def corrected_p_values(accuracies: Floats, by_chance: Floats) -> Floats:
    """How often chance does as well at any of the layers.

    Args:
        accuracies: (L,) of the layers.
        by_chance: (L, B) of the layers with shuffled labels, in each column the same labels.

    Returns:
        (L,) from 1 / (B + 1) to 1: with labels that mean nothing, no layer has .05 or less in 95 of 100 cases.

    Source:
        P. H. Westfall, S. S. Young, Resampling-Based Multiple Testing (1993), the single-step maximum; B. Phipson,
        G. K. Smyth, Permutation p-values should never be zero (2010).
    """
    best = by_chance.max(axis=0)
    # equal shares are sums in another order: a hair must not part them
    reached = (best[None] >= accuracies[:, None] - 1e-9).sum(axis=1)
    return np.asarray((1 + reached) / (1 + len(best)), dtype=np.float64)
