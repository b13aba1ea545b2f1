"""The form of augmentations by itself, on sample images; run by the tests, not by people."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from pages.improve.augmentation_form import augmentation_form

ROOT = Path(__file__).resolve().parents[2]
IMAGES = sorted((ROOT / "sample_data" / "pets" / "val" / "chihuahua").iterdir())[:6]


def form() -> None:
    """The form, and what it returned as text that a test can read."""
    images = [] if "empty" in st.query_params else [ROOT / "gone.jpg", *IMAGES]
    chosen = augmentation_form("augmentation", images, Preprocessing(160, 144, IMAGENET_MEAN, IMAGENET_STD))
    words = [f"{each.name} {each.strength:g} {each.probability:g} {each.fill}" for each in chosen.operations]
    st.text("; ".join(words) or "nothing")
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.text(f"run {st.session_state['runs']}")
    if st.button("Leave"):
        st.switch_page(OTHER)


def other() -> None:
    """Another page."""
    if st.button("Back"):
        st.switch_page(FORM)


FORM, OTHER = st.Page(form, default=True), st.Page(other)
st.set_page_config(layout="wide")
st.navigation([FORM, OTHER], position="hidden").run()
