"""Colour maps that people with colour-blindness can read, as small tables."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

# matplotlib's inferno, viridis, cividis and RdBu_r at 33 places each (the first three are in the public
# domain, the last is ColorBrewer's); drawing a picture need not wait for matplotlib.
_TABLES = {
    "inferno": (
        "000004 040312 0b0724 150b37 210c4a 2f0a5b 3d0965 4a0c6b 57106e 64156e 71196e "
        "7d1e6d 8a226a 972766 a32c61 b0315b bc3754 c63d4d d04545 da4e3c e35933 eb6429 "
        "f1711f f67e14 f98c0a fb9b06 fcaa0f fbba1f f9c932 f5d949 f2e865 f3f586 fcffa4"
    ),
    "viridis": (
        "440154 470d60 48186a 482374 472d7b 453781 424086 3e4989 3b528b 375b8d 33638d "
        "2f6b8e 2c728e 297a8e 26828e 23898e 21918c 1f978b 1f9f88 21a685 27ad81 31b57b "
        "3dbc74 4cc26c 5cc863 6ece58 81d34d 95d840 aadc32 c0df25 d5e21a eae51a fde725"
    ),
    "cividis": (
        "00224e 00285b 002e6a 053371 1a386f 273e6e 32436d 3b496c 434e6c 4b546c 535a6d "
        "5a5f6e 61656f 686a71 6f7073 767676 7d7c78 838179 8b8778 928d78 9a9376 a29975 "
        "aaa073 b3a670 bbad6d c3b369 ccba64 d4c15f ddc858 e6d051 efd748 f8df3c fee838"
    ),
    "blue_red": (
        "053061 0e4179 175290 1f63a8 2a71b2 3480b9 3f8ec0 529dc8 6bacd1 84bcd9 9bc9e0 "
        "aed3e6 c2ddec d4e6f1 e0ecf3 ecf2f5 f7f6f6 f9efe9 fbe6da fdddcb fbceb7 f8bda1 "
        "f5ac8b ef9979 e58368 dc6e57 d25849 c6413e bb2a34 ae172a 960f27 7f0823 67001f"
    ),
}

COLOUR_MAPS = tuple(name for name in _TABLES if name != "blue_red")
"""From little to much."""

DIVERGING_COLOUR_MAP = "blue_red"
"""From against (blue) over nothing (white) to for (red)."""


def colours(values: npt.NDArray[np.floating], colour_map: str) -> npt.NDArray[np.uint8]:
    """The colour of each value.

    Args:
        values: (...) numbers from 0 to 1; what lies outside takes the colour of the nearer end.
        colour_map: one of `COLOUR_MAPS`, or `DIVERGING_COLOUR_MAP` (then 0.5 is white).

    Returns:
        (..., 3) red, green, blue from 0 to 255.

    Raises:
        KeyError: there is no such colour map.

    Example:
        >>> colours(np.array([0.0, 1.0]), "viridis").tolist()
        [[68, 1, 84], [253, 231, 37]]
    """
    rows: npt.NDArray[np.uint8] = np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)
    chosen: npt.NDArray[np.uint8] = _table(colour_map)[rows]
    return chosen


def css_colours(n: int, colour_map: str) -> list[str]:
    """Evenly spaced colours of a colour map, from its low to its high end, as CSS and plotly read them.

    Args:
        n: how many.
        colour_map: one of `COLOUR_MAPS`, or `DIVERGING_COLOUR_MAP`.

    Raises:
        KeyError: there is no such colour map.

    Example:
        >>> css_colours(2, "viridis")
        ['rgb(68, 1, 84)', 'rgb(253, 231, 37)']
    """
    found = colours(np.linspace(0.0, 1.0, n), colour_map).tolist()
    return [f"rgb({red}, {green}, {blue})" for red, green, blue in found]


@cache
def _table(colour_map: str) -> npt.NDArray[np.uint8]:
    anchors = np.array([list(bytes.fromhex(colour)) for colour in _TABLES[colour_map].split()])
    places = np.rint(np.linspace(0, 255, len(anchors)))
    channels = [np.interp(np.arange(256), places, channel) for channel in anchors.T]
    table: npt.NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return table
