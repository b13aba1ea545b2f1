"""The images that were fixed, those that broke, and those that stayed wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from analysis.comparison_record import Comparison, Half, Rows
from analysis.confusion import Booleans
from pages.improve import compare_cached
from pages.improve.compare_choice import Chosen
from pages.improve.compare_words import was_words
from pages.shared import cached
from pages.shared.halves import halves
from pages.shared.paged_gallery import paged_gallery

PAGE_SIZE, LONG_PAGE_SIZE = 12, 18
_TITLES: Mapping[str, tuple[str, str]] = {
    "fixed": ("Fixed", "wrong before, right after"),
    "broken": ("Broken", "right before, wrong after"),
    "both_wrong": ("Both wrong", "wrong before and after, in the same way or not"),
}


def galleries(chosen: Chosen, comparison: Comparison, half: Half) -> None:
    """Draw all three; fixed and broken always side by side, for neither tells the truth alone.

    Args:
        chosen: what is compared.
        comparison: both results.
        half: which images count.
    """
    rows = comparison.rows(half)
    for column, name in zip(halves("comparison_flips"), ("fixed", "broken"), strict=True):
        with column:
            _titled(chosen, comparison, name, rows)
    _titled(chosen, comparison, "both_wrong", rows)


def _titled(chosen: Chosen, comparison: Comparison, name: str, rows: Booleans) -> None:
    places = np.flatnonzero(getattr(comparison, name) & rows)
    title, words = _TITLES[name]
    st.markdown(f"##### {title} ({len(places):,})", help=f"{words[:1].upper()}{words[1:]}.")
    ordered = sorted_places(chosen, comparison, places, by_before=name == "fixed")
    size = LONG_PAGE_SIZE if name == "both_wrong" else PAGE_SIZE
    flips_gallery(
        chosen, comparison, ordered, key=f"comparison_{name}", size=size, empty=f"No image: {words}."
    )


def sorted_places(chosen: Chosen, comparison: Comparison, places: Rows, *, by_before: bool) -> Rows:
    """The images whose wrong answer was given with most confidence come first; without confidences as they are.

    Args:
        chosen: what is compared.
        comparison: both results.
        places: positions in the comparison.
        by_before: whether the wrong answer is the earlier one.
    """
    side, of_side = (
        (chosen.before, comparison.before_rows) if by_before else (chosen.after, comparison.after_rows)
    )
    confidences = cached.predictions(side.fingerprint).images["confidence"].to_numpy()[of_side[places]]
    ordered: Rows = places[np.argsort(-confidences, kind="stable")]
    return ordered


def flips_gallery(
    chosen: Chosen, comparison: Comparison, places: Rows, *, key: str, empty: str, size: int = PAGE_SIZE
) -> None:
    """Images as the later result has them, each with what it was called before.

    Args:
        chosen: what is compared.
        comparison: both results.
        places: (P,) positions in the comparison, in the order in which they are shown.
        key: of the gallery.
        empty: what to say where there are none.
        size: images on a page.
    """
    before = cached.predictions(chosen.before.fingerprint)
    after = compare_cached.pictured(chosen.before.fingerprint, chosen.after.fingerprint)
    notes = [was_words(comparison, before, int(place)) for place in places]
    paged_gallery(
        after, comparison.after_rows[places], key=key, notes=notes, empty=empty, page_size=size,
        # begins anew with other results, another cell or half
        page_key=f"{key}_page_{chosen.before.fingerprint[:8]}{chosen.after.fingerprint[:8]}_{len(places)}",
    )  # fmt: skip
