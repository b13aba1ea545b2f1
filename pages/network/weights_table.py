"""All layers with weights, as a table to sort; a chosen row is the layer that is shown."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analysis.layers.difference_record import shape_words
from analysis.layers.scan_record import LayerScan
from analysis.layers.weight_record import NetworkWeights
from pages.network.weights_unusual import Dead
from pages.shared.addressed import choose

_HELP = {
    "weights": ("Weights", "How many; biases are left out.", "localized"),
    "norm": ("Norm", "Length of all weights together (Frobenius).", "%.3g"),
    "typical": ("Typical", "Root mean square of the weights.", "%.2g"),
    "near": ("Near zero", "Share of weights smaller than a hundredth of the typical one.", "percent"),
    "exact": ("Exactly zero", "Share of weights that are 0.", "percent"),
    "spectral": ("Spectral norm", "The most that the weights can stretch what they get.", "%.3g"),
    "gain": ("With norm", "The same with the batch norm behind it folded in.", "%.3g"),
    "rank": ("Stable rank", "Along about how many directions the layer passes on what it gets.", "%.1f"),
    "empty": (
        "Empty",
        "Output channels whose weights are all 0, or that the norm behind multiplies by 0.",
        "localized",
    ),
    "faint": (
        "Faint",
        "Output channels with less than a hundredth of the strongest one's weights.",
        "localized",
    ),
    "dead": (
        "Dead",
        "Output channels that gave the same at every place of every validation image.",
        "localized",
    ),
}


def dead_channels(found: NetworkWeights, scan: LayerScan) -> dict[str, tuple[int, ...]]:
    """The channels that gave the same at every place of every image, by layer.

    Args:
        found: the statistics; only their layers are looked up.
        scan: the look through all images.
    """
    dead: dict[str, tuple[int, ...]] = {}
    for each in found.layers:
        layer = scan.layer(each.name)
        if layer is not None:
            dead[each.name] = tuple(int(channel) for channel in scan.still(layer))
    return dead


def weights_table(found: NetworkWeights, dead: Dead | None) -> None:
    """Draw the table.

    Args:
        found: the statistics.
        dead: None where the images were not looked at: the column is left out.
    """
    st.subheader("All layers")
    names = [each.name for each in found.layers]

    def take() -> None:
        rows = st.session_state["weights_table"]["selection"]["rows"]
        if rows and rows[0] < len(names):
            choose("layer", names[rows[0]])

    shown = _table(found, dead)
    st.dataframe(
        shown, key="weights_table", hide_index=True, on_select=take, selection_mode="single-row", height=420,
        column_config={
            "layer": st.column_config.TextColumn("Layer", pinned=True),
            "kind": st.column_config.TextColumn("Kind"),
            "shape": st.column_config.TextColumn("Shape", help="Output channels x input channels x window."),
            **{
                key: st.column_config.NumberColumn(title, help=words, format=form)
                for key, (title, words, form) in _HELP.items()
            },
        },
    )  # fmt: skip
    st.caption("A click on a column sorts; a row that is chosen is shown below with its histogram.")


def _table(found: NetworkWeights, dead: Dead | None) -> pd.DataFrame:
    rows = [
        {
            "layer": each.name,
            "kind": each.kind if each.groups == 1 else f"{each.kind}, {each.groups} groups",
            "shape": shape_words(each.shape),
            "weights": each.n_weights,
            "norm": each.norm,
            "typical": each.rms,
            "near": each.near_zero,
            "exact": each.exact_zero,
            "spectral": each.spectral_norm,
            "gain": each.gain,
            "rank": each.stable_rank,
            "empty": len(each.empty_channels),
            "faint": len(each.faint_channels),
            "dead": None if dead is None or each.name not in dead else len(dead[each.name]),
        }
        for each in found.layers
    ]
    table = pd.DataFrame(rows)
    unused = [name for name in ("gain",) if all(each.gain == each.spectral_norm for each in found.layers)]
    return table.drop(columns=unused + (["dead"] if dead is None else []))
