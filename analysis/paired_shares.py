"""A share of the same images before and after, and how sure its change is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Booleans
from analysis.intervals import Interval, wilson_interval
from analysis.mcnemar import mid_p_values


@dataclass(frozen=True)
class PairedShare:
    """In how many of n images something was so before, and is so after.

    Args:
        n: images in all.
        both: images in which it was and is so.
        only_before: in which it was so and no longer is.
        only_after: in which it is so and was not.
        low: the lower end of the 95 % interval of ``change``; nan without images.
        high: its upper end.
        p_value: mid-p McNemar, two-sided.
    """

    n: int
    both: int
    only_before: int
    only_after: int
    low: float
    high: float
    p_value: float

    @property
    def neither(self) -> int:
        """Images in which it neither was nor is so."""
        return self.n - self.both - self.only_before - self.only_after

    @property
    def before(self) -> int:
        """Images in which it was so."""
        return self.both + self.only_before

    @property
    def after(self) -> int:
        """Images in which it is so."""
        return self.both + self.only_after

    @property
    def rate_before(self) -> float:
        """``before / n``, nan without images."""
        return self.before / self.n if self.n else float("nan")

    @property
    def rate_after(self) -> float:
        """``after / n``, nan without images."""
        return self.after / self.n if self.n else float("nan")

    @property
    def change(self) -> float:
        """Share after less share before, -1..1; nan without images."""
        return (self.only_after - self.only_before) / self.n if self.n else float("nan")

    @property
    def interval(self) -> Interval:
        """The 95 % interval of ``change``."""
        return self.low, self.high


def paired_share(before: Booleans, after: Booleans) -> PairedShare:
    """What became of a property of images.

    Args:
        before: (n,) whether each image had it before.
        after: (n,) whether it has it after.

    >>> paired_share(np.array([True, True, False, False]), np.array([True, False, True, True])).change
    0.25
    """
    both, only_before, only_after = (
        int((before & after).sum()), int((before & ~after).sum()), int((~before & after).sum())
    )  # fmt: skip
    low, high = change_interval(both, only_before, only_after, len(before))
    p_value = float(mid_p_values(only_after, only_before))
    return PairedShare(len(before), both, only_before, only_after, float(low), float(high), p_value)


def change_interval(
    both: npt.ArrayLike, only_before: npt.ArrayLike, only_after: npt.ArrayLike, n: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The 95 % interval of the change of a share of the same images.

    Wilson's intervals of both shares, put together as the correlation of before and after has it. It stays within
    -1 and 1 and keeps its promise for few images and for shares near 0 and 1.

    Args:
        both: any shape: images that have the property before and after.
        only_before: of the same shape.
        only_after: of the same shape.
        n: of the same shape: images in all.

    Returns:
        The low and the high ends of share after - share before; nan where ``n`` is 0.

    Source:
        R. G. Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired
        data, 1998 (method 10).

    >>> low, high = change_interval(36, 2, 12, 50)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0569, 0.3404)
    """
    shared, first, second, total = np.broadcast_arrays(
        *(np.asarray(each, np.float64) for each in (both, only_before, only_after, n))
    )
    known = np.where(total > 0, total, np.nan)
    share_before, share_after = (shared + first) / known, (shared + second) / known
    before_low, before_high = wilson_interval(shared + first, total)
    after_low, after_high = wilson_interval(shared + second, total)
    correlation = _correlation(shared, first, second, total)
    change = share_after - share_before
    down = _joined(share_after - after_low, before_high - share_before, correlation)
    up = _joined(after_high - share_after, share_before - before_low, correlation)
    return change - down, change + up


def _joined(
    one: npt.NDArray[Any], other: npt.NDArray[Any], correlation: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    squared = one**2 - 2 * correlation * one * other + other**2
    joined: npt.NDArray[Any] = np.sqrt(np.maximum(squared, 0.0))
    return joined


def _correlation(
    both: npt.NDArray[Any], first: npt.NDArray[Any], second: npt.NDArray[Any], n: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Phi of the fourfold table, drawn towards 0 by a continuity correction where it is positive; 0 where it has none."""
    neither = n - both - first - second
    product = both * neither - first * second
    corrected = np.where(product > 0, np.maximum(product - n / 2, 0.0), product)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    phi: npt.NDArray[Any] = np.zeros_like(corrected)
    np.divide(corrected, np.sqrt(margins), out=phi, where=margins > 0)
    return phi
