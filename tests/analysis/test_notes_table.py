"""Notes as tables: true to what was decided, and harmless in a spreadsheet."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.notes_table import (
    image_notes_table,
    model_names,
    selected_notes,
    subject_notes_table,
)
from analysis.spreadsheet import spreadsheet_csv
from models.notes import ImageNote, SubjectNote
from models.recent import RecentEvaluation
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Bengal", "Größe=1", "pug")
NOTES = {
    2: ImageNote("c" * 32, 3, "/x/2.jpg", "pug", "model", changed=10.0, evaluation="e" * 32),
    0: ImageNote(
        *("a" * 32, 1, "/x/0.jpg", "Bengal", "label", "pug", ("dark", "crop; odd"), "=1+1", "f" * 32, 20.0)
    ),
    1: ImageNote("b" * 32, 2, "/x/1.jpg", "pug", "image", tags=("dark",), text="nächtlich\n2nd line"),
}


@pytest.fixture
def table() -> pd.DataFrame:
    predictions = planted_predictions(np.array([0, 1, 2]), NAMES, predicted=np.array([2, 1, 0]))
    return image_notes_table(predictions, NOTES, {"e" * 32: "cats.pt"})


def test_each_image_has_its_row_the_last_changed_first(table: pd.DataFrame) -> None:
    assert table.index.tolist() == [0, 2, 1]
    first = table.loc[0]
    assert (first["label"], first["predicted"], first["decision"]) == ("Bengal", "pug", "label")
    assert (first["corrected_label"], first["tags"]) == ("pug", "dark; crop; odd")
    assert (first["changed"], first["model"]) == ("1970-01-01T00:00:20Z", "ffffffff")
    assert table.loc[2, "model"] == "cats.pt" and table.loc[2, "path"] == "pug/2.jpg"


def test_a_decision_about_a_former_label_can_be_told(table: pd.DataFrame) -> None:
    assert table.loc[1, "decided_label"] == "pug" != table.loc[1, "label"]
    assert table.loc[0, "decided_label"] == table.loc[0, "label"]


def test_rows_are_found_by_decision_tag_and_words(table: pd.DataFrame) -> None:
    assert selected_notes(table).index.tolist() == [0, 2, 1]
    assert selected_notes(table, decisions=["model", "image"]).index.tolist() == [2, 1]
    assert selected_notes(table, tags=["dark"]).index.tolist() == [0, 1]
    assert selected_notes(table, tags=["dark", "crop"]).index.tolist() == [0]
    assert selected_notes(table, words="GRÖSSE=1").index.tolist() == [1]
    assert selected_notes(table, words=".*").empty
    assert selected_notes(table, decisions=[""]).empty


def test_without_notes_the_table_is_empty_and_can_be_filtered_and_written() -> None:
    empty = image_notes_table(planted_predictions(np.array([0]), NAMES, predicted=np.array([0])), {}, {})
    assert selected_notes(empty, decisions=["label"], tags=["x"], words="y").empty
    assert spreadsheet_csv(empty).decode("utf-8-sig").startswith("path,label,")


def test_the_csv_reads_back_with_its_quotes_lines_and_letters(table: pd.DataFrame) -> None:
    content = spreadsheet_csv(table)
    assert content.startswith(b"\xef\xbb\xbf")
    back = pd.read_csv(io.BytesIO(content), keep_default_na=False)
    expected = table.reset_index(drop=True)
    expected.loc[0, "note"] = "'=1+1"
    pd.testing.assert_frame_equal(back, expected, check_dtype=False)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\0")), min_size=1, max_size=4))
def test_no_cell_begins_a_formula_and_nothing_else_changes(texts: list[str]) -> None:
    content = spreadsheet_csv(pd.DataFrame({"note": texts, "path": texts})).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content, newline="")))[1:]
    assert len(rows) == len(texts)
    for cells, text in zip(rows, texts, strict=True):
        for cell in cells:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            assert cell == text or (cell == "'" + text and text[0] in "=+-@\t")


def test_subjects_and_models_have_their_names() -> None:
    table = subject_notes_table([SubjectNote("cell", "Bengal/pug", ("odd",), "see", 5.0)])
    assert table.loc[0].tolist() == ["cell", "Bengal/pug", "odd", "see", "1970-01-01T00:00:05Z"]
    assert subject_notes_table([]).empty
    specs = {"a": {"checkpoint": "/m/cats.pt", "images": "/i"}, "b": {"predictions": "/t/p.csv"}, "c": {}}
    recent = [RecentEvaluation(spec, key, 0.0, 1.0, 1, 1, "", is_saved=True) for key, spec in specs.items()]
    assert model_names(recent) == {"a": "cats.pt", "b": "p.csv"}
