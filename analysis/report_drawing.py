"""The drawings of a report: the reliability diagram as shapes, the map as a picture."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from analysis.report_parts import CalibrationBin, CalibrationPart, MapPart

SIDE = 360
"""Units of the reliability diagram's sides."""
MAP_SIZE = (1400, 900)
_MARGIN = 24
_RIGHT, _WRONG = (72, 152, 172, 150), (222, 86, 56, 235)
"""Seen on white and on near-black."""
_SMALLEST, _LARGEST = 3.0, 11.0


@dataclass(frozen=True)
class DrawnBin:
    """One dot of the reliability diagram.

    Args:
        x: from the left edge.
        y: from the upper edge.
        radius: its area grows with the number of images.
        inside: chance alone explains its distance from the diagonal.
        words: what it says.
    """

    x: float
    y: float
    radius: float
    inside: bool
    words: str


@dataclass(frozen=True)
class DrawnCalibration:
    """The reliability diagram.

    Args:
        band: the outline of the null band, as an SVG path; "" with fewer than two bins that hold images.
        bins: those that hold images.
    """

    band: str
    bins: tuple[DrawnBin, ...]


def drawn_calibration(part: CalibrationPart) -> DrawnCalibration:
    """The reliability diagram of a calibration."""
    held = [each for each in part.bins if each.n > 0]
    most = max((each.n for each in held), default=1)
    bins = tuple(
        DrawnBin(
            x=each.confidence * SIDE,
            y=(1 - each.accuracy) * SIDE,
            radius=_SMALLEST + (_LARGEST - _SMALLEST) * sqrt(each.n / most),
            inside=each.low <= each.accuracy <= each.high,
            words=f"{each.n:,} images, {each.confidence:.1%} sure on average, {each.accuracy:.1%} right; "
            f"chance allows {each.low:.1%} to {each.high:.1%}",
        )
        for each in held
    )
    return DrawnCalibration(_outline(held), bins)


def _outline(held: list[CalibrationBin]) -> str:
    if len(held) < 2:
        return ""
    there = [(each.confidence, each.high) for each in held]
    back = [(each.confidence, each.low) for each in reversed(held)]
    places = (f"{x * SIDE:.1f} {(1 - y) * SIDE:.1f}" for x, y in (*there, *back))
    return f"M{'L'.join(places)}Z"


def map_picture(part: MapPart) -> str:
    """The map as a PNG with a transparent ground, a data URI; wrong images lie above the right ones.

    Returns:
        "" where no image has a place.
    """
    known = np.isfinite(part.places).all(axis=1)
    places, right = part.places[known].astype(np.float64), part.right[known]
    if not len(places):
        return ""
    drawing = Image.new("RGBA", MAP_SIZE, (0, 0, 0, 0))
    brush = ImageDraw.Draw(drawing)
    radius = float(np.clip(9 - 1.6 * np.log10(len(places)), 1.5, 6))
    pixels = _pixels(places)
    for colour, chosen in ((_RIGHT, right), (_WRONG, ~right)):
        for x, y in pixels[chosen].tolist():
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    buffer = io.BytesIO()
    drawing.quantize(64).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _pixels(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Places on the picture, (N, 2): the whole map in the middle, both axes to one scale, y downwards."""
    low, high = places.min(axis=0), places.max(axis=0)
    room = np.array(MAP_SIZE) - 2 * _MARGIN
    scale = min((room[high > low] / (high - low)[high > low]).tolist(), default=1.0)
    return np.asarray((places - (low + high) / 2) * [scale, -scale] + np.array(MAP_SIZE) / 2)
