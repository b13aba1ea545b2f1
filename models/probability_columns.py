"""The probability columns of a table of predictions: which they are, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import TableError
from models.prediction_record import SCORE_COLUMNS

TEXT_COLUMNS = ("path", "label", "predicted", "group", "split", "id")
PREFIXES = ("probability_", "prob_", "p_")
SUM_TOLERANCE = 0.01
"""How far a row's probabilities may be from 1 in all: tables are often rounded to three decimals."""


def probability_columns_of(table: pd.DataFrame, class_names: Sequence[str] | None) -> dict[str, str]:
    """Which columns of a table of predictions are probabilities.

    Args:
        table: has the column ``label``, and perhaps ``predicted``.
        class_names: the classes that must have a column; None takes what the table has.

    Returns:
        Class name -> column; empty where the table only says what was predicted.

    Raises:
        TableError: a class lacks its column, or there are neither probabilities nor predictions.
    """
    wanted = class_names if class_names is not None else sorted(set(table["label"]))
    numeric = [name for name in table.select_dtypes("number").columns if name not in TEXT_COLUMNS]
    for prefix in (*PREFIXES, ""):
        found = {name.removeprefix(prefix): name for name in numeric if name.startswith(prefix)}
        missing = [name for name in wanted if name not in found]
        if len(missing) == len(wanted):
            continue
        if missing and not prefix and "predicted" in table:
            return {}  # an ordinary column that happens to be called like a class
        if missing:
            raise TableError(
                f"There is no probability column for the class {missing[0]}"
                + (f" and {len(missing) - 1} more." if len(missing) > 1 else "."),
                next_step="Give one numeric column per class, or the column predicted alone.",
            )
        if class_names is not None:
            return {name: found[name] for name in class_names}
        return found if prefix else _without_extras(table, found, set(wanted))
    if "predicted" not in table:
        raise TableError(
            "The table says neither what was predicted nor how probable each class is.",
            next_step="Give the column predicted, or one numeric probability column per class.",
        )
    return {}


def _without_extras(table: pd.DataFrame, found: dict[str, str], labels: set[str]) -> dict[str, str]:
    """Those of the numeric columns that sum to 1: there may be others beside the probabilities.

    Tried in this order: all but the scores that Errorscope itself writes (``loss`` and so on), all, and
    those called like a label or a prediction. The first stand for all where none sum to 1.
    """
    scores_beside = set(SCORE_COLUMNS) - labels
    named = labels | set(table.get("predicted", pd.Series(dtype="str")))
    choices = [
        {name: column for name, column in found.items() if name not in scores_beside},
        found,
        {name: column for name, column in found.items() if name in named},
    ]
    return next((choice for choice in choices if _sums_to_one(table[list(choice.values())])), choices[0])


def _sums_to_one(columns: pd.DataFrame) -> bool:
    return bool((columns.sum(axis=1) - 1).abs().max() <= SUM_TOLERANCE)


def probabilities_of(table: pd.DataFrame, columns: list[str]) -> npt.NDArray[np.float64]:
    """The probabilities of a table, checked, each row divided by its sum.

    Args:
        table: N rows.
        columns: C of its columns.

    Returns:
        (N, C) float64.

    Raises:
        TableError: a value is no probability, or a row does not sum to 1; names the row.
    """
    values = table[columns].to_numpy(np.float64, na_value=np.nan)
    bad = ~(np.isfinite(values) & (values >= 0) & (values <= 1 + SUM_TOLERANCE))
    if bad.any():
        row, column = (int(each[0]) for each in np.nonzero(bad))
        value = "nothing" if np.isnan(values[row, column]) else f"{values[row, column]:g}"
        raise TableError(
            f"Row {row + 1} has {value} in the column {columns[column]}, which is no probability.",
            next_step="Give probabilities between 0 and 1 (the softmax, not the logits).",
        )
    sums = values.sum(axis=1)
    off = np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)
    if off.size:
        raise TableError(
            f"The probabilities of row {off[0] + 1} sum to {sums[off[0]]:.4g}, not to 1.",
            next_step="Give every class its column, with the softmax of the logits.",
        )
    normalised: npt.NDArray[np.float64] = values / sums[:, None]
    return normalised
