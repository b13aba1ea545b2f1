"""The pages of the section Network where there is no network to look into: each says so, and never fails."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from models.evaluation import EvaluationSpec
from pages.shared import opened, state
from tests.analysis.planted_predictions import planted_predictions
from tests.conftest import ROOT

TIMEOUT_SECONDS = 60
LAYER_PAGES = (state.FEATURE_MAPS_PAGE, state.CHANNELS_PAGE, state.LAYERS_PAGE)


def shown(
    monkeypatch: pytest.MonkeyPatch, folder: Path, page: str, architecture: str, **session: object
) -> str:
    """All that a page says of predictions of an architecture that are saved nowhere, with this in the session."""
    monkeypatch.setenv("ERRORSCOPE_HOME", str(folder))
    labels = np.arange(40) % 2
    probabilities = np.random.default_rng(0).dirichlet([1, 1], 40)
    predictions = planted_predictions(labels, ("a", "b"), probabilities=probabilities)
    predictions = replace(predictions, architecture=architecture)
    workspace = state.Workspace(EvaluationSpec("model.pth", "images/val"), predictions.fingerprint)
    monkeypatch.setattr(opened, "opened_predictions", lambda: (workspace, predictions))
    app = AppTest.from_file(str(ROOT / page), default_timeout=TIMEOUT_SECONDS)
    for name, value in session.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    return "\n".join(each.value for each in [*app.info, *app.warning, *app.error, *app.markdown])


@pytest.mark.parametrize("page", LAYER_PAGES)
def test_a_table_has_no_layers(page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = shown(monkeypatch, tmp_path, page, "")
    assert "came from a table" in said and "Open the checkpoint" in said


@pytest.mark.parametrize("architecture", ["torchscript", "torch.export", "onnx"])
@pytest.mark.parametrize("page", LAYER_PAGES)
def test_a_program_has_no_layers_to_look_at(
    page: str, architecture: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = shown(monkeypatch, tmp_path, page, architecture)
    assert f"is a program ({architecture})" in said and "checkpoint of weights" in said
