"""Halves of the images: what was found on one is judged on the other."""

from __future__ import annotations

import numpy as np

from analysis.confusion import Booleans, Integers


def stratified_halves(strata: Integers, seed: int = 0) -> Booleans:
    """Two halves, drawn at random, each with half of every stratum.

    Args:
        strata: (N,) the stratum of each image, such as its class.
        seed: of the draw.

    Returns:
        (N,) True for the first half. Sizes of the halves, and of each stratum in them, differ by one at most.

    >>> int(stratified_halves(np.array([0, 0, 1, 1, 1, 1])).sum())
    3
    """
    order = np.lexsort((np.random.default_rng(seed).random(len(strata)), strata))
    first = np.empty(len(strata), bool)
    first[order] = np.arange(len(strata)) % 2 == 0
    return first
