"""Whether a group of classes is confused within itself more often than chance would have it.

A group of look-alikes hides from the test of pairs: the errors within it are a large part of what its
classes make and attract, so those totals alone lead one to expect many of them. But given the totals, the
errors inside the group can hardly vary, and that is what is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, lgamma, log

import numpy as np
import numpy.typing as npt

from analysis.confusion import Counts, Floats
from analysis.significance import expected_errors

Block = tuple[Sequence[int], Sequence[int]]
"""Two lists of classes: the errors from the first to the second and back; twice the same list is all errors
within it."""

_TINY = 1e-6
_ALMOST_POISSON = 0.999
_RIDGE = 1e-9


def block_p_values(counts: Counts, blocks: Sequence[Block]) -> Floats:
    """How likely at least so many errors fall into each block by chance.

    Chance keeps, for every class, the errors it makes and the errors it attracts (quasi-independence, as in
    ``analysis.significance``). Given these, the errors in a block have the mean E = sum of E_ij and the variance
    V = sum of E_ij (g_ij - a_i - b_j)^2, least over a and b, where g is 1 in the block and 0 elsewhere (the
    efficient score test). The tail is that of a hypergeometric distribution with this mean and variance.

    Args:
        counts: (C, C), row = label, column = prediction; the diagonal is not looked at.
        blocks: M blocks. The two lists of a block are equal or have no class in common.

    Returns:
        (M,) from 0 to 1; 1 where a block holds no error.

    Source:
        C. R. Rao, Large sample tests of statistical hypotheses concerning several parameters, 1948; given the
        margins: A. Agresti, A survey of exact inference for contingency tables, 1992.

    >>> errors = np.array([[0, 5, 5, 1], [5, 0, 5, 1], [5, 5, 0, 1], [1, 1, 1, 0]])
    >>> bool(block_p_values(errors, [([0, 1, 2], [3])])[0] > 0.5)
    True
    """
    if not blocks:
        return np.zeros(0)
    errors = np.array(counts, dtype=float)
    np.fill_diagonal(errors, 0)
    expected = expected_errors(counts)
    found = [_total(errors, block) for block in blocks]
    mean = np.array([_total(expected, block) for block in blocks])
    variance = np.clip(_variances(expected, mean, blocks), 0.0, mean)
    room = [_room(errors, block) for block in blocks]
    return np.array([_tail(*each) for each in zip(found, mean, variance, room, strict=True)])


def corrected_for_all_groups(p_value: float, n_classes: int, size: int) -> float:
    """A group's p-value, corrected for all groups that could have been found instead.

    Bonferroni over the groups of this size; of all sizes, three gets half of what may go wrong, four a quarter,
    and so on. It holds however the group was found, also by looking for the worst.

    Args:
        p_value: of the group.
        n_classes: C.
        size: classes in the group, 3 or more.

    Returns:
        From 0 to 1.

    >>> round(corrected_for_all_groups(1e-5, 14, 3), 5)
    0.00728
    """
    n_groups = lgamma(n_classes + 1) - lgamma(size + 1) - lgamma(n_classes - size + 1)
    return exp(min(0.0, (log(p_value) if p_value > 0 else -inf) + n_groups + (size - 2) * log(2)))


def _tail(found: float, mean: float, variance: float, room: float) -> float:
    """P(T >= found), T being how many of m marked things are among m drawn of n, with this mean and variance."""
    if not found:
        return 1.0
    # scipy takes a third of a second to import: only who asks for significance pays
    from scipy.special import gammainc, gammaln

    if variance <= _TINY * max(1.0, mean):
        return 1.0  # the totals leave no choice
    narrowing = (variance / mean) ** 0.5
    if narrowing > _ALMOST_POISSON:
        return float(gammainc(found, mean))
    # the mean is m m / n and the variance mean (1 - m / n)^2; the block must be able to hold what it holds
    marked = max(mean / (1 - narrowing), room, found)
    others = marked**2 / mean - 2 * marked
    counted = np.arange(max(0.0, np.ceil(-others)), min(marked, mean + found + 40 * (mean + 1) ** 0.5) + 1e-9)
    if not len(counted):
        return 1.0
    weights = -gammaln(counted + 1) - 2 * gammaln(marked - counted + 1) - gammaln(others + counted + 1)
    weights = np.exp(weights - weights.max())
    return float(weights[counted >= found - 1e-9].sum() / weights.sum())


def _directions(block: Block) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    first, second = (np.asarray(part, dtype=np.intp) for part in block)
    return [(first, second)] if list(block[0]) == list(block[1]) else [(first, second), (second, first)]


def _total(table: Floats, block: Block) -> float:
    return sum(float(table[np.ix_(rows, columns)].sum()) for rows, columns in _directions(block))


def _room(errors: Floats, block: Block) -> float:
    """The most errors that the block can hold, given what its classes make and attract."""
    made, attracted = errors.sum(axis=1), errors.sum(axis=0)
    return sum(float(min(made[rows].sum(), attracted[columns].sum())) for rows, columns in _directions(block))


def _variances(expected: Floats, mean: Floats, blocks: Sequence[Block]) -> Floats:
    """(M,) variances of the errors in each block while all margins are held, by weighted least squares."""
    rows, columns = expected.sum(axis=1), expected.sum(axis=0)
    by_row, by_column = np.zeros((len(rows), len(blocks))), np.zeros((len(rows), len(blocks)))
    for place, block in enumerate(blocks):
        for i, j in _directions(block):
            part = expected[np.ix_(i, j)]
            by_row[i, place] += part.sum(axis=1)
            by_column[j, place] += part.sum(axis=0)
    per_row = np.divide(1.0, rows, out=np.zeros_like(rows), where=rows > 0)[:, None]
    remaining = by_column - (per_row * expected).T @ by_row
    system = np.diag(columns) - expected.T @ (per_row * expected)
    # singular: a constant may move from a to b, and a class may attract no error at all
    system[np.diag_indices_from(system)] += _RIDGE * max(1.0, float(columns.max()))
    explained = per_row * by_row**2 + remaining * np.linalg.solve(system, remaining)
    variances: Floats = mean - explained.sum(axis=0)
    return variances
