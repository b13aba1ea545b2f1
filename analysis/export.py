"""The matrix and the predictions as tables for other programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.axis import MatrixView

if TYPE_CHECKING:
    from models.predictions import Predictions


def matrix_csv(view: MatrixView) -> str:
    """The matrix on show as CSV.

    Args:
        view: the matrix on show.

    Returns:
        A header (``label``, the predictions, ``not shown``, ``total``), then a row for each label. The
        cells hold images, whatever is coloured; ``not shown`` counts those of the label in hidden
        columns and blanked cells, so that each row adds up to its total.

    >>> from analysis.axis import matrix_view
    >>> print(matrix_csv(matrix_view(np.array([[8, 2], [0, 9]]), ["Bengal", "pug"], {})))
    label,Bengal,pug,not shown,total
    Bengal,8,2,0,10
    pug,0,9,0,9
    <BLANKLINE>
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["label", *view.labels, "not shown", "total"])
    not_shown = view.hidden_counts + view.blanked_counts
    for row, entry in enumerate(view.entries):
        writer.writerow([entry.label, *view.counts[row], not_shown[row], view.row_totals[row]])
    return text.getvalue()


def predictions_table(predictions: Predictions) -> pd.DataFrame:
    """The predictions as a table that ``--from-predictions`` reads again.

    Args:
        predictions: what the network said.

    Returns:
        One row an image: ``id``, ``path``, ``label``, ``predicted``, ``confidence``, ``margin``,
        ``loss``, ``group``, ``split``, the user's own columns, and where there are probabilities one
        column ``probability_<class>`` a class.
    """
    table = predictions.images.drop(columns=["label_index", "predicted_index", "label_rank"])
    names = np.array(predictions.class_names, dtype=object)
    table.insert(3, "predicted", names[predictions.predicted])
    for place, name in enumerate(("confidence", "margin", "loss"), start=4):
        table.insert(place, name, table.pop(name))
    if predictions.probabilities is None:
        return table
    columns = [f"probability_{name}" for name in predictions.class_names]
    probabilities = pd.DataFrame(np.asarray(predictions.probabilities), columns=columns, index=table.index)
    return pd.concat([table, probabilities], axis="columns")
