"""What changed in one sentence, and the figures behind it."""

from __future__ import annotations

from typing import cast

import streamlit as st

from analysis.comparison_record import Comparison, Half
from analysis.comparison_statistics import ComparisonStatistics
from analysis.number_words import fine_percent, interval_words, p_words
from pages.improve.compare_choice import Chosen
from pages.improve.compare_words import (
    HALVES,
    VERDICT_WORDS,
    images_word,
    interval_points,
    points,
    verdict,
)
from pages.shared import state

_BOXES = {
    "better": (st.success, ":material/trending_up:"),
    "worse": (st.error, ":material/trending_down:"),
    "unsure": (st.info, ":material/trending_flat:"),
    "same": (st.info, ":material/trending_flat:"),
}


def half_choice(comparison: Comparison, chosen: Chosen) -> Half:
    """Ask which images count, with the reason.

    Args:
        comparison: both results.
        chosen: what they are of.

    Returns:
        "all" where there are no halves.
    """
    if not comparison.has_halves:
        st.caption("Without the image files there is no held-out half; all images count.")
        return "all"
    # a key of its own for what was not trained here: there the whole set is the usual one
    key, usual = ("half", "report") if chosen.is_trained else ("part", "all")
    with st.container(horizontal=True, vertical_alignment="center", key="comparison_half"):
        half = st.segmented_control(
            "Images that count", list(HALVES), default=usual, required=True, format_func=HALVES.__getitem__,
            key=key, bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
        st.caption(_compressed_or(half, chosen), width="stretch")
    return cast(Half, half)


def _compressed_or(half: str, chosen: Chosen) -> str:
    after = chosen.after.version
    if after is not None and after.compression and not chosen.may_be_known:
        return compressed_words(on_half=after.learned_from_half)
    return _half_words(half, chosen)


def _half_words(half: str, chosen: Chosen) -> str:
    if chosen.may_be_known:
        return (
            "One of these networks was trained here, but with other images than these, or its version was deleted: whether "
            "it has learned from some of them, or was chosen by them, is not known."
        )
    if not chosen.is_trained:
        return (
            "Neither was trained here, so nothing was chosen on these images by Errorscope. If you chose a result by "
            "looking at them, the held-out half says less flattering things."
        )
    after = chosen.after.version
    target, training = chosen.after.target, after and after.finetune_spec.training
    if half == "report":
        if target is not None and target.chosen_on == "all":
            return (
                "The other half chose the best epoch. The target was chosen on all images, these among them."
            )
        chose = "the best epoch" if target is None else "the target and the best epoch"
        return (
            f"Nothing was chosen on these images: the other half chose {chose}. What was picked for being bad looks "
            "better on its own images even if nothing was learned."
        )
    if training and training.path is None:
        return (
            "Half of these images were trained on, for there were no others. Only the held-out half says how the "
            "network does on new images."
        )
    return "Half of these images took part in the training's choices, so the figures flatter. The held-out half is fair."


def compressed_words(*, on_half: bool) -> str:
    """What part these images had in a network that was made smaller.

    Args:
        on_half: whether half of them told the ranges of int8, or the mean and spread of what pruning left.
    """
    if on_half:
        return "The other half had a part in the smaller network, for there were no training images."
    return (
        "The smaller network has learned nothing from any of these images. Only where a person chose the amount by a sweep, "
        "all of them have been looked at."
    )


def headline(statistics: ComparisonStatistics) -> None:
    """The verdict in one sentence.

    Args:
        statistics: on the images that count.
    """
    if not statistics.n:
        st.warning("None of the images that both have seen belongs to this half.", icon=":material/warning:")
        return
    found = verdict(statistics)
    box, icon = _BOXES[found]
    box(f"**{VERDICT_WORDS[found]}** {_sentence(statistics)}", icon=icon)


def _sentence(statistics: ComparisonStatistics) -> str:
    right = statistics.right
    return (
        f"Accuracy {fine_percent(right.rate_before)} → {fine_percent(right.rate_after)} of {images_word(right.n)}: "
        f"{points(right.change)} points, 95% interval {interval_points(right)}; {statistics.fixed:,} fixed, "
        f"{statistics.broken:,} broken ({p_words(right.p_value)})."
    )


def figures(statistics: ComparisonStatistics, comparison: Comparison) -> None:
    """The figures behind it, and which images do not count.

    Args:
        statistics: on the images that count.
        comparison: both results.
    """
    before, after = statistics.before, statistics.after
    flips = statistics.negative_flips
    is_sure = verdict(statistics) in ("better", "worse")
    # st.metric takes a change for a loss by its hyphen, not by the sign of minus
    change = points(statistics.right.change).replace("−", "-")
    with st.container(horizontal=True, key="comparison_figures"):
        for title, value, help, delta in (
            ("Accuracy before", fine_percent(before.rate), f"{before.words}.", None),
            ("Accuracy after", fine_percent(after.rate), f"{after.words}.", f"{change} points"),
            ("Fixed", f"{statistics.fixed:,}", "Wrong before, right after.", None),
            ("Broken", f"{statistics.broken:,}", "Right before, wrong after.", None),
            (
                "Negative flips", fine_percent(flips.rate), "The share of all images that broke (95% interval "
                f"{interval_words((flips.low, flips.high))}). People notice what used to work.", None,
            ),
            (
                "Churn", fine_percent(statistics.churn.rate), "The share of images with another answer than before, right "
                f"or wrong: {images_word(statistics.changed)}.", None,
            ),
        ):  # fmt: skip
            st.metric(
                title, value, delta, border=True, help=help, height="stretch",
                delta_color="normal" if is_sure else "off", delta_arrow="auto" if is_sure else "off",
            )  # fmt: skip
    words = _left_out_words(comparison)
    if words:
        st.caption(words)


def _left_out_words(comparison: Comparison) -> str:
    """Which images do not count, and why."""
    said = []
    copies = int(comparison.is_copy.sum())
    if copies:
        said.append(
            f"{images_word(copies)} with the same content as another {'is' if copies == 1 else 'are'} counted once"
        )
    for n, side in ((comparison.n_only_before, "before"), (comparison.n_only_after, "after")):
        if n:
            said.append(f"{images_word(n)} only {side} {'is' if n == 1 else 'are'} left out")
    if comparison.matched_by == "path":
        said.append("images were matched by their paths, as not all files can be read")
    words = "; ".join(said)
    return state.escaped(words[:1].upper() + words[1:] + ".") if words else ""
