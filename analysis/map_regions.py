"""Places where the evidence of a class is suspiciously constant: where a shortcut may sit.

An animal moves about, and so does the evidence for it; a badge, a watermark or a date stays. So a place
is suspicious where many images of a cell have much of their evidence, and images of other classes do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.map_statistics import Floats, Maps, has_evidence, pooled, positive_shares

Region = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares 0..1 of what the network sees."""

SIDE = 8
LIT = 3.0
FEWEST_WITH_EVIDENCE = 6
MOST_REGIONS = 3
SIGNIFICANT = 0.01
LARGEST_AREA = 0.3
_FEWEST_LIT, _LIT_SHARE = 3, 0.1
_RATIO_OF_LIT, _RATIO_OF_SHARES = 5.0, 3.0
_PERMUTATIONS = 999
_EDGE = 0.25


@dataclass(frozen=True)
class SuspiciousRegion:
    """A place that draws the evidence of some images and not of others.

    Args:
        region: where, as shares of what the network sees (its input, after resize and crop).
        lit: how many of the images have at least `LIT` times as much evidence there as its area deserves.
        n: of so many.
        reference_lit: the same among the images of other classes.
        n_reference: of so many.
        share: mean share of the images' positive evidence that lies there, 0..1.
        lit_share: the same over the lit images alone; nan where there are none.
        reference_share: the same for the others.
        p: how likely any place at all would stand out so much if classes were drawn at random.
    """

    region: Region
    lit: int
    n: int
    reference_lit: int
    n_reference: int
    share: float
    lit_share: float
    reference_share: float
    p: float

    @property
    def words(self) -> str:
        """Its support, as a person says it."""
        return (
            f"{self.lit} of {self.n} images have much of their evidence here, against "
            f"{self.reference_lit} of {self.n_reference} of other classes"
        )


def suspicious_regions(maps: Maps, reference: Maps) -> tuple[SuspiciousRegion, ...]:
    """The places where the evidence is constant over these images, and rare in others.

    Maps are pooled to 8 x 8 squares. A square is lit in an image that has three times as much of its
    evidence there as the square's area deserves. The number of lit images is compared with that among the
    others; the largest difference over all squares is held against its distribution when images are
    dealt out at random (999 times), so that looking at 64 squares costs nothing. That alone also
    finds where a class tends to sit in the picture. There, other classes have evidence too, if less; so a
    place must also be lit five times as often as in others, and hold three times as much evidence where it
    is lit as others have there. (A mark where the object itself usually is cannot be told from the object.)

    A place found takes with it all squares around that stand out: they are the rest of the same mark, which
    shines beyond its rectangle. So two marks side by side are one place, and places never overlap.

    Args:
        maps: (N, H, W) of the images in question, each for the class it was called.
        reference: (M, H, W) of images of other classes, each for its own class.

    Returns:
        At most three, that with the most evidence first; none where nothing stands out, or there are
        fewer than six images with evidence on either side.
    """
    squares, others = _squares(maps), _squares(reference)
    if min(len(squares), len(others)) < FEWEST_WITH_EVIDENCE:
        return ()
    scores, p = _tested(squares, others)
    excess = squares.mean(axis=0) - others.mean(axis=0)
    found: list[SuspiciousRegion] = []
    free = np.ones((SIDE, SIDE), dtype=bool)
    while len(found) < MOST_REGIONS and (free & (p < SIGNIFICANT)).any():
        place = divmod(int(np.where(free, scores, -np.inf).argmax()), SIDE)
        box = hot_rectangle(excess, place, free)
        region = _described(box, squares, others, float(p[place]))
        taken = np.zeros_like(free)
        taken[box[1] : box[3], box[0] : box[2]] = True
        if _stands_out(region):
            found.append(region)
            taken = _with_neighbours(taken, p < SIGNIFICANT)
        free &= ~taken
    return tuple(sorted(found, key=lambda each: each.reference_share - each.share))


def _squares(maps: Maps) -> Floats:
    """(N', 8, 8) shares of evidence of those maps that have any."""
    return positive_shares(pooled(positive_shares(maps[has_evidence(maps)]), SIDE))


def _tested(squares: Floats, others: Floats) -> tuple[Floats, Floats]:
    """(8, 8) how much oftener each square is lit, and how likely any square is to reach that by chance."""
    lit = np.concatenate([squares, others]).reshape(-1, SIDE**2) > LIT / SIDE**2
    n, total = len(squares), len(lit)
    all_hits = lit.sum(axis=0)
    scores = _scores(lit[:n].sum(axis=0), all_hits, n, total)
    distribution = _scores(_dealt(n, total) @ lit, all_hits, n, total).max(axis=1)
    p: Floats = (1 + (distribution[:, None] >= scores).sum(axis=0)) / (1 + len(distribution))
    return scores.reshape(SIDE, SIDE), p.reshape(SIDE, SIDE)


