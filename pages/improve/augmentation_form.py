"""Which random changes training images go through: a preset, then each change by itself, with a live preview."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from models.finetune.augmentation import Augmentation, Operation
from models.finetune.augmentation_presets import PRESETS, preset_of
from models.finetune.augmentation_table import OPERATIONS, OperationKind
from pages.improve.augmentation_preview import augmentation_preview
from pages.improve.augmentation_scales import PROBABILITY, scale_of
from pages.shared.state import escaped, keep_widget

if TYPE_CHECKING:
    from models.preprocessing import Preprocessing

OWN = "own"
FILLS = {"reflect": "Mirrored", "edge": "Edge drawn out", "black": "Black", "mean": "Mean colour"}
CARD_WIDTH = 210


def augmentation_form(
    key: str, images: Sequence[Path], preprocessing: Preprocessing, *, usual: str = "mild"
) -> Augmentation:
    """Draw the choices and the preview; return what is chosen. It outlives a change of page.

    Args:
        key: of the form, once a page; its widgets' keys begin with it.
        images: to preview it on, absolute paths, those of the chosen cell first.
        preprocessing: of the network that will be trained.
        usual: the preset to begin with, a key of ``PRESETS``.
    """
    augmentation = _chosen(key, usual)
    with st.container(key=key):
        _preset(key, augmentation)
        augmentation_preview(f"{key}_preview", images, augmentation, preprocessing)
        n = len(augmentation.operations)
        with st.expander(f"Random changes, one by one: {n or 'none'} on", key=f"{key}_all"):
            _switches(key, augmentation)
            with st.grid(min_column_width=CARD_WIDTH, gap="small", key=f"{key}_cards"):
                for operation in augmentation.operations:
                    _card(key, operation)
    return augmentation


def _chosen(key: str, usual: str) -> Augmentation:
    kept = st.session_state.setdefault(f"{key}_chosen", PRESETS[usual].augmentation.to_json())
    return Augmentation.from_json(kept)


def _keep(key: str, augmentation: Augmentation) -> None:
    st.session_state[f"{key}_chosen"] = augmentation.to_json()


def _preset(key: str, augmentation: Augmentation) -> None:
    known = preset_of(augmentation)
    options = [*PRESETS, *([] if known else [OWN])]
    widget = f"{key}_preset"
    st.segmented_control(
        "Preset", options, default=keep_widget(widget, known or OWN), required=True, key=widget,
        format_func=lambda name: PRESETS[name].label if name in PRESETS else "Your own",
        on_change=_take_preset, args=(key,), label_visibility="collapsed",
    )  # fmt: skip
    words = PRESETS[known].sentence if known else "As set below."
    st.caption(words)


def _take_preset(key: str) -> None:
    name = st.session_state[f"{key}_preset"]
    if name in PRESETS:
        _keep(key, PRESETS[name].augmentation)


def _switches(key: str, augmentation: Augmentation) -> None:
    """All changes there are, those that happen marked."""
    widget = f"{key}_on"
    on = [operation.name for operation in augmentation.operations]
    st.pills(
        "Changes", list(OPERATIONS), default=keep_widget(widget, on), selection_mode="multi", key=widget,
        format_func=lambda name: OPERATIONS[name].label, on_change=_switch, args=(key,),
        label_visibility="collapsed",
    )  # fmt: skip


def _switch(key: str) -> None:
    kept = {operation.name: operation for operation in _chosen(key, "none").operations}
    on = set(st.session_state[f"{key}_on"] or ())
    kinds = [kind for name, kind in OPERATIONS.items() if name in on]
    _keep(key, Augmentation(tuple(kept.get(kind.key, usual_operation(kind)) for kind in kinds)))


def usual_operation(kind: OperationKind) -> Operation:
    """A change as it is when it is switched on."""
    return Operation(kind.key, kind.default, kind.probability)


def _card(key: str, operation: Operation) -> None:
    """The settings of one change."""
    kind = OPERATIONS[operation.name]
    name = f"{key}_{operation.name}"
    with st.container(border=True, gap="xsmall", key=f"{name}_card"):
        st.markdown(f"**{escaped(kind.label)}**", help=escaped(kind.sentence))
        if kind.has_strength:
            _slider(key, operation, "strength")
        _slider(key, operation, "probability")
        if kind.moves_pixels:
            widget = f"{name}_fill"
            keep_widget(widget, operation.fill)
            st.selectbox(
                "Border", list(FILLS), list(FILLS).index(operation.fill), format_func=FILLS.__getitem__, key=widget,
                on_change=_set, args=(key, operation.name, "fill"),
                help="What stands where the picture was moved away from.",
            )  # fmt: skip


def _slider(key: str, operation: Operation, part: Literal["strength", "probability"]) -> None:
    kind = OPERATIONS[operation.name]
    scale = scale_of(kind) if part == "strength" else PROBABILITY
    value = scale.shown(getattr(operation, part))
    widget = f"{key}_{operation.name}_{part}"
    keep_widget(widget, value)
    st.slider(
        kind.strength_label if part == "strength" else "Probability", scale.low, scale.high, value, scale.step, scale.words,
        key=widget, on_change=_set, args=(key, operation.name, part),
    )  # fmt: skip


def _set(key: str, name: str, part: str) -> None:
    value: Any = st.session_state[f"{key}_{name}_{part}"]
    if part != "fill":
        scale = scale_of(OPERATIONS[name]) if part == "strength" else PROBABILITY
        value = scale.meant(value)
    changed = [
        Operation(**{**vars(each), part: value}) if each.name == name else each
        for each in _chosen(key, "none").operations
    ]
    _keep(key, Augmentation(tuple(changed)))
