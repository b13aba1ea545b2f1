"""A version that is a smaller network: what it saves, and who pays for it."""

from __future__ import annotations

import streamlit as st

from models.finetune.version_record import Version
from pages.network.compression_kept import compressed_figures, runtime_words
from pages.network.compression_words import cells_words, classes_words, threads_words
from pages.shared import state


def compression_price(version: Version) -> None:
    """Draw size, time, accuracy, and the classes and cells that pay most.

    Args:
        version: made by a compression.
    """
    found = version.compression
    if "latency" not in found:
        st.caption("It has not been judged yet.")
        return
    compressed_figures(found, version.id)
    st.markdown(
        f"Classes that pay most: {state.escaped(classes_words(found, 5))}.\n\n"
        f"Mistakes that grow most: {state.escaped(cells_words(found, 5))}."
    )
    if found.get("latency_whole"):
        st.caption(runtime_words(found))
    st.caption(
        f"{threads_words(int(found.get('threads', 1)))} All {found['n']:,} validation images count here."
    )
