"""Halves of the images: what was found on one is judged on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer[Any]]
Booleans = npt.NDArray[np.bool_]


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


def choosing_half(labels: Sequence[str], hashes: Sequence[str]) -> Booleans:
    """The half of the images on which a person chooses what to mend; the other half judges what came of it.

    It depends on what is in the files alone, not on their names or order, so the same images have the same halves with
    every network, in every folder, on every day. One image more or less moves about half of its class to the other
    side: what was chosen on a set is judged on that set's halves (``models.finetune.held_out``). Equal files stay
    together: a copy of an image that was looked at would be no fresh evidence.

    Args:
        labels: N class names.
        hashes: N hashes of the files' bytes (`models.content.content_hash`).

    Returns:
        (N,) True for the choosing half. Of each class it has half of the different files, give or take one.

    >>> choosing_half(["a", "a", "a", "a"], ["3f", "07", "3f", "9c"]).tolist()
    [False, True, False, True]
    """
    label_of: dict[str, str] = {}
    for label, digest in zip(labels, hashes, strict=True):
        label_of[digest] = min(label, label_of.get(digest, label))
    in_order = sorted(label_of, key=lambda digest: (label_of[digest], digest))
    first = {digest: place % 2 == 0 for place, digest in enumerate(in_order)}
    return np.array([first[digest] for digest in hashes], bool)
