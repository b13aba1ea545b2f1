"""What the page of layers keeps between reruns: curves of pairs, and the nearest images of an image."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.layers.layer_neighbours import LayerNeighbours, layer_neighbours
from analysis.layers.probe import ProbeCurve
from analysis.layers.probe_job import probe_file, saved_probe
from analysis.layers.scan_record import LayerScan
from pages.shared import cached, state
from pages.shared.interruptible import interruptible
from pages.shared.state import Workspace


def curve(workspace: Workspace, pair: tuple[int, int]) -> ProbeCurve | None:
    """What the layers know of a pair of class indices; None before they were asked."""
    file = probe_file(state.store(), workspace.fingerprint, pair)
    return _curve(str(file), file.stat().st_mtime_ns) if file.is_file() else None


@st.cache_resource(max_entries=16, show_spinner=False)
def _curve(file: str, changed: int) -> ProbeCurve | None:
    return saved_probe(Path(file))


@st.cache_resource(max_entries=16, show_spinner="Comparing with all images at every layer…")
def neighbours(fingerprint: str, row: int, _scan: LayerScan) -> tuple[LayerNeighbours, ...]:
    """The nearest images of an image at every layer whose vectors are kept."""
    predictions = cached.predictions(fingerprint)
    return interruptible(lambda: layer_neighbours(_scan, predictions.labels, predictions.predicted, row))
