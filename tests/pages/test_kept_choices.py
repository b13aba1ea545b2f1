"""Choices that stand in the session: a browser that sees only the second drawing shows them as well."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest


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
