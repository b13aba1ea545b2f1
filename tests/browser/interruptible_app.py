"""An image that is opened within a fragment and takes a minute to explain, for test_interruptible.py."""

import time

import streamlit as st

from pages.shared.interruptible import end_drawing, give_way, interruptible

MINUTE = 60.0


def at_rest() -> None:
    st.session_state["open"] = None


def explain(way: str) -> None:
    st.text("explaining")
    if way == "in one go":
        interruptible(lambda: time.sleep(MINUTE))
    else:
        for _ in range(int(MINUTE / 0.05)):
            time.sleep(0.05)
            give_way()


@st.dialog("Image", on_dismiss=at_rest)
def dialog(way: str) -> None:
    place = st.session_state.setdefault("place", 1)
    st.text(f"image {place}")

    def go_on() -> None:
        st.session_state["place"] = place + 1

    st.button("Next", on_click=go_on, key="next")
    explain(way)


@st.fragment
def view() -> None:
    for way in ("in one go", "step by step"):
        if st.button(f"Open {way}"):
            st.session_state["open"] = way
    way = st.session_state.get("open")
    st.text("closed" if way is None else "open")
    if way is not None:
        dialog(way)


@st.fragment
def counter() -> None:
    st.session_state["pressed"] = st.session_state.get("pressed", 0) + 1
    st.button("Count")
    st.text(f"drawn {st.session_state['pressed']} times")


view()
if st.button("Wait and end"):
    counter()
    time.sleep(3)
    end_drawing()
