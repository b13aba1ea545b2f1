"""The modules of a network as a table to search and sort, and what is learnt in which recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from models.finetune.recipe import KINDS
from pages.network.network_words import field_words, shape_words

if TYPE_CHECKING:
    from analysis.layers.layer_times import LayerTimes
    from analysis.layers.module_tree import ModuleRow, ModuleTree

_INDENT = "\u2003"  # a plain space would be swallowed
_LEARNS, _FROZEN = "learns", "frozen"
_COLUMNS = {
    "module": st.column_config.TextColumn("Module", pinned=True, width="medium"),
    "name": st.column_config.TextColumn("Full name"),
    "class": st.column_config.TextColumn("Class"),
    "shape": st.column_config.TextColumn(
        "Output", help="Of one image: channels x rows x columns, or as the module gives it."
    ),
    "weights": st.column_config.NumberColumn(
        "Weights", format="localized", help="With those of all modules in it."
    ),
    "adds": st.column_config.NumberColumn(
        "Multiply-adds, M", format="%.2f", help="For one image, with all in it."
    ),
    "share": st.column_config.ProgressColumn(
        "Share of them", format="percent", min_value=0.0, max_value=1.0, color="primary"
    ),
    "ms": st.column_config.NumberColumn(
        "Time, ms", format="%.3f", help="For one image, with all in it, under the profiler."
    ),
    "time": st.column_config.ProgressColumn(
        "Share of time", format="percent", min_value=0.0, max_value=1.0, color="primary"
    ),
    "field": st.column_config.TextColumn(
        "Sees",
        help="Receptive field: the side of the square of pixels that one place of its output hangs on, before the "
        "border cuts it. Behind a gate (squeeze and excitation) it also hangs on the mean of the whole image. Empty "
        "where it is not defined, as behind attention.",
    ),
    "calls": st.column_config.NumberColumn("Runs", help="How often it runs for one image."),
}


def module_table(tree: ModuleTree, times: LayerTimes | None) -> None:
    """Draw the table with its filter and search.

    Args:
        tree: of the network.
        times: of its modules; None where they were not measured.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key="modules_filter"):
        shown = "all"
        if any(row.in_block for row in tree.rows):
            shown = st.segmented_control(
                "Show", ["blocks", "all"], default="blocks", required=True, key="modules_shown",
                format_func={"blocks": "Stages and blocks", "all": "All modules"}.__getitem__,
            )  # fmt: skip
        words = st.text_input(
            "Find", key="modules_find", placeholder="part of a name or class", width=280, icon=":material/search:"
        )  # fmt: skip
    rows = found_rows(tree.rows, words, blocks_only=shown == "blocks")
    if not rows:
        st.info("No module has this in its name or class.", icon=":material/search_off:")
        return
    table = table_of(rows, tree, times, indented=not words.strip())
    st.dataframe(
        table, key="modules_table", placeholder="", hide_index=True, column_config=_COLUMNS,
        height=min(36 * (len(table) + 1) + 2, 560),
    )  # fmt: skip
    st.caption(
        f"{len(rows):,} of {len(tree.rows):,} modules. A click on a column sorts; figures of a module hold all modules in it."
    )
    _say_what_did_not_run(tree)


def found_rows(rows: Sequence[ModuleRow], words: str, *, blocks_only: bool) -> list[ModuleRow]:
    """The modules that are shown; a search looks into blocks too.

    Args:
        rows: of the tree.
        words: part of a name or class; "" shows all.
        blocks_only: leave out what lies in blocks, unless it is searched for.
    """
    wanted = words.strip().lower()
    if wanted:
        return [row for row in rows if wanted in row.name.lower() or wanted in row.kind.lower()]
    return [row for row in rows if not (blocks_only and row.in_block)]


def table_of(
    rows: Sequence[ModuleRow], tree: ModuleTree, times: LayerTimes | None, *, indented: bool
) -> pd.DataFrame:
    """The table; a column in which nothing is known is left out.

    Args:
        rows: that are shown.
        tree: they are of.
        times: of the modules; None where they were not measured.
        indented: show the last part of each name, moved in by its depth.
    """
    spent = times.modules if times else {}
    whole = max(1, tree.whole.multiply_adds or 0)
    in_all = spent.get("") or 1.0
    table = pd.DataFrame([
        {
            "module": _indented(row) if indented else row.name or "whole network",
            "class": row.kind,
            "shape": shape_words(row.output_shape),
            "weights": row.n_weights,
            "adds": None if row.multiply_adds is None else row.multiply_adds / 1e6,
            "share": None if row.multiply_adds is None else row.multiply_adds / whole,
            "ms": 1000 * spent[row.name] if row.name in spent else None,
            "time": min(1.0, spent[row.name] / in_all) if row.name in spent else None,
            "field": field_words(row),
            "calls": row.calls,
            "name": row.name,
        }
        for row in rows
    ])  # fmt: skip
    unknown = [name for name in table if table[name].isna().all() or (table[name] == "").all()]
    return table.drop(columns=[name for name in unknown if name != "name"])


def _indented(row: ModuleRow) -> str:
    return _INDENT * row.depth + (row.name.rpartition(".")[2] or "whole network")


def _say_what_did_not_run(tree: ModuleTree) -> None:
    idle = [row for row in tree.rows if row.calls == 0 and row.is_leaf]
    if not idle:
        return
    names = ", ".join(f"`{row.name}`" for row in idle[:3]) + (
        f" and {len(idle) - 3} more" if len(idle) > 3 else ""
    )
    st.caption(
        f"Not run for an image: {names}. Such modules are heads for training, or only hold weights that another module "
        "uses itself."
    )


def recipe_table(tree: ModuleTree) -> None:
    """Draw which stage learns in which kind of fine-tuning.

    Args:
        tree: of a network whose stages are known.
    """
    st.dataframe(
        recipe_rows(tree), key="recipe_table", hide_index=True,
        column_config={
            "stage": st.column_config.TextColumn("Stage", pinned=True),
            "weights": st.column_config.NumberColumn("Weights", format="localized"),
            **{
                key: st.column_config.TextColumn(kind.label, help=kind.sentence)
                for key, kind in KINDS.items()
                if key != "scratch"
            },
        },
    )  # fmt: skip
    st.caption(
        "A small CNN from scratch takes nothing of this network. The earlier of several stages that learn does so more slowly."
    )


def recipe_rows(tree: ModuleTree) -> pd.DataFrame:
    """The stages, from input to head, then how many weights learn in each recipe."""
    names = list(tree.stages)
    learning = {
        key: names if kind.n_stages is None else names[-(kind.n_stages + 1) :]
        for key, kind in KINDS.items()
        if key != "scratch"
    }
    rows: list[dict[str, object]] = [
        {
            "stage": name,
            "weights": n,
            **{key: _LEARNS if name in each else _FROZEN for key, each in learning.items()},
        }
        for name, n in tree.stages.items()
    ]
    whole = max(1, sum(tree.stages.values()))
    shares = {key: sum(tree.stages[name] for name in each) / whole for key, each in learning.items()}
    rows.append({
        "stage": "weights that learn",
        "weights": sum(tree.stages.values()),
        **{key: f"{share:.1%}" for key, share in shares.items()},
    })  # fmt: skip
    return pd.DataFrame(rows)
