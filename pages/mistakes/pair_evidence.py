"""What separates two classes: their pictures' look, the network's features, and their mean pictures."""

from __future__ import annotations

import streamlit as st

from analysis.average_image import (
    FEWEST,
    AverageImage,
    average_difference,
    average_jpeg,
    difference_png,
)
from models.predictions import Predictions
from pages.mistakes import pair_cached
from pages.mistakes.pair_cached import RowsName
from pages.mistakes.pair_choice import Classes
from pages.shared.halves import halves
from pages.shared.state import Workspace, escaped
from pages.shared.surveyed import draw_survey

PICTURE_WIDTH = 200


def separation(workspace: Workspace, predictions: Predictions, chosen: Classes) -> None:
    """What the pictures and the features say, each as a hypothesis."""
    st.subheader("What separates them")
    st.caption("These are hypotheses: what is not measured here may be the cause all the same.")
    left, right = halves("pair_separation")
    with left, st.container(key="pair_features"):
        st.markdown("##### In the network's features")
        _features(workspace, predictions, chosen)
    with right, st.container(key="pair_qualities"):
        st.markdown("##### In the look of the pictures")
        _qualities(workspace, predictions, chosen)


def _features(workspace: Workspace, predictions: Predictions, chosen: Classes) -> None:
    if predictions.embeddings is None:
        st.markdown("These predictions came without features (embeddings), so this cannot be told.")
        return
    found = pair_cached.features(workspace.fingerprint, *chosen)
    if found is None:
        st.markdown("These predictions came without probabilities, so there is nothing to compare with.")
        return
    st.markdown(found.words)
    if found.verdict != "few":
        low, high = found.auc_interval
        st.caption(
            f"A logistic regression on the features, tried on images it was not fitted on: AUC {found.auc:.2f} (95% "
            f"interval {low:.2f} to {high:.2f}; 0.5 is guessing, 1 is perfect), {found.n_a} and {found.n_b} images. Both "
            "shares of right images are means over the two classes, with a choice between these two only."
        )


def _qualities(workspace: Workspace, predictions: Predictions, chosen: Classes) -> None:
    found = pair_cached.differences(workspace.fingerprint, *chosen)
    if found is None:
        st.markdown("The look of the pictures has not been measured yet; the survey does it.")
        draw_survey(workspace, predictions)
        return
    clear = [each for each in found if each.is_clear]
    if clear:
        st.markdown("\n".join(f"- {escaped(each.words)}" for each in clear))
    elif found:
        st.markdown(
            "No difference in brightness, contrast, sharpness, colour, shape or size is beyond chance."
        )
    else:
        st.markdown("There are too few images to compare.")
    compared = {each.images for each in found}
    a, b = (predictions.class_names[index] for index in chosen)
    few = [f"{x} called {y}" for x, y in ((a, b), (b, a)) if f"The images of {x} called {y}" not in compared]
    if few:
        st.caption(f"Too few images to look at those of {escaped(' and of '.join(few))}.")


def average_images(workspace: Workspace, predictions: Predictions, chosen: Classes) -> None:
    """The mean pictures of the four sets, and where they differ beyond chance."""
    a, b = (predictions.class_names[index] for index in chosen)
    sets: tuple[tuple[RowsName, str], ...] = (
        ("a_right", f"{a}, right"),
        ("a_as_b", f"{a} called {b}"),
        ("b_as_a", f"{b} called {a}"),
        ("b_right", f"{b}, right"),
    )
    st.subheader("Average images")
    means = {which: pair_cached.average(workspace.fingerprint, *chosen, which) for which, _ in sets}
    shown = [(mean, words) for which, words in sets if (mean := means[which]) is not None]
    if not shown:
        st.caption("There are no pictures to lay over each other.")
        return
    st.caption(
        "The pictures of each set, cut to a square and laid over each other: what they share at the same place stays "
        "visible."
    )
    with st.container(horizontal=True, key="pair_averages"):
        for mean, words in shown:
            st.image(average_jpeg(mean), width=PICTURE_WIDTH, caption=f"{escaped(words)} · {_number(mean)}")
        first, second = means["a_right"], means["b_right"]
        found = None if first is None or second is None else average_difference(first, second)
        if found is not None:
            caption = f"where {a} is lighter (red) or darker (blue) than {b}; grey could be chance"
            st.image(difference_png(found), width=PICTURE_WIDTH, caption=escaped(caption))
    if found is None:
        st.caption(f"Where the two differ is only shown with {FEWEST} recognised pictures of each.")
    else:
        st.caption(f"{escaped(found.words(a, b))} Both are the rightly recognised pictures.")


def _number(mean: AverageImage) -> str:
    words = f"{mean.n:,}" if mean.n + mean.n_unreadable == mean.n_all else f"{mean.n:,} of {mean.n_all:,}"
    words += " picture" if mean.n == 1 else " pictures"
    return words + (f", {mean.n_unreadable:,} unreadable" if mean.n_unreadable else "")
