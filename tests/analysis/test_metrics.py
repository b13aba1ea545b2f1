import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support, top_k_accuracy_score

from analysis.confusion import confusion_counts
from analysis.metrics import accuracy, label_ranks, per_class, top_k_accuracy

NAMES = [f"class {i}" for i in range(9)]


def _random(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(NAMES), n)
    logits = rng.normal(size=(n, len(NAMES)))
    logits[np.arange(n), labels] += 1
    return labels, softmax(logits, axis=1)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_figures_of_each_class_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # few images, so that some classes have none or are never predicted
    labels, predicted = rng.integers(0, len(NAMES), (2, 20))
    table = per_class(confusion_counts(labels, predicted, len(NAMES)), NAMES)
    reference = precision_recall_fscore_support(
        labels, predicted, labels=range(len(NAMES)), zero_division=np.nan
    )
    for name, column in zip(("precision", "recall", "f1", "support"), reference, strict=True):
        np.testing.assert_allclose(table[name], column, err_msg=name)
    assert (table["right"] + table["errors"] == table["support"]).all()
    assert table["predicted"].sum() == len(labels)


def test_the_interval_of_the_recall_holds_the_recall() -> None:
    labels, probabilities = _random(1)
    table = per_class(confusion_counts(labels, probabilities.argmax(1), len(NAMES)), NAMES)
    assert (table["recall_low"] <= table["recall"]).all() and (table["recall"] <= table["recall_high"]).all()


@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_top_k_accuracy_is_that_of_scikit_learn_and_torchmetrics(k: int) -> None:
    from models.torchvision_import import torchvision

    assert torchvision.__version__  # torchmetrics imports torchvision, which must have been mended before
    from torchmetrics.functional.classification import multiclass_accuracy

    labels, probabilities = _random(2)
    ours = top_k_accuracy(probabilities, labels, k)
    assert ours.rate == pytest.approx(
        top_k_accuracy_score(labels, probabilities, k=k, labels=range(len(NAMES)))
    )
    theirs = multiclass_accuracy(
        torch.from_numpy(probabilities), torch.from_numpy(labels), len(NAMES), average="micro", top_k=k
    )
    assert ours.rate == pytest.approx(float(theirs))


def test_top_k_accuracy_of_many_images_is_counted_in_blocks() -> None:
    labels, probabilities = _random(3, n=9_001)
    expected = (np.argsort(-probabilities, axis=1)[:, :3] == labels[:, None]).any(axis=1).sum()
    assert top_k_accuracy(probabilities, labels, 3).right == expected


def test_equal_probabilities_count_as_argmax_has_them() -> None:
    probabilities = np.full((4, 4), 0.25)
    labels = np.arange(4)
    assert label_ranks(probabilities, labels).tolist() == [0, 1, 2, 3]
    assert top_k_accuracy(probabilities, labels, 1).right == (probabilities.argmax(1) == labels).sum()


@pytest.mark.parametrize("k", [0, 10])
def test_an_impossible_k_is_refused(k: int) -> None:
    labels, probabilities = _random(4)
    with pytest.raises(ValueError, match="between 1 and the 9 classes"):
        top_k_accuracy(probabilities, labels, k)


def test_accuracy_says_what_was_counted() -> None:
    labels = np.zeros(476, dtype=np.int64)
    predicted = np.where(np.arange(476) < 416, 0, 1)
    found = accuracy(labels, predicted)
    assert (found.right, found.n) == (416, 476)
    assert found.rate == pytest.approx(416 / 476)
    assert found.words == "416 of 476 right (87.4%, 95% interval 84.1% to 90.1%)"


def test_accuracy_of_no_images_is_not_known() -> None:
    nothing = np.array([], dtype=np.int64)
    found = accuracy(nothing, nothing)
    assert np.isnan(found.rate) and found.words == "no images"


def test_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(ValueError, match="2 class names for 3 classes"):
        per_class(np.eye(3, dtype=np.int64), ["a", "b"])
