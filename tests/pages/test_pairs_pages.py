"""The pages of confusable classes where there is little to say: few classes, no network, all right, all wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from analysis.confusable import confusable_pairs
from models.evaluation import EvaluationSpec
from models.image_facts import image_facts_steps
from models.prediction_table import predictions_from_table
from models.saved_predictions import save_predictions
from models.store import Store
from pages.mistakes.pair_words import answer_words, share_words
from tests.analysis.evaluated import result
from tests.conftest import ROOT

Opened = Callable[[list[tuple[str, str]], str], AppTest]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """A page on a table of these labels and predicted classes."""
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.setattr(st, "page_link", lambda *_, **__: None)  # a page alone knows no others
    store = Store(tmp_path / "workspace")

    def page(rows: list[tuple[str, str]], name: str) -> AppTest:
        table = pd.DataFrame(rows, columns=["label", "predicted"])
        table["path"] = [f"{i}.png" for i in range(len(table))]
        for path in table["path"]:
            Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / path)
        table.to_csv(tmp_path / "table.csv", index=False)
        made = predictions_from_table(tmp_path / "table.csv")
        save_predictions(store, made)
        # measured beforehand, so that the page begins no survey
        result(image_facts_steps(store, [made.absolute(path) for path in made.images["path"]]))
        app = AppTest.from_file(str(ROOT / "pages" / "mistakes" / name), default_timeout=60)
        app.session_state["spec"] = EvaluationSpec("table.csv", str(tmp_path)).to_json()
        app.session_state["fingerprint"] = made.fingerprint
        return app.run()

    return page


def _said(app: AppTest) -> str:
    assert not app.exception and not app.error
    return "\n".join(
        each.value for kind in (app.markdown, app.info, app.success, app.caption) for each in kind
    )


ALL_RIGHT = [("cat", "cat"), ("dog", "dog")]
ALL_WRONG = [("cat", "dog"), ("dog", "cat"), ("cat", "dog")]
FOUR = [(name, name) for name in ("a", "b", "c", "d")] * 3 + [("a", "b")]


def test_where_all_is_right_no_class_is_taken_for_another(opened: Opened) -> None:
    assert "Every image is right" in _said(opened(ALL_RIGHT, "confusable_classes.py"))


def test_two_classes_say_nothing_about_chance(opened: Opened) -> None:
    said = _said(opened(ALL_WRONG, "confusable_classes.py"))
    assert "2 of 2 cat called dog, 1 of 1 dog called cat" in said
    assert "With 2 classes nothing can be said about chance" in said


def test_one_error_is_no_finding(opened: Opened) -> None:
    said = _said(opened(FOUR, "confusable_classes.py"))
    assert "No pair of classes is confused more often than chance would have it" in said
    assert "Nothing to draw" in said and "No group of three or more" in said


@pytest.mark.parametrize("rows", [ALL_RIGHT, ALL_WRONG, FOUR])
def test_a_pair_without_network_or_features_is_shown_with_what_there_is(
    opened: Opened, rows: list[tuple[str, str]]
) -> None:
    said = _said(opened(rows, "pair.py"))
    assert "came without features" in said
    assert "rightly recognised (" in said


def test_one_class_is_no_pair(opened: Opened) -> None:
    assert "only one class" in _said(opened([("cat", "cat")], "pair.py"))


def test_a_class_without_images_has_no_share() -> None:
    assert share_words(0, 0, (float("nan"), float("nan"))) == "no images"


def test_the_answer_escapes_what_markdown_would_take_for_its_own() -> None:
    counts = np.diag([5, 5, 5, 5])
    counts[0, 1] = 1
    words = answer_words(confusable_pairs(counts, ["*a*", "$b$", "c", "d"]), [], 4)
    assert "*a*" not in words and "$b$" not in words
