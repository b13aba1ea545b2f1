"""A name of the matrix stands for its cells, a target for its mistakes, and the most confused are those of one half."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from analysis.target_choice import cells_among, cells_of_name, mistakes_of, most_confused_cells
from models.finetune.spec import Target
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Bengal", "Siamese", "beagle", "shiba")
GROUPS = {"Bengal": "cat", "Siamese": "cat", "beagle": "dog", "shiba": "dog"}
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 3])
PREDICTED = np.array([1, 1, 0, 0, 1, 3, 2, 2, 2, 0])


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Bengal/Siamese", [("Bengal", "Siamese")]),
        ("beagle/", [("beagle", "Bengal"), ("beagle", "Siamese"), ("beagle", "shiba")]),
        ("/shiba", [("Bengal", "shiba"), ("Siamese", "shiba"), ("beagle", "shiba")]),
        ("group:cat/shiba", [("Bengal", "shiba"), ("Siamese", "shiba")]),
        ("group:cat/group:cat", [("Bengal", "Siamese"), ("Siamese", "Bengal")]),
        ("Bengal/Bengal", []),
        ("lynx/Bengal", []),
        ("", []),
    ],
)
def test_a_name_stands_for_cells_off_the_diagonal(name: str, cells: list[tuple[str, str]]) -> None:
    assert cells_of_name(name, NAMES, GROUPS) == tuple(cells)


def test_a_target_is_about_its_cells_and_its_images_and_never_about_right_ones() -> None:
    predictions = planted_predictions(LABELS, NAMES, predicted=PREDICTED)
    ids = predictions.images["id"].tolist()
    cell = Target("cell", "Bengal/Siamese", (("Bengal", "Siamese"),))
    assert mistakes_of(cell, predictions).tolist() == [0, 1]
    group = Target("group", "Bengal + Siamese", cells_among(["Bengal", "Siamese"]))
    assert mistakes_of(group, predictions).tolist() == [0, 1, 3]
    selection = Target("selection", "3 images", (), (ids[2], ids[9], "unknown"))
    assert mistakes_of(selection, predictions).tolist() == [9]
    other_classes = Target("cell", "lynx/Bengal", (("lynx", "Bengal"),))
    assert mistakes_of(other_classes, predictions).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=60))
def test_the_most_confused_are_those_of_the_half_alone(rows: list[tuple[int, int, bool]]) -> None:
    labels, predicted, half = (np.array(column) for column in zip(*rows, strict=True))
    predictions = planted_predictions(labels.astype(np.int64), NAMES, predicted=predicted.astype(np.int64))
    found = most_confused_cells(predictions, half.astype(bool), limit=16)
    counts = (
        confusion_matrix(labels[half], predicted[half], labels=range(4))
        if half.any()
        else np.zeros((4, 4), int)
    )
    wanted = {
        (NAMES[a], NAMES[b]): counts[a, b] for a in range(4) for b in range(4) if a != b and counts[a, b]
    }
    assert {(each.label, each.predicted): each.count for each in found} == wanted
    assert [each.count for each in found] == sorted(wanted.values(), reverse=True)
    assert all(each.support == counts[NAMES.index(each.label)].sum() for each in found)
    assert most_confused_cells(predictions, half.astype(bool), limit=2) == found[:2]
