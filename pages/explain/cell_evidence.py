"""Where the evidence lies: mean maps side by side, and how much of it is on the border."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from analysis.cell_name import parsed_cell
from analysis.cell_record import CellMaps
from analysis.colour_maps import css_colours
from analysis.map_drawing import mean_map_pictures
from analysis.map_findings import MapFindings
from analysis.map_groups import GroupKey
from analysis.map_statistics import BORDER_WIDTH, BorderComparison
from pages.explain.cell_drawing import marked_picture, row, strip
from pages.shared import state
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR
from pages.shared.halves import halves


def group_words(maps: CellMaps, group: GroupKey) -> str:
    """What a person calls a group of images."""
    label, predicted = parsed_cell(maps.groups.name)
    if group == "label":
        return f"{label}, rightly recognised"
    if group == "predicted":
        return f"{predicted}, rightly recognised"
    if group == "others":
        return "other classes, rightly recognised"
    if label is None:
        return f"called {predicted}"
    if predicted is None:
        return f"labelled {label}"
    return f"{label}, rightly recognised" if label == predicted else f"{label} called {predicted}"


def evidence(maps: CellMaps, found: MapFindings, method: str) -> None:
    """Draw the mean maps and the border's share; ``method`` is the label of the one that made the maps."""
    st.subheader("Where the evidence lies")
    n, more = len(maps.rows("cell")), len(maps.images) - len(maps.rows("cell"))
    st.caption(
        f"{method} of the {'one image' if n == 1 else f'{n} images'} of this cell"
        + (f", and of {more} rightly recognised to compare with." if more else ".")
    )
    pictures = mean_map_pictures(
        [maps.mean_picture(group) for group in found.groups],
        [each.mean_map for each in found.groups.values()],
    )
    marks = [(region.region, str(place + 1)) for place, region in enumerate(found.regions)]
    figures = []
    for (group, each), content in zip(found.groups.items(), pictures, strict=True):
        words = group_words(maps, group)
        caption = f"{each.n} · {words}" + (f" ({each.n_blank} without evidence)" if each.n_blank else "")
        figures.append(
            marked_picture(content, f"mean map of {words}", caption, marks if group == "cell" else ())
        )
    # two pictures leave room for the border beside them, four do not
    left, right = (
        halves("cell_evidence", (0.5, 0.5)) if len(figures) <= 2 else (st.container(), st.container())
    )
    with left, st.container(key="cell_means"):
        st.html(row(figures) + _scale())
    with right:
        _border(maps, found)


def _scale() -> str:
    stops = ",".join(css_colours(9, "inferno"))
    return (
        f'<p class="cell-scale">little<i style="background:linear-gradient(90deg,{stops})"></i>much of an image\'s '
        "evidence for what it was called; one scale for all, over the mean of the images</p>"
    )


def _border(maps: CellMaps, found: MapFindings) -> None:
    shares = {group: each.border for group, each in found.groups.items()}
    largest = max(1.2, *(float(np.nanmax(each, initial=0.0)) for each in shares.values()))
    label, predicted = parsed_cell(maps.groups.name)
    own = RIGHT_COLOUR if label == predicted else WRONG_COLOUR
    lines = [
        strip(group_words(maps, group), each, largest, own if group == "cell" else RIGHT_COLOUR)
        for group, each in shares.items()
    ]
    with st.container(key="cell_border"):
        st.markdown(
            "**Evidence on the border**",
            help=f"The share of each image's evidence within {BORDER_WIDTH:.0%} of the edges, over the border's "
            "share of the area. A dot is an image, the line their mean.",
        )
        st.caption("1 is as much as the border's share of the area: no preference.")
        st.html("".join(lines))
        st.caption(" ".join(_border_words(maps, found.border)))


def _border_words(maps: CellMaps, comparisons: Mapping[GroupKey, BorderComparison | None]) -> list[str]:
    words, alike = [], []
    for group, found in comparisons.items():
        if found is None:
            continue
        if not found.is_clear:
            alike.append(group_words(maps, group).removesuffix(", rightly recognised"))
            continue
        more = "more" if found.difference > 0 else "less"
        words.append(
            f"The border matters {more} than for {state.escaped(group_words(maps, group))} (difference "
            f"{found.difference:+.2f}, 95% interval {found.low:+.2f} to {found.high:+.2f})."
        )
    if alike:
        words.append(f"No clear difference from {state.escaped(', '.join(alike))}.")
    return words
