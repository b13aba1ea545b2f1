"""Choices in the session and the address: what is put right stays right, Back goes back, others' are dropped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from analysis.attribution import METHODS
from models.evaluation_spec import EvaluationSpec
from models.predictions import predictions_from_table, save_predictions
from models.store import Store
from pages.explain import asked_class, methods_form
from pages.explain.asked_class import CONTRAST, OTHER, PREDICTED
from pages.explain.chosen_image import LONGEST_SHOWN, opened_picture
from pages.explain.methods_form import settings_of
from pages.mistakes.cell import choose as choose_cell
from pages.mistakes.cell import folded_view
from pages.shared import cached, state
from pages.shared.addressed import (
    addressed,
    choose,
    choose_anew,
    is_chosen_anew,
    say_what_was_put_right,
    settle_addresses,
    write_address,
    write_later,
)
from tests.conftest import ROOT

NAMES = ("cat", "dog")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", kept)
    monkeypatch.setattr(st, "query_params", {})
    return kept


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    words: list[str] = []
    monkeypatch.setattr(st, "info", words.append)
    return words


def test_what_an_address_names_in_vain_does_not_stay_chosen(session: dict[str, Any]) -> None:
    st.query_params["method"] = "grad_cam,tea"
    assert addressed("method") == "grad_cam,tea"
    write_address("method", "grad_cam")
    settle_addresses()
    assert addressed("method") == "grad_cam" == st.query_params["method"]
    choose("method", "lime")
    write_address("method", str(addressed("method")))
    settle_addresses()
    st.query_params["method"] = "grad_cam"  # Back
    assert addressed("method") == "grad_cam"


def test_all_that_is_chosen_is_written_at_once(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each writing is a step of the browser's Back."""
    writings: list[dict[str, str]] = []

    class Query(dict[str, str]):
        def update(self, other: dict[str, str]) -> None:  # type: ignore[override]
            writings.append(dict(other))
            super().update(other)

    monkeypatch.setattr(st, "query_params", Query(model="m"))
    for name in ("image", "method", "target"):
        write_address(name, "chosen")
    settle_addresses()
    settle_addresses()
    write_address("image", "chosen")
    settle_addresses()
    write_address("image", "another")
    settle_addresses()
    assert writings == [dict.fromkeys(("image", "method", "target"), "chosen"), {"image": "another"}]


def test_a_drawing_that_was_cut_short_does_not_undo_the_choice(session: dict[str, Any]) -> None:
    write_address("image", "first")
    settle_addresses()
    choose("image", "second")
    assert is_chosen_anew("image")
    write_address("image", str(addressed("image")))  # and the run ends here: nothing is settled
    assert addressed("image") == "second"
    settle_addresses()
    assert not is_chosen_anew("image") and st.query_params["image"] == "second"
    choose_anew("image", "second")
    assert is_chosen_anew("image") and addressed("image") == "second"


