"""What is asked: why this class, why not that one, why one rather than the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from analysis.cell_name import cell_name, parsed_cell
from models.errors import PredictionsError
from pages.explain.chosen_image import Chosen
from pages.shared.addressed import addressed, choose, put_right, say_what_was_put_right, write_address
from pages.shared.state import escaped, keep_widget

if TYPE_CHECKING:
    from analysis.attribution.records import Target

PREDICTED, LABEL, CONTRAST, OTHER = "predicted", "label", "contrast", "other"


@dataclass(frozen=True)
class AskedClass:
    """What the maps answer.

    Args:
        a: the class whose evidence is shown.
        b: the class it is held against, or None.
        words: the same in words, fit for a caption or a file name.
    """

    a: int
    b: int | None
    words: str

    @property
    def target(self) -> Target:
        """As `analysis.attribution.attribute` takes it."""
        from analysis.attribution import Contrast

        return self.a if self.b is None else Contrast(self.a, self.b)

    @property
    def plain(self) -> int | tuple[int, int]:
        """As plain data, for the spec of a job."""
        return self.a if self.b is None else (self.a, self.b)


def asked_class(class_names: Sequence[str], chosen: Chosen) -> AskedClass:
    """Draw the question and return it.

    Args:
        class_names: of the network.
        chosen: the picture, with its probabilities.

    Raises:
        PredictionsError: its probabilities are not known.
    """
    if chosen.probabilities is None:
        raise PredictionsError("What the network says of this picture is not known.")
    ranked = [int(index) for index in np.argsort(-chosen.probabilities, kind="stable")[:2]]
    predicted, second = ranked[0], ranked[-1]
    mistaken = chosen.label is not None and chosen.label != predicted
    rival = chosen.label if mistaken and chosen.label is not None else second
    text = addressed("target") or PREDICTED
    mode = _mode(text, class_names, mistaken)
    say_what_was_put_right("target")
    names = [escaped(name) for name in class_names]
    words = {
        PREDICTED: f"Why {names[predicted]}",
        **({LABEL: f"What speaks for {names[rival]}"} if mistaken else {}),
        CONTRAST: f"{names[predicted]} rather than {names[rival]}",
        OTHER: "Other classes…",
    }
    if len(class_names) < 2:
        words.pop(CONTRAST)
    st.segmented_control(
        "Question", list(words), default=keep_widget("question", mode), format_func=words.__getitem__, key="question", required=True,
        on_change=_choose_mode, args=(class_names[predicted],), label_visibility="collapsed",
    )  # fmt: skip
    if mode == OTHER:
        a, b = _other_classes(text, class_names)
    else:
        a = rival if mode == LABEL else predicted
        b = rival if mode == CONTRAST else None
    # "label" stays in the address of an image that is right: the next one may be wrong.
    write_address("target", _encoded(class_names, a, b) if mode == OTHER else text if text == LABEL else mode)
    st.caption(_meaning(names, a, b, chosen, predicted))
    return AskedClass(a, b, class_names[a] if b is None else f"{class_names[a]} rather than {class_names[b]}")


def _encoded(class_names: Sequence[str], a: int, b: int | None) -> str:
    return cell_name(class_names[a], None if b is None else class_names[b])


def _mode(text: str, class_names: Sequence[str], mistaken: bool) -> str:
    if text == PREDICTED or (text == CONTRAST and len(class_names) > 1) or (text == LABEL and mistaken):
        return text
    first, against = parsed_cell(text) if "/" in text else (None, None)
    if first in class_names and against != first and (against is None or against in class_names):
        return OTHER
    if text != LABEL:  # the label of a right image is its prediction
        put_right(
            "target", PREDICTED, f"{_refusal(text, first, class_names)}; the prediction is shown instead."
        )
    return PREDICTED


def _refusal(text: str, first: str | None, class_names: Sequence[str]) -> str:
    if text == CONTRAST:
        return "There is only one class, which cannot be held against another"
    if first in class_names and parsed_cell(text)[1] == first:
        return f"The class {escaped(str(first))} cannot be held against itself"
    return f"There is no class {escaped(text)} to ask about"


def _choose_mode(predicted: str) -> None:
    mode = st.session_state["question"]
    choose("target", cell_name(predicted, None) if mode == OTHER else mode)


def _choose_classes(class_names: Sequence[str]) -> None:
    a, b = st.session_state["asked_a"], st.session_state["asked_b"]
    choose("target", _encoded(class_names, a, None if b == a else b))


def _other_classes(text: str, class_names: Sequence[str]) -> tuple[int, int | None]:
    first, against = parsed_cell(text)
    a = class_names.index(first) if first in class_names else 0
    b = class_names.index(against) if against in class_names and against != first else None
    keep_widget("asked_a", a)
    keep_widget("asked_b", b)
    others = [index for index in range(len(class_names)) if index != a]
    with st.container(horizontal=True, key="asked_classes"):
        st.selectbox(
            "Why", range(len(class_names)), index=a, format_func=class_names.__getitem__, key="asked_a", width=260,
            on_change=_choose_classes, args=(class_names,),
        )  # fmt: skip
        st.selectbox(
            "Rather than", others, index=None if b is None else others.index(b), width=260,
            format_func=class_names.__getitem__, key="asked_b", placeholder="any other class",
            on_change=_choose_classes, args=(class_names,),
        )  # fmt: skip
    return a, b


def _meaning(names: Sequence[str], a: int, b: int | None, chosen: Chosen, predicted: int) -> str:
    if b is not None:
        return f"The maps show what speaks for **{names[a]}** more than for **{names[b]}**."
    role = ", which the network predicted" if a == predicted else ""
    role = ", the label" if a == chosen.label and not role else role
    return f"The maps show what speaks for **{names[a]}**{role}."
