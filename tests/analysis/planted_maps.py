"""Maps with known truth: a blob that moves about, like an animal, and a mark that stays in its corner."""

import numpy as np
import numpy.typing as npt

from analysis.cell_record import GRID, GROUPS, PICTURE_SIDE, CellMaps
from analysis.map_groups import MapGroups

SIDE = 32
MARK = (0.75, 0.75, 1.0, 1.0)

Maps = npt.NDArray[np.float64]


def planted_cell(groups: MapGroups, maps: Maps | None = None) -> CellMaps:
    """The maps of a cell whose pictures are seen whole, and black in the mean.

    Args:
        groups: of n images in all.
        maps: (n, G, G); ones where nothing is given.
    """
    n = len(groups.images)
    return CellMaps(
        groups.images,
        np.ones((n, GRID, GRID), np.float32) if maps is None else maps,
        np.tile((0.0, 0.0, 1.0, 1.0), (n, 1)),
        np.zeros((len(GROUPS), PICTURE_SIDE, PICTURE_SIDE, 3), np.uint8),
        groups,
    )


def animal_maps(n: int, seed: int) -> Maps:
    """(n, 32, 32) each with one blob at a place of its own, some noise, and some evidence against."""
    draws = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    centres, widths = draws.uniform(9, 23, (n, 2)), draws.uniform(3, 5, n)
    blobs = [
        np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * w**2))
        for (cy, cx), w in zip(centres, widths, strict=True)
    ]
    return np.stack(blobs) + draws.normal(0, 0.1, (n, SIDE, SIDE))


def marked_maps(n: int, seed: int, strength: float = 6.0) -> Maps:
    """As ``animal_maps``, with a mark in the lower right corner that holds most of the evidence."""
    y, x = np.mgrid[:SIDE, :SIDE]
    mark = np.exp(-((y - 28) ** 2 + (x - 28) ** 2) / 8)
    return animal_maps(n, seed) + strength * mark
