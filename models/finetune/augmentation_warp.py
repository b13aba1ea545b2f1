"""Moving the pixels of a picture: matrices, one interpolation for all of them, and what fills the places left.

Coordinates are those of Pillow and torchvision: x to the right, y down, the middle of the first pixel at (.5, .5).
"""

from __future__ import annotations

from math import ceil, cos, radians, sin

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.finetune.augmentation import Fill

Matrix = npt.NDArray[np.float64]
Point = tuple[float, float]
Colour = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)
FURTHEST = 2
"""A picture is continued by at most this many of its sides; beyond is the mean colour."""


def shifted(x: float, y: float) -> Matrix:
    """The (3, 3) matrix that moves everything by x and y pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def turned(degrees: float) -> Matrix:
    """The (3, 3) matrix that turns about the origin, counter-clockwise on the screen, as torchvision's rotate."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def sheared(across: float, down: float = 0.0) -> Matrix:
    """The (3, 3) matrix that moves each place right by ``across`` times its y, and down by ``down`` times its x."""
    return np.array([[1.0, across, 0.0], [down, 1.0, 0.0], [0.0, 0.0, 1.0]])


def scaled(factor: float) -> Matrix:
    """The (3, 3) matrix that makes everything ``factor`` times as large."""
    return np.diag([factor, factor, 1.0])


def about(matrix: Matrix, centre: Point) -> Matrix:
    """``matrix``, but with its origin at ``centre``."""
    x, y = centre
    return shifted(x, y) @ matrix @ shifted(-x, -y)


def quadrilateral(corners: list[Point], moved: list[Point]) -> Matrix:
    """The (3, 3) homography that takes four points to four others, no three of which lie on a line."""
    rows, wanted = [], []
    for (x, y), (u, v) in zip(corners, moved, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    solved = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(wanted, dtype=np.float64))
    return np.append(solved, 1.0).reshape(3, 3)


def warped(
    image: Image.Image,
    matrix: Matrix,
    window: tuple[int, int, int, int],
    *,
    fill: Fill,
    mean: Colour,
    resampling: Image.Resampling = Image.Resampling.BILINEAR,
) -> Image.Image:
    """A window of a picture after its pixels were moved.

    Args:
        image: RGB.
        matrix: (3, 3), takes places of the picture to where they go.
        window: (left, top, right, bottom) of what is kept, in pixels of the picture.
        fill: what stands where the picture was moved away from.
        mean: the colour of the fill "mean".
        resampling: how pixels are interpolated.

    Returns:
        RGB, of the window's size.
    """
    left, top, right, bottom = window
    size = right - left, bottom - top
    source = np.linalg.inv(matrix) @ shifted(left, top)
    if fill in ("reflect", "edge"):
        margins = _margins(source, size, image.size)
        image = continued(image, margins, fill)
        source = shifted(margins[0], margins[1]) @ source
    source = source / source[2, 2]
    flat = not source[2, :2].any()
    return image.transform(
        size, Image.Transform.AFFINE if flat else Image.Transform.PERSPECTIVE, tuple(source.ravel()[: 6 if flat else 8]),
        resampling, fillcolor=BLACK if fill == "black" else mean,
    )  # fmt: skip


def _margins(source: Matrix, size: tuple[int, int], known: tuple[int, int]) -> tuple[int, int, int, int]:
    """How far (left, top, right, bottom) the window reaches beyond the picture, in pixels, with one to spare."""
    width, height = size
    ends = source @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], dtype=np.float64)
    # at the horizon of a perspective, places lie infinitely far
    places = ends[:2] / np.maximum(ends[2], 1e-3)
    low, high = np.floor(places.min(axis=1)), np.ceil(places.max(axis=1))
    beyond = [-low[0], -low[1], high[0] - known[0], high[1] - known[1]]
    left, top, right, bottom = (
        int(min(each + 1, FURTHEST * side)) if each > 0 else 0
        for each, side in zip(beyond, (*known, *known), strict=True)
    )
    return left, top, right, bottom


def continued(image: Image.Image, margins: tuple[int, int, int, int], fill: Fill) -> Image.Image:
    """A picture that goes on beyond its edges.

    Args:
        image: RGB.
        margins: pixels to add (left, top, right, bottom).
        fill: "reflect" mirrors at the edges (the outermost pixel stands twice), "edge" draws it out.

    >>> row = Image.frombytes("RGB", (3, 1), bytes([1, 1, 1, 2, 2, 2, 3, 3, 3]))
    >>> [list(continued(row, (2, 0, 2, 0), fill).tobytes()[::3]) for fill in ("reflect", "edge")]
    [[2, 1, 1, 2, 3, 3, 2], [1, 1, 1, 2, 3, 3, 3]]
    """
    if not any(margins):
        return image
    return _mirrored(image, margins) if fill == "reflect" else _drawn_out(image, margins)


def _mirrored(image: Image.Image, margins: tuple[int, int, int, int]) -> Image.Image:
    left, top, right, bottom = margins
    width, height = image.size
    whole = Image.new("RGB", (left + width + right, top + height + bottom))
    for row in range(-ceil(top / height), ceil(bottom / height) + 1):
        line = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if row % 2 else image
        for column in range(-ceil(left / width), ceil(right / width) + 1):
            tile = line.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if column % 2 else line
            whole.paste(tile, (left + column * width, top + row * height))
    return whole


def _drawn_out(image: Image.Image, margins: tuple[int, int, int, int]) -> Image.Image:
    left, top, right, bottom = margins
    width, height = image.size
    whole = Image.new("RGB", (left + width + right, top + height + bottom))
    whole.paste(image, (left, top))
    for extent, column, place in ((left, left, 0), (right, left + width - 1, left + width)):
        _stretch(whole, (column, top, column + 1, top + height), (place, top, place + extent, top + height))
    for extent, line, place in ((top, top, 0), (bottom, top + height - 1, top + height)):
        _stretch(whole, (0, line, whole.width, line + 1), (0, place, whole.width, place + extent))
    return whole


def _stretch(whole: Image.Image, strip: tuple[int, ...], target: tuple[int, int, int, int]) -> None:
    size = target[2] - target[0], target[3] - target[1]
    if all(size):
        stretched = whole.crop(strip).resize(size, Image.Resampling.NEAREST)  # type: ignore[arg-type]
        whole.paste(stretched, target)
