"""Decisions and notes as a page draws them: kept at once, and nothing that was typed is lost."""

import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from models.notes import decide, image_note, subject_note
from models.prediction_record import Predictions
from models.saved_predictions import save_predictions
from models.store import Store
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Bengal", "Bombay", "pug")
TIMEOUT_SECONDS = 30


def image_form() -> None:
    import os

    from models.evaluation_spec import EvaluationSpec
    from pages.shared import cached
    from pages.shared.decision_buttons import decision_buttons
    from pages.shared.notes_form import noted_expander
    from pages.shared.state import Workspace

    fingerprint = os.environ["TESTED_FINGERPRINT"]
    workspace = Workspace(EvaluationSpec("m.pt", "images"), fingerprint)
    position = int(os.environ["TESTED_POSITION"])
    decision_buttons(workspace, cached.predictions(fingerprint), position, key="here")
    noted_expander(workspace, cached.predictions(fingerprint), position, key="note")


def pair_form() -> None:
    import os

    from models.evaluation_spec import EvaluationSpec
    from pages.shared import cached
    from pages.shared.notes_form import subject_notes_form
    from pages.shared.state import Workspace

    fingerprint = os.environ["TESTED_FINGERPRINT"]
    workspace = Workspace(EvaluationSpec("m.pt", "images"), fingerprint)
    name = os.environ["TESTED_PAIR"]
    subject_notes_form(workspace, cached.predictions(fingerprint), kind="pair", name=name)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    return Store(tmp_path / "workspace")


@pytest.fixture
def predictions(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predictions:
    """A Bengal called pug, a Bombay called Bengal, and a pug that is right; without probabilities."""
    made = planted_predictions(np.array([0, 1, 2]), NAMES, predicted=np.array([2, 0, 2]), root=tmp_path)
    made = replace(made, fingerprint=uuid.uuid4().hex)
    for row, path in enumerate(made.images["path"]):
        made.absolute(path).parent.mkdir()
        made.absolute(path).write_bytes(b"%d" % row)
    save_predictions(store, made)
    monkeypatch.setenv("TESTED_FINGERPRINT", made.fingerprint)
    return made


@pytest.fixture
def drawn(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], AppTest]:
    def draw(position: int) -> AppTest:
        monkeypatch.setenv("TESTED_POSITION", str(position))
        app = AppTest.from_function(image_form, default_timeout=TIMEOUT_SECONDS).run()
        assert not app.exception
        return app

    return draw


def _file(predictions: Predictions, row: int) -> Path:
    return predictions.absolute(predictions.images["path"].iloc[row])


def test_a_wrong_label_gets_its_right_class_and_a_second_press_takes_it_back(
    drawn: Callable[[int], AppTest], predictions: Predictions, store: Store
) -> None:
    app = drawn(0)
    app.button("here_label").click().run()
    kept = image_note(store, _file(predictions, 0))
    assert kept is not None and (kept.decision, kept.corrected_label) == ("label", "pug")
    assert app.selectbox[0].value == "pug"
    assert app.selectbox[0].options == ["pug", "Bombay", "I don't know"]
    app.selectbox[0].set_value("I don't know").run()
    kept = image_note(store, _file(predictions, 0))
    assert kept is not None and (kept.decision, kept.corrected_label) == ("label", None)
    app.button("here_label").click().run()
    assert image_note(store, _file(predictions, 0)) is None and not app.selectbox
    assert not app.exception


def test_of_a_right_image_nobody_blames_the_model_or_suggests_a_class(
    drawn: Callable[[int], AppTest], predictions: Predictions, store: Store
) -> None:
    app = drawn(2)
    assert [button.key for button in app.button] == ["here_label", "here_image", "here_ambiguous"]
    app.button("here_label").click().run()
    kept = image_note(store, _file(predictions, 2))
    assert kept is not None and (kept.decision, kept.corrected_label) == ("label", None)
    assert app.selectbox[0].options == ["Bengal", "Bombay", "I don't know"]


def test_the_decision_of_another_session_is_seen_and_one_about_a_former_label_is_not(
    drawn: Callable[[int], AppTest], predictions: Predictions, store: Store
) -> None:
    app = drawn(1)
    decide(store, _file(predictions, 1), label="Bombay", decision="label", corrected_label="pug")
    app.run()
    assert app.selectbox[0].value == "pug"
    decide(store, _file(predictions, 1), label="pug", decision="label", corrected_label="Bengal")
    app.run()
    assert not app.selectbox


def test_tags_and_note_are_kept_and_the_fold_says_so(
    drawn: Callable[[int], AppTest], predictions: Predictions, store: Store
) -> None:
    app = drawn(0)
    assert app.expander[0].label == "Tags and note"
    app.text_area[0].set_value("  a *spotted* one ").run()
    app.multiselect[0].set_value([]).run()
    kept = image_note(store, _file(predictions, 0))
    assert kept is not None and kept.text == "a *spotted* one"
    assert app.expander[0].label == r"Tags and note: a \*spotted\* one"
    assert any("Saved 2" in caption.value for caption in app.caption)


def test_a_file_that_is_gone_is_said_and_nothing_typed_is_lost(
    drawn: Callable[[int], AppTest], predictions: Predictions
) -> None:
    app = drawn(0)
    content = _file(predictions, 0).read_bytes()
    _file(predictions, 0).unlink()
    app.button("here_model").click().run()
    assert len(app.error) == 1 and "0.jpg" in app.error[0].value.replace("\\", "")
    app.text_area[0].set_value("where is it?").run()
    assert "0.jpg" in app.error[0].value.replace("\\", "")
    app.run()
    assert app.text_area[0].value == "where is it?" and len(app.error) == 1
    _file(predictions, 0).write_bytes(content)
    next(button for button in app.button if button.label == "Save again").click().run()
    assert not app.error and app.text_area[0].value == "where is it?"
    assert not app.exception


def test_a_workspace_that_takes_nothing_is_said_and_nothing_typed_is_lost(
    drawn: Callable[[int], AppTest], predictions: Predictions, store: Store
) -> None:
    app = drawn(0)
    app.text_area[0].set_value("first").run()
    with sqlite3.connect(store.database) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON image_notes BEGIN SELECT RAISE(ABORT, 'read-only'); END"
        )
    connection.close()
    app.text_area[0].set_value("second").run()
    assert "read-only" in app.error[0].value and app.text_area[0].value == "second"
    app.button("here_image").click().run()
    assert len(app.error) == 2 and app.text_area[0].value == "second"
    kept = image_note(store, _file(predictions, 0))
    assert kept is not None and (kept.text, kept.decision) == ("first", None)
    with sqlite3.connect(store.database) as connection:
        connection.execute("DROP TRIGGER full")
    connection.close()
    next(button for button in app.button if button.label == "Save again").click().run()
    kept = image_note(store, _file(predictions, 0))
    assert kept is not None and kept.text == "second" and not app.error


def test_a_pair_has_one_note_whichever_class_is_named_first(
    predictions: Predictions, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, before, after in (("pug/Bengal", "", "noses"), ("Bengal/pug", "noses", "ears")):
        monkeypatch.setenv("TESTED_PAIR", name)
        app = AppTest.from_function(pair_form, default_timeout=TIMEOUT_SECONDS).run()
        assert not app.exception and app.text_area[0].value == before
        app.text_area[0].set_value(after).run()
        assert subject_note(store, NAMES, "pair", "Bengal/pug").text == after
