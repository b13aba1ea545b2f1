"""How sure the network was where it was right, and where it was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Counts, Floats


@dataclass(frozen=True)
class ConfidenceHistogram:
    """Right and wrong images by confidence.

    Args:
        edges: (B + 1,) from 0 to 1; a bin holds its lower edge, the last one also 1.0.
        right: (B,) images that are right.
        wrong: (B,) images that are wrong.
        unknown: images without a confidence.
    """

    edges: Floats
    right: Counts
    wrong: Counts
    unknown: int


def confidence_histogram(
    confidence: npt.NDArray[np.floating[Any]], right: npt.NDArray[np.bool_], bins: int = 20
) -> ConfidenceHistogram:
    """Count right and wrong images in bins of equal width.

    Args:
        confidence: (N,) the probability of the prediction, 0 to 1; nan where it is not known.
        right: (N,) whether the image is right.
        bins: B, at least 1.

    Returns:
        The counts. Confidences that rounding pushed out of 0 to 1 are in the first or last bin.

    Raises:
        ValueError: the arrays differ in length, or there are no bins.

    >>> confidence_histogram(np.array([0.2, 0.7, 1.0]), np.array([False, True, True]), bins=2).right
    array([0, 2])
    """
    if confidence.shape != right.shape:
        raise ValueError(f"{len(confidence)} confidences, but {len(right)} images")
    if bins < 1:
        raise ValueError(f"there must be a bin at least, not {bins}")
    known = ~np.isnan(confidence)
    values = np.clip(np.asarray(confidence[known], dtype=float), 0.0, 1.0)
    # floor(1.0 * bins) would open a bin of its own
    places = np.minimum((values * bins).astype(np.int64), bins - 1)
    return ConfidenceHistogram(
        np.linspace(0.0, 1.0, bins + 1),
        np.bincount(places[right[known]], minlength=bins),
        np.bincount(places[~right[known]], minlength=bins),
        int((~known).sum()),
    )
