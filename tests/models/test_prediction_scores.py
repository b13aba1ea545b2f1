"""Scores against plain double-precision arithmetic, one image at a time."""

import math

import hypothesis.extra.numpy as arrays
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax as scipy_log_softmax

from models.prediction_scores import log_of_probabilities, log_softmax, scores

LOGITS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(2, 7)),
    elements=st.floats(-60, 60, width=32),
)


def expected(row: npt.NDArray[np.float64], label: int) -> dict[str, float]:
    """What the six columns say of one image, written as the definitions read."""
    highest = max(row)
    total = sum(math.exp(value - highest) for value in row)
    log_p = [value - highest - math.log(total) for value in row]
    order = sorted(range(len(row)), key=lambda index: (-log_p[index], index))
    best_other = max(math.exp(each) for index, each in enumerate(log_p) if index != label)
    return {
        "label_index": label,
        "predicted_index": order[0],
        "confidence": math.exp(log_p[order[0]]),
        "margin": math.exp(log_p[label]) - best_other,
        "loss": -log_p[label],
        "label_rank": order.index(label),
    }


@given(LOGITS, st.integers(0, 2**31))
def test_scores_are_what_their_definitions_say(logits: npt.NDArray[np.float32], seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, logits.shape[1], len(logits))
    found = scores(log_softmax(logits), labels)
    for row, label in enumerate(labels):
        for name, value in expected(logits[row].astype(np.float64), int(label)).items():
            assert found[name].iloc[row] == pytest.approx(value, rel=1e-6, abs=1e-6), name


@given(LOGITS)
def test_log_softmax_is_scipys(logits: npt.NDArray[np.float32]) -> None:
    np.testing.assert_allclose(
        log_softmax(logits), scipy_log_softmax(logits.astype(np.float64), axis=1), atol=1e-12
    )


def test_a_very_sure_prediction_keeps_its_loss() -> None:
    """In single precision the loss of a margin of 20 is already exactly 0."""
    found = scores(log_softmax(np.array([[20.0, 0.0]], np.float32)), np.array([0]))
    assert found["loss"].iloc[0] == pytest.approx(math.log1p(math.exp(-20)), rel=1e-6)


def test_types_and_signs() -> None:
    found = scores(log_softmax(np.array([[1000.0, 0.0], [1000.0, 0.0]], np.float32)), np.array([0, 1]))
    assert found["loss"].tolist() == [0.0, 1000.0] and not np.signbit(found["loss"].iloc[0])
    assert found["margin"].tolist() == [1.0, -1.0]
    types = {name: str(found[name].dtype) for name in found}
    assert types == {
        **dict.fromkeys(("label_index", "predicted_index", "label_rank"), "int32"),
        **dict.fromkeys(("confidence", "margin", "loss"), "float32"),
    }


def test_a_probability_of_nought_has_a_finite_loss() -> None:
    found = scores(log_of_probabilities([[1.0, 0.0]]), np.array([1]))
    assert found["loss"].iloc[0] == pytest.approx(-math.log(1e-12))
