"""What the page of duplicates says and hands out."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.duplicates import AlikePair, DuplicateCluster, Duplicates
from analysis.leakage import Leakage, LeakedPair
from pages.data import leakage_panel, repeat_table
from pages.data.duplicate_clusters import cluster_words, filtered
from pages.data.duplicate_words import headline, remarks
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("a_cat", "dog")
EXACT = DuplicateCluster("exact", (0, 1), False, "the same file, byte for byte", 1.0)
NEAR = DuplicateCluster("near", (2, 3), True, "the same picture, mirrored", 0.9)
FOUND = Duplicates((NEAR, EXACT), (), 5, 0, True)


PREDICTIONS = planted_predictions(np.array([0, 0, 0, 1, 1]), NAMES, predicted=np.array([0, 0, 1, 1, 1]))


def test_the_filters_choose_by_kind_and_by_conflict() -> None:
    assert filtered(FOUND.clusters, "all") == FOUND.clusters
    assert filtered(FOUND.clusters, "exact") == (EXACT,)
    assert filtered(FOUND.clusters, "near") == filtered(FOUND.clusters, "conflict") == (NEAR,)


def test_a_cluster_names_its_labels_once_and_marks_a_conflict() -> None:
    assert cluster_words(PREDICTIONS, EXACT).startswith("2 images labelled **a\\_cat** ·")
    words = cluster_words(PREDICTIONS, NEAR)
    assert "warning" in words and "**a\\_cat** and **dog**" in words and "mirrored" in words


def test_the_headline_counts_kinds_and_conflicts() -> None:
    assert headline(FOUND).startswith("**2** pictures occur more than once: 1 exactly, 1 changed a little.")
    assert "**1** has different labels" in headline(FOUND)
    assert headline(replace(FOUND, clusters=(EXACT,))) == "**1** picture occurs more than once: 1 exactly."


def test_what_was_left_out_is_said() -> None:
    assert remarks(FOUND) == []
    lacking = replace(
        FOUND, n_missing=3, used_embeddings=False, n_not_looked_at=7, alike=(AlikePair(0, 4, ""),)
    )
    words = " ".join(remarks(lacking))
    assert "3 of 5 images could not be read" in words and "no network here" in words
    assert "7 more pairs" in words and "1 pair looks alike" in words


def test_the_tables_hold_every_image() -> None:
    table = pd.read_csv(io.BytesIO(repeat_table.duplicates_csv(PREDICTIONS, FOUND)))
    assert table["path"].tolist() == [PREDICTIONS.images["path"].iloc[row] for row in (2, 3, 0, 1)]
    assert table["group"].tolist() == [1, 1, 2, 2] and table["conflict"].tolist() == [
        True,
        True,
        False,
        False,
    ]
    pair = LeakedPair(4, "train/x.jpg", "near", "a_cat", True, "the same picture", 0.9)
    leakage = Leakage("train", None, 5, 9, 2, (pair,), (), (4,), False, "No network.")
    leaked = pd.read_csv(io.BytesIO(repeat_table.leakage_csv(PREDICTIONS, leakage)))
    assert leaked[["copy", "label", "label_of_copy"]].values.tolist() == [["train/x.jpg", "dog", "a_cat"]]
    assert leakage_panel.remarks(leakage)[0] == "No network."
    assert "2 images of the two sets could not be read" in " ".join(leakage_panel.remarks(leakage))


def test_a_file_name_is_no_formula_in_a_table() -> None:
    images = PREDICTIONS.images.assign(path=["=1+1.jpg", "b", "c", "d", "e"])
    odd = replace(PREDICTIONS, images=images)
    table = pd.read_csv(io.BytesIO(repeat_table.duplicates_csv(odd, FOUND)))
    assert table["path"].tolist() == ["c", "d", "'=1+1.jpg", "b"]
