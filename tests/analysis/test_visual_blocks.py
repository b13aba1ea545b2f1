"""Blocks are found where there are some, are called inferred, and chance makes none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import adjusted_rand_score

from analysis.rare_errors import rare_errors
from analysis.visual_blocks import BlockName, visual_blocks
from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions


def hidden_halves(seed: int, *, n_classes: int = 12, likeness: float = 3.0, n: int = 40) -> Predictions:
    """Classes of two halves, within which they are taken for each other; with likeness 0, of none."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), n)
    half = np.arange(n_classes) % 2
    alike = likeness * (half[:, None] == half)
    logits = alike[labels] + rng.gumbel(size=(len(labels), n_classes)) + rng.normal(size=n_classes)
    logits[np.arange(len(labels)), labels] += 3
    names = tuple(f"class {i}" for i in range(n_classes))
    return planted_predictions(labels, names, probabilities=softmax(logits, axis=1))


@pytest.mark.parametrize("seed", range(4))
def testhidden_halves_are_found_and_few_errors_cross_them(seed: int) -> None:
    predictions = hidden_halves(seed)
    blocks = visual_blocks(predictions)
    assert blocks is not None and blocks.n_blocks == 2
    assert adjusted_rand_score(np.arange(12) % 2, list(blocks.groups.values())) == 1
    crossing = (predictions.labels - predictions.predicted) % 2 == 1
    assert blocks.n_crossing == crossing.sum()
    assert blocks.held_out_errors == (predictions.labels != predictions.predicted).sum()
    assert blocks.held_out_crossing < blocks.expected_crossing / 3
    assert blocks.groups["class 0"] == "visual block 1" and blocks.groups["class 1"] == "visual block 2"


def test_chance_makes_no_blocks() -> None:
    found = [visual_blocks(hidden_halves(seed, likeness=0)) is not None for seed in range(40)]
    assert sum(found) <= 4  # 2 expected at 5 %


def test_errors_across_inferred_blocks_come_first_and_are_called_inferred() -> None:
    predictions = hidden_halves(1)
    blocks = visual_blocks(predictions)
    assert blocks is not None
    errors = rare_errors(predictions, blocks.groups)
    crossing = [error.crosses_group for error in errors]
    assert sum(crossing) == blocks.n_crossing > 0 and crossing == sorted(crossing, reverse=True)
    assert all("(inferred)" in error.support for error in errors if error.crosses_group)
    assert not any("block" in error.support for error in errors if not error.crosses_group)
    assert sorted(e.surprise for e in errors) == sorted(e.surprise for e in rare_errors(predictions))


def test_the_support_of_the_only_error_between_two_blocks() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    predicted = np.array([0, 2, 1, 1, 2, 2, 3, 2])
    groups = {name: BlockName(f"visual block {1 + (name > 'b')}") for name in "abcd"}
    (error, _) = rare_errors(planted_predictions(labels, tuple("abcd"), predicted=predicted), groups)
    assert error.support == (
        "1 of 2 a; no other image of visual block 1 (inferred) called a class of visual block 2"
    )


def test_without_probabilities_the_counts_make_the_blocks() -> None:
    blocks = visual_blocks(replace(hidden_halves(2, likeness=3.5), probabilities=None))
    assert blocks is not None
    assert adjusted_rand_score(np.arange(12) % 2, list(blocks.groups.values())) > 0.5


@pytest.mark.parametrize(
    ("names", "labels", "predicted"),
    [
        (tuple("abc"), [0, 1, 2, 0], [1, 2, 0, 0]),  # three classes
        (tuple("abcd"), [0, 1, 2, 3], [0, 1, 2, 3]),  # all right
        (tuple("abcd"), [0, 1, 2], [1, 0, 3]),  # one image a class, one class without, all wrong
        (tuple("abcd"), [], []),
    ],
)
def test_too_little_to_go_by_makes_no_blocks(
    names: tuple[str, ...], labels: list[int], predicted: list[int]
) -> None:
    made = planted_predictions(np.array(labels, int), names, predicted=np.array(predicted, int))
    assert visual_blocks(made) is None


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 9))
def test_each_class_is_in_one_block_and_no_block_is_empty(seed: int, n_classes: int) -> None:
    blocks = visual_blocks(hidden_halves(seed, n_classes=n_classes, likeness=4, n=30))
    if blocks is not None:
        assert list(blocks.groups) == [f"class {i}" for i in range(n_classes)]
        assert set(blocks.groups.values()) == {f"visual block {i + 1}" for i in range(blocks.n_blocks)}
        assert blocks.n_blocks >= 2 and 0 <= blocks.p_value < 0.05
