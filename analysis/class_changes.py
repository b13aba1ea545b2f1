"""What became of each class, and of each cell of the matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.comparison_record import Comparison, Rows
from analysis.confusion import Booleans, Counts, confusion_counts, shares
from analysis.mcnemar import holm_p_values, mid_p_values
from analysis.paired_shares import change_interval
from analysis.significance import false_discovery_rates

Cell = tuple[str, str]
"""Names of a label and of a prediction."""


def class_changes(comparison: Comparison, rows: Booleans) -> pd.DataFrame:
    """The recall of each class before and after, on the same images.

    Args:
        comparison: M images.
        rows: (M,) True for the images that count.

    Returns:
        C rows, in the order of ``class_names``: ``class``, ``support`` (images of the class), ``right_before``,
        ``right_after``, ``fixed``, ``broken``, ``recall_before``, ``recall_after``, ``change`` (of the recall, -1..1),
        ``low``, ``high`` (95 % interval of the change), ``p_value`` (mid-p McNemar), ``q_value`` (Benjamini and
        Hochberg over the classes of which an image was fixed or broken), ``called_before``, ``called_after`` (images
        called so, whatever they are), ``precision_before``, ``precision_after``. Shares of no images are nan.
    """
    n_classes = len(comparison.class_names)

    def per_label(chosen: Booleans) -> Counts:
        return np.bincount(comparison.labels[rows & chosen], minlength=n_classes)

    support, both = per_label(rows), per_label(comparison.both_right)
    fixed, broken = per_label(comparison.fixed), per_label(comparison.broken)
    called = [np.bincount(said[rows], minlength=n_classes) for said in (comparison.before, comparison.after)]
    low, high = change_interval(both, broken, fixed, support)
    p_values = mid_p_values(fixed, broken)
    return pd.DataFrame(
        {
            "class": list(comparison.class_names),
            "support": support,
            "right_before": both + broken,
            "right_after": both + fixed,
            "fixed": fixed,
            "broken": broken,
            "recall_before": shares(both + broken, support),
            "recall_after": shares(both + fixed, support),
            "change": shares(fixed - broken, support),
            "low": low,
            "high": high,
            "p_value": p_values,
            "q_value": _corrected(p_values, fixed + broken > 0),
            "called_before": called[0],
            "called_after": called[1],
            "precision_before": shares(both + broken, called[0]),
            "precision_after": shares(both + fixed, called[1]),
        }
    )


def matrix_change(comparison: Comparison, rows: Booleans) -> Counts:
    """The matrix after less the matrix before.

    Args:
        comparison: M images.
        rows: (M,) True for the images that count.

    Returns:
        (C, C), row = label, column = prediction; each row adds up to 0.
    """
    labels, n_classes = comparison.labels[rows], len(comparison.class_names)
    before, after = (
        confusion_counts(labels, said[rows], n_classes) for said in (comparison.before, comparison.after)
    )
    return after - before


def cell_movements(
    comparison: Comparison, rows: Booleans, labels: Sequence[int], predicted: Sequence[int]
) -> tuple[Rows, Rows]:
    """The images that left a cell of the matrix, and those that entered it.

    Args:
        comparison: M images.
        rows: (M,) True for the images that count.
        labels: the row's classes: one, or all of a group.
        predicted: the column's.

    Returns:
        Positions in the comparison, ascending: in the cell before but not after; after but not before.
    """
    of_label = rows & np.isin(comparison.labels, labels)
    was = of_label & np.isin(comparison.before, predicted)
    now = of_label & np.isin(comparison.after, predicted)
    return np.flatnonzero(was & ~now), np.flatnonzero(now & ~was)


def cell_changes(comparison: Comparison, rows: Booleans, declared: Sequence[Cell] = ()) -> pd.DataFrame:
    """The cells of mistakes that an image left or entered, and those that were declared.

    What was named before the training is tested apart from all that was not: Holm over the declared cells, Benjamini
    and Hochberg over the others. A cell that no image left or entered is not tested: with none, no result of its test
    could have been a finding.

    Args:
        comparison: M images.
        rows: (M,) True for the images that count.
        declared: pairs (label, predicted) of class names, named before the training.

    Returns:
        One row a cell: ``label``, ``predicted`` (names), ``before``, ``after`` (images in it), ``change``, ``left``,
        ``entered``, ``p_value`` (mid-p McNemar), ``adjusted`` (by Holm or by Benjamini and Hochberg), ``declared``.
        The declared ones first, in their order; then those with the least ``adjusted``, the largest change first.
    """
    names = np.array(comparison.class_names, dtype=object)
    places, counts = _moved_cells(comparison, rows, _indices(comparison, declared))
    before, after, left, entered = counts
    label, predicted = np.divmod(places, len(names))
    table = pd.DataFrame(
        {
            "label": names[label],
            "predicted": names[predicted],
            "before": before,
            "after": after,
            "change": after - before,
            "left": left,
            "entered": entered,
            "p_value": mid_p_values(left, entered),
        }
    )
    rank = {cell: place for place, cell in enumerate(declared)}
    order = [rank.get(cell, len(rank)) for cell in zip(table["label"], table["predicted"], strict=True)]
    table["declared"] = np.array(order, np.int64) < len(rank)
    table["adjusted"] = _adjusted(table)
    table["size"] = -table["change"].abs()
    keys = ["order", "adjusted", "size"]
    return table.assign(order=order).sort_values(keys, kind="stable", ignore_index=True)[list(_CELL_COLUMNS)]


_CELL_COLUMNS = (
    "label", "predicted", "before", "after", "change", "left", "entered", "p_value", "adjusted", "declared"
)  # fmt: skip


def _adjusted(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    p_values, declared = table["p_value"].to_numpy(np.float64), table["declared"].to_numpy(bool)
    adjusted = np.empty(len(table))
    adjusted[declared] = holm_p_values(p_values[declared])
    adjusted[~declared] = false_discovery_rates(p_values[~declared])
    return adjusted


def _corrected(p_values: npt.NDArray[np.float64], tested: Booleans) -> npt.NDArray[np.float64]:
    q_values = np.ones(len(p_values))
    q_values[tested] = false_discovery_rates(p_values[tested])
    return q_values


def _indices(comparison: Comparison, cells: Sequence[Cell]) -> npt.NDArray[np.int64]:
    """Numbers of cells, row by row; a cell of a class that neither side knows has none."""
    place = {name: index for index, name in enumerate(comparison.class_names)}
    known = [
        (place[label], place[predicted]) for label, predicted in cells if {label, predicted} <= set(place)
    ]
    return np.array([label * len(place) + predicted for label, predicted in known], np.int64)


def _moved_cells(
    comparison: Comparison, rows: Booleans, declared: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], list[npt.NDArray[np.int64]]]:
    """The numbers of the cells that count, and for each: images before, after, that left, that entered.

    Only cells that hold something are looked at: of a thousand classes there are a million cells.
    """
    n_classes, labels = len(comparison.class_names), comparison.labels[rows]
    before, after = comparison.before[rows], comparison.after[rows]
    moved = before != after
    was, now = labels * n_classes + before, labels * n_classes + after
    concerned = np.concatenate([was[moved & (before != labels)], now[moved & (after != labels)], declared])
    places = np.unique(concerned)
    counts = []
    for cells in (was, now, was[moved], now[moved]):
        here = np.searchsorted(places, cells)
        found = (
            here[(here < len(places)) & (places[np.minimum(here, len(places) - 1)] == cells)]
            if len(places)
            else here[:0]
        )
        counts.append(np.bincount(found, minlength=len(places)))
    return places, counts
