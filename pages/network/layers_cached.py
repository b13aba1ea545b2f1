"""The layers of the open network, kept between reruns, and the scan that all pages about layers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.layers.scan_record import LayerScan, saved_scan, scan_folder
from models.evaluation_spec import EvaluationSpec
from models.prediction_record import PROGRAMS, Predictions
from pages.shared import cached, state
from pages.shared.interruptible import interruptible
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace

if TYPE_CHECKING:
    from analysis.layers.catalogue import LayerOutline

SCAN = "layer_scan"


def has_layers(predictions: Predictions) -> bool:
    """Whether the layers can be looked at; where they cannot, say why."""
    if not predictions.architecture:
        st.info(
            "These predictions came from a table, so there is no network to look into. Open the checkpoint that made "
            "them.",
            icon=":material/info:",
        )
        return False
    if predictions.architecture in PROGRAMS:
        st.info(
            f"This network is a program ({predictions.architecture}): it answers, but what its layers give on the way "
            "cannot be read. Open the checkpoint of weights that it was exported from to look inside.",
            icon=":material/info:",
        )
        return False
    return True


def outlines(workspace: Workspace) -> dict[str, LayerOutline]:
    """The layers that can be looked at, by name, in the order in which they are computed.

    Raises:
        ErrorscopeError: the checkpoint cannot be opened, or the network does not take its own input size.
    """
    network = cached.network(workspace.spec, workspace.fingerprint)
    return _outlines(workspace.fingerprint, network)


@st.cache_resource(max_entries=4, show_spinner="Listing the layers…")
def _outlines(fingerprint: str, _network: Any) -> dict[str, LayerOutline]:
    def listed() -> dict[str, LayerOutline]:
        from analysis.layers.catalogue import catalogue

        return {each.name: each for each in catalogue(_network, _network.preprocessing.usual_size())}

    return interruptible(listed)


def scan(workspace: Workspace) -> LayerScan | None:
    """What the look through all images showed; None before there was one."""
    record = scan_folder(state.store(), workspace.fingerprint) / "scan.json"
    if not record.exists():
        return None
    return _scan(workspace.fingerprint, str(state.store().root), record.stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner=False)
def _scan(fingerprint: str, root: str, changed: int) -> LayerScan | None:
    return saved_scan(state.store(), fingerprint)


def scan_spec(spec: EvaluationSpec, fingerprint: str) -> dict[str, Any]:
    """The spec of the job that makes the scan."""
    return {"evaluation": spec.to_json(), "predictions": fingerprint}


def scanned(workspace: Workspace, predictions: Predictions, words: str) -> LayerScan | None:
    """The scan; where there is none yet, say what it is for and draw the button that makes it.

    Args:
        workspace: what is open.
        predictions: of its evaluation.
        words: what this page shows when it is made.
    """
    found = scan(workspace)
    if found is None:
        job_and_button(
            SCAN,
            scan_spec(workspace.spec, workspace.fingerprint),
            label="Look at every layer",
            key="layer_scan",
            title="Look at every layer",
            words=f"{words} For this, all {len(predictions):,} images go through the network once more; what is found "
            "is kept for all pages of this section.",
            icon=":material/layers:",
            primary=True,
        )
        return None
    if found.unreadable:
        row, reason = found.unreadable[0]
        path = predictions.images["path"].iloc[row]
        st.warning(
            f"{len(found.unreadable):,} images could not be read again and are left out, "
            f"the first of them {state.escaped(str(path))}: {state.escaped(reason)}.",
            icon=":material/warning:",
        )
    return found
