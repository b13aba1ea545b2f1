"""For which class a channel is most active, and how much of its activity the classes explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Selectivity:
    """What the D channels of a layer know of the labels.

    Args:
        best: (D,) class with the highest mean activity; -1 of a channel that never changes.
        lead: (D,) how far that class's mean lies above the mean of all images, in standard deviations.
        explained: (D,) share of a channel's variance over the images that their labels explain, corrected for chance:
            0 of a channel that knows nothing of the labels (a little below it happens), 1 of one that tells them all
            apart. nan where it never changes, or where each image has a class of its own.
    """

    best: npt.NDArray[np.intp]
    lead: Floats
    explained: Floats


def selectivity(
    vectors: npt.NDArray[np.floating[Any]], labels: npt.NDArray[np.integer[Any]], n_classes: int
) -> Selectivity:
    """How the activity of each channel hangs on the label of the image.

    Args:
        vectors: (N, D) mean activity of each channel in each image; rows with nan are left out.
        labels: (N,) class of each image.
        n_classes: C.

    Source:
        The adjusted share of variance of a one-way analysis of variance (T. Kelley 1935, epsilon squared).

    >>> found = selectivity(np.array([[0.0, 1], [0, 1], [2, 1], [2, 1]]), np.array([0, 0, 1, 1]), 2)
    >>> found.best.tolist(), found.explained.tolist()
    ([1, -1], [1.0, nan])
    """
    known = ~np.isnan(vectors).any(axis=1)
    values = np.asarray(vectors[known], dtype=np.float64)
    own = np.asarray(labels)[known]
    counts = np.bincount(own, minlength=n_classes).astype(np.float64)
    totals = np.zeros((n_classes, values.shape[1]))
    np.add.at(totals, own, values)
    present = counts > 0
    means = totals[present] / counts[present, None]
    centre = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
    whole = ((values - centre) ** 2).sum(axis=0)
    between = (counts[present, None] * (means - centre) ** 2).sum(axis=0)
    still = whole <= 1e-12 * np.maximum(1e-30, (values**2).sum(axis=0))
    best = np.flatnonzero(present)[means.argmax(axis=0)] if len(means) else np.zeros(values.shape[1], np.intp)
    spread = np.sqrt(whole / max(1, len(values)))
    with np.errstate(divide="ignore", invalid="ignore"):
        lead = (
            np.where(still, np.nan, (means.max(axis=0) - centre) / spread) if len(means) else spread * np.nan
        )
        explained = np.where(still, np.nan, _adjusted(between / whole, len(values), int(present.sum())))
    return Selectivity(np.where(still, -1, best), lead, explained)


def _adjusted(share: Floats, n: int, n_classes: int) -> Floats:
    """What of a share is more than as many classes would explain by chance."""
    return 1 - (1 - share) * (n - 1) / (n - n_classes) if n > n_classes else share * np.nan