def test_a_choice_in_the_lists_folds_the_matrix_before_the_address_shows_it(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folded: list[tuple[str, ...]] = []
    monkeypatch.setattr(cached, "view", lambda _, order, groups, *rest: folded.append(groups))

    def drawn(name: str) -> tuple[str, ...]:
        folded_view("2" * 32, "name")
        write_later("cell", name, "written_cell")
        return folded.pop()

    st.query_params["cell"] = "group:cat/Beagle"  # a link
    assert drawn("group:cat/Beagle") == ("cat",)
    settle_addresses()
    choose_cell("Bengal/Beagle")
    assert drawn("Bengal/Beagle") == ()
    settle_addresses()
    st.query_params["cell"] = "group:cat/Beagle"  # Back
    assert drawn("group:cat/Beagle") == ("cat",)


def test_a_widget_that_shows_its_value_is_left_alone(session: dict[str, Any]) -> None:
    """Streamlit sends what is set to the browser, which would move a slider back under the hand."""
    given: list[str] = []

    class Session(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            given.append(key)
            super().__setitem__(key, value)

    kept = Session(slider=0.0)
    session_of = pytest.MonkeyPatch()
    with session_of.context() as patch:
        patch.setattr(st, "session_state", kept)
        for value in (0.0, 0.5, 0.5):
            state.keep_widget("slider", value)
        state.keep_widget("list", None)
    assert given == ["slider", "list"]


@pytest.mark.parametrize(
    ("text", "names", "mode", "words"),
    [
        ("contrast", NAMES, CONTRAST, None),
        ("contrast", ("cat",), PREDICTED, "only one class"),
        ("cat/dog", NAMES, OTHER, None),
        ("cat/", NAMES, OTHER, None),
        ("cat/cat", NAMES, PREDICTED, "cat cannot be held against itself"),
        ("cat/cow", NAMES, PREDICTED, "no class cat/cow"),
    ],
)
def test_a_question_without_an_answer_is_refused_in_a_sentence(  # noqa: PLR0917
    session: dict[str, Any], said: list[str], text: str, names: tuple[str, ...], mode: str, words: str | None
) -> None:
    assert asked_class._mode(text, names, mistaken=False) == mode
    say_what_was_put_right("target")
    assert len(said) == (words is not None) and (words or "") in "".join(said)
    assert words is None or session["explain_target"] == PREDICTED


def test_another_model_gets_neither_the_image_nor_the_layers_of_the_last(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("image", "target", "method"):
        choose(name, "chosen")
        write_address(name, "chosen")
    settle_addresses()
    session["explain_options"] = {"grad_cam": {"layer": "features.3"}, "lime": {"samples": 50}}
    network: Any = object()
    monkeypatch.setattr(methods_form, "_layers", lambda _: ("conv1",))
    assert settings_of(METHODS["grad_cam"], network)["layer"] == ""
    monkeypatch.setattr(methods_form, "_layers", lambda _: ("features.3",))
    assert settings_of(METHODS["grad_cam"], network)["layer"] == "features.3"
    # a list of other labels with its keys, a filter, a search
    asked = {"label_other": True, "rare_which": "across", "notes_words": "blurred"}
    session.update(asked)
    state.forget_view()
    assert not asked.keys() & session.keys()
    assert [addressed(name) for name in ("image", "target", "method")] == [None, None, "chosen"]
    assert session["explain_options"] == {"grad_cam": {}, "lime": {"samples": 50}}


def test_a_large_picture_is_kept_small_and_knows_its_size(tmp_path: Path) -> None:
    Image.new("RGB", (2 * LONGEST_SHOWN, 100)).save(tmp_path / "wide.png")
    Image.new("RGB", (50, 40)).save(tmp_path / "small.png")
    wide = opened_picture(str(tmp_path / "wide.png"), "wide")
    assert wide.size == (2 * LONGEST_SHOWN, 100) and wide.picture.size == (LONGEST_SHOWN, 50)
    small = opened_picture(str(tmp_path / "small.png"), "small")
    assert small.size == small.picture.size == (50, 40)
    opened_picture.clear()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    for name in "ab":
        Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / f"{name}.png")
    rows = {"path": ["a.png", "b.png"], "label": ["cat", "dog"], "cat": [0.7, 0.4], "dog": [0.3, 0.6]}
    pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    made = predictions_from_table(tmp_path / "table.csv")
    save_predictions(Store(tmp_path / "workspace"), made)

    def page() -> AppTest:
        app = AppTest.from_file(str(ROOT / "pages" / "explain" / "image.py"), default_timeout=60)
        app.session_state["spec"] = EvaluationSpec("table.csv", str(tmp_path)).to_json()
        app.session_state["fingerprint"] = made.fingerprint
        return app

    return page


def test_a_table_of_predictions_has_no_network_to_ask(table: Callable[[], AppTest]) -> None:
    app = table().run()
    assert not app.exception and not app.error
    assert [caption.value for caption in app.caption] == [
        "These predictions came from a table, so there is no network to ask."
    ]
