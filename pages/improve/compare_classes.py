"""What became of each class and of each mistake, with how sure that is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from analysis.comparison_statistics import ComparisonStatistics
from analysis.number_words import percent
from pages.improve.compare_words import SURE
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR
from pages.shared.halves import halves

MOST_CLASSES = 30
_GREY = "#8a929b"
_PLAIN = {"displayModeBar": False}


def classes_section(statistics: ComparisonStatistics) -> None:
    """The classes as a chart and as a table, and the cells that changed.

    Args:
        statistics: on the images that count.
    """
    st.subheader("Class by class")
    moved = moved_classes(statistics.classes)
    left, right = halves("comparison_classes", (0.4, 0.6), "medium")
    with left:
        if moved.empty:
            st.info("No image of any class was fixed or broken.", icon=":material/info:")
        else:
            st.caption(chart_words(statistics.classes, moved))
            st.plotly_chart(class_chart(moved), key="comparison_class_chart", config=_PLAIN)
    with right:
        _cells(statistics.cells)
    with st.expander("All classes as a table", key="comparison_class_table"):
        _class_table(statistics.classes)


def moved_classes(classes: pd.DataFrame) -> pd.DataFrame:
    """The classes of which an image was fixed or broken, those that gained most first; of many, those that moved most.

    Args:
        classes: as `analysis.class_changes.class_changes` gives it.
    """
    moved = classes[(classes["fixed"] + classes["broken"] > 0) & (classes["support"] > 0)]
    most = moved.loc[moved["change"].abs().sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]]
    return most.sort_values(["change", "class"], ascending=[False, True])


def chart_words(classes: pd.DataFrame, moved: pd.DataFrame) -> str:
    """What the chart shows, and how many classes moved beyond chance, drawn or not.

    Args:
        classes: as `analysis.class_changes.class_changes` gives it.
        moved: those of them that are drawn.
    """
    n_sure = int((classes["q_value"] <= SURE).sum())
    sure = f"{n_sure:,} moved beyond chance" if n_sure else "No class by itself has moved beyond chance"
    n_still = int((classes["support"] > 0).sum()) - len(moved)
    still = f" {n_still:,} more {'class' if n_still == 1 else 'classes'} not shown." if n_still else ""
    return (
        f"Change of the share that is recognised, with its 95% interval. {sure} (Benjamini and Hochberg over all classes "
        f"that gained or lost an image).{still}"
    )


def class_chart(moved: pd.DataFrame) -> Any:
    """The change of each class as a dot with its interval, the greatest gain on top.

    Args:
        moved: as `moved_classes` gives it.
    """
    # Imported here: plotly takes half a second, and most pages do not need it.
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, chosen, colour in (
        ("better", moved["change"] > 0, RIGHT_COLOUR),
        ("worse", moved["change"] < 0, WRONG_COLOUR),
        ("as many fixed as broken", moved["change"] == 0, _GREY),
    ):
        rows = moved[chosen]
        if rows.empty:
            continue
        figure.add_scatter(
            x=rows["change"], y=rows["class"], mode="markers", name=name, hovertext=_hovers(rows),
            hovertemplate="%{hovertext}<extra></extra>",
            marker={"size": 10, "color": colour, "symbol": ["diamond" if sure else "circle" for sure in rows["q_value"] <= SURE]},
            error_x={"type": "data", "symmetric": False, "array": rows["high"] - rows["change"],
                     "arrayminus": rows["change"] - rows["low"], "color": colour, "thickness": 1.5, "width": 0},
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": _GREY, "width": 1})
    figure.update_xaxes(
        title={"text": "change of recall", "standoff": 14}, tickformat="+.0%", fixedrange=True, zeroline=False,
        automargin=True,
    )  # fmt: skip
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=list(moved["class"])[::-1],
        fixedrange=True,
        automargin=True,
        showgrid=False,
    )
    figure.update_layout(
        height=126 + 26 * len(moved), margin={"l": 8, "r": 8, "t": 8, "b": 44}, dragmode=False, hovermode="closest",
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}, showlegend=True,
    )  # fmt: skip
    return figure


def _hovers(rows: pd.DataFrame) -> list[str]:
    return [
        f"{row['class']}: {percent(row.recall_before)} → {percent(row.recall_after)} of {row.support:,}<br>"
        f"{row.fixed} fixed, {row.broken} broken<br>corrected p {row.q_value:.3f}"
        for _, row in rows.iterrows()
    ]


def _cells(cells: pd.DataFrame) -> None:
    """The mistakes that became more or fewer: the declared ones apart from all others."""
    declared = (
        "The declared ones are tested by themselves (Holm), all others together"
        if cells["declared"].any()
        else "Tested together"
    )
    st.caption(
        f"Mistakes that became more or fewer. {declared} (Benjamini and Hochberg): among many cells some change by chance."
    )
    if cells.empty:
        st.info("No mistake became more or fewer.", icon=":material/info:")
        return
    shown = pd.DataFrame(
        {
            "Mistake": cells["label"]
            + " → "
            + cells["predicted"]
            + np.where(cells["declared"], " (declared)", ""),
            "Before": cells["before"],
            "After": cells["after"],
            "Corrected p": cells["adjusted"],
            "p": cells["p_value"],
        }
    )
    st.dataframe(
        shown, hide_index=True, key="comparison_cells", height="auto" if len(shown) < 10 else 390,
        column_config={
            "Mistake": st.column_config.TextColumn(help="labelled → predicted"),
            "Before": st.column_config.NumberColumn(width=68),
            "After": st.column_config.NumberColumn(width=60),
            "p": st.column_config.NumberColumn(format="%.3f", width=60),
            "Corrected p": st.column_config.NumberColumn(format="%.3f", width=96),
        },
    )  # fmt: skip


_CLASS_COLUMNS = {
    "class": "Class", "support": "Images", "recall_before": "Recall before", "recall_after": "Recall after",
    "change": "Change", "low": "Low", "high": "High", "fixed": "Fixed", "broken": "Broken", "p_value": "p",
    "q_value": "Corrected p", "precision_before": "Precision before", "precision_after": "Precision after",
}  # fmt: skip
_SHARES = ("recall_before", "recall_after", "change", "low", "high", "precision_before", "precision_after")


def _class_table(classes: pd.DataFrame) -> None:
    shown = classes[list(_CLASS_COLUMNS)].rename(columns=_CLASS_COLUMNS)
    shares = {_CLASS_COLUMNS[name]: st.column_config.NumberColumn(format="percent") for name in _SHARES}
    values = {name: st.column_config.NumberColumn(format="%.3f") for name in ("p", "Corrected p")}
    st.dataframe(shown, hide_index=True, column_config={**shares, **values})
    st.download_button(
        "Classes as CSV", lambda: classes.to_csv(index=False), file_name="class_changes.csv", mime="text/csv",
        icon=":material/download:", on_click="ignore", type="tertiary", key="comparison_classes_csv",
    )  # fmt: skip
