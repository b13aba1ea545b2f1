"""How sure a share of so many images is."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]
"""Low end, high end."""
NORMAL_95 = 1.959964
"""Standard deviations to either side that hold 95 % of a normal distribution."""


def wilson_interval(
    successes: npt.ArrayLike, n: npt.ArrayLike, confidence: float = 0.95
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Wilson's score interval of a share; it stays honest for few images and near 0 and 1.

    Args:
        successes: any shape, 0 to ``n``.
        n: of the same shape, or one number for all.
        confidence: how often such an interval holds the true share, between 0 and 1.

    Returns:
        The low and the high ends, from 0 to 1; nan where ``n`` is 0, for nothing is known there.

    Raises:
        ValueError: ``confidence`` is not between 0 and 1, or successes are not within 0 and ``n``.

    Source:
        E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    >>> low, high = wilson_interval(416, 476)
    >>> round(float(low), 3), round(float(high), 3)
    (0.841, 0.901)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    k, total = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    if ((k < 0) | (k > total)).any():
        raise ValueError("successes must lie between 0 and n")
    known = np.where(total > 0, total, np.nan)
    share = k / known
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (share + z**2 / (2 * known)) / (1 + z**2 / known)
    half = z / (1 + z**2 / known) * np.sqrt(share * (1 - share) / known + z**2 / (4 * known**2))
    # at 0 and at n one end is exactly 0 or 1; rounding must not push it out
    low = np.where(k == 0, np.where(total > 0, 0.0, np.nan), np.maximum(centre - half, 0.0))
    high = np.where(k == total, np.where(total > 0, 1.0, np.nan), np.minimum(centre + half, 1.0))
    return low, high
