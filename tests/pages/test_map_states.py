"""The map page where something is missing: each time a clear sentence, and never an error."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analysis.embedding_map import map_steps
from models.evaluation import EvaluationSpec
from models.prediction_record import Predictions
from pages.shared import opened, state, surveyed
from tests.analysis.planted_predictions import planted_predictions
from tests.analysis.test_embedding_map import planted, result_of
from tests.conftest import ROOT

TIMEOUT_SECONDS = 60


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Callable[[Predictions], AppTest]:
    """Draw the page alone, for predictions that are not saved anywhere."""
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))

    def page_of(predictions: Predictions) -> AppTest:
        workspace = state.Workspace(EvaluationSpec("model.pth", "images/val"), predictions.fingerprint)
        found = result_of(map_steps(predictions, pd.DataFrame()))
        monkeypatch.setattr(opened, "opened_predictions", lambda: (workspace, predictions))
        monkeypatch.setattr(surveyed, "surveyed", lambda *_: found)
        monkeypatch.setattr("pages.shared.decisions.notes_of_images", lambda _: {})
        app = AppTest.from_file(str(ROOT / state.MAP_PAGE), default_timeout=TIMEOUT_SECONDS)
        app.run()
        assert not app.exception
        return app

    return page_of


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.info, *app.markdown, *app.caption])


def table(n: int) -> Predictions:
    labels = np.arange(n) % 2
    return planted_predictions(labels, ("a", "b"), predicted=labels)


def test_a_table_of_classes_alone_has_no_map(shown: Callable[[Predictions], AppTest]) -> None:
    app = shown(table(30))
    assert "A map needs embeddings or probabilities" in texts(app)
    assert not app.selectbox


def test_a_map_of_probabilities_says_so(shown: Callable[[Predictions], AppTest]) -> None:
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], 40)
    predictions = planted_predictions(np.arange(40) % 3, ("a", "b", "c"), probabilities=probabilities)
    said = texts(shown(predictions))
    assert "no embeddings here" in said and "nearest by probabilities" in said


@pytest.mark.parametrize("n", [1, 2, 14])
def test_few_images_have_a_map(shown: Callable[[Predictions], AppTest], n: int) -> None:
    said = texts(shown(planted(n)))
    assert ("in one place" in said) == (n == 1)
    assert ("no neighbours to compare" in said) == (n == 2)


def test_images_that_are_all_the_same_are_said_to_be(shown: Callable[[Predictions], AppTest]) -> None:
    same = np.ones((30, 8), dtype=np.float32)
    assert "nothing in which they differ" in texts(shown(replace(planted(30), embeddings=same)))


def test_many_classes_are_coloured_by_choice(shown: Callable[[Predictions], AppTest]) -> None:
    labels = np.arange(120) % 40
    names = tuple(f"class_{at:02d}" for at in range(40))
    predicted = np.where(np.arange(120) < 3, (labels + 1) % 40, labels)
    predictions = planted_predictions(labels, names, predicted=predicted)
    predictions = replace(predictions, embeddings=np.random.default_rng(0).random((120, 5), dtype=np.float32))
    app = shown(predictions)
    assert not app.multiselect
    app.selectbox(key="map_colour").set_value("label").run()
    assert not app.exception
    assert app.multiselect[0].value == ["class_01", "class_02", "class_00", "class_03", *names[4:8]]
