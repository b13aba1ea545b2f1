"""Places that stand out, and the causal test: cover them, or paste them on other images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.causal_job import CausalSpec, saved_causal_test
from analysis.causal_test import CausalTest, Edit
from analysis.cell_record import CellMaps
from analysis.cell_spec import CellSpec
from analysis.map_drawing import mean_map_pictures
from analysis.map_findings import MapFindings
from analysis.map_places import target_class
from analysis.map_regions import FEWEST_WITH_EVIDENCE, Region, SuspiciousRegion
from analysis.number_words import p_words
from models.predictions import Predictions
from pages.explain.cell_drawing import bar, marked_picture, row
from pages.explain.cell_pairs import pairs
from pages.explain.rectangle import END_WORDS, Ends, drawn_rectangle, ends_of, region_of
from pages.shared import state
from pages.shared.addressed import addressed, choose, settle_addresses, write_address
from pages.shared.attribution_grid import data_uri
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR
from pages.shared.halves import halves
from pages.shared.job_button import job_and_button


@dataclass(frozen=True)
class Shown:
    """The cell whose places are shown.

    Args:
        predictions: of all images.
        spec: the cell and the method.
        maps: of the cell.
        found: what they show.
    """

    predictions: Predictions
    spec: CellSpec
    maps: CellMaps
    found: MapFindings


ENOUGH_IMAGES = 12
OWN_PLACE = ("cell_across", "cell_down")
USUAL_ENDS: Ends = (0, 25)
"""The upper left corner."""
EDITS: dict[Edit, str] = {"cover": "Cover it", "paste": "Paste it on other images"}
_BADGES = {
    "confirmed": ":red-badge[:material/warning: Confirmed]",
    "unclear": ":gray-badge[:material/help: Unclear]",
    "not confirmed": ":green-badge[:material/check: Not confirmed]",
    "too few images": ":gray-badge[:material/help: Too few images]",
    "cannot be tested": ":gray-badge[:material/help: Cannot be tested]",
}


def places(shown: Shown) -> None:
    """Draw the places that stand out, each with its causal test, then a place of one's own."""
    st.subheader("Places that stand out")
    regions, mean = shown.found.regions, _mean_map(shown)
    with st.container(key="cell_places"):
        if not regions:
            st.markdown(silence(shown.found))
        for place, region in enumerate(regions):
            _place(shown, mean, region.region, key=f"place_{place}", head=_support(place, region))
        if regions:
            target = target_class(shown.predictions, shown.maps.groups.cell)
            st.caption(
                "A place that stands out is a suspicion. Only changing the pictures shows whether it makes the "
                f"network say {state.escaped(shown.predictions.class_names[target])}."
            )
    _own_place(shown, mean)


def _own_place(shown: Shown, mean: bytes) -> None:
    with st.expander("Test a place of your own", icon=":material/crop_free:", key="cell_own_place"):
        st.caption(
            "The place of the object itself matters in every healthy class; a shortcut lies beside it. "
            "Drag a rectangle on the mean map, or use the sliders."
        )
        where, choices = halves("cell_own", (0.24, 0.76), "medium")
        with choices:
            across, down = own_ends()
        region = region_of(across, down)
        with where:
            drawn_rectangle(
                data_uri(mean, "jpeg"), region, key="cell_own_drawn", on_draw=_draw_own, stays=True
            )
        with choices:
            if region is None:
                st.info("This place is empty: draw its ends apart.", icon=":material/crop_free:")
                return
            _edits(shown, region, halves("cell_own_edits", gap="medium"), key="own")


def own_ends() -> tuple[Ends, Ends]:
    """The sliders, which show what was chosen with them, drawn, or named by a link."""
    text = addressed("place")
    ends = read_place(text or "") or (USUAL_ENDS, USUAL_ENDS)
    for key, words, value in zip(OWN_PLACE, END_WORDS, ends, strict=True):
        kept = state.keep_widget(key, value)
        st.slider(words, 0, 100, kept, key=key, format="%d%%", on_change=_slide_own)
    if text is not None:
        write_address("place", place_name(*ends))
        settle_addresses()
    return ends


def read_place(text: str) -> tuple[Ends, Ends] | None:
    """The place a link names, in per cent: left and right, top and bottom; None where it names none.

    >>> read_place("80-50,0-25"), read_place("0-25")
    (((50, 80), (0, 25)), None)
    """
    found = re.fullmatch(r"(\d{1,3})-(\d{1,3}),(\d{1,3})-(\d{1,3})", text)
    if found is None:
        return None
    left, right, top, bottom = (min(100, int(each)) for each in found.groups())
    return (min(left, right), max(left, right)), (min(top, bottom), max(top, bottom))


