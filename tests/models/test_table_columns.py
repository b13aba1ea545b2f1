"""Columns: labels of any type as text, and the user's own columns as they can be saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.errors import TableError
from models.table_columns import column_texts, extra_columns, label_texts, sorted_labels


def texts(values: Any) -> list[str]:
    return label_texts(column_texts(pd.DataFrame({"label": values}), "label", Path("t.parquet")))


@pytest.mark.parametrize(
    "values, expected",
    [
        ([3, 10], ["3", "10"]),
        (pd.array([3, None], dtype="Int64"), ["3", ""]),
        ([3.0, np.nan], ["3", ""]),
        ([3.0, 2.5], ["3.0", "2.5"]),
        (["3.0", "4.0"], ["3", "4"]),
        ([" cat ", None], ["cat", ""]),
        ([True, False], ["True", "False"]),
        (pd.Categorical(["b", "a"]), ["b", "a"]),
        (["007", "-1"], ["007", "-1"]),
    ],
)
def test_labels_become_text(values: Any, expected: list[str]) -> None:
    assert texts(values) == expected


@pytest.mark.parametrize("value, kind", [(b"cat", "bytes"), (["cat"], "list"), ({"a": 1}, "dict")])
def test_labels_of_other_types_are_refused(value: object, kind: str) -> None:
    with pytest.raises(TableError, match=f"The column label of t.parquet holds values of type {kind}"):
        texts(pd.Series([value], dtype=object))


def test_a_missing_column_is_empty() -> None:
    assert column_texts(pd.DataFrame({"label": ["cat", "dog"]}), "split", Path("t.csv")) == ["", ""]


def test_labels_are_sorted_by_value_only_if_all_are_numbers() -> None:
    assert sorted_labels(["10", "9", "-1", "07"]) == ("-1", "07", "9", "10")
    assert sorted_labels(["10", "9", "x"]) == ("10", "9", "x")
    assert sorted_labels([]) == ()


def test_own_columns_keep_what_can_be_saved(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "path": ["a", "b"],
            "label": ["x", "y"],
            "group": ["", ""],
            "id": ["17", "18"],
            "age": ["3", ""],
            "score": ["0.5", "1e3"],
            "code": ["007", "008"],
            "note": ["nan", "1"],
            "bright": [True, False],
            "taken": pd.to_datetime(["2024-01-01", "2025-01-01"]),
            "kind": pd.Categorical(["p", "q"]),
            "pixels": [b"\0", b"\1"],
            "boxes": [[1, 2], [3]],
        }
    )
    extra = extra_columns(table)
    assert list(extra.columns) == ["table_id", "age", "score", "code", "note", "bright", "taken", "kind"]
    assert extra["age"].isna().tolist() == [False, True] and extra["age"][0] == 3
    assert extra["score"].tolist() == [0.5, 1000.0]
    assert extra["code"].tolist() == ["007", "008"] and extra["note"].tolist() == ["nan", "1"]
    extra.to_parquet(tmp_path / "extra.parquet")
    assert pd.util.hash_pandas_object(extra).size == 2
