"""What is open, where it stands in the session and in the URL.

The session holds one frozen record of what is open and a few small choices; everything heavy stays in
the store or in the caches of pages/shared/cached.py. The URL repeats what is open (``model``,
``images``) and what is looked at (``cell``, ``image``), so a link or a reload shows the same view.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import streamlit as st

import analysis.job_kinds  # noqa: F401 - makes them known
from models.errors import ErrorscopeError, JobError
from models.evaluation import THUMBNAILS_PHASE, EvaluationSpec, evaluation_of
from models.jobs import Jobs, JobStatus, jobs
from models.recent import recent
from models.store import Store, default_store

P = ParamSpec("P")
T = TypeVar("T")
MATRIX_PAGE = "pages/mistakes/confusion_matrix.py"
OVERVIEW_PAGE = "pages/mistakes/overview.py"
EXPLAIN_PAGE = "pages/explain/image.py"
CELL_PAGE = "pages/explain/cell.py"
PAIRS_PAGE = "pages/mistakes/confusable_classes.py"
PAIR_PAGE = "pages/mistakes/pair.py"
RARE_PAGE = "pages/mistakes/rare.py"
CALIBRATION_PAGE = "pages/mistakes/calibration.py"
LABELS_PAGE = "pages/data/labels.py"
DUPLICATES_PAGE = "pages/data/duplicates.py"
SLICES_PAGE = "pages/data/slices.py"
MAP_PAGE = "pages/data/embedding_map.py"
NOTES_PAGE = "pages/data/notes.py"
CHANNELS_PAGE = "pages/network/channels.py"
ARCHITECTURE_PAGE = "pages/network/architecture.py"
BACKBONES_PAGE = "pages/network/backbones.py"
FEATURE_MAPS_PAGE = "pages/network/feature_maps.py"
LAYERS_PAGE = "pages/network/layer_by_layer.py"
WEIGHTS_PAGE = "pages/network/weights.py"
COMPRESSION_PAGE = "pages/network/compression.py"
FINETUNE_PAGE = "pages/improve/finetune.py"
JOBS_PAGE = "pages/improve/jobs.py"
VERSIONS_PAGE = "pages/improve/versions.py"
COMPARE_PAGE = "pages/improve/compare.py"
SETUP_PAGE = "pages/open/setup.py"
_LOOKED_AT = (
    *("cell", "written_cell", "image", "written_image", "sequence", "gallery_sequence"),
    *("folded", "classes", "at_least"),
    *("target", "explain_image", "explain_written_image", "explain_target", "explain_written_target"),
    *("explain_upload_problem", "explain_cell", "unwritten"),
    *("pair", "written_pair", "slice", "written_slice", "candidate", "written_candidate"),
    *("error", "written_error"),
    *("cluster", "written_cluster", "threshold", "coverage", "map_colour", "map_selection", "map_mistakes"),
    *("confidences", "bins", "threshold_side", "cost_within", "cost_across", "cost_person", "cost_hands"),
    *(
        "label_other",
        "label_filter",
        "label_page",
        "label_paged_for",
        "rare_which",
        "rare_decided",
        "rare_page",
    ),
    *("before", "after", "control", "compare_before", "compare_after", "compare_control", "compare_cell"),
    *("written_compare_before", "written_compare_after", "written_compare_control", "written_compare_cell"),
    *("mend", "written_mend", "mended", "written_mended", "mend_suggested"),
    *(
        "explain_layer",
        "explain_written_layer",
        "layer",
        "explain_channel",
        "explain_written_channel",
        "channel",
    ),
    *("explain_beside", "explain_written_beside", "beside"),
    *("explain_against", "explain_written_against", "against"),
    *("explain_for_class", "explain_written_for_class", "for_class", "channels_class", "channels_order"),
    *("near", "written_near", "map_layer"),
    *("notes_words", "notes_decision", "notes_tags", "notes_opened"),
)
"""What belongs to one model's classes and images, in the session and in the URL."""


@dataclass(frozen=True)
class Workspace:
    """A model with its images, evaluated.

    Args:
        spec: the files and choices it was opened with.
        fingerprint: names the saved evaluation.
    """

    spec: EvaluationSpec
    fingerprint: str


def store() -> Store:
    """The workspace folder of this server."""
    return default_store()


def running_jobs() -> Jobs:
    """The one job runner of this server."""
    return jobs(store())


def open_spec() -> EvaluationSpec | None:
    """The model and images this session has open, evaluated or not."""
    spec = st.session_state.get("spec")
    return spec if spec is None else EvaluationSpec.from_json(spec)


