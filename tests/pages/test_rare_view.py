"""The page of rare errors where something is missing: groups, blocks, probabilities, mistakes, files."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from models.evaluation_spec import EvaluationSpec
from models.prediction_record import Predictions
from models.saved_predictions import save_predictions
from models.store import Store
from pages.shared.state import RARE_PAGE
from tests.analysis.planted_predictions import planted_predictions
from tests.analysis.test_visual_blocks import hidden_halves
from tests.conftest import ROOT

Shown = Callable[..., AppTest]


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """The page as the app shows it for these predictions."""
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.chdir(ROOT)
    spec = EvaluationSpec(str(tmp_path / "m.pt"), str(tmp_path / "images"))

    def show(predictions: Predictions, **query: str) -> AppTest:
        predictions = replace(predictions, fingerprint=uuid.uuid4().hex)
        save_predictions(Store(tmp_path / "workspace"), predictions)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.session_state["started"] = True
        app.session_state["spec"] = spec.to_json()
        app.session_state["fingerprint"] = predictions.fingerprint
        app.query_params.update(query)
        app.switch_page(RARE_PAGE).run()
        assert not app.exception
        return app

    return show


def words(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.info, *app.success, *app.error, *app.title]
    return "\n".join(element.value for element in elements).replace("\\", "")


def test_without_groups_inferred_blocks_rank_and_are_called_so(shown: Shown) -> None:
    text = words(shown(hidden_halves(1)))
    assert "cross a visual block (inferred)" in text
    assert "not from what the classes mean" in text
    assert "chance alone would give" in text


def test_where_mistakes_make_no_blocks_surprise_alone_ranks(shown: Shown) -> None:
    app = shown(hidden_halves(1, likeness=0))
    assert "do not fall into blocks" in words(app)
    assert "Across" not in str([control.options for control in app.segmented_control])


def test_a_table_of_two_classes_without_files_or_probabilities_is_shown_all_the_same(shown: Shown) -> None:
    predictions = planted_predictions(
        np.array([0, 1]), ("cat", "dog"), predicted=np.array([1, 1]), groups={"cat": "pet"}
    )
    text = words(shown(predictions))
    assert "The one mistake crosses no group." in text
    assert "1 of 1 cat; no dog called cat" in text
    assert "Counted from predictions alone" in text
    assert "This picture cannot be shown.** cat/0.jpg: the file is missing" in text
    assert "came from a table" not in text  # there is no picture that a network could have looked at


def test_all_right_and_all_wrong(shown: Shown) -> None:
    labels, names = np.array([0, 1, 2, 3]), ("a", "b", "c", "d")
    assert "Every image is right" in words(shown(planted_predictions(labels, names, predicted=labels)))
    assert "4 mistakes" in words(shown(planted_predictions(labels, names, predicted=3 - labels)))


def test_a_link_to_an_image_that_is_no_mistake_says_so(shown: Shown) -> None:
    predictions = hidden_halves(2)
    text = words(shown(predictions, error="nowhere"))
    assert "The image of this link is not among these mistakes" in text
    wrong = predictions.images["id"][predictions.labels != predictions.predicted].iloc[-1]
    assert "is not among these" not in words(shown(predictions, error=wrong))
