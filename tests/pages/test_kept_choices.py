"""Choices that stand in the session: a browser that sees only the second drawing shows them as well."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from analysis.picture_edits import Edit


def place_in_a_link() -> None:
    import streamlit as st

    from pages.explain.cell_causal import own_ends

    if "place" not in st.query_params:
        st.query_params["place"] = "10-40,50-80"
    own_ends()


def drawing_in_a_link() -> None:
    import streamlit as st

    from pages.explain.drawing_form import chosen_drawing

    for name, value in (("sign", "absolute"), ("colours", "cividis"), ("clip", "97.5")):
        if name not in st.query_params:
            st.query_params[name] = value
    chosen_drawing()


@pytest.mark.parametrize(
    ("drawn", "expected"), [(place_in_a_link, [[10, 40], [50, 80]]), (drawing_in_a_link, [[97.5]])]
)
def test_each_drawing_carries_what_a_slider_shows(
    drawn: Callable[[], None], expected: list[list[float]]
) -> None:
    """What is set is sent with one drawing only, and that one may be replaced by the next before it is shown."""
    app = AppTest.from_function(drawn).run(timeout=30)
    assert not app.exception
    for _ in range(2):
        assert [list(each.proto.default) for each in app.slider] == expected
        assert [
            list(each.value) if len(default) == 2 else [each.value]
            for each, default in zip(app.slider, expected, strict=True)
        ] == expected
        app.run(timeout=30)


def test_each_drawing_carries_which_button_is_chosen() -> None:
    app = AppTest.from_function(drawing_in_a_link).run(timeout=30)
    for _ in range(2):
        assert [[each.options[place] for place in each.proto.default] for each in app.segmented_control] == [
            ["Strength"],
            ["Cividis"],
        ]
        app.run(timeout=30)


def edits_of(file: str) -> None:
    from pathlib import Path

    import streamlit as st

    from models.fingerprints import content_key
    from pages.explain.chosen_image import Chosen, opened_picture
    from pages.explain.edit_form import edit_form

    path = Path(file)
    chosen = Chosen(path, *opened_picture(file, content_key(path)), label=None, probabilities=None)
    st.session_state["edits"] = edit_form(chosen, st.container(), st.container())


def test_a_rectangle_that_was_switched_off_comes_back_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit keeps the values of widgets that are gone for one drawing only."""
    monkeypatch.setattr("pages.explain.edit_form.drawn_rectangle", lambda *_, **__: None)
    Image.new("RGB", (40, 40)).save(tmp_path / "cat.png")
    app = AppTest.from_function(edits_of, args=(str(tmp_path / "cat.png"),)).run(timeout=30)
    app.toggle[0].set_value(True).run(timeout=30)
    app.slider[0].set_value((10, 20)).run(timeout=30)
    app.slider[1].set_value((50, 80)).run(timeout=30)
    app.segmented_control[0].set_value("grey").run(timeout=30)
    covered = [Edit("cover", (0.1, 0.5, 0.2, 0.8), "grey")]
    assert app.session_state["edits"] == covered
    app.toggle[0].set_value(False).run(timeout=30)
    for _ in range(2):
        assert app.session_state["edits"] == [] and len(app.slider) == 3
        app.run(timeout=30)
    app.toggle[0].set_value(True).run(timeout=30)
    for _ in range(2):
        assert not app.exception
        assert app.session_state["edits"] == covered
        assert [list(each.proto.default) for each in app.slider[:2]] == [[10, 20], [50, 80]]
        app.run(timeout=30)
