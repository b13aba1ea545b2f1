"""The part of a picture that excites a channel: what the network saw, and the place that the map stands for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from analysis.layers.receptive_field import ReceptiveField
from analysis.map_regions import Region
from models.decoding import decoded
from models.image_input import draft_size
from models.preprocessing import Preprocessing
from models.resized_picture import resized_and_cropped

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)
_ALL = 0.9
"""From this share of the picture on, a place sees all of it, and a box around that says nothing."""


def seen_picture(path: Path, preprocessing: Preprocessing) -> Image.Image:
    """What the network saw of an image, to the last pixel, but for its normalisation.

    Args:
        path: the image.
        preprocessing: of the network.

    Raises:
        ImagesError: it cannot be read.
    """
    picture = decoded(path, at_least=draft_size(preprocessing)).convert("RGB")
    return resized_and_cropped(picture, preprocessing)


def peak_region(
    place: tuple[int, int],
    places: tuple[int, int] | None,
    field: ReceptiveField | None,
    size: tuple[int, int],
) -> tuple[Region, bool]:
    """Which part of a picture a place of a map hangs on.

    Args:
        place: row and column of the map.
        places: rows and columns that the map has; None of a vector, which hangs on the whole picture.
        field: the receptive field of the layer; None where it is not defined.
        size: (height, width) of what the network saw, in pixels.

    Returns:
        Left, top, right, bottom as shares of the picture, and whether it is the receptive field. Where that is not
        defined, or is nearly the whole picture, the part is where the place lies in the map.

    >>> peak_region((1, 0), (2, 2), None, (32, 32))
    ((0.0, 0.5, 0.5, 1.0), False)
    """
    if places is None:
        return WHOLE, False
    if field is not None:
        top, left, bottom, right = field.box(place, size)
        if (bottom - top) * (right - left) < _ALL * size[0] * size[1]:
            return (left / size[1], top / size[0], right / size[1], bottom / size[0]), True
    row, column = (min(at, side - 1) for at, side in zip(place, places, strict=True))
    rows, columns = places
    return (column / columns, row / rows, (column + 1) / columns, (row + 1) / rows), False


def marked(picture: Image.Image, region: Region) -> bytes:
    """The picture as a JPEG with a frame around a part of it.

    Args:
        picture: RGB.
        region: as `peak_region` gives it; around the whole picture there is no frame.
    """
    drawn = picture.copy()
    if region != WHOLE:
        box = [
            round(share * side) for share, side in zip(region, (*picture.size, *picture.size), strict=True)
        ]
        pen = ImageDraw.Draw(drawn)
        width = max(1, max(picture.size) // 110)
        # white within black: to be seen on any picture
        pen.rectangle(_grown(box, width), outline=(0, 0, 0), width=3 * width)
        pen.rectangle(box, outline=(255, 255, 255), width=width)
    return _jpeg(drawn)


def cut_out(picture: Image.Image, region: Region, side: int, *, least: float = 0.0) -> bytes:
    """A part of the picture as a square JPEG, grown to a square around its middle.

    Args:
        picture: RGB.
        region: as `peak_region` gives it.
        side: of the JPEG in pixels.
        least: how much of the picture's shorter side it shows at least, 0..1.
    """
    width, height = picture.size
    left, top, right, bottom = (
        share * side for share, side in zip(region, (width, height, width, height), strict=True)
    )
    half = min(max(right - left, bottom - top, 8.0, least * min(width, height)), width, height) / 2
    x = min(max((left + right) / 2, half), width - half)
    y = min(max((top + bottom) / 2, half), height - half)
    return _jpeg(
        picture.resize((side, side), Image.Resampling.BICUBIC, box=(x - half, y - half, x + half, y + half))
    )


def _grown(box: Sequence[int], by: int) -> list[int]:
    left, top, right, bottom = box
    return [left - by, top - by, right + by, bottom + by]


def _jpeg(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=86)
    return content.getvalue()
