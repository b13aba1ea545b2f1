"""One version in full: what it reached, how it was trained, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.number_words import fine_percent
from models.evaluation_spec import EvaluationSpec
from models.finetune.version_record import Version
from models.jobs import JobStatus
from models.prediction_record import PROGRAMS
from pages.improve.compare_control import control_offer
from pages.improve.compare_results import Result, baseline_of, control_of, results
from pages.improve.job_shown import setting_rows
from pages.improve.job_words import TRAINING
from pages.improve.training_curves import training_curves
from pages.improve.versions_compression import compression_price
from pages.improve.versions_export import exports
from pages.improve.versions_form import delete_button, name_and_note
from pages.improve.versions_images import images_table
from pages.improve.versions_tree import badges, choose
from pages.improve.versions_words import (
    STOPPED,
    opened_spec,
    points_words,
    recipe_label,
    scores_of,
    sure_words,
)
from pages.shared import state
from pages.shared.job_panel import duration_words
from pages.shared.notes_form import moment_words

PARTS = ("Curves", "Recipe", "Images", "Files", "Name and note")
PARTS_OF_COMPRESSION = ("Price", "Files", "Name and note")


def version_shown(version: Version, versions: Sequence[Version]) -> None:
    """Draw a version.

    Args:
        version: the chosen one.
        versions: all, to find its parent and children.
    """
    with st.container(border=True, key="version_shown"):
        st.subheader(state.escaped(version.name))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            badges(version)
            st.caption(_origin(version, versions), width="content")
        if version.note:
            st.text(version.note)
        _figures(version)
        known = results(state.store())
        _actions(version, versions, known)
        _control(version, versions, known)
        _parts(version)


def _origin(version: Version, versions: Sequence[Version]) -> str:
    parent = next((each for each in versions if each.id == version.parent), None)
    start = version.finetune_spec.start.title().partition(" on ")[0] if parent is None else parent.name
    words = f"{recipe_label(version)} from {start} · {moment_words(version.created)}"
    stopped = STOPPED.get(str(version.metrics.get("stopped")))
    epochs, seconds = version.metrics.get("epochs"), version.metrics.get("seconds")
    if epochs and seconds is not None and stopped:
        words += (
            f" · {epochs:,} {'epoch' if epochs == 1 else 'epochs'} in {duration_words(seconds)}: {stopped}"
        )
    return state.escaped(words)


def _figures(version: Version) -> None:
    report, before = scores_of(version, "report"), scores_of(version, "before", "report")
    if not report:
        _not_evaluated(version)
        return
    with st.container(horizontal=True, gap="large", key="version_figures"):
        st.metric(
            "Held-out half", fine_percent(report["accuracy"]), width="content",
            delta=points_words(before["accuracy"], report["accuracy"]) if before else None,
            delta_color="off", delta_arrow="off",
            help=f"Validation images that nothing was chosen by: {sure_words(report)}. The change is against the model "
            "that it is compared with; Before and after says whether it is more than chance.",
        )  # fmt: skip
        for role, name, words in (
            ("test", "Test images", "Evaluated once, when it was made; nothing was chosen by them."),
            ("select", "Other half", "The other half of the validation images.")
            if version.compression
            else (
                "select",
                "Chose the epoch",
                "Images that chose its best epoch: a little too good by that.",
            ),
            ("train", "Training images", "Augmented, in the best epoch: too good by far."),
        ):
            scores = scores_of(version, role)
            if scores:
                st.metric(
                    name,
                    fine_percent(scores["accuracy"]),
                    width="content",
                    help=f"{words} {sure_words(scores)}.",
                )
    st.caption(f"Held-out half: {sure_words(report)}.{_test_words(version)}")


def _not_evaluated(version: Version) -> None:
    """Why there are no figures: the training still evaluates it, or was ended before it had."""
    job = _maker(version)
    if job is None or not job.is_active:
        st.info("It was saved, but its evaluation did not come to an end: open it to evaluate it.")
        return
    st.info(
        "It is saved, and the job that made it is still evaluating it.", icon=":material/hourglass_empty:"
    )
    st.page_link(
        state.JOBS_PAGE, label="In the list of jobs", icon=":material/pending_actions:", query_params={"job": job.id}
    )  # fmt: skip


def _maker(version: Version) -> JobStatus | None:
    """The job that makes it, if that is still known."""
    if not version.compression:
        return state.running_jobs().newest_of(TRAINING, version.finetune_spec.to_json())
    return next((job for job in state.running_jobs().list(limit=1000) if job.id == version.id), None)


def _test_words(version: Version) -> str:
    test = scores_of(version, "test")
    return f" Test images, evaluated once: {sure_words(test)}." if test else ""


def _actions(version: Version, versions: Sequence[Version], known: dict[str, Result]) -> None:
    current, wanted = state.open_spec(), opened_spec(version, state.open_spec())
    own = opened_spec(version, None)
    is_open = current is not None and current.checkpoint == str(version.checkpoint)
    with st.container(horizontal=True, vertical_alignment="center", key="version_actions"):
        if st.button(
            "Open this version", key="open_version", type="primary", icon=":material/folder_open:", disabled=is_open,
            help=f"As the model of all pages, on {state.escaped(state.images_words(wanted))}.",
        ):  # fmt: skip
            open_it(wanted)
        if (wanted.images, wanted.split) != (own.images, own.split) and st.button(
            "Open with its own images", key="open_version_own", icon=":material/photo_library:",
            help=f"On its validation images, {state.escaped(state.images_words(own))}.",
        ):  # fmt: skip
            open_it(own)
        _compare_link(version, versions, known)
        _weights_link(version, current)
        n_children = sum(each.parent == version.id for each in versions)
        delete_button(version, n_children)


def open_it(spec: EvaluationSpec) -> None:
    """Make a version the open model, and go to its matrix."""
    state.forget_view()
    state.open_model(spec)
    st.switch_page(state.MATRIX_PAGE)


def _compare_link(version: Version, versions: Sequence[Version], known: dict[str, Result]) -> None:
    """The way to what was fixed and what broke, against its parent or what it was trained to beat."""
    mine = known.get(version.evaluation)
    if mine is None:
        return
    parent = next((each for each in versions if each.id == version.parent), None)
    before = None if parent is None else known.get(parent.evaluation)
    if before is None or not before.is_beside(mine.spec):
        before = baseline_of(mine, known)
    if before is None or before == mine:
        return
    query = {"before": before.fingerprint, "after": mine.fingerprint}
    control = control_of(mine, known)
    if control is not None:
        query["control"] = control.fingerprint
    st.page_link(
        state.COMPARE_PAGE, label=f"Compare with {state.escaped(_short(before))}", icon=":material/difference:",
        query_params=query,
    )  # fmt: skip


def _weights_link(version: Version, current: EvaluationSpec | None) -> None:
    """The way to what differs in each layer: from what the open version started from, or to another one from here."""
    if current is None or not current.checkpoint or version.architecture in PROGRAMS:
        return
    is_open = current.checkpoint == str(version.checkpoint)
    other = version.finetune_spec.start.checkpoint if is_open else str(version.checkpoint)
    if not other:
        return
    st.page_link(
        state.WEIGHTS_PAGE, icon=":material/tune:",
        label="Which layers changed" if is_open else "Its layers against the open model's",
        query_params={**state.open_query(current), "against": other},
    )  # fmt: skip


def _short(result: Result) -> str:
    return result.version.name if result.version is not None else result.words.partition(" · ")[0]


def _control(version: Version, versions: Sequence[Version], known: dict[str, Result]) -> None:
    """The control of a targeted version, or the offer to train it; the way from a control to its version."""
    of = next((each for each in versions if each.id == version.control_of), None)
    controls = [each for each in versions if each.control_of == version.id]
    if of is not None:
        _way("The version it is the control of", of)
    elif controls:
        _way("Its control", controls[0])
    elif version.finetune_spec.target is not None:
        spec = version.finetune_spec.start
        mine = known.get(version.evaluation) or Result(version.evaluation, spec, version.created, version)
        control_offer(mine, primary=False)


def _way(words: str, to: Version) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="version_control"):
        st.markdown(f"{words}:", width="content")
        st.button(
            state.escaped(to.name), key="go_to_version", type="tertiary", on_click=choose, args=(to.id,)
        )


def _parts(version: Version) -> None:
    parts = PARTS_OF_COMPRESSION if version.compression else PARTS
    part = st.segmented_control(
        "Part", parts, default=parts[0], required=True, persist_state="session", label_visibility="collapsed",
        key="version_part_compression" if version.compression else "version_part",
    )  # fmt: skip
    if part == "Price":
        compression_price(version)
    elif part == "Curves":
        training_curves(version.history, key="version_curves")
    elif part == "Recipe":
        rows = setting_rows(version.finetune_spec)
        st.table({"setting": list(rows), "value": list(rows.values())}, border="horizontal")
        st.caption(
            "Made with " + ", ".join(f"{name} {number}" for name, number in version.libraries.items()) + "."
        )
    elif part == "Images":
        images_table(version)
    elif part == "Files":
        exports(version)
    else:
        name_and_note(version)
