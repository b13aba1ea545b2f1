"""The checkpoint's half of the setup page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from models.class_names import check_count, read_class_names
from models.errors import CheckpointNotTrusted, ErrorscopeError, WeightsMismatch
from models.evaluation_spec import checkpoint_states
from models.fingerprints import FileState, file_state
from pages.open.given_file import given_path, typed_path
from pages.open.preprocessing_form import preprocessing_form
from pages.shared import state

if TYPE_CHECKING:
    from models.checkpoint import CheckpointSummary

SUFFIXES = ["pth", "pt", "ckpt", "bin", "safetensors", "pt2", "ts", "tar", "onnx"]


@dataclass(frozen=True)
class ModelChoice:
    """What was chosen, and what was recognised in it (None while there is nothing, or an error)."""

    path: str
    architecture: str | None
    class_names: str | None
    preprocessing: dict[str, Any] | None
    trust_code: bool
    summary: CheckpointSummary | None
    problem: str = ""
    """Why the model cannot be evaluated though it was recognised; "" where it can."""


def model_panel(*, is_waiting: bool) -> ModelChoice:
    """Ask for the checkpoint, and say what was recognised.

    Args:
        is_waiting: whether the file must not be read yet.
    """
    st.subheader("Model")
    path = given_path(
        "Checkpoint file", "model", SUFFIXES,
        "Weights of a torchvision classifier (state_dict, also wrapped by Lightning or DataParallel; .safetensors), "
        "or a TorchScript / torch.export program.",
    )  # fmt: skip
    if not path:
        st.caption("No checkpoint is chosen yet.")
        return ModelChoice("", None, None, None, False, None)
    if is_waiting:
        st.caption("Not read yet.")
        return ModelChoice(path, None, None, None, False, None)
    trust = _trust(path)
    names = st.text_input(
        "File of class names (optional)", key="model_classes", placeholder="classes.txt or classes.json",
        help="One name a line, or JSON, in the order of the network's outputs. Without it, the checkpoint's own names "
        "or the image folders' are used.",
    )  # fmt: skip
    return _recognised(path, typed_path(names), trust)


def _trust(path: str) -> bool:
    """Trust is given to one content of one file: another file, or a changed one, asks again."""
    program = (path, *file_state(path))
    if program not in st.session_state.get("programs", set()):
        return False
    return st.checkbox(
        "I trust this file: it is a program and will be run on this machine",
        key=f"model_trust_{'_'.join(map(str, program))}",
    )


def _recognised(path: str, names: str, trust: bool) -> ModelChoice:
    nothing = ModelChoice(path, None, names or None, None, trust, None)
    program = (path, *file_state(path))
    try:
        summary, architecture = _chosen(path, names, trust)
    except CheckpointNotTrusted as error:
        programs = st.session_state.setdefault("programs", set())
        if program not in programs:
            programs.add(program)
            st.rerun()
        state.explain(error)
        return nothing
    except ErrorscopeError as error:
        state.explain(error)
        _show_keys(error)
        return nothing
    if summary is None:
        return nothing
    _show_summary(summary)
    origin = repr((path, checkpoint_states(Path(path)), summary.architectures))
    form = preprocessing_form(path, summary.preprocessing.to_json(), origin)
    return ModelChoice(path, architecture, names or None, form.changed, trust, summary, form.problem)


def _chosen(path: str, names: str, trust: bool) -> tuple[CheckpointSummary | None, str | None]:
    """The summary (None until one of several architectures is chosen) and the chosen architecture, if any."""
    summary = _named(_summary(path, checkpoint_states(Path(path)), None, trust), names)
    if len(summary.architectures) == 1:
        return summary, None
    architecture = _asked_architecture(summary.architectures)
    if architecture is None:
        return None, None
    return _named(_summary(path, checkpoint_states(Path(path)), architecture, trust), names), architecture


def _asked_architecture(candidates: Sequence[str]) -> str | None:
    return st.selectbox(
        "Architecture", candidates, index=None, key="model_architecture",
        placeholder="Several fit: choose the one it was trained with",
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner="Reading the checkpoint…")
def _summary(
    path: str, states: tuple[FileState, ...], architecture: str | None, trust: bool
) -> CheckpointSummary:
    # Imported here: torch takes seconds, and the page should be there before.
    from models.checkpoint import inspect_checkpoint

    return inspect_checkpoint(Path(path), architecture=architecture, trust_code=trust)


def _named(summary: CheckpointSummary, names: str) -> CheckpointSummary:
    """The summary with the class names of a file of the person's own, where they gave one."""
    if not names:
        return summary
    source = Path(names)
    read = check_count(read_class_names(source), summary.n_classes, source.name)
    return replace(summary, class_names=read, class_names_source=source.name)


def _show_keys(error: ErrorscopeError) -> None:
    if not isinstance(error, WeightsMismatch):
        return
    for title, keys in (
        ("Missing", error.missing),
        ("Extra", error.extra),
        ("Of another shape", error.misshaped),
    ):
        if keys:
            with st.expander(f"{title}: {len(keys)}"):
                st.code("\n".join(keys), language=None)


def _show_summary(summary: CheckpointSummary) -> None:
    from models.checkpoint import PLACEHOLDERS

    names = summary.class_names
    source = "the images" if summary.class_names_source == PLACEHOLDERS else summary.class_names_source
    shown = (
        f"{', '.join(names[:4])}{', …' if len(names) > 4 else ''}"
        if names
        else "taken from the images, in their order"
    )
    rows = {
        "Architecture": ", ".join(summary.architectures),
        "Weights": f"{f'{summary.n_weights:,}' if summary.n_weights else 'number not known'} ({summary.size_bytes / 1e6:,.1f} MB)",
        "Classes": f"{summary.n_classes:,}: {shown}",
        "Class names from": source,
        "Stored as": summary.wrapper or ("plain state_dict" if summary.kind == "state_dict" else "a program"),
    }
    st.success("Recognised", icon=":material/check_circle:")
    st.markdown("\n".join(f"- {title}: **{state.escaped(words)}**" for title, words in rows.items()))
