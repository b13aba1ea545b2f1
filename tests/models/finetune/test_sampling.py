import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from models.finetune.sampling import class_weights, epoch_order


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _counts(order: list[int], n: int) -> list[int]:
    return np.bincount(order, minlength=n).tolist()


@given(st.integers(1, 300), st.integers(0, 9), st.sampled_from(["none", "class_weights"]))
def test_without_weights_each_image_comes_once(n: int, seed: int, balance: str) -> None:
    order = epoch_order(n, None, torch.zeros(n).long(), balance, _generator(seed))  # type: ignore[arg-type]
    assert sorted(order) == list(range(n))


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=80).filter(lambda each: sum(each) > 0.1),
    st.integers(0, 9),
)
def test_an_image_comes_as_often_as_its_weight_says_give_or_take_one(weights: list[float], seed: int) -> None:
    n = len(weights)
    order = epoch_order(n, torch.tensor(weights), torch.zeros(n).long(), "none", _generator(seed))
    assert len(order) == n
    expected = n * torch.tensor(weights).double() / torch.tensor(weights).double().sum()
    for count, share in zip(_counts(order, n), expected.tolist(), strict=True):
        assert math.floor(share - 1e-9) <= count <= math.ceil(share + 1e-9)


def test_the_mean_over_many_epochs_is_what_the_weights_say() -> None:
    weights = torch.tensor([3.0, 1, 1, 0.5, 2, 1])
    epochs = [
        epoch_order(6, weights, torch.zeros(6).long(), "none", _generator(seed)) for seed in range(1500)
    ]
    counts = np.array([_counts(order, 6) for order in epochs])
    assert counts.mean(0) == pytest.approx((6 * weights / weights.sum()).tolist(), abs=0.05)
    first = np.array([order[0] for order in epochs])  # the order is shuffled as well
    assert np.bincount(first, minlength=6) / 1500 == pytest.approx(
        (weights / weights.sum()).tolist(), abs=0.05
    )


@settings(deadline=None)
@given(st.lists(st.sampled_from([0, 0, 0, 0, 1, 3]), min_size=2, max_size=100), st.integers(0, 9))
def test_balanced_sampling_draws_classes_equally_often(labels: list[int], seed: int) -> None:
    n, present = len(labels), sorted(set(labels))
    order = epoch_order(n, None, torch.tensor(labels), "balanced_sampling", _generator(seed))
    counts = np.bincount(np.array(labels)[order], minlength=4)
    # the images of a class are drawn one by one, each rounded up or down, so the class is not exact to one
    for label in present:
        each = n / len(present) / labels.count(label)
        assert (
            labels.count(label) * math.floor(each + 1e-9)
            <= counts[label]
            <= labels.count(label) * math.ceil(each - 1e-9)
        )


def test_balance_keeps_what_weights_say_within_a_class() -> None:
    labels, weights, draws = (
        torch.tensor([0] * 8 + [1] * 2),
        torch.tensor([2.0] * 4 + [1.0] * 6),
        _generator(),
    )
    epochs = [epoch_order(10, weights, labels, "balanced_sampling", draws) for _ in range(1000)]
    counts = np.mean([_counts(order, 10) for order in epochs], axis=0)
    assert counts[8:].sum() == pytest.approx(5, abs=0.1)
    assert counts[:4].sum() / counts[4:8].sum() == pytest.approx(2, abs=0.15)


def test_the_same_generator_draws_the_same_whatever_others_do() -> None:
    weights, labels = torch.rand(50, generator=_generator(1)), torch.zeros(50).long()
    first = epoch_order(50, weights, labels, "none", _generator(3))
    torch.rand(7)
    assert epoch_order(50, weights, labels, "none", _generator(3)) == first
    assert epoch_order(50, weights, labels, "none", _generator(4)) != first


def test_class_weights_are_those_of_scikit_learn() -> None:
    labels = torch.tensor([0] * 7 + [2] * 2 + [3])
    wanted = compute_class_weight("balanced", classes=np.array([0, 2, 3]), y=labels.numpy())
    found = class_weights(labels, 5)
    assert found[[0, 2, 3]].tolist() == pytest.approx(wanted.tolist())
    assert found[[1, 4]].tolist() == [1, 1] and found.dtype == torch.float32
    assert float(found[labels].mean()) == pytest.approx(1)