def place_name(across: Ends, down: Ends) -> str:
    """A place as a link names it.

    >>> place_name((50, 80), (0, 25))
    '50-80,0-25'
    """
    return f"{across[0]}-{across[1]},{down[0]}-{down[1]}"


def _slide_own() -> None:
    choose("place", place_name(*(st.session_state[key] for key in OWN_PLACE)))


def _draw_own(drawn: Region | None) -> None:
    if drawn is not None:
        choose("place", place_name(*ends_of(drawn)))


def silence(found: MapFindings) -> str:
    """Why no place is shown: too little was there to look at or to compare with, or none stands out."""
    known, others = found.n_with_evidence("cell"), found.n_with_evidence("others")
    if known < FEWEST_WITH_EVIDENCE:
        return (
            f":material/help: {known} {'image has' if known == 1 else 'images have'} evidence: too few to say what "
            f"stays at one place. At least {FEWEST_WITH_EVIDENCE} are needed."
        )
    if not others:
        return (
            ":material/help: **There are no images of other classes to compare with**, so nothing can be said about "
            "what stands out. You can still test a place of your own."
        )
    if others < FEWEST_WITH_EVIDENCE:
        return (
            f":material/help: Only {others} {'image' if others == 1 else 'images'} of other classes to compare with: "
            f"too few to say what stands out. At least {FEWEST_WITH_EVIDENCE} are needed."
        )
    if known < ENOUGH_IMAGES:
        return (
            f":material/help: **No place stands out**, but {known} images are few: only a place that nearly all of "
            "them share would show."
        )
    return (
        ":material/check_circle: **No place stands out.** The evidence moves about from image to image, or lies where "
        "other classes have theirs too."
    )


def _support(place: int, region: SuspiciousRegion) -> str:
    return (
        f"**Place {place + 1}.** {region.words}. It holds {region.share:.0%} of their evidence, and "
        f"{region.reference_share:.0%} of that of others."
    )


def _place(shown: Shown, mean: bytes, region: Region, *, key: str, head: str) -> None:
    """One place: where it is, and what each edit did or would do."""
    with st.container(border=True, key=f"cell_{key}"):
        st.markdown(head)
        where, *columns = halves(f"cell_{key}", (0.16, 0.42, 0.42), "medium")
        picture = marked_picture(mean, "the place on the cell's mean map", "", [(region, "")])
        where.html(row([picture]))
        _edits(shown, region, columns, key=key)


def _mean_map(shown: Shown) -> bytes:
    mean = shown.found.groups["cell"].mean_map
    return mean_map_pictures([shown.maps.mean_picture("cell")], [mean])[0]


def _edits(shown: Shown, region: Region, columns: Sequence[DeltaGenerator], *, key: str) -> None:
    for edit, column in zip(EDITS, columns, strict=True):
        with column:
            _test(shown, CausalSpec(shown.spec, region, edit), key=f"{key}_{edit}")


def _test(shown: Shown, spec: CausalSpec, *, key: str) -> None:
    result = saved_causal_test(state.store(), spec)
    if result is None:
        job_and_button(
            "causal_test", spec.to_json(), label=EDITS[spec.edit], key=key,
            title=f"{EDITS[spec.edit]}: {spec.cell.cell}", icon=":material/science:",
        )  # fmt: skip
        return
    with st.container(key=f"{key}_result"):
        _result(result)
        pairs(shown.predictions, shown.maps, result, key)


def _result(result: CausalTest) -> None:
    found = result.words.partition(": ")[2]
    words = f"{_BADGES[result.verdict]} {state.escaped(found[0].upper() + found[1:])}"
    if not result.n:
        st.markdown(f"{words}.")
        return
    p = p_words(result.p)
    st.markdown(f"{words} ({p}).")
    control = result.control_changed / result.n
    places = result.control == "other places"
    st.html(
        bar(
            "this place" if places else "from this cell",
            result.changed / result.n,
            result.interval,
            WRONG_COLOUR,
        )
        + bar("other places" if places else "from others", control, result.control_interval, RIGHT_COLOUR)
    )
    st.caption(f"{state.escaped(result.probability_words)}.")
