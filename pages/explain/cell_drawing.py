"""Square pictures with places marked on them, and strips of numbers, as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.map_regions import Region
from pages.shared.attribution_grid import data_uri

_MOST_DOTS = 60


def marked_picture(
    content: bytes, alt: str, caption: str = "", marks: Sequence[tuple[Region, str]] = ()
) -> str:
    """A picture with rectangles on it.

    Args:
        content: a JPEG.
        alt: what it shows, for those who do not see it.
        caption: under it.
        marks: places as shares of the picture, each with a word for its corner ("" for none).
    """
    boxes = "".join(_mark(region, word) for region, word in marks)
    words = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure class="cell-picture"><div class="cell-frame"><img src="{data_uri(content, "jpeg")}" '
        f'alt="{html.escape(alt)}">{boxes}</div>{words}</figure>'
    )


def _mark(region: Region, word: str) -> str:
    left, top, right, bottom = region
    label = f"<span>{html.escape(word)}</span>" if word else ""
    return (
        f'<div class="cell-mark" style="left:{left:.2%};top:{top:.2%};width:{right - left:.2%};'
        f'height:{bottom - top:.2%}">{label}</div>'
    )


def row(figures: Sequence[str], name: str = "cell-row") -> str:
    """Figures side by side, as many as fit."""
    return f'<div class="{name}">{"".join(figures)}</div>'


def strip(name: str, values: npt.NDArray[np.float64], largest: float, colour: str) -> str:
    """One line of dots, one for each image, with their mean as a tick.

    Args:
        name: of the images.
        values: (N,) numbers from 0 up; nan is not drawn.
        largest: the number at the right end.
        colour: of the dots.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return ""
    step = max(1, -(-len(known) // _MOST_DOTS))
    # three heights, so that equal values do not hide each other
    dots = "".join(
        f'<i style="left:{_place(float(value), largest)};top:{30 + place % 3 * 20}%;background:{colour}"></i>'
        for place, value in enumerate(np.sort(known)[::step])
    )
    words = html.escape(f"{name}: mean {known.mean():.2f}")
    return (
        f'<div class="cell-strip"><span title="{html.escape(name)}">{html.escape(name)}</span>'
        f'<span class="cell-dots" role="img" aria-label="{words}">{dots}'
        f'<b style="left:{_place(float(known.mean()), largest)}"></b></span><span>{known.mean():.2f}</span></div>'
    )


def _place(value: float, largest: float) -> str:
    return f"{1 + 98 * min(value, largest) / largest:.2f}%"


def bar(name: str, share: float, interval: tuple[float, float], colour: str) -> str:
    """A share as a bar, with its interval as a thin line through the bar's end.

    Args:
        name: of the share.
        share: 0..1.
        interval: of it.
        colour: of the bar.
    """
    low, high = interval
    return (
        f'<div class="cell-bar"><span>{html.escape(name)}</span>'
        f'<span class="cell-track"><i style="width:{max(share, 0.004):.2%};background:{colour}"></i>'
        f'<b style="left:{low:.2%};width:{high - low:.2%}"></b></span>'
        f"<span>{share:.0%} <small>({low:.0%} to {high:.0%})</small></span></div>"
    )
