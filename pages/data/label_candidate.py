"""One candidate: its picture, what speaks for each label, and the keys that decide."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import streamlit as st

from analysis.decision_words import decision_words
from analysis.label_candidates import LabelCandidate
from analysis.neighbours import nearest
from analysis.number_words import percent
from models.errors import ImagesError
from models.thumbnails import thumbnail
from pages.data.label_choice import Judged, decide, show_other_labels
from pages.data.label_steps import free_key
from pages.shared import state
from pages.shared.class_bars import class_bars
from pages.shared.gallery import gallery
from pages.shared.inspector import inspect
from pages.shared.pictures import gallery_items

EVIDENCE = 4
OTHERS = 4
PICTURE_SIZE = 512
NONE_OF_THEM = "None of these classes"


def candidate_view(judged: Judged, candidate: LabelCandidate) -> None:
    """Draw the candidate with all that is needed to decide about it."""
    content = _picture(judged, candidate)
    _decision_buttons(judged, candidate, has_file=content is not None)
    if st.session_state.get("label_other"):
        _other_labels(judged, candidate)
    st.html(_heading(judged, candidate))
    left, right = st.columns([0.46, 0.54], gap="medium")
    with left:
        st.html(_picture_box(candidate, content))
    with right:
        assert judged.predictions.probabilities is not None
        label = int(judged.predictions.labels[candidate.index])
        probabilities = judged.predictions.probabilities[candidate.index]
        st.html(class_bars(judged.predictions.class_names, probabilities, label, narrow=True))
        st.caption(evidence_words(candidate))
    _evidence(judged, candidate)


def evidence_words(candidate: LabelCandidate) -> str:
    """What the neighbours and the test say, in a sentence or two."""
    label, suggested = state.escaped(candidate.label), state.escaped(candidate.suggested)
    words = ""
    if candidate.neighbours:
        words = (
            f"Of the {candidate.neighbours} nearest images, {candidate.neighbours_of_suggested or 'none'} "
            f"{'is' if candidate.neighbours_of_suggested == 1 else 'are'} labelled {suggested} and "
            f"{candidate.neighbours_of_label or 'none'} {label}. "
        )
    if candidate.is_beyond_chance:
        sure = percent(candidate.posterior)
        return (
            f"{words}The model's plain errors rarely look like this: more likely the label is wrong ({sure})."
        )
    return f"{words}This may just as well be a plain error of the model."


def _decision_buttons(judged: Judged, candidate: LabelCandidate, *, has_file: bool) -> None:
    suggested = candidate.suggested
    with st.container(horizontal=True, gap="small", key="label_decisions"):
        _button(
            f"Accept {state.escaped(suggested)}", "accept", "check", "A", has_file=has_file, kind="primary",
            on_click=decide, args=(judged, candidate, "label", suggested),
        )  # fmt: skip
        _button(
            "Label is right", "right", "thumb_up", "K", has_file=has_file,
            on_click=decide, args=(judged, candidate, "model"),
        )  # fmt: skip
        _button(
            "Other label…", "choose_other", "edit", "O", has_file=has_file,
            on_click=show_other_labels, args=(not st.session_state.get("label_other"),),
        )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="label_other_decisions"):
        for words, key, icon, shortcut, decision in (
            ("Bad image", "bad", "broken_image", "B", "image"),
            ("Ambiguous", "ambiguous", "help", "M", "ambiguous"),
        ):
            _button(
                words, key, icon, shortcut, has_file=has_file, kind="tertiary",
                on_click=decide, args=(judged, candidate, decision),
            )  # fmt: skip
        st.button(
            "Open in full", key="label_inspect", icon=":material/open_in_full:", type="tertiary",
            on_click=inspect, args=(candidate.id, [candidate.id]),
        )  # fmt: skip
    if not has_file:
        st.caption("The file of this image is not there, so no decision can be kept with it.")


def _button(
    words: str,
    key: str,
    icon: str,
    shortcut: str,
    *,
    has_file: bool,
    on_click: Callable[..., None],
    args: tuple[Any, ...],
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
) -> None:
    st.button(
        words, key=f"label_{key}", icon=f":material/{icon}:", shortcut=free_key(shortcut), type=kind,
        disabled=not has_file, on_click=on_click, args=args,
    )  # fmt: skip


def _other_labels(judged: Judged, candidate: LabelCandidate) -> None:
    names, probabilities = judged.predictions.class_names, judged.predictions.probabilities
    assert probabilities is not None
    best = [
        names[index] for index in np.argsort(-probabilities[candidate.index], kind="stable")[: OTHERS + 2]
    ]
    others = [name for name in best if name not in (candidate.label, candidate.suggested)][:OTHERS]
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="label_others", border=True
    ):
        for place, name in enumerate(others, start=1):
            st.button(
                state.escaped(name), key=f"label_other_{place}", shortcut=free_key(str(place)),
                on_click=decide, args=(judged, candidate, "label", name),
            )  # fmt: skip
        st.selectbox(
            "Another class", [*(name for name in names if name != candidate.label), NONE_OF_THEM], index=None,
            placeholder="All classes", key=f"label_other_{candidate.id}", label_visibility="collapsed", width=220,
            on_change=_decide_from_list, args=(judged, candidate),
        )  # fmt: skip


def _decide_from_list(judged: Judged, candidate: LabelCandidate) -> None:
    name = st.session_state.get(f"label_other_{candidate.id}")
    if name is not None:
        decide(judged, candidate, "label", None if name == NONE_OF_THEM else name)


def _heading(judged: Judged, candidate: LabelCandidate) -> str:
    label, suggested = html.escape(candidate.label), html.escape(candidate.suggested)
    decided = decision_words(judged.notes.get(candidate.index), candidate.label)
    marks = ['<span class="label-mark">stands out</span>'] if candidate.is_beyond_chance else []
    marks += [f'<span class="label-mark label-decided">{html.escape(decided)}</span>'] if decided else []
    return (
        f'<div role="heading" aria-level="3" class="label-heading"><span>labelled <b>{label}</b></span>'
        f"<span>looks like <b>{suggested}</b></span>{''.join(marks)}</div>"
    )


def _picture(judged: Judged, candidate: LabelCandidate) -> bytes | None:
    try:
        return thumbnail(state.store(), judged.predictions.absolute(candidate.path), size=PICTURE_SIZE)
    except ImagesError:
        return None


def _picture_box(candidate: LabelCandidate, content: bytes | None) -> str:
    path = html.escape(candidate.path)
    if content is None:
        return f'<figure class="label-picture"><p>no picture: the file cannot be read</p><figcaption>{path}</figcaption></figure>'
    source = f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"
    words = html.escape(f"image labelled {candidate.label}")
    return f'<figure class="label-picture"><img src="{source}" alt="{words}"><figcaption title="{path}">{path}</figcaption></figure>'


def _evidence(judged: Judged, candidate: LabelCandidate) -> None:
    predictions = judged.predictions
    if predictions.embeddings is None:
        st.caption("There are no embeddings, so images to compare with can't be chosen by likeness.")
        return
    names = predictions.class_names
    sides = (("label", candidate.label, "the label"), ("suggested", candidate.suggested, "suggested"))
    for column, (key, name, words) in zip(st.columns(2, gap="medium"), sides, strict=True):
        with column:
            st.markdown(f"**{state.escaped(name)}** ({words}): the nearest images")
            among = np.flatnonzero(predictions.labels == names.index(name))
            rows, _ = nearest(predictions.embeddings, candidate.index, EVIDENCE, among)
            ids = predictions.images["id"].to_numpy()[rows].tolist()
            gallery(
                gallery_items(predictions, rows), key=f"label_evidence_{key}", compact=True, columns=2,
                on_open=partial(inspect, sequence=ids),
                empty="No other image bears this label.",
            )  # fmt: skip
