"""Images made from noise to excite a channel or a class: those that were made, and the way to another."""

from __future__ import annotations

import math
from pathlib import Path

import streamlit as st

from analysis.layers.excitation_record import (
    STEPS,
    ExcitationRecord,
    ExcitationSpec,
    Excited,
    next_seed,
    saved_excitations,
)
from analysis.number_words import percent
from models.predictions import Predictions
from pages.network.weights_cached import network_name
from pages.shared import state
from pages.shared.clock import clock
from pages.shared.job_button import job_and_button
from pages.shared.job_panel import duration_words
from pages.shared.state import Workspace, escaped

KIND = "excitation"
LENGTHS = {128: "Quick, 128 steps", STEPS: f"Usual, {STEPS} steps", 512: "Long, 512 steps"}
SHOWN = 6
REFRESH_SECONDS = 1.5
_RUNS_OF_A_STEP = 4  # forward and backward through the network, in forward passes of a batch


def excitation_shown(
    workspace: Workspace, predictions: Predictions, excited: Excited, name: str, highest: float
) -> None:
    """Draw the images that were made for a channel or a class, and how to make one more.

    Args:
        workspace: what is open.
        predictions: of its evaluation.
        excited: the channel or the class.
        name: what a person calls it.
        highest: the most that it gave for any validation image; nan where that is not known.
    """
    network = network_name(workspace, predictions)
    made = saved_excitations(state.store(), network, excited)
    with st.container(key="excitation"):
        st.markdown(f"##### An image made to excite {escaped(name)}")
        st.caption(
            "Climbed from noise by the gradient, kept smooth and moved a little at each step. It shows what the number "
            "responds to; it is no photograph of anything, and another seed gives another."
        )
        _pictures(predictions, made[-SHOWN:], highest)
        spec = _asked(workspace, predictions, network, excited, [record for record, _ in made])
        if spec is not None:
            _make(predictions, spec, name)


def _pictures(predictions: Predictions, made: list[tuple[ExcitationRecord, Path]], highest: float) -> None:
    if not made:
        return
    with st.container(horizontal=True, gap="medium", key="excitation_pictures"):
        for record, picture in reversed(made):
            with st.container(width=248, gap="small"):
                st.image(picture.read_bytes(), width=248)
                st.caption(_picture_words(predictions, record, highest))


def _picture_words(predictions: Predictions, record: ExcitationRecord, highest: float) -> str:
    words = f"Seed {record.seed}, {record.steps} steps: it gives {record.highest:.3g}"
    if not math.isnan(highest):
        words += f"; any validation image at most {highest:.3g}"
    names = predictions.class_names
    if record.predicted < len(names):
        sees = escaped(names[record.predicted])
        words += f". The network calls it {sees} ({percent(record.confidence)})"
    return f"{words}."


def _asked(
    workspace: Workspace,
    predictions: Predictions,
    network: str,
    excited: Excited,
    made: list[ExcitationRecord],
) -> ExcitationSpec | None:
    """Seed and length; None, with words, where that picture is there already."""
    place = f"{excited.layer}_{excited.channel}_{len(made)}"
    with st.container(horizontal=True, vertical_alignment="bottom", key="excitation_settings"):
        seed = st.number_input(
            "Seed", 0, 10**6, next_seed(made), key=f"excitation_seed_{place}", width=140,
            help="Of the noise it begins with: the same seed gives the same image.",
        )  # fmt: skip
        steps = st.selectbox(
            "Length",
            list(LENGTHS),
            index=1,
            format_func=LENGTHS.__getitem__,
            key="excitation_steps",
            width=220,
        )
    if any((each.seed, each.steps) == (seed, steps) for each in made):
        st.caption("This image is made already; another seed gives another.")
        return None
    return ExcitationSpec(workspace.spec, workspace.fingerprint, network, excited, int(seed), int(steps))


def _make(predictions: Predictions, spec: ExcitationSpec, name: str) -> None:
    plain = spec.to_json()
    before = st.container()
    forward = predictions.seconds.get("forward", 0.0) / max(1, len(predictions))
    words = f"About {duration_words(spec.steps * forward * _RUNS_OF_A_STEP)}; it is kept." if forward else ""
    job_and_button(
        KIND, plain, label="Make an image", key="excitation_make", words=words, icon=":material/auto_awesome:",
        title=f"An image that excites {name}",
    )  # fmt: skip
    # only now: a press begins the job in the lines above
    job = state.running_jobs().newest_of(KIND, plain)
    if job is not None and job.is_active:
        with before:
            _so_far(str(spec.file(state.store(), "so-far.png")))


@st.fragment
def _so_far(file: str) -> None:
    """The picture as it comes, drawn again and again; the panel of the job ends it."""
    path = Path(file)
    with st.container(key="excitation_so_far"):
        try:
            st.image(path.read_bytes(), width=248, caption="so far")
        except OSError:  # none yet, or done in this moment
            st.caption("The first image comes in a moment.")
        clock(REFRESH_SECONDS, key="excitation_clock")
