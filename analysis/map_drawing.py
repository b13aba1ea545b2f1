"""Mean maps over mean pictures, all on one scale of colour."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from analysis.colour_maps import colours
from analysis.map_statistics import Floats

SIDE = 320
_STRONGEST = 0.8  # even the hottest place lets the picture through
_FADED = 0.5  # how much colour the picture keeps, so that the map's colours are told from its own


def mean_map_pictures(
    pictures: Sequence[npt.NDArray[np.uint8]], means: Sequence[Floats], *, side: int = SIDE
) -> list[bytes]:
    """Draw maps over pictures; the same colour means the same share of evidence in all of them.

    Colours follow the square root of the share: a mark of a few pixels would else leave all else dark.

    Args:
        pictures: (H, W, 3) red, green, blue each.
        means: (h, w) mean positive map each.
        side: of the results in pixels.

    Returns:
        JPEG files, square.
    """
    largest = max((float(mean.max()) for mean in means), default=0.0) or 1.0
    return [_drawn(picture, mean / largest, side) for picture, mean in zip(pictures, means, strict=True)]


def _drawn(picture: npt.NDArray[np.uint8], strength: Floats, side: int) -> bytes:
    size = (side, side)
    base = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
    grey = base.convert("L").convert("RGB")
    base = Image.blend(grey, base, _FADED)
    values = np.asarray(Image.fromarray(strength.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
    values = np.sqrt(values.clip(0, 1))
    heat = Image.fromarray(colours(values, "inferno"))
    alpha = Image.fromarray(np.rint(values * 255 * _STRONGEST).astype(np.uint8))
    base.paste(heat, (0, 0), alpha)
    content = io.BytesIO()
    base.save(content, "JPEG", quality=88)
    return content.getvalue()
