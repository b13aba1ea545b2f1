"""The map of a channel as a small picture, and laid over what the network saw."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from analysis.colour_maps import DIVERGING_COLOUR_MAP, colours

Floats = npt.NDArray[np.float32]
COLOUR_MAP = "inferno"
_STRONGEST = 0.85
_GREY_LIGHT = 0.7


def map_picture(values: Floats, largest: float, side: int = 112) -> bytes:
    """A map with one square for each place, so that its coarseness is seen.

    Args:
        values: (h, w) of one channel; from 0 on in one colour map, with values below 0 in a diverging one.
        largest: the absolute value that is drawn at full strength; 0 draws nothing but zeros.
        side: about so many pixels of the longer side.

    Returns:
        A PNG.
    """
    height, width = values.shape
    picture = Image.fromarray(_coloured(values, largest))
    times = max(1, side // max(height, width))
    if times > 1:
        picture = picture.resize((width * times, height * times), Image.Resampling.NEAREST)
    elif max(height, width) > side:
        picture.thumbnail((side, side), Image.Resampling.BOX)
    return png(picture)


def map_over(values: Floats, largest: float, picture: Image.Image) -> bytes:
    """A map laid smoothly over the picture that the network saw, which is drawn in grey.

    Args:
        values: (h, w) of one channel.
        largest: the absolute value that is drawn at full strength.
        picture: what the map is of, RGB.

    Returns:
        A PNG as large as ``picture``.
    """
    strength = np.clip(np.abs(values) / largest, 0, 1) if largest else np.zeros_like(values)
    mask = Image.fromarray((strength * _STRONGEST * 255).astype(np.uint8)).resize(
        picture.size, Image.Resampling.BILINEAR
    )
    heat = Image.fromarray(_coloured(values, largest)).resize(picture.size, Image.Resampling.BILINEAR)
    grey = picture.convert("L").point(lambda value: int(value * _GREY_LIGHT)).convert("RGB")
    return png(Image.composite(heat, grey, mask))


def _coloured(values: Floats, largest: float) -> npt.NDArray[np.uint8]:
    scaled = values / largest if largest else np.zeros_like(values)
    if values.min(initial=0) < 0:
        return colours(scaled / 2 + 0.5, DIVERGING_COLOUR_MAP)
    return colours(scaled, COLOUR_MAP)


def png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
