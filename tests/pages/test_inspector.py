"""Which image the inspector opens by itself."""

from streamlit.testing.v1 import AppTest


def drawn() -> None:
    from pages.shared.inspector import open_inspector

    open_inspector(None, None)  # type: ignore[arg-type]


def test_the_image_of_another_page_is_not_opened() -> None:
    app = AppTest.from_function(drawn)
    app.query_params["image"] = "0123456789ab"
    app.query_params["target"] = "predicted"
    app.run(timeout=30)
    assert not app.exception
    assert "image" not in app.session_state


def test_the_image_of_an_address_is_opened() -> None:
    app = AppTest.from_function(drawn)
    app.query_params["image"] = "0123456789ab"
    app.run(timeout=30)
    assert app.session_state["image"] == "0123456789ab"
