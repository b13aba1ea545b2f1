"""Whether two answers to the same images differ by more than chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.confusion import Floats


def mid_p_values(fixed: npt.ArrayLike, broken: npt.ArrayLike) -> Floats:
    """McNemar's test with the mid-p-value, two-sided.

    Only images on which the two differ say anything. If neither were better, each of them would be as likely to be
    fixed as to be broken. The mid-p-value counts the result that was found by half; the test errs at about the
    rate it promises, where the exact one errs less often and misses more.

    Args:
        fixed: any shape: images that only the second has right.
        broken: of the same shape: images that only the first has right.

    Returns:
        Of that shape, from 0 to 1; 1 where no image differs.

    Source:
        M. W. Fagerland, S. Lydersen, P. Laake, The McNemar test for binary matched-pairs data: mid-p and asymptotic
        are better than exact conditional, 2013.

    >>> mid_p_values([7, 5, 3], [1, 0, 3]).round(4)
    array([0.0391, 0.0312, 0.8438])
    """
    # scipy takes a third of a second to import: only who asks for significance pays
    from scipy.special import bdtr

    first, second = np.broadcast_arrays(np.asarray(fixed, np.float64), np.asarray(broken, np.float64))
    fewer, n = np.minimum(first, second), first + second
    at_most, below = (
        bdtr(fewer, n.astype(np.int64), 0.5),
        np.where(fewer > 0, bdtr(fewer - 1, n.astype(np.int64), 0.5), 0.0),
    )
    exactly = at_most - below
    tails = np.where(first == second, 1 - exactly / 2, 2 * at_most - exactly)
    return np.where(n > 0, tails, 1.0)


def holm_p_values(p_values: npt.ArrayLike) -> Floats:
    """Holm's adjusted p-values: calling those up to .05 real, one false call or more has a chance of .05 at most.

    Args:
        p_values: (M,) one for each test that was named beforehand, from 0 to 1.

    Returns:
        (M,) adjusted values, in the same order.

    Source:
        S. Holm, A simple sequentially rejective multiple test procedure, 1979.

    >>> holm_p_values([0.01, 0.04, 0.03]).round(3)
    array([0.03, 0.06, 0.06])
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1.0)
    return adjusted
