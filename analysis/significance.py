"""Which pairs of classes are confused more often than chance would have it.

Chance means: every class makes as many errors as it does, and attracts as many as it does, but which
class is taken for which is left to those two. With thousands of pairs a plain p < .05 finds thousands
of false ones, so the p-values are corrected.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Counts, Floats, square

_ROUNDS = 2000
_TOLERANCE = 1e-9


def expected_errors(counts: Counts) -> Floats:
    """The errors of each cell if labels and predictions of errors were independent.

    Iterative proportional fitting with a zero diagonal: E_ij = r_i c_j off the diagonal, such that
    every row and every column holds as many errors as in ``counts``. Only the vectors r and c are
    fitted, so a round takes time in proportion to C, not to C squared.

    Args:
        counts: (C, C), row = label, column = prediction; the diagonal is not looked at.

    Returns:
        (C, C) expected counts; the diagonal is 0.

    Source:
        W. E. Deming, F. F. Stephan, On a least squares adjustment of a sampled frequency table when
        the expected marginal totals are known, 1940; quasi-independence: L. A. Goodman, 1968.

    >>> expected_errors(np.array([[7, 2, 2], [2, 7, 2], [2, 2, 7]])).round(6)
    array([[0., 2., 2.],
           [2., 0., 2.],
           [2., 2., 0.]])
    """
    square(counts)
    errors = np.asarray(counts, dtype=float).copy()
    np.fill_diagonal(errors, 0)
    rows, columns = errors.sum(axis=1), errors.sum(axis=0)
    made, drawn = rows.copy(), columns.copy()
    for _ in range(_ROUNDS):
        made = _scaled(rows, drawn.sum() - drawn)
        drawn = _scaled(columns, made.sum() - made)
        fitted = made * (drawn.sum() - drawn)
        if np.abs(fitted - rows).max(initial=0) <= _TOLERANCE * max(1.0, rows.sum()):
            break
    expected: Floats = np.outer(made, drawn)
    np.fill_diagonal(expected, 0)
    return expected


def _scaled(wanted: Floats, others: Floats) -> Floats:
    # a class without errors stays 0; rounding may leave a tiny negative remainder where others are all 0
    return np.divide(wanted, others, out=np.zeros_like(wanted), where=(wanted > 0) & (others > 0))


def pair_p_values(counts: Counts) -> Floats:
    """How likely each pair would be confused at least as often by chance.

    Args:
        counts: (C, C), row = label, column = prediction.

    Returns:
        (C, C), symmetric: P(Poisson(expected errors of both directions) >= errors of both
        directions); 1 where there is no error, and on the diagonal.
    """
    # scipy takes a third of a second to import: only who asks for significance pays
    from scipy.special import gammainc

    expected = expected_errors(counts)
    both = (counts + counts.T).astype(float)
    np.fill_diagonal(both, 0)
    # P(Poisson(m) >= k) is the regularised lower incomplete gamma function of k at m
    tails = gammainc(np.maximum(both, 1), expected + expected.T)
    return np.where(both > 0, tails, 1.0)


def false_discovery_rates(p_values: npt.NDArray[np.floating[Any]]) -> Floats:
    """Benjamini and Hochberg's adjusted p-values.

    Calling everything up to a value of q a finding, at most the share q of the findings is expected to
    be chance.

    Args:
        p_values: (M,) one for each test made, from 0 to 1.

    Returns:
        (M,) adjusted values, in the same order.

    Source:
        Y. Benjamini, Y. Hochberg, Controlling the false discovery rate, 1995.

    >>> false_discovery_rates(np.array([0.01, 0.5, 0.02])).round(3)
    array([0.03, 0.5 , 0.03])
    """
    n_tests = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * n_tests / np.arange(1, n_tests + 1)
    adjusted = np.empty(n_tests)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
