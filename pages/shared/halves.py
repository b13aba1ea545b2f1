"""Two halves of a page: side by side on a wide screen, one over the other on a narrow one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def halves(
    key: str, widths: Sequence[float] = (1, 1), gap: Literal["small", "medium", "large"] = "large"
) -> list[DeltaGenerator]:
    """Columns that stack where there is no room for them (pages/shared/app.css says where).

    Args:
        key: the place, once a page.
        widths: relative widths on a wide screen.
        gap: between them.
    """
    return st.container(key=f"halves_{key}").columns(list(widths), gap=gap)
