"""The checkpoint's half of the setup page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from models.class_names import check_count, read_class_names
from models.errors import CheckpointNotTrusted, ErrorscopeError, WeightsMismatch
from models.uploads import kept_file
from pages.open.preprocessing_form import preprocessing_form
from pages.shared import state

if TYPE_CHECKING:
    from models.checkpoint import CheckpointSummary

SUFFIXES = ["pth", "pt", "ckpt", "bin", "safetensors", "pt2", "ts", "tar"]


@dataclass(frozen=True)
class ModelChoice:
    """What was chosen, and what was recognised in it (None while there is nothing, or an error)."""

    path: str
    architecture: str | None
    class_names: str | None
    preprocessing: dict[str, Any] | None
    trust_code: bool
    summary: CheckpointSummary | None


def given_path(what: str, asked: str, key: str, suffixes: list[str], help_text: str) -> str:
    """A path on this machine, or an uploaded file kept in the workspace.

    Args:
        what: the field's label.
        asked: the path to begin with.
        key: prefix of the widgets' keys.
        suffixes: what the uploader takes.
        help_text: what kinds of file will do.
    """
    if asked and f"{key}_path" not in st.session_state:
        st.session_state[f"{key}_path"] = asked
    path = st.text_input(what, key=f"{key}_path", help=help_text, placeholder="/path/on/this/machine")
    with st.expander("Or upload it"):
        upload = st.file_uploader("File", type=suffixes, key=f"{key}_upload", label_visibility="collapsed")
    if upload is not None:
        return str(kept_file(state.store(), upload.name, upload.getvalue()))
    return str(Path(path.strip().strip("'\"")).expanduser().absolute()) if path and path.strip() else ""


def model_panel(asked: str) -> ModelChoice:
    """Ask for the checkpoint, and say what was recognised.

    Args:
        asked: the path a link named, or "".
    """
    st.subheader("Model")
    path = given_path(
        "Checkpoint file", asked, "model", SUFFIXES,
        "Weights of a torchvision classifier (state_dict, also wrapped by Lightning or DataParallel; .safetensors), "
        "or a TorchScript / torch.export program.",
    )  # fmt: skip
    if not path:
        st.caption("No checkpoint is chosen yet.")
        return ModelChoice("", None, None, None, False, None)
    trust = _trust(path)
    names = st.text_input(
        "File of class names (optional)", key="model_classes", placeholder="classes.txt or classes.json",
        help="One name a line, or JSON, in the order of the network's outputs. Without it, the checkpoint's own names "
        "or the image folders' are used.",
    )  # fmt: skip
    return _recognised(path, names.strip() if names else "", trust)


def _trust(path: str) -> bool:
    if path not in st.session_state.get("programs", []):
        return False
    return st.checkbox(
        "I trust this file: it is a program and will be run on this machine", key="model_trust"
    )


def _recognised(path: str, names: str, trust: bool) -> ModelChoice:
    nothing = ModelChoice(path, None, names or None, None, trust, None)
    try:
        summary = _named(_summary(path, _changed(path), None, trust), names)
    except CheckpointNotTrusted as error:
        if path not in st.session_state.setdefault("programs", []):
            st.session_state["programs"].append(path)
            st.rerun()
        state.explain(error)
        return nothing
    except ErrorscopeError as error:
        state.explain(error)
        _show_keys(error)
        return nothing
    architecture = None
    if len(summary.architectures) > 1:
        architecture = _asked_architecture(summary.architectures)
        if architecture is None:
            return nothing
        summary = _named(_summary(path, _changed(path), architecture, trust), names)
    _show_summary(summary)
    changed = preprocessing_form(path, summary.preprocessing.to_json())
    return ModelChoice(path, architecture, names or None, changed, trust, summary)


def _changed(path: str) -> int:
    """When the file was last changed (ns), so that another file under the same path is read anew."""
    return Path(path).stat().st_mtime_ns if Path(path).is_file() else 0


def _asked_architecture(candidates: Sequence[str]) -> str | None:
    return st.selectbox(
        "Architecture", candidates, index=None, key="model_architecture",
        placeholder="Several fit: choose the one it was trained with",
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner="Reading the checkpoint…")
def _summary(path: str, changed: int, architecture: str | None, trust: bool) -> CheckpointSummary:
    # Imported here: torch takes seconds, and the page should be there before.
    from models.checkpoint import inspect_checkpoint

    return inspect_checkpoint(Path(path), architecture=architecture, trust_code=trust)


def _named(summary: CheckpointSummary, names: str) -> CheckpointSummary:
    """The summary with the class names of a file of the person's own, where they gave one."""
    if not names:
        return summary
    source = Path(names).expanduser()
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
    shown = f"{', '.join(names[:4])}{', …' if len(names) > 4 else ''}" if names else "taken from the images"
    rows = {
        "Architecture": ", ".join(summary.architectures),
        "Weights": f"{summary.n_weights:,} ({summary.size_bytes / 1e6:,.1f} MB)",
        "Classes": f"{summary.n_classes:,}: {shown}",
        "Class names from": source,
        "Stored as": summary.wrapper or "plain state_dict",
    }
    st.success("Recognised", icon=":material/check_circle:")
    st.markdown("\n".join(f"- {title}: **{state.escaped(words)}**" for title, words in rows.items()))