def _with_neighbours(
    taken: npt.NDArray[np.bool_], standing_out: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """With the squares that stand out and touch it, those that touch them, and so on."""
    from scipy.ndimage import binary_propagation

    joined: npt.NDArray[np.bool_] = binary_propagation(taken, np.ones((3, 3)), taken | standing_out)
    return joined


def _scores(hits: npt.NDArray[Any], all_hits: npt.NDArray[Any], n: int, total: int) -> Floats:
    """(..., 64) how much oftener each square is lit in some images than in the rest, in standard deviations.

    What was found and what chance deals must come from the same arithmetic: their ties count.

    Args:
        hits: (..., 64) in how many of the images it is lit.
        all_hits: (64,) in how many of all.
        n: how many images.
        total: how many in all.
    """
    both = all_hits / total
    deviation = np.sqrt(both * (1 - both) * (1 / n + 1 / (total - n)))
    difference = hits / n - (all_hits - hits) / (total - n)
    scores: Floats = np.divide(difference, deviation, out=np.zeros_like(difference), where=deviation > 0)
    return scores


def _dealt(n: int, total: int) -> Floats:
    """(999, total) 1 for the n images of each random deal, else 0; always the same deals."""
    draws = np.random.default_rng(0).random((_PERMUTATIONS, total))
    dealt = np.zeros((_PERMUTATIONS, total))
    np.put_along_axis(dealt, draws.argsort(axis=1)[:, :n], 1.0, axis=1)
    return dealt


def hot_rectangle(
    excess: Floats, place: tuple[int, int] | None = None, free: npt.NDArray[np.bool_] | None = None
) -> tuple[int, int, int, int]:
    """The rectangle of squares that holds most of an excess and little else.

    Each square counts with its excess less a quarter of the largest; the rectangle with the largest sum,
    among those of at most 30 % of the area, is that which a person would draw around the bright part.

    Args:
        excess: (H, W) how much more evidence each square has than expected.
        place: (row, column) of a square that it must hold; by default the one with the largest excess.
        free: (H, W) which squares it may hold, ``place`` among them; by default all.

    Returns:
        Left, top, right, bottom in squares; right and bottom lie outside.

    >>> hot_rectangle(np.array([[0.0, 0, 0], [0, 4, 3], [0, 0, 0]]))
    (1, 1, 3, 2)
    """
    height, width = excess.shape
    row, column = divmod(int(excess.argmax()), width) if place is None else place
    gains = excess - _EDGE * excess[row, column]
    if free is not None:
        gains = np.where(free, gains, -np.inf)
    boxes = [
        (left, top, right, bottom)
        for top in range(row + 1)
        for bottom in range(row + 1, height + 1)
        for left in range(column + 1)
        for right in range(column + 1, width + 1)
        if (bottom - top) * (right - left) <= max(1, LARGEST_AREA * excess.size)
    ]
    return max(boxes, key=lambda box: float(gains[box[1] : box[3], box[0] : box[2]].sum()))


def region_shares(maps: Maps, region: Region) -> Floats:
    """(N,) how much of each image's positive evidence lies in a region, 0..1.

    Args:
        maps: (N, H, W).
        region: shares of the maps' width and height; pixels whose centre lies inside count.
    """
    height, width = maps.shape[1:]
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    inside = np.outer((y >= region[1]) & (y < region[3]), (x >= region[0]) & (x < region[2]))
    shares: Floats = positive_shares(maps)[:, inside].sum(axis=1)
    return shares


def _described(box: tuple[int, int, int, int], squares: Floats, others: Floats, p: float) -> SuspiciousRegion:
    left, top, right, bottom = (edge / SIDE for edge in box)
    region = (left, top, right, bottom)
    area = (right - left) * (bottom - top)
    shares, other_shares = region_shares(squares, region), region_shares(others, region)
    lit = shares > LIT * area
    return SuspiciousRegion(
        region, int(lit.sum()), len(shares), int((other_shares > LIT * area).sum()), len(other_shares),
        float(shares.mean()), float(shares[lit].mean()) if lit.any() else float("nan"),
        float(other_shares.mean()), p,
    )  # fmt: skip


def _stands_out(region: SuspiciousRegion) -> bool:
    if region.lit < max(_FEWEST_LIT, _LIT_SHARE * region.n):
        return False
    # half an image more, so that none of few others is not taken for never
    usual = (region.reference_lit + 0.5) / (region.n_reference + 1)
    is_rare = region.lit / region.n >= _RATIO_OF_LIT * usual
    return is_rare and region.lit_share >= _RATIO_OF_SHARES * region.reference_share
