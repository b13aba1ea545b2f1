"""The page of layers in each of its states: a table, one class, no look yet, too few images, an answer, a bad link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis.layers.probe_job import probe_job_steps, probe_spec
from models.evaluation import EvaluationSpec
from models.prediction_table import predictions_from_table
from models.saved_predictions import save_predictions
from models.store import Store
from pages.network.probe_chart import neighbours_chart, probe_chart
from pages.shared import state
from tests.analysis.evaluated import context_of, result
from tests.analysis.layers.planted_pair import APART_AT, CLASS_NAMES, PlantedPair
from tests.analysis.layers.test_probe import curve_of
from tests.conftest import ROOT

Shown = Callable[[PlantedPair], AppTest]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """The page alone, on a planted network."""
    monkeypatch.setattr(st, "page_link", lambda *_, **__: None)  # a page alone knows no others

    def page(case: PlantedPair, **query: str) -> AppTest:
        monkeypatch.setenv("ERRORSCOPE_HOME", str(case.store.root))
        return _page(case.evaluation, case.fingerprint, **query)

    return page


def _page(evaluation: EvaluationSpec, fingerprint: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / state.LAYERS_PAGE), default_timeout=60)
    app.session_state["spec"] = evaluation.to_json()
    app.session_state["fingerprint"] = fingerprint
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception and not app.error
    return app


def _said(app: AppTest) -> str:
    return "\n".join(
        each.value for kind in (app.markdown, app.info, app.caption, app.subheader) for each in kind
    )


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> PlantedPair:
    case = PlantedPair(tmp_path_factory.mktemp("page"), n=20)
    case.scan()
    result(probe_job_steps(probe_spec(case.fingerprint, (0, 1)), context_of(case.store)))
    return case


def test_it_says_where_the_planted_pair_comes_apart_and_how_neighbours_change(
    shown: Shown, probed: PlantedPair
) -> None:
    app = shown(probed, pair="/".join(CLASS_NAMES))
    said = _said(app).replace("\\", "")
    assert f"They come apart at {APART_AT}, layer 7 of " in said
    assert "The network itself, asked to choose between these two only, is right on 100%" in said
    assert "On 20 images of none_or_both and 20 of one" in said
    assert len(app.get("plotly_chart")) == 2 and len(app.dataframe[0].value) > 30
    rows = app.multiselect[0].value
    assert len(rows) == 4 and rows[0] == "features.0"


def test_an_image_is_chosen_by_the_address_and_a_wrong_one_is_told(shown: Shown, probed: PlantedPair) -> None:
    predictions = probed.predictions
    row = int(np.flatnonzero(predictions.labels == predictions.class_names.index("one"))[3])
    app = shown(probed, near=str(predictions.images["id"].iloc[row]))
    said = _said(app).replace("\\", "")
    assert (
        "✓ one, recognised" in said
        and "Of its 10 nearest images 9 are one at the first layer, features.0, and 10 at the last" in said
    )
    assert "is not among these images" in _said(shown(probed, near="nobody"))


def test_before_the_look_a_sentence_and_a_button_say_what_to_do(
    shown: Shown, tmp_path_factory: pytest.TempPathFactory
) -> None:
    app = shown(PlantedPair(tmp_path_factory.mktemp("unscanned"), n=3))
    assert "all 6 images go through the network once more" in _said(app)
    assert [each.label for each in app.button] == ["Look at every layer"]
    assert not app.get("plotly_chart")


def test_too_few_images_of_a_pair_are_said_and_neighbours_are_shown_all_the_same(
    shown: Shown, tmp_path_factory: pytest.TempPathFactory
) -> None:
    case = PlantedPair(tmp_path_factory.mktemp("few"), n=4)
    case.scan()
    app = shown(case)
    said = _said(app).replace("\\", "")
    assert "There are 4 images of none_or_both and 4 of one: too few" in said
    assert "Of its 7 nearest images" in said and len(app.get("plotly_chart")) == 1


@pytest.mark.parametrize(
    ("classes", "words"), [(("cat", "dog"), "came from a table"), (("cat",), "came from a table")]
)
def test_a_table_has_no_layers(
    shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: tuple[str, ...], words: str
) -> None:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    table = pd.DataFrame(
        {"path": [f"{name}.png" for name in classes], "label": classes, "predicted": classes}
    )
    table.to_csv(tmp_path / "table.csv", index=False)
    made = predictions_from_table(tmp_path / "table.csv")
    save_predictions(Store(tmp_path / "workspace"), made)
    assert words in _said(_page(EvaluationSpec("table.csv", str(tmp_path)), made.fingerprint))


def test_the_curve_shows_what_is_beyond_chance_and_where_it_begins() -> None:
    figure = probe_chart(curve_of(25, 30, 45, 30, 46, own=curve_of(48).layers[0].choice))
    traces = {each.name: each for each in figure.data if each.name}
    assert list(traces["a layer"].x) == [1, 2, 4] and list(traces["a layer beyond chance"].x) == [3, 5]
    assert list(traces["guessing"].y) == [0.5, 0.5] and list(traces["the network itself"].y) == [0.96, 0.96]
    assert "l2<br>90% right, 95% interval" in traces["a layer beyond chance"].hovertext[0]
    assert [each.x0 for each in figure.layout.shapes] == [3]
    assert not probe_chart(curve_of(25, 26)).layout.shapes
    low, high = figure.layout.yaxis.range
    assert low < 0.5 < high and probe_chart(curve_of(5)).layout.yaxis.range[0] < 0.1


def test_the_chart_of_neighbours_has_a_line_for_each_class() -> None:
    from analysis.layers.layer_neighbours import LayerNeighbours

    rows, similarities = np.arange(10), np.ones(10, np.float32)
    found = [LayerNeighbours(f"l{i}", i, rows, similarities, i, 9 - i) for i in range(3)]
    figure = neighbours_chart(found, 3, [("with_label", "cat", 0.5), ("with_predicted", "dog", 0.25)])
    lines = {each.name: list(each.y) for each in figure.data if each.name in ("cat", "dog")}
    assert lines == {"cat": [0, 1, 2], "dog": [9, 8, 7]}
