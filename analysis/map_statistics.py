"""What the maps of many images have in common: their mean, and how much of it lies on the border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.causal_chance import resampled_means

Maps = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]

BORDER_WIDTH = 0.1
_FEWEST = 2


def positive_shares(maps: Maps) -> Floats:
    """Each map's positive part, made to add up to 1: so no image counts more than another.

    Args:
        maps: (N, H, W) relevance of any scale.

    Returns:
        (N, H, W); all zeros where a map has no positive evidence.

    Raises:
        ValueError: the maps are no stack of maps, or hold NaN or infinity.
    """
    if maps.ndim != 3:
        raise ValueError(f"maps must be (N, H, W), not {maps.shape}")
    if not np.isfinite(maps).all():
        raise ValueError("maps hold NaN or infinity")
    positive = np.maximum(maps.astype(np.float64), 0)
    sums = positive.sum(axis=(1, 2), keepdims=True)
    shares: Floats = np.divide(positive, sums, out=np.zeros_like(positive), where=sums > 0)
    return shares


def has_evidence(maps: Maps) -> npt.NDArray[np.bool_]:
    """(N,) whether anything in a map is positive."""
    found: npt.NDArray[np.bool_] = np.any(maps > 0, axis=(1, 2))
    return found


def mean_positive_map(maps: Maps) -> Floats:
    """Where the evidence lies on average; each image with some counts the same.

    Args:
        maps: (N, H, W) relevance.

    Returns:
        (H, W), which adds up to 1; zeros where no map has positive evidence.

    Example:
        >>> mean_positive_map(np.array([[[9.0, -5.0]], [[0.0, 0.1]]])).tolist()
        [[0.5, 0.5]]
    """
    kept = positive_shares(maps)[has_evidence(maps)]
    return kept.mean(axis=0) if len(kept) else np.zeros(maps.shape[1:])


def pooled(maps: Maps, side: int) -> Floats:
    """Maps averaged over a grid of squares, whatever their size.

    Args:
        maps: (N, H, W).
        side: squares along each edge.

    Returns:
        (N, side, side), the mean of each square; neighbouring squares share a row of pixels where
        ``side`` does not divide the size, and repeat it where the map is smaller than the grid.
    """
    down, across = (_averaging(length, side) for length in maps.shape[1:])
    squares: Floats = np.einsum("ih,nhw,jw->nij", down, maps.astype(np.float64), across, optimize=True)
    return squares


def _averaging(length: int, side: int) -> Floats:
    """(side, length): row i averages the pixels of square i."""
    rows = np.zeros((side, length))
    for place in range(side):
        first, last = place * length // side, -(-(place + 1) * length // side)
        rows[place, first:last] = 1 / (last - first)
    return rows


def border_share(maps: Maps, width: float = BORDER_WIDTH) -> Floats:
    """How much of the positive evidence lies on the border, relative to the border's area.

    Args:
        maps: (N, H, W) relevance.
        width: of the border, as a share of each side, above 0 and below a half.

    Returns:
        (N,) 1 where the border gets what its area deserves, 0 where it gets nothing; nan for maps
        without positive evidence.

    Raises:
        ValueError: the border is empty or all.

    Example:
        >>> border_share(np.ones((1, 10, 10))).round(6).tolist()
        [1.0]
    """
    if not 0 < width < 0.5:
        raise ValueError(f"the border must be wider than 0 and narrower than a half, not {width}")
    height, length = maps.shape[1:]
    down, across = max(1, round(height * width)), max(1, round(length * width))
    on_border = np.ones((height, length), dtype=bool)
    on_border[down:-down, across:-across] = False
    shares = positive_shares(maps)[:, on_border].sum(axis=1) / on_border.mean()
    return np.where(has_evidence(maps), shares, np.nan)


@dataclass(frozen=True)
class BorderComparison:
    """The border's share of the evidence in some images, against that in others.

    Args:
        mean: over the images; 1 means no preference for the border.
        reference_mean: over the images they are compared with.
        difference: of the two.
        low: lower end of the difference's 95 % interval.
        high: upper end.
        p: how likely so large a difference in ranks is without any, two-sided.
        n: images with evidence.
        n_reference: of those they are compared with.
    """

    mean: float
    reference_mean: float
    difference: float
    low: float
    high: float
    p: float
    n: int
    n_reference: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero and the ranks agree."""
        return bool((self.low > 0 or self.high < 0) and self.p < 0.05)


def border_comparison(maps: Maps, reference: Maps, width: float = BORDER_WIDTH) -> BorderComparison | None:
    """Compare the border's share of the evidence in two sets of images.

    Args:
        maps: (N, H, W).
        reference: (M, H, W).
        width: of the border, as a share of each side.

    Returns:
        The comparison, with a bootstrap interval (percentiles, always the same draws) and the p of Mann and
        Whitney's rank test; None where a side has fewer than two images with evidence.
    """
    from scipy.stats import mannwhitneyu

    first, second = (border_share(each, width) for each in (maps, reference))
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    if min(len(first), len(second)) < _FEWEST:
        return None
    drawn = [
        resampled_means(each.tolist(), range(len(each)), seed) for seed, each in enumerate((first, second))
    ]
    low, high = np.percentile(drawn[0] - drawn[1], [2.5, 97.5])
    return BorderComparison(
        float(first.mean()), float(second.mean()), float(first.mean() - second.mean()),
        float(low), float(high), float(mannwhitneyu(first, second).pvalue), len(first), len(second),
    )  # fmt: skip
