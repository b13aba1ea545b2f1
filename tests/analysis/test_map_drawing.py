"""Mean maps over mean pictures: one scale for all, bright where the evidence is."""

import io

import numpy as np
from PIL import Image

from analysis.map_drawing import SIDE, mean_map_pictures

GREY = np.full((160, 160, 3), 90, np.uint8)


def levels(content: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(content))
    assert picture.size == (SIDE, SIDE) and picture.format == "JPEG"
    return np.asarray(picture.convert("L"), dtype=float)


def spot(row: int, column: int, height: float) -> np.ndarray:
    mean = np.zeros((32, 32))
    mean[row : row + 4, column : column + 4] = height
    return mean


def test_evidence_is_bright_and_the_rest_is_the_picture() -> None:
    (found,) = map(levels, mean_map_pictures([GREY], [spot(24, 4, 0.06)]))
    assert found[250:270, 50:70].mean() > 180
    assert abs(found[:150, 150:].mean() - 90) < 3


def test_the_same_share_has_the_same_colour_in_every_picture() -> None:
    strong, weak = map(levels, mean_map_pictures([GREY, GREY], [spot(8, 8, 0.06), spot(8, 8, 0.006)]))
    both = strong[90:110, 90:110].mean(), weak[90:110, 90:110].mean()
    assert both[0] - both[1] > 60
    alone = levels(mean_map_pictures([GREY], [spot(8, 8, 0.006)])[0])
    assert abs(alone[90:110, 90:110].mean() - both[0]) < 4


def test_a_map_without_evidence_leaves_the_picture_alone() -> None:
    (found,) = map(levels, mean_map_pictures([GREY], [np.zeros((32, 32))]))
    assert abs(found - 90).max() < 4
    assert mean_map_pictures([], []) == []