def open_model(spec: EvaluationSpec) -> None:
    """Make ``spec`` what this session has open, and start its evaluation unless it is saved.

    Args:
        spec: the checkpoint or table of predictions, the images and how to read them.

    Raises:
        ErrorscopeError: the images cannot be opened; what was open before stays open.
    """
    fingerprint = evaluation_of(spec, store())
    job = None
    if fingerprint is None:
        job = running_jobs().submit("evaluate", spec.to_json(), title=spec.title())
    # All at once, so that an error never leaves the predictions of one model under the name of another.
    st.session_state["spec"] = spec.to_json()
    st.session_state["fingerprint"] = fingerprint
    st.session_state["job"] = job
    write_url(spec)


def known_spec(model: str, images: str, launched: EvaluationSpec | None) -> EvaluationSpec | None:
    """The choices with which the files of a link were opened here before.

    Args:
        model: the path of the checkpoint or of the table of predictions, as a URL names it.
        images: the images' path.
        launched: what the server was started with; it counts as known.

    Returns:
        What the server was started with, an evaluation that runs, or the latest saved one; None if no
        person of this machine ever opened these files.
    """
    specs = [] if launched is None else [launched]
    evaluations = running_jobs().list(limit=200, kinds=("evaluate",))
    running = [job.spec for job in evaluations if job.is_active]
    saved = [entry.spec for entry in recent(store(), limit=200) if entry.is_saved and "images" in entry.spec]
    specs += [EvaluationSpec.from_json(spec) for spec in (*running, *saved)]
    return next((spec for spec in specs if (spec.model, spec.images) == (model, images)), None)


def forget_view() -> None:
    """Drop what was looked at and filtered: it belongs to the model that was open before."""
    for name in _LOOKED_AT:
        st.session_state.pop(name, None)
        if name in st.query_params:
            del st.query_params[name]
    for settings in st.session_state.get("explain_options", {}).values():
        settings.pop("layer", None)  # the next network has others


def open_query(spec: EvaluationSpec) -> dict[str, str]:
    """The part of the URL that names what is open."""
    return {"model": spec.model, "images": spec.images}


def write_url(spec: EvaluationSpec) -> None:
    """Let the URL name what is open."""
    query = open_query(spec)
    if any(st.query_params.get(name) != value for name, value in query.items()):
        st.query_params.update(query)  # at once: each writing is a step of the browser's Back


def evaluation_job() -> JobStatus | None:
    """The evaluation job this session waits for; None where there is none, or its predictions are saved."""
    identifier = st.session_state.get("job")
    if not identifier:
        return None
    try:
        job = running_jobs().status(identifier)
    except JobError:
        # The workspace was deleted under the running server; the job went with it.
        st.session_state["job"] = None
        return None
    return None if has_predictions(job) else job


def has_predictions(job: JobStatus) -> bool:
    """Whether an evaluation job has saved its predictions; its thumbnails can wait.

    A job of another kind that evaluates on its way has more to do after that.
    """
    return job.kind == "evaluate" and (job.state == "done" or job.phase == THUMBNAILS_PHASE)


def workspace() -> Workspace | None:
    """What is open and evaluated; None before that.

    Raises:
        ErrorscopeError: the files that are open cannot be found any more.
    """
    spec = open_spec()
    if spec is None:
        return None
    # Finding the evaluation lists all images, so it is done once, not at every click.
    fingerprint = st.session_state.get("fingerprint") or evaluation_of(spec, store())
    st.session_state["fingerprint"] = fingerprint
    return Workspace(spec, fingerprint) if fingerprint else None


def explain(error: ErrorscopeError) -> None:
    """Show an error as a person should meet it: title, what is wrong, what to do."""
    show_problem(error.title, error.message, error.next_step)


def show_problem(title: str, message: str, next_step: str) -> None:
    """Show what is wrong and what to do, of an error that is at hand or was kept with a job.

    Args:
        title: a few words.
        message: what is wrong, in one sentence.
        next_step: what to do.
    """
    st.error(f"**{title}.** {escaped(message)}\n\n{escaped(next_step)}", icon=":material/error:")


def explained(function: Callable[P, None]) -> Callable[P, None]:
    """The error boundary of a fragment, a dialog or a callback: Streamlit runs these outside of app.py's."""

    @functools.wraps(function)
    def bounded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except ErrorscopeError as error:
            explain(error)

    return bounded


def keep_widget(key: str, value: T) -> T:
    """Let a widget show this value; one that does already is left alone.

    Streamlit sends a value that was set to the browser, where it would undo what a hand is just doing.

    Returns:
        The value, to be given to the widget as its default too: what was set is sent with one drawing only,
        and a browser that makes the widget after the next one (when a menu is opened) takes the default.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return value


def images_words(spec: EvaluationSpec) -> str:
    """What a person calls the images of a spec: the last two folders, and the split."""
    path = Path(spec.images)
    return f"{path.parent.name}/{path.name}" + (f" ({spec.split})" if spec.split else "")


def escaped(text: str) -> str:
    """``text`` with the characters that Markdown would take for its own made plain."""
    for character in "\\`*_{}[]<>#|~$:":
        text = text.replace(character, f"\\{character}")
    return text
