import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.axis import matrix_view
from analysis.export import matrix_csv, predictions_table
from models.predictions import predictions_from_table
from tests.analysis.planted_predictions import planted_predictions

NAMES = ['a "b", c', "beagle", "pug"]
COUNTS = np.array([[8, 2, 1], [0, 9, 1], [3, 0, 4]])


def test_the_matrix_comes_back_from_csv() -> None:
    text = matrix_csv(matrix_view(COUNTS, NAMES, {}))
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["label", *NAMES, "not shown", "total"]
    assert [row[0] for row in rows[1:]] == NAMES
    assert [[int(cell) for cell in row[1:4]] for row in rows[1:]] == COUNTS.tolist()


def test_every_row_adds_up_to_its_total_whatever_is_shown() -> None:
    view = matrix_view(COUNTS, NAMES, {}, shown=set(NAMES[:2]), min_count=1, rate="label")
    rows = list(csv.reader(io.StringIO(matrix_csv(view))))[1:]
    for row, total in zip(rows, (11, 10), strict=True):
        assert sum(map(int, row[1:-1])) == int(row[-1]) == total


def test_predictions_come_back_from_their_table(tmp_path: Path) -> None:
    labels = np.array([0, 1, 2, 2])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.25, 0.5, 0.25]])
    predictions = planted_predictions(labels, ("cat", "dog", "owl"), probabilities=probabilities)
    table = predictions_table(predictions)
    assert table.columns[:5].tolist() == ["id", "path", "label", "predicted", "confidence"]
    assert table["predicted"].tolist() == ["cat", "cat", "owl", "dog"]
    table.to_parquet(tmp_path / "predictions.parquet")
    again = predictions_from_table(tmp_path / "predictions.parquet")
    assert again.class_names == predictions.class_names
    np.testing.assert_array_equal(again.labels, predictions.labels)
    np.testing.assert_array_equal(again.predicted, predictions.predicted)
    assert again.probabilities is not None
    np.testing.assert_allclose(again.probabilities, probabilities, atol=1e-6)


def test_without_probabilities_the_table_has_no_columns_of_them() -> None:
    predictions = planted_predictions(np.array([0, 1]), ("cat", "dog"), predicted=np.array([1, 1]))
    table = predictions_table(predictions)
    assert not [name for name in table.columns if name.startswith("probability_")]
    assert isinstance(table, pd.DataFrame) and table["predicted"].tolist() == ["dog", "dog"]
