"""Which network a training starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from models.evaluation_spec import EvaluationSpec
from models.finetune.version_record import Version
from models.finetune.versions import versions
from models.prediction_record import PROGRAMS
from pages.improve import finetune_backbone
from pages.open.given_file import typed_path
from pages.shared import state
from pages.shared.state import Workspace

OPEN, OTHER, BACKBONE = "open", "other", "backbone"


@dataclass(frozen=True)
class Start:
    """The network a training starts from.

    Args:
        spec: its checkpoint, on the open images.
        parent: id of the version that it is, or "".
        words: what a person calls it.
        problem: why it will not do; "" where it will.
        is_program: whether it is one, whose weights cannot be trained.
        is_open: whether it is the open model.
    """

    spec: EvaluationSpec
    parent: str
    words: str
    problem: str = ""
    is_program: bool = False
    is_open: bool = False

    def problem_of(self, kind: str) -> str:
        """Why a kind of recipe cannot start from it; "" where it can.

        Args:
            kind: a key of ``KINDS``; from scratch, nothing but the preprocessing is taken from it.
        """
        if self.is_program and kind != "scratch":
            return "It is a program, whose weights cannot be trained: start from a checkpoint of weights."
        return self.problem


def chosen_start(workspace: Workspace, architecture: str) -> Start:
    """Ask for the network to start from: the open one, a version, or any other checkpoint.

    Args:
        workspace: what is open.
        architecture: of the open network.
    """
    known = {each.id: each for each in versions(state.store())}
    opened = next(
        (each for each in known.values() if str(each.checkpoint) == workspace.spec.checkpoint), None
    )
    others = [id for id, each in known.items() if each is not opened]
    words = {
        OPEN: f"The open model ({Path(workspace.spec.checkpoint).name if opened is None else opened.name})",
        **{id: f"Version: {known[id].name}" for id in others},
        BACKBONE: "A torchvision backbone",
        OTHER: "Another checkpoint",
    }
    key = f"finetune_start_{workspace.fingerprint[:8]}"
    if finetune_backbone.is_asked_anew():
        st.session_state[key] = BACKBONE
    way = st.selectbox(
        "Start from", list(words), format_func=words.__getitem__, key=key, persist_state="session",
    )  # fmt: skip
    if way == BACKBONE:
        spec, name, problem = finetune_backbone.chosen_backbone(workspace.spec)
        return Start(spec, "", name, problem)
    finetune_backbone.forget_backbone()
    if way == OTHER:
        return _other(workspace.spec)
    if way != OPEN and way in known:
        return Start(
            _on_open_images(workspace.spec, known[way]),
            way,
            known[way].name,
            is_program=known[way].architecture in PROGRAMS,
        )
    name = Path(workspace.spec.checkpoint).name if opened is None else opened.name
    return Start(
        workspace.spec,
        "" if opened is None else opened.id,
        name,
        is_program=architecture in PROGRAMS,
        is_open=True,
    )


def start_key(workspace: Workspace) -> str:
    """Under which key the session keeps what a training starts from: the id of a version, for one."""
    return f"finetune_start_{workspace.fingerprint[:8]}"


def _on_open_images(spec: EvaluationSpec, version: Version) -> EvaluationSpec:
    """A version on the open images: it brings its own names and preprocessing."""
    return _of_checkpoint(spec, str(version.checkpoint))


def _of_checkpoint(spec: EvaluationSpec, checkpoint: str) -> EvaluationSpec:
    return replace(
        spec, checkpoint=checkpoint, architecture=None, class_names=None, preprocessing=None, trust_code=False
    )


def _other(spec: EvaluationSpec) -> Start:
    path = typed_path(
        st.text_input(
            "Checkpoint file", key="finetune_start_path", placeholder="/path/on/this/machine", persist_state="session",
            help="Weights of a torchvision classifier. Where its classes are not those of the images, it gets a new head.",
        )
    )  # fmt: skip
    if not path:
        return Start(spec, "", "", "Name the checkpoint to start from.")
    if not Path(path).is_file():
        problem = "There is no such checkpoint file."
        st.warning(problem, icon=":material/warning:")
        return Start(spec, "", Path(path).name, problem)
    return Start(_of_checkpoint(spec, path), "", Path(path).name)
