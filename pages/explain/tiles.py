"""The grid of maps: the picture, then one tile per method, each in its own place however it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.explain import refresh
from pages.explain.downloads import downloads
from pages.explain.methods_form import drop_method, options_form, settings_of
from pages.explain.running import MAIN_GRID, Standing, View, begin, seconds_needed, standing
from pages.shared import state
from pages.shared.attribution_grid import (
    Drawing,
    drawn_maps,
    frame_address,
    map_address,
    picture_address,
)
from pages.shared.class_bars import class_bars
from pages.shared.job_panel import cancel_job, duration_words, waiting_words
from pages.shared.state import escaped

if TYPE_CHECKING:
    from analysis.attribution.records import Attribution, Method, OptionValue

TILE_WIDTH = 205
PAIR_WIDTH = 380


def tiles(view: View, methods: Sequence[Method], drawing: Drawing) -> dict[str, Attribution]:
    """Draw the picture and a tile for each method; fast ones first, slow ones get better while one looks.

    Args:
        view: what is explained.
        methods: in the order of the tiles.
        drawing: how maps are drawn.
    """
    with (
        st.container(key="attribution_grid"),
        st.grid(min_column_width=TILE_WIDTH, gap="small", key="tiles"),
    ):
        original = st.container(key="tile_original", gap="xsmall")
        places = {method.key: st.container(key=f"tile_{method.key}", gap="xsmall") for method in methods}
    with original:
        _original(view)
    finished = {}
    for method in sorted(methods, key=lambda each: each.cost != "instant"):
        with places[method.key]:
            st.markdown(f"**{method.label}**")
            (now,) = tile((view,), method, drawing)
        if now.phase == "done" and now.attribution is not None:
            finished[method.key] = now.attribution
    return finished


def pair_tiles(before: View, after: View, methods: Sequence[Method], drawing: Drawing) -> None:
    """A tile for each method with two pictures: the original and a changed one.

    Args:
        before: of the original.
        after: of the changed picture.
        methods: in the order of the tiles.
        drawing: how maps are drawn.
    """
    with st.grid(min_column_width=PAIR_WIDTH, gap="medium", key="what_if_maps"):
        places = [st.container(key=f"what_if_tile_{method.key}", gap="xsmall") for method in methods]
    for method, place in sorted(
        zip(methods, places, strict=True), key=lambda each: each[0].cost != "instant"
    ):
        with place:
            st.markdown(f"**{method.label}**")
            tile((before, after), method, drawing)


def tile(views: Sequence[View], method: Method, drawing: Drawing) -> list[Standing]:
    """One method's maps with their buttons.

    Returns:
        Where the method stands in each view.
    """
    settings = settings_of(method, views[0].network)
    found = [standing(view, method, settings) for view in views]
    if any(each.phase == "running" for each in found):
        refresh.at_work()
    scale = _common_scale(method, found, drawing) if len(views) > 1 else None
    maps = [_map(view, method, now, drawing, scale) for view, now in zip(views, found, strict=True)]
    if len(views) > 1:
        for words, each in zip(("before", "after"), maps, strict=True):
            each["title"] = words
    key = f"{views[-1].name}_{method.key}"
    with st.container(gap="xsmall", key=f"{key}_body"):
        drawn_maps(_picture(views[-1], maps), key=key)
        _buttons(views, method, settings, found, drawing, scale=scale)
        if len(views) == 1:
            st.caption(_facts(method, found[0], drawing))
        elif scale:
            st.caption(f"full strength from {scale:.2g} in both")
    return found


def _original(view: View) -> None:
    width, height = view.chosen.size
    st.markdown("**Original**")
    base = {"base": picture_address(view.chosen.key, view.chosen.picture), "frame": _frame(view), "title": ""}
    drawn_maps(_picture(view, [base]), key=f"{view.name}_original")
    if view.chosen.probabilities is not None:
        with st.container(key="original_classes"):
            st.html(
                class_bars(
                    view.network.class_names, view.chosen.probabilities, view.chosen.label, narrow=True
                )
            )
    st.caption(f"{escaped(view.chosen.path.name)} · {width} x {height} pixels")


def _picture(view: View, maps: list[dict[str, Any]]) -> dict[str, Any]:
    width, height = view.chosen.size
    return {"ratio": width / height, "maps": maps, "greyable": True}


def _frame(view: View) -> str:
    size = view.chosen.size
    return frame_address(view.network.preprocessing.crop_box(*size), size)


def map_of(
    view: View, method: Method, attribution: Attribution, drawing: Drawing, scale: float | None = None
) -> str:
    """The address of a map, drawn; ``scale`` is the relevance at full strength, if not the map's own."""
    size = view.chosen.size
    box = view.network.preprocessing.crop_box(*size)
    return map_address(attribution.relevance, method.grain, box, size, drawing, scale=scale)


