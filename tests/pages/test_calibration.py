"""The calibration page on what users bring: no probabilities, one image, all right, many classes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from analysis.calibration import calibration
from analysis.coverage import threshold_step_for
from models.evaluation_spec import EvaluationSpec
from models.predictions import Predictions
from pages.shared import cached, opened
from pages.shared.state import Workspace
from tests.analysis.planted_confidences import calibrated
from tests.analysis.planted_predictions import planted_predictions

PAGE = Path(__file__).parents[2] / "pages" / "mistakes" / "calibration.py"
Opened = Callable[[Predictions], AppTest]


@pytest.fixture
def opened_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The page over these predictions."""
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))

    def shown(predictions: Predictions) -> AppTest:
        fingerprint = f"{np.random.default_rng().integers(1 << 62):032x}"  # caches outlive a test
        workspace = Workspace(EvaluationSpec("net.pth", "images"), fingerprint)
        monkeypatch.setattr(cached, "predictions", lambda _: predictions)
        monkeypatch.setattr(opened, "opened_predictions", lambda: (workspace, predictions))
        app = AppTest.from_file(str(PAGE)).run(timeout=60)
        assert not app.exception and not app.error
        return app

    return shown


def words(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.success, *app.warning]
    return "\n".join(str(part.value) for part in parts)


def test_without_probabilities_one_sentence_says_so(opened_on: Opened) -> None:
    labels = np.array([0, 1, 0])
    app = opened_on(planted_predictions(labels, ("a", "b"), predicted=labels))
    assert "came without probabilities" in app.info[0].value
    assert not app.metric and not app.subheader


def test_the_verdict_stands_first(opened_on: Opened) -> None:
    boastful, honest = calibrated(600, factor=2.5, seed=1), calibrated(600, seed=1)
    assert opened_on(boastful).warning[0].value == calibration(boastful).words
    assert opened_on(honest).success[0].value == calibration(honest).words


def test_a_boastful_model_is_told_what_to_divide_by(opened_on: Opened) -> None:
    app = opened_on(calibrated(1500, factor=2.0, seed=2))
    assert app.code[0].value.startswith("probabilities = torch.softmax(logits / ")
    assert 1.7 < float(app.code[0].value.split("/ ")[1].split(",")[0]) < 2.3
    app.segmented_control(key="confidences").set_value("scaled").run(timeout=60)
    assert not app.exception
    assert "With temperature: The confidences are honest" in words(app)


@pytest.mark.parametrize("right", [True, False])
def test_where_all_are_alike_there_is_nothing_to_sort(opened_on: Opened, right: bool) -> None:
    labels = np.repeat([0, 1], 15)
    told = labels if right else 1 - labels
    probabilities = np.where(np.eye(2)[told] == 1, 0.9, 0.1)
    app = opened_on(planted_predictions(labels, ("a", "b"), probabilities=probabilities))
    assert "nothing to sort by confidence" in words(app)


def test_one_image_is_enough_to_draw_the_page(opened_on: Opened) -> None:
    app = opened_on(planted_predictions(np.array([0]), ("a", "b"), probabilities=np.array([[0.7, 0.3]])))
    assert "honest as far as one image can tell" in app.success[0].value
    assert "one is too few" in words(app)


def test_a_wanted_accuracy_sets_the_threshold(opened_on: Opened) -> None:
    predictions = calibrated(1000, seed=3, spread=4.0)
    app = opened_on(predictions)
    app.button(key="wanted_0.9").click().run(timeout=60)
    confidence = predictions.images["confidence"].to_numpy(float)
    right = predictions.labels == predictions.predicted
    wanted = threshold_step_for(confidence, right, 0.9)
    assert wanted is not None and app.slider(key="threshold").value == pytest.approx(wanted * 100)
    assert float(app.metric[7].value.rstrip("%")) >= 90


def test_an_accuracy_out_of_reach_is_said(opened_on: Opened) -> None:
    # the surest images are the wrong ones
    labels = np.array([0] * 10 + [1] * 10)
    sure = np.r_[np.full(10, 0.6), np.full(10, 0.99)]
    probabilities = np.column_stack([sure, 1 - sure])
    app = opened_on(planted_predictions(labels, ("a", "b"), probabilities=probabilities))
    app.button(key="wanted_0.95").click().run(timeout=60)
    assert "No threshold makes 95% of the images" in words(app)
    assert app.slider(key="threshold").value == 90
    assert "does not tell right from wrong" in words(app)


def test_costs_across_groups_are_asked_where_there_are_groups(opened_on: Opened) -> None:
    plain = calibrated(300, seed=4)
    assert "cost_across" not in {each.key for each in opened_on(plain).number_input}
    grouped = replace(plain, groups={f"class_{i}": "low" if i < 5 else "high" for i in range(10)})
    app = opened_on(grouped)
    app.toggle(key="cost_hands").set_value(False).run(timeout=60)
    assert "the cheapest decision for every image" in words(app)
    app.number_input(key="cost_across").set_value(9.0).run(timeout=60)
    assert not app.exception and "What changes" in words(app)


def test_many_classes_list_their_pairs(opened_on: Opened) -> None:
    app = opened_on(calibrated(400, 30, seed=5))
    assert "Add a row for each pair" in words(app)
    assert "Rows are labels" in words(opened_on(calibrated(400, 5, seed=5)))
