"""Choose a checkpoint and images, or a table of predictions; see what was recognised, then evaluate."""

from __future__ import annotations

import streamlit as st

from models.class_names import check_labels
from models.errors import ClassNamesMismatch, ErrorscopeError
from models.evaluation import EvaluationSpec
from models.recent import RecentEvaluation, recent
from pages.open import starting_values
from pages.open.images_panel import ImagesChoice, images_panel
from pages.open.model_panel import ModelChoice, model_panel
from pages.open.predictions_panel import predictions_panel
from pages.shared import sample, state
from pages.shared.halves import halves
from pages.shared.job_panel import job_panel

RECENT = 5
MODEL_WAY, PREDICTIONS_WAY = "A checkpoint and images", "I have predictions, no network"


def shortcuts() -> None:
    """The sample and what was open lately, one click away."""
    with st.container(horizontal=True, key="shortcuts"):
        st.button(
            "Open the sample", icon=":material/pets:", key="open_sample",
            help="Small drawn cats and dogs, with mistakes planted in them.", on_click=_open, args=(sample.sample_spec(),),
        )  # fmt: skip
        for place, entry in enumerate(_recent()):
            spec = EvaluationSpec.from_json(entry.spec)
            accuracy = "" if entry.accuracy is None else f" · {entry.accuracy:.1%}"
            st.button(
                f"{state.escaped(spec.title())}{accuracy}",
                key=f"recent_{place}", icon=":material/history:", on_click=_open, args=(spec,),
                help=state.escaped(f"{spec.model} on {spec.images}, {entry.n_images:,} images"),
            )  # fmt: skip


def _recent() -> list[RecentEvaluation]:
    own = sample.sample_spec().to_json()
    entries = recent(state.store(), limit=50)
    return [entry for entry in entries if entry.is_saved and entry.spec != own][:RECENT]


def _open(spec: EvaluationSpec) -> None:
    starting_values.forget_link()
    state.forget_view()
    try:
        state.open_model(spec)
    except ErrorscopeError as error:
        st.session_state["setup_error"] = error
        return
    st.session_state["go_to_matrix"] = True


def names_agree(model: ModelChoice, images: ImagesChoice) -> bool:
    """Whether the network's classes and the images' labels fit; otherwise show both lists."""
    summary = model.summary
    if summary is None or images.image_set is None:
        return False
    found = images.image_set.class_names
    try:
        if summary.class_names is not None:
            check_labels(summary.class_names, found)
        elif summary.n_classes != len(found):
            raise ClassNamesMismatch(
                f"The network has {summary.n_classes} classes, the images have {len(found)}.",
                expected=[],
                found=found,
                next_step="Give a file of class names in the order of the network's outputs, or other images.",
            )
    except ClassNamesMismatch as error:
        state.explain(error)
        left, right = st.columns(2)
        left.dataframe({"network": list(error.expected) or ["(no names)"]}, hide_index=True, height=240)
        right.dataframe({"images": list(error.found)}, hide_index=True, height=240)
        return False
    return True


def evaluate_button(model: ModelChoice, images: ImagesChoice) -> None:
    """Start the evaluation once both sides are recognised and agree."""
    if model.summary is None or images.image_set is None:
        _disabled_button("Choose a checkpoint and images first.")
        return
    if model.problem:
        _disabled_button("Correct the preprocessing first.")
        st.caption(f"Correct the preprocessing first: {state.escaped(model.problem)}")
        return
    if not names_agree(model, images):
        return
    spec = EvaluationSpec(
        checkpoint=model.path,
        images=images.path,
        architecture=model.architecture,
        class_names=model.class_names,
        groups=images.groups,
        preprocessing=model.preprocessing,
        trust_code=model.trust_code,
        split=images.split,
        limit=images.limit,
    )
    n = len(images.image_set.table)
    st.button(
        f"Evaluate {n:,} images",
        type="primary",
        icon=":material/play_arrow:",
        key="evaluate",
        on_click=_open,
        args=(spec,),
    )


def _disabled_button(reason: str) -> None:
    st.button("Evaluate", type="primary", disabled=True, key="evaluate", help=reason)


def _link_question() -> None:
    what = "predictions and images" if starting_values.are_predictions() else "a model and images"
    st.info(f"This link names {what} that were not evaluated here yet. Check them, then evaluate.")
    st.button(
        "Check these files", key="check_asked", icon=":material/search:", on_click=starting_values.check_asked
    )


def page() -> None:
    """Draw the page."""
    if st.session_state.pop("go_to_matrix", False):
        st.switch_page(state.MATRIX_PAGE)
    st.title("Open a model and images")
    st.write(
        "A trained image classifier, and labelled images it has not been trained on; or a table of what it "
        "predicted. Nothing leaves this machine."
    )
    starting_values.fill_fields()
    is_waiting = starting_values.is_waiting()
    with st.container():  # what comes and goes in it leaves everything below in its place
        _notices(is_waiting=is_waiting)
    shortcuts()
    ways = MODEL_WAY, PREDICTIONS_WAY
    checkpoint, table = st.tabs(ways, default=ways[starting_values.are_predictions()])
    with checkpoint:
        _ask_for_model(is_waiting=is_waiting)
    with table, st.container(border=True, key="open_predictions"):
        spec, n_images = predictions_panel(is_waiting=is_waiting)
        _open_button(spec, n_images)


def _notices(*, is_waiting: bool) -> None:
    job = state.evaluation_job()
    if job is not None:
        job_panel(job)
    error = st.session_state.pop("setup_error", None)
    if error is not None:
        state.explain(error)
    if is_waiting:
        _link_question()


def _ask_for_model(*, is_waiting: bool) -> None:
    left, right = halves("setup")
    with left, st.container(border=True, key="open_model"):
        model = model_panel(is_waiting=is_waiting)
    with right, st.container(border=True, key="open_images"):
        images = images_panel(is_waiting=is_waiting)
    evaluate_button(model, images)


def _open_button(spec: EvaluationSpec | None, n_images: int) -> None:
    """Open the predictions once they are recognised."""
    st.button(
        "Open the predictions" if spec is None else f"Open {n_images:,} predictions",
        type="primary", icon=":material/play_arrow:", key="open_table", disabled=spec is None,
        help="Choose a table of predictions first." if spec is None else None, on_click=_open, args=(spec,),
    )  # fmt: skip


page()
