"""From a place on the network's input to the same place on a picture, and which images show it best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.cell_record import CellMaps
from analysis.map_groups import Positions
from analysis.map_regions import Region, region_shares
from models.predictions import Predictions
from models.preprocessing import Preprocessing

SOURCES = 16
"""As many pieces as are pasted, thrice each, on 48 images: a few odd ones are then no proof."""


def seen_shares(preprocessing: Preprocessing, size: tuple[int, int]) -> Region:
    """What the network sees of a picture.

    Args:
        preprocessing: the network's.
        size: (width, height) of the picture.

    Returns:
        Left, top, right, bottom as shares of the picture; beyond 0..1 where it is padded.
    """
    left, top, right, bottom = preprocessing.crop_box(*size)
    width, height = size
    return left / width, top / height, right / width, bottom / height


def placed(region: Region, seen: Sequence[float]) -> Region:
    """A place as shares of the whole picture, which the network may have seen only in part.

    Args:
        region: as shares of what the network sees.
        seen: what it sees: left, top, right, bottom as shares of the picture.

    Returns:
        Shares of the picture, within 0..1; what lies in black padding is cut off.

    >>> placed((0.5, 0.5, 1.0, 1.0), (0.25, 0.0, 0.75, 1.0))
    (0.5, 0.5, 0.75, 1.0)
    """
    left, top, right, bottom = seen
    shares = (
        left + region[0] * (right - left),
        top + region[1] * (bottom - top),
        left + region[2] * (right - left),
        top + region[3] * (bottom - top),
    )
    a, b, c, d = (float(min(1.0, max(0.0, each))) for each in shares)
    return a, b, c, d


def target_class(predictions: Predictions, cell: Positions) -> int:
    """The class that a cell's images are called, most of them where they differ; -1 for no images."""
    if not len(cell):
        return -1
    return int(np.bincount(predictions.predicted[cell]).argmax())


def strongest_images(
    maps: CellMaps, predictions: Predictions, region: Region, most: int = SOURCES
) -> Positions:
    """The images of a cell, called its class, with most of their evidence at a place.

    Args:
        maps: of the cell.
        predictions: of all images.
        region: as shares of what the network sees.
        most: how many at most.

    Returns:
        Row numbers in the predictions, that with most evidence first.
    """
    rows = maps.rows("cell")
    rows = rows[predictions.predicted[maps.images[rows]] == target_class(predictions, maps.groups.cell)]
    shares = region_shares(maps.maps[rows], region)
    images: Positions = maps.images[rows[np.argsort(-shares, kind="stable")[:most]]]
    return images
