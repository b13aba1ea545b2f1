"""The sidebar: which model, which images."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from models.finetune.versions import version_at
from pages.shared import state


def sidebar() -> None:
    """Say what is open, under the navigation."""
    spec = state.open_spec()
    with st.sidebar:
        if spec is None:
            st.caption("Nothing is open.")
            return
        st.caption("Model" if spec.predictions is None else "Predictions")
        version = version_at(state.store(), spec.checkpoint)
        name = Path(spec.model).name if version is None else version.name
        st.markdown(f"**{state.escaped(name)}**", help=state.escaped(spec.model))
        st.caption("Images")
        st.markdown(f"**{state.escaped(state.images_words(spec))}**", help=state.escaped(spec.images))