def _common_scale(method: Method, found: Sequence[Standing], drawing: Drawing) -> float | None:
    """The relevance at full strength in all of these maps, so that a fainter one is seen to be fainter."""
    from analysis.saliency_image import full_scale

    known = [each.attribution.relevance for each in found if each.attribution is not None]
    scales = [full_scale(each, drawing.percentile, grain=method.grain) for each in known]
    return max(scales, default=0.0) or None


def _map(view: View, method: Method, now: Standing, drawing: Drawing, scale: float | None) -> dict[str, Any]:
    found = now.attribution
    blank = now.phase == "done" and found is not None and found.is_blank
    hidden = found is None or (blank and drawing.sign == "positive")
    return {
        "title": "",
        "base": picture_address(view.chosen.key, view.chosen.picture),
        "frame": _frame(view),
        "alt_map": f"{method.label} for {view.asked.words}",
        "relevance": None if found is None or hidden else map_of(view, method, found, drawing, scale),
        "word": f"No positive evidence for {view.asked.words}." if blank else _word(now),
        "badge": _badge(now),
        "fraction": now.fraction if now.phase == "running" else None,
        "waiting": found is None,
    }


def _word(now: Standing) -> str:
    if now.phase == "failed":
        return now.problem
    if now.phase == "running" and now.attribution is None:
        ahead = state.running_jobs().ahead_of(now.job.id) if now.job and now.job.state == "queued" else []
        return f"{waiting_words(ahead)}." if ahead else "Starting…"
    return "Not run yet." if now.phase == "idle" else ""


def _badge(now: Standing) -> str:
    if now.phase == "stopped":
        return f"stopped at {now.fraction:.0%}"
    if now.phase != "running" or now.attribution is None:
        return ""
    left = None if now.job is None else now.job.seconds_left
    return f"{now.fraction:.0%}" + (f" · {duration_words(left)} left" if left else "")


def _buttons(
    views: Sequence[View],
    method: Method,
    settings: Mapping[str, OptionValue],
    found: Sequence[Standing],
    drawing: Drawing,
    *,
    scale: float | None,
) -> None:
    view, now = views[-1], found[-1]
    key = f"{view.name}_{method.key}"
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key=f"{key}_buttons"):
        if view.name == MAIN_GRID:  # one form for the settings of a method is enough
            with st.popover("Options", icon=":material/tune:", type="tertiary", key=f"{key}_options"):
                options_form(method, view.network)
                st.button(
                    "Take off the page", icon=":material/close:", type="tertiary", on_click=_remove,
                    args=(method.key,), key=f"{key}_remove",
                )  # fmt: skip
        if now.phase == "running" and now.job is not None:
            st.button(
                "Cancel", icon=":material/stop_circle:", type="tertiary", key=f"{key}_cancel", on_click=cancel_job,
                args=(now.job.id,), disabled=now.job.state == "cancelling",
            )  # fmt: skip
        elif now.phase == "done" and now.attribution is not None:
            with st.popover("Save", icon=":material/download:", type="tertiary", key=f"{key}_save"):
                downloads(view, method, now.attribution, drawing, scale)
        elif now.job is not None or now.phase == "idle":
            words = _run_words(view, method, settings) if now.phase == "idle" else "Run again"
            st.button(
                words, icon=":material/play_arrow:", type="tertiary", key=f"{key}_run", on_click=_begin,
                args=(views, method, settings),
            )  # fmt: skip


def _run_words(view: View, method: Method, settings: Mapping[str, OptionValue]) -> str:
    seconds = seconds_needed(view, method, settings)
    return "Run" if seconds is None else f"Run (about {duration_words(seconds)})"


def _facts(method: Method, now: Standing, drawing: Drawing) -> str:
    lines = [escaped(method.limits)]
    found = now.attribution
    if found is not None:
        if found.note:
            lines.append(f"*{escaped(found.note)}*")
        lines.append(f"{_measures(method, found, drawing)}")
    return "  \n".join(lines)


def _measures(method: Method, found: Attribution, drawing: Drawing) -> str:
    from analysis.saliency_image import full_scale

    strength = full_scale(found.relevance, drawing.percentile, grain=method.grain)
    words = [f"full strength from {strength:.2g}"]
    if drawing.sign == "signed" and not method.signed:
        words.append("no direction: this method cannot say what speaks against")
    if found.layer:
        words.append(f"layer {escaped(found.layer)}")
    if found.seconds >= 0.05:
        words.append(f"{found.seconds:.1f} s")
    return " · ".join(words)


@state.explained
def _remove(key: str) -> None:
    drop_method(key)


@state.explained
def _begin(views: Sequence[View], method: Method, settings: Mapping[str, OptionValue]) -> None:
    for view in views:
        if standing(view, method, settings).phase not in ("done", "running"):
            begin(view, method, settings)
