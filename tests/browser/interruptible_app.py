"""An image within a fragment that takes a minute to explain, and pages that end early; for test_interruptible.py."""

import time

import streamlit as st

from pages.shared.clock import clock
from pages.shared.interruptible import end_drawing, forget_what_was_left, give_way, interruptible

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


@st.fragment
def ticking() -> None:
    st.text("tick")
    clock(0.2, key="clock")


def first() -> None:
    view()
    if st.button("Wait and end"):
        counter()
        time.sleep(3)
        end_drawing()
    for page in OTHERS:
        if st.button(f"Go to {page.title}"):
            st.switch_page(page)
    ticking()


def early() -> None:
    other("early")
    end_drawing()


def late() -> None:
    other("late")


def other(name: str) -> None:
    time.sleep(2)  # the clock of the first page strikes meanwhile
    for line in range(12):
        st.text(f"{name} {line}")


OTHERS = [st.Page(early, title="early"), st.Page(late, title="late")]
st.navigation([st.Page(first, default=True), *OTHERS], position="hidden").run()
forget_what_was_left()
