"""Repeated and leaked images as tables to take away."""

from __future__ import annotations

import pandas as pd

from analysis.duplicates import Duplicates
from analysis.leakage import Leakage
from analysis.spreadsheet import spreadsheet_csv
from models.prediction_record import Predictions


def duplicates_csv(predictions: Predictions, duplicates: Duplicates) -> bytes:
    """Every image of every cluster: a CSV with the columns group, kind, conflict, path, label, predicted, evidence."""
    images, names = predictions.images, predictions.class_names
    rows = [
        {
            "group": number,
            "kind": cluster.kind,
            "conflict": cluster.conflict,
            "path": images["path"].iloc[row],
            "label": names[images["label_index"].iloc[row]],
            "predicted": names[images["predicted_index"].iloc[row]],
            "evidence": cluster.evidence,
        }
        for number, cluster in enumerate(duplicates.clusters, start=1)
        for row in cluster.rows
    ]
    return spreadsheet_csv(pd.DataFrame(rows))


def leakage_csv(predictions: Predictions, leakage: Leakage) -> bytes:
    """Every leaked pair: a CSV with the columns path, copy, kind, label, label_of_copy, conflict, predicted, evidence."""
    images, names = predictions.images, predictions.class_names
    rows = [
        {
            "path": images["path"].iloc[pair.row],
            "copy": pair.path,
            "kind": pair.kind,
            "label": names[images["label_index"].iloc[pair.row]],
            "label_of_copy": pair.label,
            "conflict": pair.conflict,
            "predicted": names[images["predicted_index"].iloc[pair.row]],
            "evidence": pair.evidence,
        }
        for pair in leakage.pairs
    ]
    return spreadsheet_csv(pd.DataFrame(rows))
