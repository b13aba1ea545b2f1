"""A torchvision backbone as the network that a training starts from: which, and where its weights are."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from models.backbone_files import hub_folder, own_folder, weights_file
from models.evaluation_spec import EvaluationSpec
from pages.network import architecture_cached
from pages.network.network_words import size_words
from pages.shared import state
from pages.shared.job_button import job_and_button

if TYPE_CHECKING:
    from models.backbones import Backbone

NAME, WRITTEN = "finetune_backbone", "written_backbone"
PARAMETER = "backbone"
DOWNLOAD = "backbone_download"
_FIRST = "mobilenet_v2"


def is_asked_anew() -> bool:
    """Whether the address names a backbone that it did not name before: a link leads here."""
    asked = st.query_params.get(PARAMETER)
    return asked is not None and asked != st.session_state.get(WRITTEN)


def forget_backbone() -> None:
    """Another network was chosen to start from: the address says so."""
    st.session_state.pop(WRITTEN, None)
    if PARAMETER in st.query_params:
        del st.query_params[PARAMETER]


def chosen_backbone(spec: EvaluationSpec) -> tuple[EvaluationSpec, str, str]:
    """Ask for a backbone, and offer to bring its weights where they are not here.

    Args:
        spec: of what is open.

    Returns:
        The spec of its checkpoint on the open images; its name; why it will not do yet, or "".
    """
    found = architecture_cached.backbones()
    asked = st.query_params.get(PARAMETER)
    problem = ""
    if is_asked_anew() and asked is not None:
        if asked in found:
            st.session_state[NAME] = asked
        else:
            st.warning(
                f'torchvision has no backbone called "{state.escaped(asked)}".', icon=":material/warning:"
            )
    if st.session_state.get(NAME) not in found:
        st.session_state[NAME] = _FIRST
    name = st.selectbox(
        "Backbone", list(found), key=NAME, format_func=lambda each: _words(found[each]), persist_state="session",
        help="With torchvision's default ImageNet weights. Their 1000 classes are not those of the images, so it gets a new head.",
    )  # fmt: skip
    _write(name)
    backbone = found[name]
    file = weights_file(state.store(), backbone.file_name)
    if file is None:
        problem = f"The weights of {name} are not on this machine yet."
        _download(backbone)
        return spec, name, problem
    st.caption(f"Weights: `{_readable(file)}`")
    return of_backbone(spec, file, name), name, ""


def of_backbone(spec: EvaluationSpec, file: Path, name: str) -> EvaluationSpec:
    """The spec of a backbone's weights on the open images, with its own preprocessing."""
    return replace(
        spec, checkpoint=str(file), architecture=name, class_names=None, preprocessing=None, trust_code=False
    )


def _write(name: str) -> None:
    st.session_state[WRITTEN] = name
    if st.query_params.get(PARAMETER) != name:
        st.query_params[PARAMETER] = name


def _download(backbone: Backbone) -> None:
    size = size_words(backbone.file_bytes)
    words = (
        f"The ImageNet weights of {backbone.name} ({size}) are not on this machine: neither in torch hub's folder "
        f"`{_readable(hub_folder())}` nor in the workspace. What is downloaded is checked and kept in the workspace."
    )
    job_and_button(
        DOWNLOAD, {"name": backbone.name}, label=f"Download {size}", key="backbone_download", words=words,
        title=f"Weights of {backbone.name}", icon=":material/download:",
    )  # fmt: skip
    with st.expander("By hand, without a connection", key="backbone_by_hand"):
        st.markdown("Download this file on another machine:")
        st.code(backbone.url, language=None)
        st.markdown(
            "and put it, under its own name, into this folder of this machine (make it if it is not there):"
        )
        st.code(str(own_folder(state.store())), language=None)


def _words(backbone: Backbone) -> str:
    return f"{backbone.name} · {backbone.top_1:.1%} of ImageNet · {size_words(backbone.file_bytes)}"


def _readable(path: Path) -> str:
    home = str(Path.home())
    return re.sub(f"^{re.escape(home)}(?=/|$)", "~", str(path))
